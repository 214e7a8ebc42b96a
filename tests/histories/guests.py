"""What guests do: hold a place, pay with what they were given at some time, cancel."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from booking.domain.booking import StaffRefund
from booking.domain.guest import name_of
from booking.domain.holding import Wish
from booking.domain.making import Making
from booking.domain.refusals import Refusal
from booking.store.idempotency import Key
from booking.usecases.cancel import Cancel, cancel
from booking.usecases.hold import Hold, hold

if TYPE_CHECKING:
    import asyncpg

    from tests.histories.history import History

_CARDS = {
    "pm_card_visa": 12,
    "pm_card_visa_chargeDeclined": 3,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 3,
    "pm_card_authenticationRequired": 3,
    "pm_card_pendingRefund": 2,
    "pm_card_createDispute": 1,
    "pm_card_createDisputeInquiry": 1,
}
_SAVED = {
    "pm_card_visa": 8,
    "pm_card_visa_chargeDeclined": 1,
    "pm_card_authenticationRequired": 3,
    "pm_card_authenticationRequiredOnSetup": 2,
    "pm_card_chargeCustomerFail": 2,
}
_BANK_ACCOUNTS = {"90012345": 8, "92222227": 2, "93333335": 1}  # that answer later
_AGREES = {"pay": 8, "pending": 2, "decline": 2}
_LATER = ("pm_card_pendingRefund", "pm_card_createDispute", "pm_card_createDisputeInquiry")
MOST = 3


async def hold_place(history: "History") -> None:
    """Another guest wants the place, as long as there are few."""
    if len(history.bookings) >= MOST:
        return
    shop, nobody_yet = history.lane.shop, uuid4()
    command = Hold(
        wish=Wish(
            session_id=history.session_id,
            party_size=1,
            resource_ids=(),
            name=name_of(whole="Test Guest", given=None, family=None),
            locale=None,
            arrival_time=None,
            special_requests=None,
            drinks_package=None,
            source="web",
            quantities={},
            items=(),
            allergies=(),
            promo_code=None,
            gift_card=None,
            making=Making(by_staff=history.way.by_hand),  # which only staff may choose
        ),
        email=f"{nobody_yet.hex}@example.com",
        phone=f"07{nobody_yet.int % 10**9:09d}",
        key=Key("guest", "POST /bookings", nobody_yet.hex, b"same"),
        actor="guest",
    )
    try:
        held = await history.at_booking(
            lambda tx: hold(
                tx, command, listings=shop.listings, vault=shop.vault, payments_enabled=True
            )
        )
    except Refusal as refusal:
        history.note(f"hold refused: {refusal.code}")
        return
    history.bookings.append(held.booking_id)
    history.note(f"guest {len(history.bookings)} holds")


async def cancel_booking(history: "History") -> None:
    """A guest changes their mind, or staff cancel and give all of it back."""
    if not history.bookings:
        return
    booking_id = history.rng.choice(history.bookings)
    by_staff = history.rng.random() < 0.3
    command = Cancel(
        booking_id=booking_id,
        cause="staff" if by_staff else "customer",
        actor="guest",
        reason="asked for" if by_staff else None,
        manage_epoch=None if by_staff else 1,
        staff_refund=StaffRefund(percent=100) if by_staff else None,
    )
    with suppress(Refusal):
        await history.at_booking(lambda tx: cancel(tx, command, vault=history.lane.shop.vault))
        history.note(f"{history.guest(booking_id)} cancelled by {command.cause}")


async def pay(history: "History") -> None:
    """A guest pays with what they were given at some time, wanted or not by now."""
    given = await history.lane.payments.admin.fetch(
        """SELECT id, booking_id, provider, provider_ref, amount_minor FROM payments
           WHERE booking_id = ANY($1) AND provider_ref IS NOT NULL ORDER BY id""",
        history.bookings,
    )
    if not given:
        return
    chosen = history.rng.choice(given)
    how, said = await _PAY[chosen["provider"]](history, chosen)
    history.note(f"{history.guest(chosen['booking_id'])} pays with {how}: {said}")


async def _in_the_form(history: "History", payment: "asyncpg.Record") -> tuple[str, str]:
    kind = "setup_intents" if payment["provider_ref"].startswith("seti_") else "payment_intents"
    if history.way.clears:
        account = _drawn(history, _BANK_ACCOUNTS)
        history.must_hear()
        how, form = (
            f"account {account}",
            {
                "payment_method_data[type]": "bacs_debit",
                "payment_method_data[bacs_debit][sort_code]": "108800",
                "payment_method_data[bacs_debit][account_number]": account,
                "payment_method_data[billing_details][name]": "Test Guest",
                "payment_method_data[billing_details][email]": "guest@example.com",
            },
        )
    else:
        how = _card(history)
        form = {"payment_method": how}
    form["return_url"] = "https://venue.example/"
    path = f"/v1/{kind}/{payment['provider_ref']}/confirm"
    return how, await _authenticated(
        history, await history.lane.stripe.call("POST", path, form=form)
    )


async def _on_the_page(history: "History", payment: "asyncpg.Record") -> tuple[str, str]:
    card = _card(history)
    path = f"checkout/sessions/{payment['provider_ref']}/pay"
    answer = await history.lane.stripe.control("POST", path, {"card": card})
    return card, await _authenticated(history, answer)


async def _authenticated(history: "History", answer: Any) -> str:
    """What came of it, after the guest's bank has asked where it wants to."""
    approves = history.rng.random() < 0.7
    if answer.get("status") == "requires_action":
        kind = "setup_intents" if answer["object"] == "setup_intent" else "payment_intents"
        await history.lane.stripe.control(
            "POST", f"{kind}/{answer['id']}/authenticate", {"approve": approves}
        )
        return f"authenticated: {approves}"
    return str(answer.get("status") or answer.get("detail") or answer["error"].get("code"))


async def _at_paypal(history: "History", payment: "asyncpg.Record") -> tuple[str, str]:
    choice = _drawn(history, _AGREES)
    if choice == "pending":
        history.must_hear()
    path = f"orders/{payment['provider_ref']}/approve"
    answer = await history.lane.paypal.control("POST", path, {"choice": choice})
    return choice, str(answer.get("status") or answer.get("name"))


async def _by_hand(history: "History", payment: "asyncpg.Record") -> tuple[str, str]:
    known = history.hands.sent
    known.setdefault(payment["id"], (payment["booking_id"], payment["amount_minor"]))
    return "an envelope", "on its way"


_PAY = {
    "stripe": _in_the_form,
    "stripe_setup": _in_the_form,
    "stripe_checkout": _on_the_page,
    "paypal": _at_paypal,
    "manual": _by_hand,
}


def _card(history: "History") -> str:
    card = _drawn(history, _SAVED if history.way.guaranteed else _CARDS)
    if card in _LATER:
        history.must_hear()
    return card


def _drawn(history: "History", among: dict[str, int]) -> str:
    return history.rng.choices(list(among), list(among.values()))[0]


async def over(history: "History") -> list[UUID]:
    """Bookings whose money is not the venue's any more."""
    rows = await history.lane.booking.admin.fetch(
        "SELECT id FROM bookings WHERE id = ANY($1) "
        "AND status IN ('cancelled', 'unfulfillable') ORDER BY id",
        history.bookings,
    )
    return [row["id"] for row in rows]
