"""Why a party would be refused: the rule, and every table with what speaks against it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import singledispatch
from uuid import UUID

from booking.domain.floor import Floor
from booking.domain.inventory import Inventory, Seated, Table


class Against(StrEnum):
    """What speaks against giving a table, by itself, to a party."""

    TAKEN = "taken"
    VIP = "vip"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Considered:
    """A table as it was considered. ``against`` None: it would do by itself.

    One that is only too small may do together with others of its group. ``holders``: the bookings
    that have it then; a lapsed hold among them speaks against nothing.
    """

    table: Table
    against: Against | None
    holders: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Covers that arrive in a party's interval, without it, and how many may in all.

    Lapsed holds count until they are expired.
    """

    slot: datetime
    covers: int
    limit: int | None


@singledispatch
def examine(
    rules: Inventory, floor: Floor | None, party_size: int
) -> tuple[list[Considered], Arrivals | None]:
    """Every table of the house by number, and how arrivals are paced at the wanted time.

    Nothing of either where guests choose tables themselves or there are none.
    """
    del rules, floor, party_size
    return [], None


@examine.register
def _(
    rules: Seated, floor: Floor | None, party_size: int
) -> tuple[list[Considered], Arrivals | None]:
    if floor is None:
        return [], None
    slot = rules.slot(floor.session.starts_at, floor.taken.span.starts_at)
    paced = Arrivals(slot, rules.arriving(slot, floor.taken.paced), rules.pacing_covers)
    return _consider(rules, floor, party_size), paced


def _consider(rules: Seated, floor: Floor, party_size: int) -> list[Considered]:
    free = {table.id for table in floor.free_tables()}
    given_out = {table.id for table in rules.given_out(floor.tables)}
    holders = floor.taken.holders

    def against(table: Table) -> Against | None:
        if table.id not in free:
            return Against.TAKEN
        if table.id not in given_out:
            return Against.VIP
        if party_size > table.seats.most:
            return Against.TOO_SMALL
        return Against.TOO_LARGE if party_size < table.seats.fewest else None

    return [
        Considered(table, against(table), holders.get(table.id, ()))
        for table in sorted(floor.tables, key=lambda table: table.number)
    ]
