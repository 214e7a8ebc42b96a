"""What goes back is decided by the policy, by staff instead of it, or by staff after it."""

import asyncio

import pytest
from booking_client import GUEST, manage, staff

from booking.domain.money import Money
from booking.domain.refusals import NoRefundPending
from booking.usecases.decide_refund import DecideRefund, decide_refund
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.record_refund import Refunded, record_refund
from chassis.ids import uuid7

FULL = [{"hours": 48, "percent": 100}]
APPROVE = {"refund_mode": "approve", "refund_tiers": FULL}
CANCELLER = "bookings:cancel", "payments:refund"


async def paid(world, policy=None):
    session = await world.class_session(price=18000, policy=policy or {"refund_tiers": FULL})
    held = await world.hold(session)
    await world.pay(held)
    return held


async def cancel(client, world, held, *permissions, **body):
    caller = staff(world.org_id, *(permissions or CANCELLER))
    path = f"/bookings/{held.booking_id}/cancel"
    return await client("POST", path, caller, json={"reason": "Fell ill", **body})


async def refund_told(world, held):
    (row,) = await world.published("booking.cancelled.v1", about=held)
    message = _message("booking.cancelled.v1", row)
    return message.refund.amount_minor, message.refund_percent, message.refund_awaiting


def _message(type_, row):
    from contracts.registry import contract

    return contract(type_).model.from_json(row["payload"])


async def test_a_booking_tells_the_terms_it_was_made_on_whatever_the_offering_says_since(
    client, world
):
    session = await world.class_session(price=18000, policy={"refund_tiers": FULL})
    held = await world.hold(session)
    edit = EditOffering(
        offering_id=session.offering_id, overrides={"policy": {"refund_tiers": []}}, actor="test"
    )
    await world.run(lambda tx: edit_offering(tx, edit))
    wish = {"session_id": str(session.id)}
    now = (await client("POST", "/quotes", json=wish))[1]["refund_terms"]
    path, own = f"/bookings/{held.booking_id}", manage(world.org_id, held.booking_id)
    then = (await client("GET", path, own))[1]["refund_terms"]
    assert [(one["hours"], one["percent"]) for one in now + then] == [(0, 0), (48, 100)]
    assert "48" in then[0]["text"]


async def test_s1_13_cancelling_needs_the_permission_and_a_reason(client, world):
    held = await paid(world)
    for permission in ("bookings:view", "bookings:create", "bookings:edit"):
        assert (await cancel(client, world, held, permission))[0] == 403
    status, refused = await cancel(client, world, held, "bookings:cancel", reason=" ")
    assert (status, refused["errors"][0]["field"]) == (422, "reason")
    assert (await world.booking(held)).status == "confirmed"
    status, done = await cancel(client, world, held, "bookings:cancel")
    assert (status, done["status"], done["refund"]["amount_minor"]) == (200, "cancelled", 18000)
    (row,) = await world.audited(held, "booking.cancelled")
    assert (row["actor"], row["reason"]) == ("key:k1", "Fell ill")
    assert (row["before"]["status"], row["after"]["status"]) == ("confirmed", "cancelled")


@pytest.mark.parametrize(
    ("said", "amount", "percent"),
    [
        ({"refund_percent": 50}, 9000, 50),
        ({"refund_percent": 0}, 0, 0),
        ({"refund_percent": 100}, 18000, 100),
        ({"refund": {"amount_minor": 12345}}, 12345, 68),
        ({"refund": {"amount_minor": 0}}, 0, 0),
        ({"refund": {"amount_minor": 18000}}, 18000, 100),
    ],
)
async def test_staff_decide_what_goes_back_whatever_the_policy_says(
    client, world, said, amount, percent
):
    held = await paid(world)
    status, done = await cancel(client, world, held, **said)
    assert (status, done["refund"]["amount_minor"]) == (200, amount), done
    assert done["refund_eligible"] is (amount > 0)
    assert await refund_told(world, held) == (amount, percent, None)


