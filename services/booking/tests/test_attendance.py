"""The day itself: every step against every state, the time for each, and what is on record."""

import asyncio
from datetime import timedelta

import pytest
from booking_client import GUEST, manage, staff

from booking import messages
from booking.domain.booking import Failure
from booking.domain.lifecycle import TRANSITIONS, PaymentStatus, Status, Verb
from booking.domain.refusals import (
    CheckInClosed,
    IllegalState,
    NotStarted,
    SessionStarted,
    UndoTooLate,
    Unknown,
    WaiverRequired,
)
from booking.timers import VisitOver, visit_key_of
from booking.usecases import attend
from booking.usecases.fail_payment import FailedAttempt, fail_payment
from booking.usecases.require_authentication import require_authentication
from booking.usecases.sign_waiver import SignWaiver, sign_waiver
from chassis.ids import uuid7

STEPS = {
    Verb.CHECK_IN: attend.check_in,
    Verb.COMPLETE: attend.complete,
    Verb.MARK_NO_SHOW: attend.mark_no_show,
    Verb.UNDO: attend.undo,
}
DECLINED = Failure("card_declined", "payment.card_declined")


async def booked(world, status):
    """A booking in that state, on the day, between its start and its end."""
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    await _WAYS[status](world, held, session)
    await world.day_of(held, minutes=10)
    return held


async def _pay(world, held, _):
    await world.pay(held)


async def _await_the_bank(world, held, _):
    await world.run(lambda tx: require_authentication(tx, held.booking_id, uuid7(), 1))


async def _fail(world, held, _):
    attempt = FailedAttempt(
        booking_id=held.booking_id, payment_id=uuid7(), sequence=1, failure=DECLINED, terminal=True
    )
    await world.run(lambda tx: fail_payment(tx, attempt, vault=world.shop.vault))


async def _lapse(world, held, _):
    await world.advance(minutes=15)
    await world.expire(held)


async def _lose_the_place(world, held, session):
    await _lapse(world, held, session)
    await world.hold(session)
    await world.pay(held)


def _after(*steps):
    async def way(world, held, _):
        await world.pay(held)
        await world.day_of(held)
        for step in steps:
            await world.attend(step, held)

    return way


async def _nothing(world, held, _):
    pass


async def _cancel(world, held, _):
    await world.cancel(held)


_WAYS = {
    Status.PENDING_PAYMENT: _nothing,
    Status.REQUIRES_AUTHENTICATION: _await_the_bank,
    Status.CONFIRMED: _pay,
    Status.CHECKED_IN: _after(attend.check_in),
    Status.COMPLETED: _after(attend.check_in, attend.complete),
    Status.NO_SHOW: _after(attend.mark_no_show),
    Status.CANCELLED: _cancel,
    Status.EXPIRED: _lapse,
    Status.PAYMENT_FAILED: _fail,
    Status.UNFULFILLABLE: _lose_the_place,
}


async def audit_lines(world, held):
    return await world.admin.fetchval(
        "SELECT count(*) FROM audit WHERE entity_id = $1", held.booking_id
    )


@pytest.mark.parametrize("status", Status)
async def test_s4_5_every_step_against_every_state(world, status):
    """Legal steps do what the table says, all others are refused and change nothing."""
    for verb, step in STEPS.items():
        held = await booked(world, status)
        before = await world.booking(held)
        assert before.status is status
        news, lines = await world.types(held), await audit_lines(world, held)
        expected = TRANSITIONS.get((verb, status))
        if expected is None:
            with pytest.raises(IllegalState):
                await world.attend(step, held)
            assert await world.booking(held) == before
            assert await world.types(held) == news
            assert await audit_lines(world, held) == lines
        else:
            await world.attend(step, held)
            after = await world.booking(held)
            assert (after.status, after.version) == (expected, before.version + 1)
            assert len(await world.types(held)) == len(news) + 1
            assert await audit_lines(world, held) == lines + 1
    assert await world.drift() == []


async def test_s4_5_in_then_completed_with_who_and_what_on_record(world):
    held = await booked(world, Status.CONFIRMED)
    await world.attend(attend.check_in, held)
    await world.attend(attend.complete, held, "Left early")
    (arrived,) = await world.audited(held, "booking.checked_in")
    assert (arrived["actor"], arrived["before"]["status"], arrived["after"]["status"]) == (
        "key:desk",
        "confirmed",
        "checked_in",
    )
    (done,) = await world.audited(held, "booking.completed")
    assert (done["reason"], done["after"]) == ("Left early", {"status": "completed"})


