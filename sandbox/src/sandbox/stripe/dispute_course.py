"""The course of a dispute: opened on a charge, answered with evidence, won or lost.

A chargeback takes the money at once and gives it back when it is won. An inquiry only asks; it
takes nothing unless it is escalated to a chargeback.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from sandbox.stripe import balance_transactions, cards, payment_methods
from sandbox.stripe.call import Call, new_id
from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.store import Stored

KIND = "dispute"
Outcome = Literal["won", "lost", "escalated"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
TO_ANSWER = 7 * 24 * 3600
"""Seconds that evidence may take."""
INQUIRY_LASTS = 120 * 24 * 3600
"""Seconds after which an inquiry that nobody escalated is closed."""
WRITTEN = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
"""Evidence that is text. What needs an uploaded file isn't modelled."""
_FILED = (
    "appeal",
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
_REASON_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
_WAITING = frozenset({"needs_response", "warning_needs_response"})
_OPEN = _WAITING | {"under_review", "warning_under_review"}
# The words in `uncategorized_text` that decide a dispute in test mode.
_DECISIVE: Mapping[str, Outcome] = {
    "winning_evidence": "won",
    "losing_evidence": "lost",
    "escalate_inquiry_evidence": "escalated",
}


def begin(call: Call, charge: Stored, disputed: cards.Dispute) -> Json:
    """The cardholder goes to their bank about what is left of a charge.

    Raises Refusal(409) when the charge was disputed before or nothing of it is left.
    """
    body = charge.body
    left = body["amount_captured"] - body["amount_refunded"]
    if body["disputed"] or body["status"] != "succeeded" or left <= 0:
        raise Refusal(409, f"Charge {body['id']} has nothing left to dispute.")
    card = body["payment_method_details"]["card"]
    reason_code = _REASON_CODES.get(disputed.reason)
    dispute: Json = {
        "id": new_id("du"),
        "object": KIND,
        "amount": left,
        "balance_transactions": [],
        "charge": body["id"],
        "created": call.now,
        "currency": body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys((*WRITTEN, *_FILED)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + TO_ANSWER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": disputed.inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": reason_code,
        "payment_intent": body["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if disputed.inquiry else "chargeback",
                "network": card["network"],
                "network_reason_code": reason_code,
            },
            "type": "card",
        },
        "reason": disputed.reason,
        "status": "warning_needs_response" if disputed.inquiry else "needs_response",
    }
    body["disputed"] = True
    call.store.save(charge)
    stored = call.store.add(call.tenant, dispute, parent=body["payment_intent"])
    call.emit("charge.dispute.created", dispute)
    call.later("dispute.answer_due", dispute["id"], call.now + TO_ANSWER)
    if disputed.inquiry:
        call.later("dispute.inquiry_ends", dispute["id"], call.now + INQUIRY_LASTS)
    else:
        _withdraw(call, stored)
    return dispute


def on_charge(call: Call, charge: Stored) -> None:
    """What a card that disputes does as soon as its money is taken."""
    card = payment_methods.card_behind(call, charge.body)
    if card is not None and card.disputed is not None and charge.body["captured"]:
        begin(call, charge, card.disputed)


def submit(call: Call, stored: Stored) -> None:
    """The evidence goes to the bank; certain words in it decide at once."""
    body = stored.body
    details = body["evidence_details"]
    details["submission_count"] += 1
    details["submission_method"] = "manual"
    body["status"] = "warning_under_review" if _asks(body) else "under_review"
    call.store.save(stored)
    call.emit("charge.dispute.updated", body)
    outcome = _DECISIVE.get(body["evidence"]["uncategorized_text"] or "")
    if outcome is not None and (outcome != "escalated" or _asks(body)):
        settle(call, stored, outcome)


def settle(call: Call, stored: Stored, outcome: Outcome) -> Json:
    """The bank decides; an inquiry can only be closed or escalated.

    Raises Refusal(409) for a dispute that is over, and for escalating a chargeback.
    """
    body = stored.body
    if not is_open(body):
        raise Refusal(409, f"Dispute {body['id']} is {body['status']} already.")
    if outcome == "escalated":
        return _escalate(call, stored)
    if _asks(body):
        body["status"] = "warning_closed"
    else:
        body["status"] = outcome
        body["is_charge_refundable"] = outcome == "won"
    call.store.save(stored)
    call.emit("charge.dispute.closed", body)
    if body["status"] == "won":
        _reinstate(call, stored)
    return body


def answer_due(call: Call, identifier: str) -> None:
    """No evidence came in time: a chargeback is lost, an inquiry stays open."""
    stored = call.store.get(call.tenant, KIND, identifier)
    details = stored.body["evidence_details"]
    if not awaits_evidence(stored.body) or details["due_by"] > call.now:
        return
    details["past_due"] = True
    if _asks(stored.body):
        call.store.save(stored)
        call.emit("charge.dispute.updated", stored.body)
    else:
        settle(call, stored, "lost")


def inquiry_ends(call: Call, identifier: str) -> None:
    stored = call.store.get(call.tenant, KIND, identifier)
    if is_open(stored.body) and _asks(stored.body):
        settle(call, stored, "lost")


def is_open(body: Json) -> bool:
    return body["status"] in _OPEN


def awaits_evidence(body: Json) -> bool:
    return body["status"] in _WAITING


def keeps_refunds_away(call: Call, charge: Json) -> bool:
    """A charge whose money the bank has taken, or may keep, can't be refunded besides."""
    disputes = call.store.children(charge["payment_intent"], KIND) if charge["disputed"] else []
    return any(not one.body["is_charge_refundable"] for one in disputes)


def _escalate(call: Call, stored: Stored) -> Json:
    body = stored.body
    if not _asks(body):
        raise Refusal(409, f"Dispute {body['id']} is no inquiry.")
    body["status"] = "needs_response"
    body["is_charge_refundable"] = False
    body["payment_method_details"]["card"]["case_type"] = "chargeback"
    body["evidence_details"]["due_by"] = call.now + TO_ANSWER
    call.later("dispute.answer_due", body["id"], call.now + TO_ANSWER)
    call.store.save(stored)
    call.emit("charge.dispute.updated", body)
    _withdraw(call, stored)
    return body


def _withdraw(call: Call, stored: Stored) -> None:
    _move(call, stored, -stored.body["amount"])
    call.emit("charge.dispute.funds_withdrawn", stored.body)


def _reinstate(call: Call, stored: Stored) -> None:
    _move(call, stored, stored.body["amount"])
    call.emit("charge.dispute.funds_reinstated", stored.body)


def _move(call: Call, stored: Stored, amount: int) -> None:
    moved = balance_transactions.of_dispute(call, stored.body, amount)
    stored.body["balance_transactions"].append(moved)
    call.store.save(stored)


def _asks(body: Json) -> bool:
    return bool(body["status"].startswith("warning_"))
