"""Disputes: a payer asks PayPal for the money back, and how that goes on.

An inquiry is between the payer and the seller. Escalated it is a claim, which PayPal decides; only
then money moves. PayPal may decide for the payer while the seller can still appeal (`recover`), and
give the money back in the end. Nothing here comes to its end by time.
"""

import secrets
import string
from collections.abc import Sequence
from typing import Literal

from sandbox.paypal.money import amount_of
from sandbox.paypal.orders import Ledger, new_id, settled
from sandbox.paypal.refusal import Json, unprocessable
from sandbox.paypal.store import Stored

REASONS = (
    "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
    "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
    "UNAUTHORISED",
    "CREDIT_NOT_PROCESSED",
    "DUPLICATE_TRANSACTION",
    "INCORRECT_AMOUNT",
    "PAYMENT_BY_OTHER_MEANS",
    "CANCELED_RECURRING_BILLING",
    "PROBLEM_WITH_REMITTANCE",
    "OTHER",
)
Step = Literal["escalate", "answer", "recover"]
Outcome = Literal["won", "lost", "accepted", "withdrawn", "covered"]
FEE = 1400
"""What PayPal keeps for a dispute that it decides for the payer, in minor units."""

_TO_ANSWER = 10 * 24 * 3600.0  # seconds; twice as long while it is an inquiry
_CODES = {
    "won": "RESOLVED_SELLER_FAVOUR",
    "lost": "RESOLVED_BUYER_FAVOUR",
    "accepted": "RESOLVED_BUYER_FAVOUR",  # the seller gives the money back by themselves
    "withdrawn": "CANCELED_BY_BUYER",
    "covered": "RESOLVED_WITH_PAYOUT",  # PayPal pays the payer
}


def begin(ledger: Ledger, identifier: str, reason: str, *, inquiry: bool) -> Json:
    """The payer disputes all that is left of a capture.

    Raises:
        Refusal: it was disputed before, or nothing is left.
    """
    capture = ledger.store.get("capture", identifier)
    left = ledger.left(capture)
    if ledger.disputes_of(capture) or left <= 0 or capture.body["status"] == "PENDING":
        raise unprocessable("TRANSACTION_NOT_DISPUTABLE")
    dispute_id = _new_id()
    lasts = 2 * _TO_ANSWER if inquiry else _TO_ANSWER
    body: Json = {
        "dispute_id": dispute_id,
        "create_time": ledger.moment(),
        "update_time": ledger.moment(),
        "disputed_transactions": [_transaction(capture)],
        "reason": reason,
        "status": "OPEN" if inquiry else "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": amount_of(left, capture.body["amount"]["currency_code"]),
        "dispute_life_cycle_stage": "INQUIRY" if inquiry else "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": ledger.moment(lasts),
        "links": [
            {
                "href": f"{ledger.base}/v1/customer/disputes/{dispute_id}",
                "rel": "self",
                "method": "GET",
            }
        ],
    }
    hidden = {"capture": identifier, "amount": left, "taken": 0}
    stored = Stored(capture.tenant, "dispute", capture.parent, body, hidden)
    ledger.store.add(stored)
    _tell(ledger, stored, "CREATED")
    return body


def steps(body: Json) -> Sequence[str]:
    """What can follow: steps and outcomes."""
    if body["status"] == "RESOLVED":
        return ()
    if body["dispute_life_cycle_stage"] == "INQUIRY":
        return ("escalate", "accepted", "withdrawn", "won")
    waits = ("answer",) if body["status"] == "WAITING_FOR_SELLER_RESPONSE" else ()
    undecided = body["dispute_life_cycle_stage"] == "CHARGEBACK"
    first = ("recover", "accepted") if undecided else ()
    return (*waits, *first, "won", "lost", "withdrawn", "covered")


def go_on(ledger: Ledger, identifier: str, step: Step) -> Json:
    """The payer escalates, the seller answers, or PayPal takes the money.

    Raises:
        Refusal: not from here.
    """
    dispute = _at(ledger, identifier, step)
    body = dispute.body
    match step:
        case "escalate":
            body["dispute_life_cycle_stage"] = "CHARGEBACK"
            _await_seller(ledger, body)
        case "answer":
            body["status"] = "UNDER_REVIEW"
            del body["seller_response_due_date"]
        case "recover":
            body["dispute_life_cycle_stage"] = "PRE_ARBITRATION"
            _await_seller(ledger, body)
            _take(ledger, dispute)
    _tell(ledger, dispute, "UPDATED")
    return body


