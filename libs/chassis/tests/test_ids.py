"""Ids sort by time, and within one instant by the order in which they were made."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.ids import instant_of, uuid7, uuid7_floor

NOON = datetime(2026, 6, 3, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize("at", [NOON, NOON + timedelta(microseconds=999)])
def test_ids_of_one_instant_sort_in_the_order_in_which_they_were_made(at):
    made = [uuid7(at) for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_sort_by_their_microsecond_whatever_the_order_in_which_they_were_made():
    instants = [NOON + timedelta(microseconds=n) for n in range(3_000)]
    backwards = [uuid7(at) for at in reversed(instants)]
    assert sorted(backwards) == backwards[::-1]


def test_an_id_is_of_version_7_and_within_its_instant():
    for microsecond in (0, 1, 499, 999):
        made = uuid7(NOON + timedelta(microseconds=microsecond))
        assert (made.version, made.variant) == (7, "specified in RFC 4122")
        assert instant_of(made) == NOON
        assert uuid7_floor(NOON) <= made < uuid7_floor(NOON + timedelta(milliseconds=1))


def test_an_id_without_an_instant_is_of_now():
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= instant_of(uuid7()) <= datetime.now(UTC)