async def test_s4_7_no_show_keeps_money_and_place_and_nothing_is_sold_after_the_start(world):
    session = await world.class_session(capacity=2)
    held = await world.hold(session)
    await world.pay(held)
    await world.day_of(held)
    missing = await world.attend(attend.mark_no_show, held)
    assert missing.status is Status.NO_SHOW
    assert (missing.paid.amount_minor, missing.refunded.amount_minor) == (18000, 0)
    assert missing.payment_status is PaymentStatus.PAID
    assert await world.taken(session) == 1
    with pytest.raises(SessionStarted):
        await world.hold(session)


async def test_f15_completing_and_missing_never_frees_a_place(world):
    session = await world.class_session(capacity=2)
    came, missing = await world.hold(session), await world.hold(session)
    await world.pay(came)
    await world.pay(missing)
    await world.day_of(came)
    await world.attend(attend.check_in, came)
    await world.attend(attend.complete, came)
    await world.attend(attend.mark_no_show, missing)
    assert await world.taken(session) == 2
    assert await world.drift() == []


async def test_of_all_who_decide_about_a_guest_at_once_one_does(world):
    """Checked in, missing or cancelled: whoever has the row first, the others see what it is."""
    held = await booked(world, Status.CONFIRMED)
    await world.day_of(held)
    await asyncio.gather(
        *(world.attend(attend.mark_no_show, held) for _ in range(4)),
        *(world.attend(attend.check_in, held) for _ in range(4)),
        return_exceptions=True,
    )
    booking = await world.booking(held)
    assert booking.status in {Status.CHECKED_IN, Status.NO_SHOW}
    assert booking.version == 3
    told = [type_ for type_ in await world.types(held) if type_ != "booking.held.v1"]
    assert told == ["booking.confirmed.v1", f"booking.{booking.status}.v1"]


async def test_nobody_is_missing_before_the_start(world):
    held = await booked(world, Status.CONFIRMED)
    await world.day_of(held, minutes=-5)
    with pytest.raises(NotStarted):
        await world.attend(attend.mark_no_show, held)
    await world.day_of(held)
    await world.attend(attend.mark_no_show, held)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ({"hours": -12, "seconds": -30}, False),
        ({"hours": -12}, True),
        ({"hours": 4, "minutes": 59}, True),
        ({"hours": 5}, False),  # the end of the five hours
    ],
)
async def test_chk01_check_in_from_twelve_hours_before_until_the_end(world, moment, inside):
    held = await booked(world, Status.CONFIRMED)
    await world.day_of(held, **moment)
    if not inside:
        with pytest.raises(CheckInClosed):
            await world.attend(attend.check_in, held)
        await world.attend(attend.check_in, held, "Came with the coach")
        (row,) = await world.audited(held, "booking.checked_in")
        assert row["reason"] == "Came with the coach"
    else:
        await world.attend(attend.check_in, held)
    assert (await world.booking(held)).status is Status.CHECKED_IN


async def test_chk01_the_window_is_a_setting_frozen_on_the_booking(world):
    session = await world.class_session(price=0, policy={"check_in_hours": 1})
    held = await world.hold(session)
    await world.day_of(held, hours=-2)
    with pytest.raises(CheckInClosed):
        await world.attend(attend.check_in, held)
    await world.day_of(held, minutes=-59)
    await world.attend(attend.check_in, held)


@pytest.mark.parametrize("status", [Status.CHECKED_IN, Status.COMPLETED, Status.NO_SHOW])
async def test_a_slip_is_taken_back_within_fifteen_minutes_and_not_later(world, status):
    early, late = await booked(world, status), await booked(world, status)
    for held in (early, late):
        # The same instant for both: what was recorded is as old in the one as in the other.
        await world.admin.execute(
            "UPDATE bookings SET status_at = $2 WHERE id = $1",
            held.booking_id,
            await world.now() - timedelta(minutes=14 if held is early else 15),
        )
    await world.attend(attend.undo, early, "Wrong guest")
    (row,) = await world.audited(early, "booking.attendance_undone")
    assert (row["before"]["status"], row["reason"]) == (status, "Wrong guest")
    with pytest.raises(UndoTooLate):
        await world.attend(attend.undo, late)
    assert (await world.booking(late)).status is status


async def test_undo_minutes_are_a_setting(world):
    session = await world.class_session(price=0, policy={"undo_minutes": 0})
    held = await world.hold(session)
    await world.day_of(held)
    await world.attend(attend.check_in, held)
    with pytest.raises(UndoTooLate):
        await world.attend(attend.undo, held)


