"""What becomes of a Checkout Session when its PaymentIntent moves."""

from sandbox.stripe.call import Call
from sandbox.stripe.store import Stored

KIND = "checkout.session"
_ADDRESS = {
    "city": "Leeds",
    "country": "GB",
    "line1": "1 Example Street",
    "line2": None,
    "postal_code": "LS1 1AA",
    "state": None,
}


def paid(call: Call, intent: Stored) -> None:
    """The customer's money is there: at once, or after it took its time to clear."""
    session = _session_of(call, intent)
    if session is None:
        return
    body = session.body
    if body["status"] == "complete":
        body["payment_status"] = "paid"
        call.store.save(session)
        call.emit("checkout.session.async_payment_succeeded", body)
    else:
        _complete(call, session, "paid")


def clearing(call: Call, intent: Stored) -> None:
    """The customer did all they can, and the money takes its time."""
    session = _session_of(call, intent)
    if session is not None:
        _complete(call, session, "unpaid")


def bounced(call: Call, intent: Stored) -> None:
    """What took its time did not clear; a complete session asks nobody again."""
    session = _session_of(call, intent)
    if session is not None and session.body["status"] == "complete":
        call.emit("checkout.session.async_payment_failed", session.body)


def _complete(call: Call, session: Stored, payment_status: str) -> None:
    body = session.body
    body["status"] = "complete"
    body["payment_status"] = payment_status
    body["url"] = None
    body["customer_details"] = {
        "address": _ADDRESS if body["billing_address_collection"] == "required" else None,
        "email": body["customer_email"] or "guest@example.com",
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    call.store.save(session)
    call.emit("checkout.session.completed", body)


def _session_of(call: Call, intent: Stored) -> Stored | None:
    identifier = intent.hidden.get("checkout_session")
    return call.store.get(call.tenant, KIND, identifier) if identifier else None
