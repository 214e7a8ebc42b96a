from datetime import timedelta

import pytest

from booking.domain.lifecycle import Status
from booking.domain.refusals import CannotCancel, InvalidRequest, Unknown
from booking.usecases.read_booking import read_booking


@pytest.mark.parametrize(
    ("hours", "seconds", "refund"), [(49, 0, 5000), (48, 1, 5000), (48, 0, 0), (47, 0, 0)]
)
async def test_refund_only_with_strictly_more_than_48_hours_left(world, hours, seconds, refund):
    session, (table,) = await world.table_session(starts_in=timedelta(days=10))
    held = await world.hold(session, [table])
    await world.pay(held)
    # Stand still at an exact distance: the reader and the canceller must agree (F-66).
    left = timedelta(hours=hours, seconds=seconds)
    await world.admin.execute(
        "UPDATE messaging.clock SET shift = $1::timestamptz - now()", session.starts_at - left
    )
    async with world.db.transaction(world.org_id) as tx:
        tx.observe_now(session.starts_at - left)
        view = await read_booking(tx, held.booking_id)
    assert view.cancellation.allowed
    assert view.cancellation.refund.amount_minor == refund

    from booking.usecases.cancel import Cancel, cancel

    command = Cancel(booking_id=held.booking_id, cause="customer", actor="guest", manage_epoch=1)
    async with world.db.transaction(world.org_id) as tx:
        tx.observe_now(session.starts_at - left)
        booking, terms = await cancel(tx, command, vault=world.shop.vault)
    assert booking.status is Status.CANCELLED
    assert terms.refund.amount_minor == refund
    (message,) = await world.published("booking.cancelled.v1", about=held)
    assert f'"refund":{{"amount_minor":{refund},' in message["payload"]
    assert await world.hold(session, [table])


async def test_a_guest_cannot_cancel_after_the_start_but_staff_can(world):
    session = await world.class_session(starts_in=timedelta(hours=1))
    held = await world.hold(session)
    await world.pay(held)
    await world.advance(hours=1)
    with pytest.raises(CannotCancel):
        await world.cancel(held)
    with pytest.raises(InvalidRequest):
        await world.cancel(held, "staff", "  ")
    booking, _ = await world.cancel(held, "staff", "Burst pipe")
    assert booking.status is Status.CANCELLED


async def test_a_second_cancel_is_refused(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.cancel(held)
    with pytest.raises(CannotCancel):
        await world.cancel(held)
    assert await world.taken(session) == 0
    assert await world.timer_of(held) is None


async def test_a_revoked_token_opens_nothing(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.admin.execute("UPDATE bookings SET manage_epoch = 2 WHERE id = $1", held.booking_id)
    with pytest.raises(Unknown):
        await world.cancel(held, epoch=1)
    with pytest.raises(Unknown):
        await world.run(lambda tx: read_booking(tx, held.booking_id, manage_epoch=1))


async def test_the_policy_of_the_day_of_booking_counts(world):
    from booking.usecases.edit_offering import EditOffering, edit_offering

    session, (table,) = await world.table_session()
    held = await world.hold(session, [table])
    await world.pay(held)
    edit = EditOffering(
        offering_id=session.offering_id,
        overrides={"policy": {"refund_tiers": []}},
        actor="test",
    )
    await world.run(lambda tx: edit_offering(tx, edit))
    _, terms = await world.cancel(held)
    assert terms.refund.amount_minor == 5000


async def test_every_change_is_on_record_without_personal_values(world):
    from booking.usecases.timeline import timeline

    session = await world.class_session()
    held = await world.hold(session)
    await world.pay(held)
    await world.cancel(held, reason="Can no longer come")
    entries = await world.run(lambda tx: timeline(tx, held.booking_id))
    types = [entry.type for entry in entries]
    changes = [t for t in types if not t.endswith(".v1")]
    assert (changes[0], changes[-1]) == ("booking.created", "booking.cancelled")
    assert set(changes[1:-1]) == {"booking.payment_received", "booking.confirmed"}
    assert [t for t in types if t.endswith(".v1")] == [
        "booking.held.v1",
        "booking.confirmed.v1",
        "booking.cancelled.v1",
    ]
    cancelled = next(entry for entry in entries if entry.type == "booking.cancelled")
    assert cancelled.data["reason"] == "Can no longer come"
    assert cancelled.data["before"]["status"] == "confirmed"
    assert "Test Guest" not in str(entries)
    assert all(entry.message_id for entry in entries if entry.type.endswith(".v1"))