def sign(world, held, name="Test Guest", epoch=None):
    command = SignWaiver(
        booking_id=held.booking_id, signed_name=name, actor="guest", manage_epoch=epoch
    )
    return world.run(lambda tx: sign_waiver(tx, command))


async def test_opn05_the_waiver_comes_before_check_in(world):
    session = await world.class_session(price=0, policy={"waiver_required": True})
    held = await world.hold(session)
    await world.day_of(held)
    with pytest.raises(WaiverRequired):
        await world.attend(attend.check_in, held)
    with pytest.raises(WaiverRequired):
        await world.attend(attend.check_in, held, "A reason does not sign it")
    await sign(world, held)
    booking = await world.booking(held)
    assert booking.waiver.signed_name == "Test Guest"
    assert abs(booking.waiver.signed_at - await world.now()) < timedelta(minutes=1)
    (row,) = await world.audited(held, "booking.waiver_signed")
    assert "Test Guest" not in str(row)
    await world.attend(attend.check_in, held)
    with pytest.raises(IllegalState):
        await sign(world, held, "Somebody Else")


async def test_opn05_a_waiver_that_nobody_asked_for_is_refused(world):
    held = await booked(world, Status.CONFIRMED)
    with pytest.raises(IllegalState):
        await sign(world, held)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED, Status.CHECKED_IN])
async def test_opn05_a_waiver_is_signed_before_check_in_or_not_at_all(world, status):
    held = await booked(world, status)
    await world.admin.execute(
        "UPDATE bookings SET policy = policy || '{\"waiver_required\": true}' WHERE id = $1",
        held.booking_id,
    )
    with pytest.raises(IllegalState):
        await sign(world, held)


async def test_opn05_a_revoked_link_signs_nothing(world):
    session = await world.class_session(price=0, policy={"waiver_required": True})
    held = await world.hold(session)
    with pytest.raises(Unknown):
        await sign(world, held, epoch=2)


async def ring(world, held):
    handlers = messages.build(world.shop)
    _, handler = handlers.find(VisitOver.TYPE)
    await world.run(lambda tx: handler(tx, VisitOver(booking_id=held.booking_id), None))


async def visit_timer(world, held):
    return await world.admin.fetchval(
        "SELECT due_at FROM messaging.outbox WHERE timer_key = $1", visit_key_of(held.booking_id)
    )


async def test_a_visit_completes_itself_at_its_end_where_the_policy_says_so(world):
    session = await world.class_session(price=0, policy={"complete_after_end": True})
    held = await world.hold(session)
    await world.day_of(held)
    await world.attend(attend.check_in, held)
    assert await visit_timer(world, held) == session.ends_at
    await ring(world, held)
    assert (await world.booking(held)).status is Status.CHECKED_IN
    await world.day_of(held, hours=5)
    await ring(world, held)
    await ring(world, held)
    assert (await world.booking(held)).status is Status.COMPLETED
    (row,) = await world.audited(held, "booking.completed")
    assert row["actor"] == "timer"


async def test_a_visit_that_was_undone_or_cancelled_does_not_complete_itself(world):
    session = await world.class_session(price=0, policy={"complete_after_end": True})
    undone, cancelled = await world.hold(session), await world.hold(session)
    await world.day_of(undone)
    for held in (undone, cancelled):
        await world.attend(attend.check_in, held)
    await world.attend(attend.undo, undone)
    await world.cancel(cancelled, "staff", "Fire alarm")
    for held in (undone, cancelled):
        assert await visit_timer(world, held) is None
    await world.day_of(undone, hours=5)
    await ring(world, undone)
    assert (await world.booking(undone)).status is Status.CONFIRMED


async def test_a_completion_taken_back_before_the_end_still_happens_at_the_end(world):
    session = await world.class_session(price=0, policy={"complete_after_end": True})
    held = await world.hold(session)
    await world.day_of(held)
    await world.attend(attend.check_in, held)
    await world.attend(attend.complete, held)
    assert await visit_timer(world, held) is None
    await world.attend(attend.undo, held)
    assert await visit_timer(world, held) == session.ends_at


async def test_a_completion_taken_back_after_the_end_is_left_to_staff(world):
    session = await world.class_session(price=0, policy={"complete_after_end": True})
    held = await world.hold(session)
    await world.day_of(held)
    await world.attend(attend.check_in, held)
    await world.day_of(held, hours=5)
    await ring(world, held)
    await world.attend(attend.undo, held, "They are still here")
    assert await visit_timer(world, held) is None
    assert (await world.booking(held)).status is Status.CHECKED_IN


