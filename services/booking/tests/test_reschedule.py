"""A booking moves: the new place first, the difference settled, and nothing lost on the way."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from booking.domain.lifecycle import PaymentStatus, Status
from booking.domain.refusals import (
    AlreadyBooked,
    CannotReschedule,
    CapacityExceeded,
    ChangePending,
    InvalidRequest,
    PaymentsOff,
    ResourceTaken,
    SessionClosed,
    SessionStarted,
    Unknown,
)
from booking.usecases.reschedule import Reschedule, reschedule
from booking.usecases.settle_change import clear_change, fail_change
from chassis.ids import uuid7

PER_HEAD = {
    "kind": "per_head",
    "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
}


async def paid(world, session, *args, **kwargs):
    held = await world.hold(session, *args, **kwargs)
    await world.pay(held)
    return held


async def walk(world, capacity=10, policy=None, pricing=PER_HEAD, sessions=2, **when):
    """An activity priced by head, so that another party is another price, and its sessions."""
    offering = await world.offering(
        "class",
        inventory={"capacity": capacity, "units": "person", "party_max": 10},
        pricing=pricing,
        policy=policy or {},
    )
    return [
        await world.open(offering, starts_in=timedelta(days=10 + n), **when)
        for n in range(sessions)
    ]


async def refunds_due(world, held):
    messages = await world.published("booking.refund_due.v1", about=held)
    return [orjson.loads(message["payload"]) for message in messages]


async def test_a_booking_moves_to_another_session_with_its_reference_and_its_money(world):
    first, second = await walk(world)
    held = await paid(world, first, party=2)
    before = await world.booking(held)
    done = await world.reschedule(held, second)
    after = await world.booking(held)
    assert (after.session_id, after.occasion.starts_at) == (second.id, second.starts_at)
    assert (after.reference, after.paid, after.quote, after.manage_epoch) == (
        before.reference,
        before.paid,
        before.quote,
        before.manage_epoch,
    )
    assert (after.status, after.version) == (Status.CONFIRMED, before.version + 1)
    assert (after.guest_moves, after.change_id, done.refund.amount_minor) == (1, None, 0)
    assert (await world.taken(first), await world.taken(second)) == (0, 2)
    assert not await world.drift()
    (message,) = await world.published("booking.rescheduled.v1", about=held)
    told = orjson.loads(message["payload"])
    assert (told["old_session_id"], told["session_id"]) == (str(first.id), str(second.id))
    assert told["old_starts_at"] != told["starts_at"]
    assert not await refunds_due(world, held)


async def test_a_move_is_on_record_with_who_why_and_both_places(world):
    first, second = await walk(world)
    held = await paid(world, first)
    await world.reschedule(held, second, by="key:k1", reason="Storm warning")
    row = await world.admin.fetchrow(
        "SELECT * FROM audit WHERE entity_id = $1 AND action = 'booking.rescheduled'",
        held.booking_id,
    )
    assert (row["actor"], row["reason"]) == ("key:k1", "Storm warning")
    assert orjson.loads(row["before"])["session_id"] == str(first.id)
    assert orjson.loads(row["after"])["session_id"] == str(second.id)


async def test_a_full_session_leaves_the_booking_where_it_was(world):
    first, second = await walk(world, capacity=2)
    held = await paid(world, first, party=2)
    await world.hold(second, party=1)
    before = await world.booking(held)
    with pytest.raises(CapacityExceeded):
        await world.reschedule(held, second)
    assert await world.booking(held) == before
    assert (await world.taken(first), await world.taken(second)) == (2, 1)
    assert not await world.published("booking.rescheduled.v1", about=held)
    assert not await world.admin.fetch("SELECT FROM changes WHERE booking_id = $1", held.booking_id)


async def test_a_lapsed_hold_does_not_stand_in_the_way_of_a_move(world):
    first, second = await walk(world, capacity=1)
    held = await paid(world, first)
    rival = await world.hold(second)
    await world.advance(minutes=15)
    await world.reschedule(held, second)
    assert (await world.booking(rival)).status is Status.EXPIRED
    assert not await world.drift()


async def test_a_full_session_can_be_moved_within(world):
    (session,) = await walk(world, capacity=3, sessions=1)
    held = await paid(world, session, party=3)
    await world.reschedule(held, party_size=2, quantities={"adult": 2})
    assert await world.taken(session) == 2
    assert (await world.booking(held)).party_size == 2


async def test_the_same_table_an_hour_later_is_not_blocked_by_itself(world):
    session, (table,) = await world.table_session(lasts=timedelta(hours=2))
    later = await world.open(
        await offering_of(world, session),
        starts_in=timedelta(days=10, hours=1),
        lasts=timedelta(hours=2),
    )
    held = await paid(world, session, [table])
    await world.reschedule(held, later)
    after = await world.booking(held)
    assert after.claim.resource_ids == (table.id,)
    live = await world.admin.fetch(
        "SELECT lower(during) AS start FROM allocations WHERE booking_id = $1 "
        "AND released_at IS NULL",
        held.booking_id,
    )
    assert [row["start"] for row in live] == [later.starts_at]


async def offering_of(world, session):
    class Named:
        id = session.offering_id

    return Named


async def test_another_table_of_the_same_evening(world):
    session, (first, second) = await world.table_session(tables=2)
    held = await paid(world, session, [first])
    await world.reschedule(held, resource_ids=(second.id,))
    assert (await world.booking(held)).claim.resource_ids == (second.id,)
    assert await world.hold(session, [first])
    with pytest.raises(ResourceTaken):
        await world.hold(session, [second])


async def test_a_taken_table_leaves_the_booking_at_its_own(world):
    session, (first, second) = await world.table_session(tables=2)
    held = await paid(world, session, [first])
    await world.hold(session, [second])
    with pytest.raises(ResourceTaken):
        await world.reschedule(held, resource_ids=(second.id,))
    assert (await world.booking(held)).claim.resource_ids == (first.id,)


async def test_a_cheaper_place_gives_the_difference_back_once(world):
    first, second = await walk(world)
    held = await paid(world, first, party=3)
    done = await world.reschedule(held, second, party_size=1)
    assert done.refund.amount_minor == 10_000
    (due,) = await refunds_due(world, held)
    assert (due["cause"], due["refund"]["amount_minor"], due["change_id"]) == (
        "price_difference",
        10_000,
        str(done.change.id),
    )
    after = await world.booking(held)
    assert (after.paid.amount_minor, after.kept.amount_minor) == (15_000, 5_000)
    assert after.quote.due_now.amount_minor == 5_000


async def test_a_cheaper_place_gives_nothing_back_where_the_policy_says_so(world):
    first, second = await walk(world, policy={"reschedule": {"refund_difference": False}})
    held = await paid(world, first, party=3)
    done = await world.reschedule(held, second, party_size=1)
    assert done.refund.amount_minor == 0
    assert not await refunds_due(world, held)
    # What was kept still counts when the guest moves back.
    again = await world.reschedule(held, first, party_size=3)
    assert again.change.state == "done"


async def test_what_was_given_back_is_not_given_back_again_on_cancelling(world):
    first, second = await walk(world, policy={"refund_tiers": [{"hours": 0, "percent": 50}]})
    held = await paid(world, first, party=4)
    await world.reschedule(held, second, party_size=2)
    booking, terms = await world.cancel(held)
    assert terms.refund.amount_minor == 5_000
    assert booking.status is Status.CANCELLED


async def test_refund_tiers_count_from_the_new_start(world):
    policy = {"refund_tiers": [{"hours": 24 * 10, "percent": 100}]}
    first, second = await walk(world, policy=policy)
    held = await paid(world, first)
    await world.reschedule(held, second)
    _, terms = await world.cancel(held)
    assert terms.refund_percent == 100


async def test_a_dearer_place_is_held_beside_the_old_one_until_it_is_paid(world):
    first, second = await walk(world, capacity=4)
    held = await paid(world, first, party=2)
    done = await world.reschedule(held, second, party_size=4)
    change = done.change
    assert (change.state, change.due.amount_minor) == ("pending", 10_000)
    assert 14 * 60 < change.seconds_left(await world.now()) <= 15 * 60
    waiting = await world.booking(held)
    assert (waiting.session_id, waiting.change_id) == (first.id, change.id)
    assert (await world.taken(first), await world.taken(second)) == (2, 4)
    with pytest.raises(CapacityExceeded):
        await world.hold(second)
    (message,) = await world.published("booking.change_held.v1", about=held)
    told = orjson.loads(message["payload"])
    assert told["amount_due"]["amount_minor"] == 10_000

    payment = await world.pay_change(held, change)
    after = await world.booking(held)
    assert (after.session_id, after.party_size, after.change_id) == (second.id, 4, None)
    assert (after.paid.amount_minor, after.payment_status) == (20_000, PaymentStatus.PAID)
    assert (await world.taken(first), await world.taken(second)) == (0, 4)
    assert await world.published("booking.rescheduled.v1", about=held)

    await world.pay_change(held, change, payment_id=payment)
    assert await world.booking(held) == after
    assert not await refunds_due(world, held)
    assert not await world.drift()


async def test_two_payments_are_refunded_newest_first(world):
    first, second = await walk(world, policy={"reschedule": {"max_times": 9}})
    held = await paid(world, first, party=2)
    done = await world.reschedule(held, second, party_size=3)
    newer = await world.pay_change(held, done.change)
    await world.reschedule(held, first, party_size=1)
    (due,) = await refunds_due(world, held)
    own = (await world.booking(held)).payment_id
    assert due["refund_goal"] == {
        "total": {"amount_minor": 10_000, "currency": "GBP"},
        "payment_ids": [str(newer), str(own)],
        "for_changes": True,
    }


async def test_an_unpaid_change_lapses_and_the_booking_stays(world):
    first, second = await walk(world, capacity=2)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.expire_change(held, change)
    assert (await world.booking(held)).change_id == change.id, "the timer rang early"
    await world.advance(minutes=15)
    await world.expire_change(held, change)
    after = await world.booking(held)
    assert (after.session_id, after.change_id, after.status) == (first.id, None, Status.CONFIRMED)
    assert (await world.taken(first), await world.taken(second)) == (1, 0)
    (message,) = await world.published("booking.change_expired.v1", about=held)
    assert orjson.loads(message["payload"])["change_id"] == str(change.id)
    await world.expire_change(held, change)
    assert await world.booking(held) == after
    # Late money goes back in full, once, and moves nothing.
    payment = await world.pay_change(held, change)
    await world.pay_change(held, change, payment_id=payment)
    (due,) = await refunds_due(world, held)
    assert (due["cause"], due["refund"]["amount_minor"]) == ("change_expired", 5_000)
    assert (await world.booking(held)).paid.amount_minor == 5_000


async def test_a_lapsed_change_does_not_stand_in_the_way_of_a_newcomer(world):
    first, second = await walk(world, capacity=2)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.advance(minutes=15)
    assert await world.hold(second, party=2)
    assert (await world.booking(held)).change_id is None
    await world.pay_change(held, change)
    assert [due["cause"] for due in await refunds_due(world, held)] == ["change_expired"]
    assert not await world.drift()


async def test_money_before_anyone_noticed_that_the_change_lapsed_moves_the_booking(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.advance(minutes=16)
    await world.pay_change(held, change)
    assert (await world.booking(held)).session_id == second.id


@pytest.mark.parametrize(
    ("amount", "currency", "cause"),
    [
        (4_999, "GBP", "wrong_amount"),
        (5_001, "GBP", "wrong_amount"),
        (5_000, "EUR", "wrong_currency"),
    ],
)
async def test_any_other_amount_for_a_change_goes_back(world, amount, currency, cause):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.pay_change(held, change, amount, currency=currency)
    assert [due["cause"] for due in await refunds_due(world, held)] == [cause]
    assert (await world.booking(held)).change_id == change.id
    await world.pay_change(held, change)
    assert (await world.booking(held)).session_id == second.id


async def test_a_second_payment_for_a_change_that_was_made_goes_back(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.pay_change(held, change)
    await world.pay_change(held, change)
    assert [due["cause"] for due in await refunds_due(world, held)] == ["already_paid"]


async def test_the_change_of_another_booking_pays_for_nothing(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    other = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    with pytest.raises(Unknown):
        await world.pay_change(other, change)
    with pytest.raises(Unknown):
        await world.pay_change(held, replace(change, id=uuid7()))
    assert (await world.booking(other)).session_id == first.id
    assert (await world.booking(held)).change_id == change.id


async def test_a_change_whose_payment_failed_for_good_is_given_up(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.run(lambda tx: fail_change(tx, held.booking_id, change.id, terminal=False))
    assert (await world.booking(held)).change_id == change.id
    await world.run(lambda tx: fail_change(tx, held.booking_id, change.id, terminal=True))
    assert (await world.booking(held)).change_id is None
    assert await world.taken(second) == 0


async def test_a_payment_in_clearing_keeps_the_new_place(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.run(lambda tx: clear_change(tx, held.booking_id, change.id))
    await world.advance(minutes=30)
    await world.expire_change(held, change)
    assert (await world.booking(held)).change_id == change.id
    await world.advance(minutes=31)
    await world.expire_change(held, change)
    assert (await world.booking(held)).change_id is None


async def test_cancelling_ends_the_change_and_frees_both_places(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    change = (await world.reschedule(held, second, party_size=2)).change
    await world.cancel(held)
    assert (await world.taken(first), await world.taken(second)) == (0, 0)
    assert (await world.types(held))[-2:] == ["booking.change_expired.v1", "booking.cancelled.v1"]
    await world.pay_change(held, change)
    assert [due["cause"] for due in await refunds_due(world, held)] == ["cancelled"]


async def test_one_change_waits_at_a_time(world):
    first, second = await walk(world)
    held = await paid(world, first, party=1)
    await world.reschedule(held, second, party_size=2)
    with pytest.raises(ChangePending):
        await world.reschedule(held, second)
    await world.advance(minutes=15)
    assert (await world.reschedule(held, second)).change.state == "done"


async def test_a_change_is_held_only_until_the_old_start(world):
    first, second = await walk(world, policy={"reschedule": {"hours_before": 0}})
    held = await paid(world, first, party=1)
    await world.advance(days=9, hours=23, minutes=50)
    change = (await world.reschedule(held, second, party_size=2)).change
    assert change.expires_at == first.starts_at


async def test_a_dearer_time_at_the_same_table_holds_only_what_is_not_its_own_yet(world):
    table = await world.table(7)
    offering = await world.offering(
        "event_table", pricing={"kind": "per_booking", "amount_minor": 5000}
    )
    evening = await world.open(offering, lasts=timedelta(hours=2))
    dearer = await world.offering(
        "event_table", pricing={"kind": "per_booking", "amount_minor": 8000}
    )
    later = await world.open(
        dearer, starts_in=timedelta(days=10, hours=1), lasts=timedelta(hours=2)
    )
    held = await paid(world, evening, [table])
    change = (await world.reschedule(held, later, by="key:k1", reason="asked by phone")).change
    assert change.due.amount_minor == 3000
    live = "SELECT sum(upper(during) - lower(during)) FROM allocations WHERE booking_id = $1 AND released_at IS NULL"
    both = later.ends_at - evening.starts_at
    assert await world.admin.fetchval(live, held.booking_id) == both
    await world.pay_change(held, change)
    assert await world.admin.fetchval(live, held.booking_id) == timedelta(hours=2)
    assert (await world.booking(held)).offering_id == dearer.id


async def test_staff_give_a_reason_and_may_when_guests_may_not(world):
    policy = {"reschedule": {"allowed": False}}
    first, second = await walk(world, policy=policy)
    held = await paid(world, first)
    with pytest.raises(CannotReschedule):
        await world.reschedule(held, second)
    with pytest.raises(InvalidRequest, match="reason"):
        await world.reschedule(held, second, by="key:k1", reason=" ")
    await world.reschedule(held, second, by="key:k1", reason="asked by phone")
    assert (await world.booking(held)).guest_moves == 0


async def test_guests_may_so_many_times_and_so_many_hours_before(world):
    policy = {"reschedule": {"hours_before": 48, "max_times": 1}}
    first, second = await walk(world, policy=policy)
    held = await paid(world, first)
    late = await paid(world, first)
    await world.reschedule(held, second)
    with pytest.raises(CannotReschedule, match="moved 1 times"):
        await world.reschedule(held, first)
    await world.advance(days=8)
    with pytest.raises(CannotReschedule, match="48 hours"):
        await world.reschedule(late, second)


async def test_a_pending_or_finished_booking_does_not_move(world):
    first, second = await walk(world)
    pending = await world.hold(first)
    with pytest.raises(CannotReschedule, match="not paid"):
        await world.reschedule(pending, second)
    cancelled = await paid(world, first)
    await world.cancel(cancelled)
    with pytest.raises(CannotReschedule, match="cancelled"):
        await world.reschedule(cancelled, second)
    started = await paid(world, first)
    await world.advance(days=10)
    with pytest.raises(CannotReschedule, match="started"):
        await world.reschedule(started, second, by="key:k1", reason="late")


async def test_only_to_where_anybody_could_book(world):
    first, second = await walk(world)
    (elsewhere,) = await walk(world, sessions=1)
    held = await paid(world, first)
    with pytest.raises(InvalidRequest, match="another offering"):
        await world.reschedule(held, elsewhere)
    with pytest.raises(InvalidRequest, match="there already"):
        await world.reschedule(held, first)
    with pytest.raises(InvalidRequest, match="party_size"):
        await world.reschedule(held, second, party_size=11)
    with pytest.raises(Unknown):
        await world.reschedule(held, replace(second, id=uuid7()))
    await world.admin.execute("UPDATE sessions SET status = 'closed' WHERE id = $1", second.id)
    with pytest.raises(SessionClosed):
        await world.reschedule(held, second)
    soon = await walk(world, sessions=1)
    assert soon
    with pytest.raises(Unknown):
        command = Reschedule(
            booking_id=held.booking_id, session_id=first.id, actor="guest", manage_epoch=2
        )
        await world.run(lambda tx: reschedule(tx, command, shop=world.shop))


async def test_not_to_a_session_that_has_started(world):
    first, second = await walk(world)
    held = await paid(world, second)
    await world.advance(days=10, hours=1)
    with pytest.raises(SessionStarted):
        await world.reschedule(held, first, by="key:k1", reason="test")


async def test_a_dearer_place_is_refused_while_payments_are_off(world):
    first, second = await walk(world)
    held = await paid(world, first)
    world.shop = replace(world.shop, payments_enabled=False)
    with pytest.raises(PaymentsOff):
        await world.reschedule(held, second, party_size=2)
    assert not await world.drift()


async def test_one_place_for_each_guest_holds_for_moves_too(world):
    offering = await world.offering(
        "class", pricing={"amount_minor": 0}, policy={"one_per_customer": True}
    )
    first = await world.open(offering)
    second = await world.open(offering, starts_in=timedelta(days=11))
    held = await world.hold(first, email="same@example.com")
    await world.hold(second, email="same@example.com")
    with pytest.raises(AlreadyBooked):
        await world.reschedule(held, second)


async def test_a_difference_too_small_to_collect_is_waived(world):
    offering = await world.offering("class", pricing={"amount_minor": 5000})
    dearer = await world.offering("class", pricing={"amount_minor": 5049})
    first, second = await world.open(offering), await world.open(dearer)
    held = await paid(world, first)
    done = await world.reschedule(held, second, by="key:k1", reason="test")
    assert done.change.state == "done"


async def test_what_is_paid_at_the_venue_is_not_collected(world):
    pricing = {**PER_HEAD, "due": {"kind": "percent", "percent": 0}}
    first, second = await walk(world, pricing=pricing)
    held = await world.hold(first, party=1)
    done = await world.reschedule(held, second, party_size=5)
    assert done.change.state == "done"
    assert (await world.booking(held)).quote.total.amount_minor == 25_000


async def test_two_opposite_moves_into_full_sessions_lose_nothing(world):
    first, second = await walk(world, capacity=1)
    one, other = await paid(world, first), await paid(world, second)
    outcomes = await asyncio.gather(
        world.reschedule(one, second),
        world.reschedule(other, first),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [CapacityExceeded] * 2
    assert (await world.booking(one)).session_id == first.id
    assert (await world.booking(other)).session_id == second.id
    assert not await world.drift()


async def test_opposite_moves_with_room_never_deadlock(world):
    first, second = await walk(world, capacity=10)
    ones = [await paid(world, first) for _ in range(5)]
    others = [await paid(world, second) for _ in range(5)]
    free = await asyncio.gather(
        *(world.reschedule(held, second) for held in ones[:4]),
        *(world.reschedule(held, first) for held in others[:4]),
        return_exceptions=True,
    )
    assert all(not isinstance(outcome, BaseException) for outcome in free), free
    assert await world.taken(first) == await world.taken(second) == 5
    assert not await world.drift()


async def test_racing_moves_into_the_last_place_have_one_winner(world):
    first, second = await walk(world, capacity=8)
    await world.hold(second, party=7)
    bookings = [await paid(world, first) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(world.reschedule(held, second) for held in bookings), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, CapacityExceeded)]
    assert len(refused) == 7
    assert (await world.taken(first), await world.taken(second)) == (7, 8)
    assert not await world.drift()


async def test_opposite_moves_of_tables_lose_nothing(world):
    session, (first, second) = await world.table_session(tables=2)
    one, other = await paid(world, session, [first]), await paid(world, session, [second])
    outcomes = await asyncio.gather(
        world.reschedule(one, resource_ids=(second.id,)),
        world.reschedule(other, resource_ids=(first.id,)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [ResourceTaken] * 2
    assert (await world.booking(one)).claim.resource_ids == (first.id,)
    assert (await world.booking(other)).claim.resource_ids == (second.id,)


async def test_money_and_the_timer_of_a_change_at_the_same_moment(world):
    for _ in range(5):
        first, second = await walk(world)
        held = await paid(world, first, party=1)
        change = (await world.reschedule(held, second, party_size=2)).change
        await world.advance(minutes=15)
        await asyncio.gather(world.pay_change(held, change), world.expire_change(held, change))
        booking, due = await world.booking(held), await refunds_due(world, held)
        assert booking.change_id is None
        assert (booking.session_id == second.id) is not bool(due)
        assert not await world.drift()