async def test_what_was_refunded_before_counts_towards_a_percentage(client, world):
    held = await paid(world)
    payment = (await world.booking(held)).payment_id
    refund = Refunded(
        booking_id=held.booking_id,
        payment_id=payment,
        total=Money(5000, "GBP"),
        unasked=Money(5000, "GBP"),
        sequence=1,
    )
    await world.run(lambda tx: record_refund(tx, refund))
    too_much = {"refund": {"amount_minor": 13001}}
    status, refused = await cancel(client, world, held, **too_much)
    assert (status, refused["errors"][0]["field"]) == (422, "refund.amount_minor")
    status, done = await cancel(client, world, held, refund_percent=50)
    assert (status, done["refund"]["amount_minor"]) == (200, 4000)


BAD = [
    ({"refund_percent": 101}, "refund_percent"),
    ({"refund_percent": -1}, "refund_percent"),
    ({"refund_percent": "50"}, "refund_percent"),
    ({"refund": {"amount_minor": -1}}, "refund.amount_minor"),
    ({"refund": {"amount_minor": 18001}}, "refund.amount_minor"),
    ({"refund": {"amount_minor": 10**30}}, "refund.amount_minor"),
    ({"refund": {"percent": 5}}, "refund.amount_minor"),
    ({"refund": 5}, "refund"),
    ({"refund": {"amount_minor": 1}, "refund_percent": 1}, "refund_percent"),
]


@pytest.mark.parametrize(("said", "field"), BAD)
async def test_a_refund_that_cannot_be_names_its_field_and_cancels_nothing(
    client, world, said, field
):
    held = await paid(world)
    status, refused = await cancel(client, world, held, **said)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert (await world.booking(held)).status == "confirmed"


async def test_only_those_who_may_refund_decide_it(client, world):
    held = await paid(world)
    path = f"/bookings/{held.booking_id}/cancel"
    own = manage(world.org_id, held.booking_id)
    assert (await cancel(client, world, held, "bookings:cancel", refund_percent=100))[0] == 403
    assert (await client("POST", path, own, json={"refund_percent": 100}))[0] == 403
    assert (await world.booking(held)).status == "confirmed"


def decide(world, held, *, approved=True, reason="As promised"):
    command = DecideRefund(
        booking_id=held.booking_id, approved=approved, reason=reason, actor="key:boss"
    )
    return world.run(lambda tx: decide_refund(tx, command))


async def test_where_refunds_are_approved_a_cancelled_booking_waits(client, world):
    held = await paid(world, APPROVE)
    own, path = manage(world.org_id, held.booking_id), f"/bookings/{held.booking_id}"
    assert (await client("GET", path, own))[1]["cancel"]["needs_approval"] is True
    status, done = await client("POST", f"{path}/cancel", own, json={})
    assert (status, done["status"], done["needs_approval"]) == (200, "cancelled", True)
    assert done["refund"]["amount_minor"] == 18000
    assert "decides about the refund" in done["message"]
    told, percent, awaiting = await refund_told(world, held)
    assert (told, percent, awaiting.amount_minor) == (0, 0, 18000)
    refunder = staff(world.org_id, "payments:refund")
    _, page = await client("GET", "/refund-approvals", refunder)
    (waiting,) = page["items"]
    assert (waiting["booking_id"], waiting["reference"]) == (str(held.booking_id), held.reference)
    assert (waiting["amount"]["amount_minor"], waiting["requested_by"]) == (18000, "guest")

    body = {"decision": "approve", "reason": "As promised"}
    status, decided = await client("POST", f"{path}/refund-approval", refunder, "k" * 16, json=body)
    assert (status, decided["refund"]["amount_minor"]) == (200, 18000)
    (row,) = await world.published("booking.refund_due.v1", about=held)
    message = _message("booking.refund_due.v1", row)
    assert (message.refund.amount_minor, message.cause, message.payment_id) == (
        18000,
        "approved",
        None,
    )
    (row,) = await world.audited(held, "booking.refund_approved")
    assert (row["actor"], row["reason"]) == ("key:k1", "As promised")
    assert (row["before"]["awaiting"], row["after"]["refund"]) == (18000, 18000)
    assert (await client("GET", "/refund-approvals", refunder))[1]["items"] == []
    again = await client("POST", f"{path}/refund-approval", refunder, "k" * 16, json=body)
    assert again == (200, decided)
    assert client.headers["Idempotent-Replayed"] == "true"
    assert len(await world.published("booking.refund_due.v1", about=held)) == 1
    status, refused = await client("POST", f"{path}/refund-approval", refunder, "l" * 16, json=body)
    assert (status, refused["code"]) == (409, "NO_REFUND_PENDING")
    status, refused = await client("POST", f"{path}/refund-approval", refunder, json=body)
    assert (status, refused["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


async def test_a_rejected_refund_is_over(world):
    held = await paid(world, APPROVE)
    await world.cancel(held)
    assert (await decide(world, held, approved=False)).amount_minor == 0
    assert await world.published("booking.refund_due.v1", about=held) == []
    with pytest.raises(NoRefundPending):
        await decide(world, held)
    (row,) = await world.audited(held, "booking.refund_rejected")
    assert row["after"]["refund"] == 0


async def test_of_two_who_decide_at_once_one_does(world):
    held = await paid(world, APPROVE)
    await world.cancel(held)
    attempts = [decide(world, held, approved=approved) for approved in (True, False) * 4]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, Money) for result in results) == 1
    assert sum(isinstance(result, NoRefundPending) for result in results) == 7
    assert len(await world.published("booking.refund_due.v1", about=held)) <= 1


