"""The payout report adds up to the ledger, in days of the venue."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from payments_world import Booking, World

from chassis.auth import HEADER, Principal
from contracts.booking import VenueChanged
from contracts.testing import example

VIEWER = "payments:view"
API_DOCS = Path(__file__).parents[3] / "docs" / "api.md"


async def report(world: World, first: str, last: str, **query: str) -> tuple[int, str, str]:
    return await read(world, "/payouts/report", world.staff(VIEWER), first, last, **query)


async def read(
    world: World, path: str, caller: Principal, first: str, last: str, **query: str
) -> tuple[int, str, str]:
    token = world.minter.mint(caller, "payments")
    params = {"from": first, "to": last, **query}
    async with world.http.get(world.url + path, params=params, headers={HEADER: token}) as answer:
        return answer.status, answer.content_type, await answer.text()


async def rows(world: World, first: str, last: str, **query: str) -> list[dict[str, str]]:
    status, kind, text = await report(world, first, last, **query)
    assert (status, kind) == (200, "text/csv"), text
    return list(csv.DictReader(io.StringIO(text)))


async def booked(world: World, booking: Booking, at: datetime) -> None:
    """Money that moved at an instant, as the service itself would have booked it."""
    payment = await booking.ready()
    await world.rows(
        """INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit,
                               amount_minor, currency, booked_at)
           SELECT p.org_id, p.booking_id, p.id, m.kind, '', m.debit, m.credit, m.amount, 'GBP', $2
           FROM payments p, (VALUES ('captured', 'provider_balance', 'charged', 5000),
                                    ('fee', 'provider_fee', 'provider_balance', 95),
                                    ('refunded', 'refunded', 'provider_balance', 2000))
                            AS m (kind, debit, credit, amount)
           WHERE p.id = $1::uuid""",
        payment["id"],
        at,
    )


async def test_a_day_ends_when_it_ends_at_the_venue(world: World):
    venue_id = uuid4()
    booking = world.booking(venue_id=venue_id)
    venue: Any = example(VenueChanged).model_copy(
        update={
            "org_id": world.org_id,
            "venue_id": venue_id,
            "timezone": "Asia/Tokyo",
        }
    )
    await world.hand(venue, sequence=1_000_000)
    await booked(world, booking, datetime(2029, 6, 30, 16, 0, tzinfo=UTC))  # 1 July in Tokyo
    assert await rows(world, "2029-06-30", "2029-06-30") == []
    [line] = await rows(world, "2029-06-30", "2029-07-02")
    assert line == {
        "day": "2029-07-01",
        "payment_id": "",
        "booking_id": "",
        "currency": "GBP",
        "charged_minor": "5000",
        "fees_minor": "95",
        "platform_fees_minor": "0",
        "refunded_minor": "2000",
        "disputed_minor": "0",
        "lost_minor": "0",
        "platform_due_minor": "0",
        "net_minor": "2905",
    }


async def test_lines_of_payments_add_up_to_the_days(world: World):
    at = datetime(2029, 6, 15, 12, 0, tzinfo=UTC)
    bookings = [world.booking() for _ in range(2)]
    for booking in bookings:
        await booked(world, booking, at)
    day, last = "2029-06-15", "2029-06-16"
    [total] = await rows(world, day, last)
    each = await rows(world, day, last, lines="payments")
    assert {line["booking_id"] for line in each} == {str(booking.id) for booking in bookings}
    for column in ("charged_minor", "fees_minor", "refunded_minor", "net_minor"):
        assert int(total[column]) == sum(int(line[column]) for line in each)
    _, kind, text = await report(world, day, last, format="json")
    assert kind == "application/json"
    assert f'"net_minor":{total["net_minor"]}' in text
    assert str(date(2029, 6, 15)) in text
    _, _, text = await report(world, day, last, lines="payments", format="json")
    assert {one["booking_id"] for one in json.loads(text)} == {str(one.id) for one in bookings}
    assert (await report(world, "2028-01-01", "2028-01-02", format="json"))[2] == "[]"


async def test_columns_stand_in_the_documented_order_with_the_currency_before_its_amounts(
    world: World,
):
    """In both reports, both forms: a program that reads by position goes on reading the same."""
    await booked(world, world.booking(), datetime(2029, 5, 15, 12, 0, tzinfo=UTC))
    day = ("2029-05-15", "2029-05-15")
    documented = API_DOCS.read_text().splitlines()
    for path, caller in (
        ("/payouts/report", world.staff(VIEWER)),
        ("/payouts/platform-report", Principal("operator", "ops")),
    ):
        _, _, text = await read(world, path, caller, *day)
        header = text.splitlines()[0]
        assert documented.count(header) == 1, header
        columns = header.split(",")
        amounts = columns[columns.index("currency") + 1 :]
        assert amounts == [name for name in columns if name.endswith("_minor")]
    [line] = json.loads((await report(world, *day, format="json"))[2])
    _, _, text = await report(world, *day)
    assert list(line) == text.splitlines()[0].split(",")


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2029-02-30", "2029-03-01", "from"),
        ("2029-03-01", "soon", "to"),
        ("2029-03-02", "2029-03-01", "to"),
        ("2027-01-01", "2029-03-01", "to"),
    ],
)
async def test_what_is_no_span_of_days_is_refused(world: World, first: str, last: str, field: str):
    status, _, text = await report(world, first, last)
    assert status in {400, 422}, text
    assert f'"{field}"' in text
