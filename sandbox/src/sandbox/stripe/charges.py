"""Charges: one for each time a card or a bank account was really asked."""

from typing import Any

from sandbox.stripe import balance_transactions, cards, destinations
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.shapes import EXPAND, PAGE, Text
from sandbox.stripe.store import Stored

KIND = "charge"
AUTHORISED_FOR = 7 * 24 * 3600
"""Seconds that a card keeps an authorised amount for its capture."""


def add(call: Call, intent: Json, method: Json, decline: cards.Decline | None) -> Stored:
    """Charge the card for a PaymentIntent; a decline is kept as a failed charge."""
    captured = decline is None and intent["capture_method"] != "manual"
    body = _body(call, intent, method, decline, captured=captured)
    if captured:
        body["balance_transaction"] = balance_transactions.of_charge(call, body, body["amount"])
        destinations.settle(call, body)
    elif decline is None:
        body["payment_method_details"]["card"]["capture_before"] = capture_before(call)
    return call.store.add(call.tenant, body, parent=intent["id"])


def pend(call: Call, intent: Json, method: Json) -> Stored:
    """Ask a bank account for a PaymentIntent's amount; its bank has not answered yet."""
    body = _body(call, intent, method, None, captured=True)
    body |= {"outcome": None, "paid": False, "status": "pending"}
    return call.store.add(call.tenant, body, parent=intent["id"])


def answered(call: Call, charge: Stored, refusal: str | None, message: str | None) -> None:
    """The bank has paid, or refused with this code."""
    charge.body |= {
        "failure_code": refusal,
        "failure_message": message,
        "paid": refusal is None,
        "status": "failed" if refusal else "succeeded",
        "amount_captured": 0 if refusal else charge.body["amount"],
        "captured": refusal is None,
    }
    if refusal is None:
        charge.body["balance_transaction"] = balance_transactions.of_charge(
            call, charge.body, charge.body["amount"]
        )
        destinations.settle(call, charge.body)
    call.store.save(charge)


def _body(
    call: Call, intent: Json, method: Json, decline: cards.Decline | None, *, captured: bool
) -> Json:
    return {
        "id": new_id("ch"),
        "object": KIND,
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": _descriptor(intent),
        "captured": captured,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": intent["on_behalf_of"],
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(intent, method, decline),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded",
        "transfer_data": intent["transfer_data"],
        "transfer_group": None,
    }


def _details(intent: Json, method: Json, decline: cards.Decline | None) -> Json:
    if method["type"] == "bacs_debit":
        return {
            "bacs_debit": {**method["bacs_debit"], "expected_debit_date": None, "mandate": None},
            "type": "bacs_debit",
        }
    card = method["card"]
    return {
        "card": {
            "amount_authorized": None if decline else intent["amount"],
            "authorization_code": None if decline else "123456",
            "brand": card["brand"],
            "checks": {
                **card["checks"],
                "cvc_check": _cvc(card["checks"]["cvc_check"], decline),
            },
            "country": card["country"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": card["fingerprint"],
            "funding": card["funding"],
            "installments": None,
            "last4": card["last4"],
            "mandate": None,
            "network": card["brand"],
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }


def capture_before(call: Call) -> int:
    return call.now + AUTHORISED_FOR


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id, param="charge").body


def paid_of(call: Call, intent: str) -> Stored:
    """The charge that paid a PaymentIntent: there is at most one. Raises Refusal(400) without."""
    for charge in call.store.children(intent, KIND):
        if charge.body["status"] == "succeeded":
            return charge
    raise Refusal(
        400,
        f"This PaymentIntent ({intent}) does not have a successful charge to refund.",
        code="charge_not_refundable",
        param="payment_intent",
    )


def list_(call: Call) -> Json:
    page = call.store.page(
        call.tenant, KIND, window(call.params), parent=call.params.get("payment_intent")
    )
    return listing("/v1/charges", page)


def _outcome(decline: cards.Decline | None) -> dict[str, Any]:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "reason": "highest_risk_level" if decline.blocked else decline.decline_code or decline.code,
        "risk_level": "highest" if decline.blocked else "normal",
        "seller_message": "Stripe blocked this payment as too risky."
        if decline.blocked
        else "The bank did not return any further details with this decline.",
        "type": "blocked" if decline.blocked else "issuer_declined",
    }


def _cvc(sent: str | None, decline: cards.Decline | None) -> str | None:
    if sent is None:
        return None
    return "fail" if decline is not None and decline.code == "incorrect_cvc" else "pass"


def _descriptor(intent: Json) -> str:
    suffix = intent["statement_descriptor_suffix"]
    return f"SANDBOX* {suffix}" if suffix else "SANDBOX"


OPERATIONS = (
    operation("charges.retrieve", "GET /v1/charges/{id}", retrieve, {"expand": EXPAND}),
    operation("charges.list", "GET /v1/charges", list_, {**PAGE, "payment_intent": Text()}),
)
