"""The rules of seating in their own words, decided by trying everything: slow, and plainly right."""

from itertools import combinations


def fits(tables, party):
    """Whether these tables, put together, are a place for a party."""
    if len(tables) == 1:
        return tables[0].seats.fewest <= party <= tables[0].seats.most
    seats = [table.seats.most for table in tables]
    one_group = len({table.group for table in tables}) == 1 and tables[0].group is not None
    each_is_needed = all(sum(seats) - one < party for one in seats)
    return one_group and sum(seats) >= party and each_is_needed


def best(tables, party, max_joined):
    """Fewest tables, then fewest seats, then the lowest priority, then the lowest numbers."""
    choices = [
        sorted(choice, key=lambda table: table.number)
        for count in range(1, max_joined + 1)
        for choice in combinations(tables, count)
        if fits(choice, party)
    ]
    return min(
        choices,
        key=lambda choice: (
            len(choice),
            sum(table.seats.most for table in choice),
            sum(table.priority for table in choice),
            [table.number for table in choice],
        ),
        default=None,
    )