async def test_never_more_is_approved_than_is_left(world):
    held = await paid(world, APPROVE)
    await world.cancel(held)
    payment = (await world.booking(held)).payment_id
    refund = Refunded(
        booking_id=held.booking_id,
        payment_id=payment,
        total=Money(10000, "GBP"),
        unasked=Money(10000, "GBP"),
        sequence=1,
    )
    await world.run(lambda tx: record_refund(tx, refund))
    assert (await decide(world, held)).amount_minor == 8000


async def test_nothing_to_refund_waits_for_nobody(client, world):
    unpaid = await world.hold(await world.class_session(policy=APPROVE))
    await world.cancel(unpaid)
    too_late = await paid(world, {"refund_mode": "approve", "refund_tiers": []})
    await world.cancel(too_late)
    decided_by_staff = await paid(world, APPROVE)
    assert (await cancel(client, world, decided_by_staff, refund_percent=10))[0] == 200
    for held in (unpaid, too_late, decided_by_staff):
        with pytest.raises(NoRefundPending):
            await decide(world, held)


async def test_waiting_refunds_come_in_pages_of_ones_own_organisation(client, world, make_world):
    other = await make_world(world.db, world.admin)
    theirs = await paid(other, APPROVE)
    await other.cancel(theirs)
    mine = [await paid(world, APPROVE) for _ in range(5)]
    for held in mine:
        await world.cancel(held)
    refunder = staff(world.org_id, "payments:refund")
    seen, cursor = [], ""
    for _ in range(3):
        _, page = await client("GET", f"/refund-approvals?limit=2{cursor}", refunder)
        seen += [item["booking_id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == ([str(held.booking_id) for held in mine], None)
    path = f"/bookings/{theirs.booking_id}/refund-approval"
    body = {"decision": "approve", "reason": "Mine now"}
    assert (await client("POST", path, refunder, "k" * 16, json=body))[0] == 404
    for caller, status in (
        (GUEST, 401),
        (manage(world.org_id, mine[0].booking_id), 403),
        (staff(world.org_id, "bookings:manage"), 403),
    ):
        assert (await client("GET", "/refund-approvals", caller))[0] == status
        assert (await client("POST", path, caller, json=body))[0] == status
    assert (await client("GET", "/refund-approvals?cursor=bm9uZQ", refunder))[0] == 422
    assert (await client("GET", "/refund-approvals?limit=101", refunder))[0] == 422


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"decision": "maybe", "reason": "x"}, "decision"),
        ({"decision": "approve"}, "reason"),
        ({"decision": "approve", "reason": " "}, "reason"),
        ({"decision": "approve", "reason": "x", "amount": 1}, "amount"),
    ],
)
async def test_a_decision_that_cannot_be_names_its_field(client, world, said, field):
    refunder = staff(world.org_id, "payments:refund")
    path = f"/bookings/{uuid7()}/refund-approval"
    status, refused = await client("POST", path, refunder, "k" * 16, json=said)
    assert status == 422
    assert field in [error["field"] for error in refused["errors"]]
