"""Which tables a party gets, against trying everything."""

from uuid import UUID

import pytest
from by_trial import best
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.inventory import Seats, Table
from booking.domain.seating import assign

GROUPS = st.sampled_from([None, "window", "wall"])


@st.composite
def rooms(draw):
    """Up to nine tables, alike enough that ties are common."""
    found = []
    for number in draw(st.lists(st.integers(1, 30), unique=True, max_size=9)):
        fewest = draw(st.integers(1, 4))
        seats = Seats(fewest, fewest + draw(st.integers(0, 3)))
        found.append(Table(UUID(int=number), number, seats, draw(GROUPS), draw(st.integers(1, 3))))
    return found


@settings(max_examples=1500, deadline=None)
@given(rooms(), st.integers(1, 24), st.integers(1, 6))
def test_the_assignment_is_the_best_of_all_there_are(tables, party, max_joined):
    found = assign(tables, party, max_joined)
    expected = best(tables, party, max_joined)
    assert (None if found is None else list(found)) == expected


def table(number, fewest, most, group=None, priority=100):
    return Table(UUID(int=number), number, Seats(fewest, most), group, priority)


def numbers(tables):
    return [one.number for one in tables] if tables else None


def test_one_table_before_two_fewer_spare_seats_then_priority_then_number():
    room = [table(1, 2, 6), table(2, 2, 4, priority=50), table(3, 2, 4), table(4, 2, 4)]
    assert numbers(assign(room, 4, 2)) == [2]
    assert numbers(assign(room[2:], 4, 2)) == [3]
    assert numbers(assign(room, 5, 2)) == [1]


def test_tables_join_only_within_their_group_and_only_as_many_as_may():
    room = [table(1, 2, 2, "a"), table(2, 2, 2, "a"), table(3, 2, 2, "b"), table(4, 2, 2)]
    assert numbers(assign(room, 4, 2)) == [1, 2]
    assert numbers(assign(room, 3, 2)) == [1, 2]
    assert assign(room, 4, 1) is None
    assert assign(room, 5, 3) is None


def test_a_party_too_small_for_a_table_does_not_get_it_by_adding_another():
    assert assign([table(1, 4, 6, "a"), table(2, 4, 6, "a")], 2, 2) is None


@pytest.mark.timeout(120)
def test_sixty_tables_in_one_group_are_assigned_quickly():
    room = [table(n, 1, 1 + n % 5, "all", n % 7) for n in range(1, 61)]
    # Trying everything would be 75 thousand million joins, and end at the time-out; this is a few
    # thousand steps.
    assert assign(room, 40, 10) is not None
