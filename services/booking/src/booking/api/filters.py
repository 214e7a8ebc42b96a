"""Which bookings: the query of the list and of its export."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.refusals import Fault, InvalidRequest
from booking.domain.searching import LONGEST
from booking.store.front_desk import Wanted

_YEARS = range(1970, 2900)
_SOURCE = r"^[a-z0-9_-]{1,32}$"
_WHEN = "A day at the venue (YYYY-MM-DD) or an instant with its offset"

FromQuery = Annotated[str | None, Query(alias="from", max_length=40, description=_WHEN)]
ToQuery = Annotated[
    str | None,
    Query(alias="to", max_length=40, description=f"{_WHEN}; a day is included, an instant not"),
]


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for; ``search`` is still text, for the organisation's country decides."""

    wanted: Wanted
    search: str | None


def moment(field: str, text: str | None) -> date | datetime | None:
    """A local day or a UTC instant.

    Raises:
        InvalidRequest: neither, an instant without its offset, or not of this age.
    """
    if text is None:
        return None
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-11-20") else _instant(text)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.year not in _YEARS:
        raise InvalidRequest(Fault(field, "must be YYYY-MM-DD, or an instant with its offset"))
    return found


def instant(field: str, text: str | None) -> datetime | None:
    """A UTC instant; a day means its beginning in UTC. Raises InvalidRequest, see ``moment``."""
    found = moment(field, text)
    if found is None or isinstance(found, datetime):
        return found
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def _instant(text: str) -> datetime | None:
    # In a query, + may have become a blank.
    found = datetime.fromisoformat(text.replace(" ", "+"))
    return None if found.tzinfo is None else found.astimezone(UTC)


async def bookings_filter(
    *,
    since: FromQuery = None,
    until: ToQuery = None,
    status: Annotated[list[Status] | None, Query(max_length=len(Status))] = None,
    payment_status: Annotated[
        list[PaymentStatus] | None, Query(max_length=len(PaymentStatus))
    ] = None,
    offering_id: UUID | None = None,
    venue_id: UUID | None = None,
    session_id: UUID | None = None,
    source: Annotated[str | None, Query(pattern=_SOURCE)] = None,
    search: Annotated[
        str | None,
        Query(
            max_length=LONGEST,
            description="Part of a name; a whole e-mail or phone; how a reference begins",
        ),
    ] = None,
    order: Annotated[str, Query(pattern="^(asc|desc)$", description="By start")] = "asc",
) -> Filter:
    """The filter in a query.

    Raises:
        InvalidRequest: a moment that is none, or a span that ends before it begins.
    """
    first, last = moment("from", since), moment("to", until)
    if first is not None and last is not None and _day(first) > _day(last):
        raise InvalidRequest(Fault("to", "must not be before from"))
    wanted = Wanted(
        since=first if isinstance(first, datetime) else None,
        first_day=None if isinstance(first, datetime) else first,
        until=last if isinstance(last, datetime) else None,
        last_day=None if isinstance(last, datetime) else last,
        statuses=tuple(one.value for one in status or ()),
        payment_statuses=tuple(one.value for one in payment_status or ()),
        offering_id=offering_id,
        venue_id=venue_id,
        session_id=session_id,
        source=source,
        newest_first=order == "desc",
    )
    return Filter(wanted, search)


def _day(found: date | datetime) -> date:
    return found.date() if isinstance(found, datetime) else found


BookingsFilter = Annotated[Filter, Depends(bookings_filter)]
