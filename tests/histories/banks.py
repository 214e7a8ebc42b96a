"""What banks and providers do in their own time: clear, refuse, bounce, and take money back."""

from typing import TYPE_CHECKING, Any

from sandbox.stripe.dispute_course import OUTCOMES

if TYPE_CHECKING:
    from tests.histories.history import History

_ASKED = """
SELECT provider_ref FROM payments
WHERE booking_id = ANY($1) AND provider = 'stripe' AND method = 'bacs_debit'
  AND provider_ref IS NOT NULL AND status NOT IN ('succeeded', 'cancelled', 'failed') ORDER BY id
"""
_SENT = """
SELECT provider_ref FROM refunds
WHERE booking_id = ANY($1) AND status = 'pending' AND provider_ref IS NOT NULL ORDER BY id
"""
_OPEN = {"warning_needs_response", "warning_under_review", "needs_response", "under_review"}


async def answer(history: "History") -> bool:
    """What was pending comes to its end, one way or the other; whether anything was."""
    if history.way.by_hand:
        return False
    if history.way.at_paypal:
        return await _paypal_decides(history)
    stripe, answered = history.lane.stripe, False
    for row in await history.lane.payments.admin.fetch(_ASKED, history.bookings):
        said = await stripe.control("POST", f"payment_intents/{row['provider_ref']}/clear")
        answered = True
        history.note(f"the bank answers: {said['status']}")
    for row in await history.lane.payments.admin.fetch(_SENT, history.bookings):
        arrives = history.rng.random() < 0.7
        path = f"refunds/{row['provider_ref']}/settle"
        await stripe.control("POST", path, {"succeeds": arrives})
        answered = True
        history.note(f"a refund arrives: {arrives}")
    return answered


async def _paypal_decides(history: "History") -> bool:
    answered = False
    for order in await history.lane.paypal.orders(history.bookings):
        [unit] = order["purchase_units"]
        for kind, found in unit.get("payments", {}).items():
            for one in found:
                if one["status"] == "PENDING":
                    answered = True
                    completes = history.rng.random() < 0.7
                    path = f"{kind}/{one['id']}/settle"
                    await history.lane.paypal.control("POST", path, {"completes": completes})
                    history.must_hear()
                    history.note(f"PayPal settles {kind[:-1]}: {completes}")
    return answered


async def expect_trouble(history: "History") -> None:
    """PayPal will be slow with the next refund, or fail it."""
    if history.way.at_paypal:
        outcome = history.rng.choice(("PENDING", "FAILED"))
        await history.lane.paypal.control("POST", "refunds/next", {"outcome": outcome})
        history.must_hear()
        history.note(f"the next refund will be {outcome}")


async def bounce(history: "History") -> None:
    """Money that went back comes back: the guest's account is closed."""
    made = await history.lane.payments.admin.fetch(
        "SELECT provider_ref FROM refunds WHERE booking_id = ANY($1) AND status <> 'failed' "
        "AND provider_ref IS NOT NULL ORDER BY id",
        history.bookings,
    )
    if not made or history.way.by_hand:
        return
    ref = history.rng.choice(made)["provider_ref"]
    if history.way.at_paypal:
        said = await history.lane.paypal.control(
            "POST", f"refunds/{ref}/settle", {"completes": False}
        )
    else:
        said = await history.lane.stripe.control(
            "POST", f"refunds/{ref}/settle", {"succeeds": False}
        )
    history.must_hear()
    history.note(f"a refund bounces: {said.get('status') or said.get('detail')}")


async def dispute(history: "History") -> None:
    """A cardholder asks their bank for the money back."""
    paid = await history.lane.payments.admin.fetch(
        "SELECT booking_id, coalesce(money_ref, provider_ref) AS ref FROM payments "
        "WHERE booking_id = ANY($1) AND status = 'succeeded' AND captured_minor > 0 ORDER BY id",
        history.bookings,
    )
    if not paid:
        return
    chosen = history.rng.choice(paid)
    inquiry = history.rng.random() < 0.3
    said = await history.lane.stripe.control(
        "POST", f"payment_intents/{chosen['ref']}/dispute", {"inquiry": inquiry}
    )
    history.must_hear()
    shown = said.get("status") or said.get("detail")
    history.note(f"{history.guest(chosen['booking_id'])} disputes (inquiry: {inquiry}): {shown}")


async def decide(history: "History") -> bool:
    """Every bank that was asked decides; whether there was any."""
    decided = False
    for one in await _disputes(history):
        outcomes = OUTCOMES if one["status"].startswith("warning") else ("won", "lost")
        outcome = history.rng.choice(outcomes)
        await history.lane.stripe.control(
            "POST", f"disputes/{one['id']}/settle", {"outcome": outcome}
        )
        decided = True
        history.must_hear()
        history.note(f"a dispute is {outcome}")
    return decided


async def _disputes(history: "History") -> list[Any]:
    refs = await history.lane.payments.admin.fetch(
        "SELECT coalesce(money_ref, provider_ref) AS ref FROM payments WHERE booking_id = ANY($1)",
        history.bookings,
    )
    ours = {row["ref"] for row in refs}
    page = await history.lane.stripe.call("GET", "/v1/disputes?limit=20")
    return [one for one in page["data"] if one["payment_intent"] in ours and one["status"] in _OPEN]
