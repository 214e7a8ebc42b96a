"""Which tables a party gets: exact, quick, and the same answer wherever it is asked (OPN-01).

Fewest tables; then fewest spare seats; then the lowest priority; then the lowest number.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from booking.domain.inventory import Table

LARGEST_JOIN = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """The counter of covers that a party's arrival adds to, and what it may come to at most."""

    slot: datetime
    most: int


def assign(free: Collection[Table], party_size: int, max_joined: int) -> tuple[Table, ...] | None:
    """The tables for a party, by number; None when no allowed choice of free tables seats it.

    One table seats from its fewest to its most. Up to ``max_joined`` tables of one group are put
    together when each of them is needed to seat the party.
    """
    alone = [table for table in free if table.seats.fewest <= party_size <= table.seats.most]
    if alone:
        return (min(alone, key=lambda t: (t.seats.most - party_size, t.priority, t.number)),)
    groups: dict[str, list[Table]] = defaultdict(list)
    for table in free:
        # A table that is large enough by itself would make every other one superfluous.
        if table.group is not None and table.seats.most < party_size:
            groups[table.group].append(table)
    for count in range(2, max_joined + 1):
        joined = [found for group in groups.values() if (found := _join(group, party_size, count))]
        if joined:
            return min(joined, key=lambda tables: _rank(tables, party_size))
    return None


def _rank(tables: tuple[Table, ...], party_size: int) -> tuple[int, int, tuple[int, ...]]:
    return (
        sum(table.seats.most for table in tables) - party_size,
        sum(table.priority for table in tables),
        tuple(table.number for table in tables),
    )


def _join(group: Sequence[Table], party_size: int, count: int) -> tuple[Table, ...] | None:
    """The best ``count`` tables of a group that seat the party together.

    ``best[n][seats]`` is the best choice of n of the tables looked at so far with so many seats.
    Tables are looked at by number, so the better of two equal beginnings stays the better one, and
    no choice that could win is dropped. The cost is tables by count by seats, not combinations.
    """
    if sum(sorted((table.seats.most for table in group), reverse=True)[:count]) < party_size:
        return None
    most = party_size + max(table.seats.most for table in group)
    best: list[dict[int, tuple[int, tuple[Table, ...]]]] = [{} for _ in range(count + 1)]
    best[0][0] = (0, ())
    for table in sorted(group, key=lambda table: table.number):
        for chosen in range(count - 1, -1, -1):
            for seats, (priority, tables) in best[chosen].items():
                together = seats + table.seats.most
                offer = (priority + table.priority, (*tables, table))
                known = best[chosen + 1].get(together)
                if together < most and (known is None or _order(offer) < _order(known)):
                    best[chosen + 1][together] = offer
    enough = [seats for seats in best[count] if seats >= party_size]
    return best[count][min(enough)][1] if enough else None


def _order(choice: tuple[int, tuple[Table, ...]]) -> tuple[int, tuple[int, ...]]:
    priority, tables = choice
    return priority, tuple(table.number for table in tables)