async def test_a_late_check_in_can_be_taken_back_before_it_completes_itself(world):
    session = await world.class_session(price=0, policy={"complete_after_end": True})
    held = await world.hold(session)
    await world.day_of(held, hours=5, minutes=1)
    arrived = await world.attend(attend.check_in, held, "Written down afterwards")
    assert await visit_timer(world, held) == arrived.status_at + timedelta(minutes=15)


async def test_without_the_setting_no_timer_is_set(world):
    held = await booked(world, Status.CHECKED_IN)
    assert await visit_timer(world, held) is None


CODES = [
    (Status.EXPIRED, "check-in", 409, "ILLEGAL_STATE"),
    (Status.CONFIRMED, "complete", 409, "ILLEGAL_STATE"),
    (Status.CHECKED_IN, "no-show", 409, "ILLEGAL_STATE"),
    (Status.CONFIRMED, "undo", 409, "ILLEGAL_STATE"),
]


@pytest.mark.parametrize(("status", "verb", "answer", "code"), CODES)
async def test_s4_5_an_illegal_step_is_a_409_with_its_code(
    client, world, status, verb, answer, code
):
    held = await booked(world, status)
    desk = staff(world.org_id, "bookings:edit")
    got, refused = await client("POST", f"/bookings/{held.booking_id}/{verb}", desk, json={})
    assert (got, refused["code"]) == (answer, code)


async def test_the_front_desk_over_http(client, world):
    held = await booked(world, Status.CONFIRMED)
    desk, path = staff(world.org_id, "bookings:edit"), f"/bookings/{held.booking_id}"
    await world.day_of(held, days=-1)
    status, refused = await client("POST", f"{path}/check-in", desk, json={})
    assert (status, refused["code"]) == (409, "CHECK_IN_CLOSED")
    status, refused = await client("POST", f"{path}/no-show", desk, json={})
    assert (status, refused["code"]) == (409, "NOT_STARTED")
    await world.day_of(held, minutes=10)
    key = "k" * 16
    status, seen = await client("POST", f"{path}/check-in", desk, key, json={})
    assert (status, seen["status"]) == (200, "checked_in")
    assert seen["undo_until"] > seen["status_at"]
    assert "Idempotent-Replayed" not in client.headers
    assert (await client("POST", f"{path}/check-in", desk, key, json={}))[1] == seen
    assert client.headers["Idempotent-Replayed"] == "true"
    status, refused = await client("POST", f"{path}/check-in", desk, "l" * 16, json={})
    assert (status, refused["code"]) == (409, "ILLEGAL_STATE")
    assert (await client("POST", f"{path}/complete", desk, json={}))[1]["status"] == "completed"
    assert (await client("POST", f"{path}/undo", desk, json={}))[1]["status"] == "checked_in"
    await world.advance(minutes=16)
    status, refused = await client("POST", f"{path}/undo", desk, json={})
    assert (status, refused["code"]) == (409, "UNDO_TOO_LATE")


async def seen_by(client, caller, held):
    status, seen = await client("GET", f"/bookings/{held.booking_id}", caller)
    assert status == 200, seen
    names = ("checked_in_at", "completed_at", "no_show_at", "cancel_reason")
    return {name for name in names if seen[name] is not None}, seen


async def test_a_booking_tells_when_its_guest_came_and_when_it_was_over(client, world):
    held = await booked(world, Status.CONFIRMED)
    desk = staff(world.org_id, "bookings:view", "bookings:edit")
    path = f"/bookings/{held.booking_id}"
    assert (await seen_by(client, desk, held))[0] == set()
    await client("POST", f"{path}/check-in", desk, json={})
    told, arrived = await seen_by(client, manage(world.org_id, held.booking_id), held)
    assert told == {"checked_in_at"}
    assert arrived["checked_in_at"] == arrived["status_at"]
    await world.advance(minutes=5)
    await client("POST", f"{path}/complete", desk, json={})
    told, over = await seen_by(client, desk, held)
    assert told == {"checked_in_at", "completed_at"}
    assert (over["checked_in_at"], over["completed_at"]) == (
        arrived["checked_in_at"],
        over["status_at"],
    )
    await client("POST", f"{path}/undo", desk, json={})
    assert (await seen_by(client, desk, held))[0] == {"checked_in_at"}
    await client("POST", f"{path}/undo", desk, json={})
    await client("POST", f"{path}/no-show", desk, json={})
    assert (await seen_by(client, desk, held))[0] == {"no_show_at"}