def settle(ledger: Ledger, identifier: str, outcome: Outcome) -> Json:
    """It is over.

    Raises:
        Refusal: not like this from here.
    """
    dispute = _at(ledger, identifier, outcome)
    body, amount = dispute.body, dispute.body["dispute_amount"]
    if outcome == "lost" and not dispute.hidden["taken"]:
        _take(ledger, dispute)
    if outcome == "accepted":
        # The money goes as a refund of the capture, and is told as the dispute's besides.
        ledger.refund(dispute.tenant, dispute.hidden["capture"], {}, "COMPLETED")
        _moves(ledger, body, ("BUYER", "CREDIT"), ("SELLER", "DEBIT"))
        body["disputed_transactions"][0]["transaction_status"] = "REFUNDED"
    if outcome == "covered":
        _moves(ledger, body, ("BUYER", "CREDIT"), ("PAYMENT_PROCESSOR", "DEBIT"))
    if outcome in {"won", "withdrawn", "covered"} and dispute.hidden["taken"]:
        _give_back(ledger, dispute)
    refunded = {"amount_refunded": amount} if outcome in {"lost", "accepted", "covered"} else {}
    body["status"] = "RESOLVED"
    body["dispute_outcome"] = {"outcome_code": _CODES[outcome], **refunded}
    body.pop("seller_response_due_date", None)
    _tell(ledger, dispute, "RESOLVED")
    return body


def _at(ledger: Ledger, identifier: str, wanted: str) -> Stored:
    dispute = ledger.store.get("dispute", identifier)
    if wanted not in steps(dispute.body):
        done = "DISPUTE_RESOLVED" if settled(dispute) else "ACTION_NOT_ALLOWED_IN_CURRENT_STATE"
        raise unprocessable(done)
    return dispute


def _await_seller(ledger: Ledger, body: Json) -> None:
    body["status"] = "WAITING_FOR_SELLER_RESPONSE"
    body["seller_response_due_date"] = ledger.moment(_TO_ANSWER)


def _take(ledger: Ledger, dispute: Stored) -> None:
    body = dispute.body
    _moves(ledger, body, ("BUYER", "CREDIT"), ("SELLER", "DEBIT"))
    _fee(ledger, body, "DEBIT")
    body["disputed_transactions"][0]["transaction_status"] = "REVERSED"
    dispute.hidden["taken"] = dispute.hidden["amount"]
    ledger.store.save(dispute)
    capture = ledger.store.get("capture", dispute.hidden["capture"])
    shown = ledger.shown_capture(capture)
    ledger.tell(capture.tenant, "PAYMENT.CAPTURE.REVERSED", "capture", shown, str(capture.parent))


def _give_back(ledger: Ledger, dispute: Stored) -> None:
    _moves(ledger, dispute.body, ("SELLER", "CREDIT"))
    _fee(ledger, dispute.body, "CREDIT")
    dispute.body["disputed_transactions"][0]["transaction_status"] = "COMPLETED"
    dispute.hidden["taken"] = 0


def _moves(ledger: Ledger, body: Json, *sides: tuple[str, str]) -> None:
    for side in sides:
        _move(ledger, body, side, "DISPUTE_SETTLEMENT", body["dispute_amount"])


def _fee(ledger: Ledger, body: Json, kind: str) -> None:
    fee = amount_of(FEE, body["dispute_amount"]["currency_code"])
    _move(ledger, body, ("SELLER", kind), "DISPUTE_FEE", fee)


def _move(ledger: Ledger, body: Json, side: tuple[str, str], reason: str, amount: Json) -> None:
    body.setdefault("money_movements", []).append(
        {
            "affected_party": side[0],
            "amount": amount,
            "initiated_time": ledger.moment(),
            "type": side[1],
            "reason": reason,
        }
    )


def _tell(ledger: Ledger, dispute: Stored, what: str) -> None:
    dispute.body["update_time"] = ledger.moment()
    ledger.store.save(dispute)
    kind, subject = f"CUSTOMER.DISPUTE.{what}", str(dispute.parent)
    ledger.tell(dispute.tenant, kind, "dispute", dispute.body, subject)


def _transaction(capture: Stored) -> Json:
    named = {"invoice_id": "invoice_number", "custom_id": "custom"}
    return {
        "buyer_transaction_id": new_id(),
        "seller_transaction_id": capture.id,
        "create_time": capture.body["create_time"],
        "transaction_status": capture.body["status"],
        "gross_amount": capture.body["amount"],
        **{theirs: capture.body[ours] for ours, theirs in named.items() if ours in capture.body},
        "buyer": {"name": "Test Guest"},
    }


def _new_id() -> str:
    """As PayPal names disputes: PP-R-, three letters, eight digits."""
    letters = "".join(secrets.choice(string.ascii_uppercase) for _ in range(3))
    return f"PP-R-{letters}-{secrets.randbelow(9 * 10**7) + 10**7}"