async def test_why_a_booking_was_cancelled_is_for_staff(client, world):
    held = await booked(world, Status.CONFIRMED)
    desk = staff(world.org_id, "bookings:view", "bookings:cancel")
    sent = {"reason": "the house is closed"}
    status, _ = await client("POST", f"/bookings/{held.booking_id}/cancel", desk, json=sent)
    assert status == 200
    assert (await seen_by(client, desk, held))[1]["cancel_reason"] == "the house is closed"
    guest = manage(world.org_id, held.booking_id)
    assert (await seen_by(client, guest, held))[0] == set()


@pytest.mark.parametrize("verb", ["check-in", "complete", "no-show", "undo"])
async def test_only_the_tenants_own_staff_with_the_permission_attend(client, world, verb):
    held = await booked(world, Status.CONFIRMED)
    path = f"/bookings/{held.booking_id}/{verb}"
    before = await world.booking(held)
    refused = {
        401: GUEST,
        403: staff(world.org_id, "bookings:view", "bookings:create", "bookings:cancel"),
        404: staff(uuid7(), "bookings:manage"),
    }
    for status, caller in refused.items():
        assert (await client("POST", path, caller, json={}))[0] == status
    own = manage(world.org_id, held.booking_id)
    assert (await client("POST", path, own, json={}))[0] == 403
    unknown = f"/bookings/{uuid7()}/{verb}"
    desk = staff(world.org_id, "bookings:edit")
    assert (await client("POST", unknown, desk, json={}))[0] == 404
    assert await world.booking(held) == before


BAD = [
    ("check-in", {"override": {}}, "override.reason"),
    ("check-in", {"override": {"reason": " "}}, "override.reason"),
    ("check-in", {"override": {"reason": "x" * 501}}, "override.reason"),
    ("check-in", {"force": True}, "force"),
    ("complete", {"reason": 5}, "reason"),
    ("no-show", {"reason": "a\u0000b"}, "reason"),
    ("undo", {"reason": ""}, "reason"),
    ("waiver", {}, "signed_name"),
    ("waiver", {"signed_name": "A"}, "signed_name"),
    ("waiver", {"signed_name": "   "}, "signed_name"),
    ("waiver", {"signed_name": "A\u0007B"}, "signed_name"),
    ("waiver", {"signed_name": "x" * 256}, "signed_name"),
]


@pytest.mark.parametrize(("verb", "sent", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(client, world, verb, sent, field):
    session = await world.class_session(price=0, policy={"waiver_required": True})
    held = await world.hold(session)
    before = await world.booking(held)
    desk = staff(world.org_id, "bookings:edit")
    status, refused = await client("POST", f"/bookings/{held.booking_id}/{verb}", desk, json=sent)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert await world.booking(held) == before


async def test_opn05_the_guest_signs_by_link_and_sees_it(client, world):
    session = await world.class_session(price=0, policy={"waiver_required": True})
    held, other = await world.hold(session), await world.hold(session)
    path = f"/bookings/{held.booking_id}"
    own, stranger = manage(world.org_id, held.booking_id), manage(world.org_id, other.booking_id)
    signature = {"signed_name": "Test Guest"}
    assert (await client("POST", f"{path}/waiver", json=signature))[0] == 401
    assert (await client("POST", f"{path}/waiver", stranger, json=signature))[0] == 404
    viewer = staff(world.org_id, "bookings:view")
    assert (await client("POST", f"{path}/waiver", viewer, json=signature))[0] == 403
    seen = (await client("GET", path, own))[1]
    assert (seen["waiver_required"], seen["waiver_signed_at"]) == (True, None)
    desk = staff(world.org_id, "bookings:edit")
    await world.day_of(held)
    headers = {"Accept-Language": "sv"}
    status, refused = await client("POST", f"{path}/check-in", desk, json={}, headers=headers)
    assert (status, refused["code"]) == (409, "WAIVER_REQUIRED")
    assert "undertecknas" in refused["detail"]
    status, signed = await client("POST", f"{path}/waiver", own, json=signature)
    assert status == 200, signed
    seen = (await client("GET", path, own))[1]
    assert seen["waiver_signed_at"] == signed["signed_at"]
    assert (await client("POST", f"{path}/check-in", desk, json={}))[0] == 200
    status, refused = await client("POST", f"{path}/waiver", own, json=signature)
    assert (status, refused["code"]) == (409, "ILLEGAL_STATE")
