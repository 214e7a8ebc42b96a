"""Refunds of card charges: whole, partial and cumulative, never more than was captured."""

from sandbox.stripe import (
    balance_transactions,
    charges,
    destinations,
    dispute_course,
    money,
    payment_methods,
)
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter, no_such
from sandbox.stripe.shapes import EXPAND, PAGE, Choice, Flag, Integer, Metadata, Text
from sandbox.stripe.store import Stored

KIND = "refund"
SETTLED_AFTER = 60
"""Seconds after which the cards with a slow or a failing refund have it."""
_WAITS_AS = {"later": "pending", "fail": "succeeded"}


def create(call: Call) -> Json:
    params = call.params
    charge = _charge(call)
    body = charge.body
    if not body["captured"]:
        raise Refusal(
            400,
            f"Charge {body['id']} has not been captured, so it cannot be refunded. Cancel its "
            "PaymentIntent instead.",
            code="charge_not_refundable",
            param="charge",
        )
    if dispute_course.keeps_refunds_away(call, body):
        raise Refusal(
            400,
            f"Charge {body['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            param="charge",
        )
    left = body["amount_captured"] - body["amount_refunded"]
    if left == 0:
        raise Refusal(
            400,
            f"Charge {body['id']} has already been refunded.",
            code="charge_already_refunded",
            param="charge",
        )
    amount = params.get("amount", left)
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount ({money.shown(amount, body['currency'])}) is greater than unrefunded "
            f"amount on charge ({money.shown(left, body['currency'])})",
            param="amount",
        )
    card = payment_methods.card_behind(call, body)
    pending = card is not None and card.refunds == "later"
    refund = {
        "id": new_id("re"),
        "object": KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": body["id"],
        "created": call.now,
        "currency": body["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {key: value for key, value in (params.get("metadata") or {}).items() if value},
        "payment_intent": body["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = balance_transactions.of_refund(call, refund)
    before: Json = {"amount_refunded": body["amount_refunded"]}
    body["amount_refunded"] += amount
    if body["amount_refunded"] == body["amount_captured"]:
        before["refunded"] = False
        body["refunded"] = True
    destinations.give_back(call, body, refund)
    call.store.add(call.tenant, refund, parent=body["payment_intent"])
    call.store.save(charge)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", body, before=before)
    if card is not None and card.refunds != "at once":
        call.later("refund.settle", refund["id"], call.now + SETTLED_AFTER)
    return refund


def settle(call: Call, identifier: str, *, succeeds: bool) -> Json:
    """A refund arrives, or comes back; one that arrived may still come back.

    Raises Refusal(409) for one that has come to its end.
    """
    stored = call.store.get(call.tenant, KIND, identifier)
    refund = stored.body
    if refund["status"] == "failed" or (succeeds and refund["status"] == "succeeded"):
        raise Refusal(409, f"Refund {identifier} is {refund['status']} already.")
    before: Json = {"status": refund["status"]}
    refund["status"] = "succeeded" if succeeds else "failed"
    if not succeeds:
        before["failure_reason"] = None
        refund["failure_reason"] = "unknown"
        refund["failure_balance_transaction"] = balance_transactions.of_failed_refund(call, refund)
        charge = call.store.get(call.tenant, "charge", refund["charge"])
        charge.body["amount_refunded"] -= refund["amount"]
        charge.body["refunded"] = False
        call.store.save(charge)
    call.store.save(stored)
    call.emit("refund.updated", refund, before=before)
    call.emit("charge.refund.updated", refund, before=before)
    if not succeeds:
        call.emit("refund.failed", refund)
    return refund


def settle_by_card(call: Call, identifier: str) -> None:
    """What refunds to this card come to, unless this one was settled by hand."""
    refund = call.store.get(call.tenant, KIND, identifier).body
    card = payment_methods.card_behind(
        call, call.store.get(call.tenant, "charge", refund["charge"]).body
    )
    if card is not None and refund["status"] == _WAITS_AS.get(card.refunds):
        settle(call, identifier, succeeds=card.refunds == "later")


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id).body


def update(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id)
    if "metadata" in call.params:
        changed = call.params["metadata"]
        merged = {**stored.body["metadata"], **changed} if changed is not None else {}
        stored.body["metadata"] = {key: value for key, value in merged.items() if value}
        call.store.save(stored)
        call.emit("refund.updated", stored.body)
    return stored.body


def list_(call: Call) -> Json:
    parent = call.params.get("payment_intent")
    if "charge" in call.params:
        charge = call.store.get(call.tenant, "charge", call.params["charge"], param="charge")
        parent = charge.body["payment_intent"]
    return listing(
        "/v1/refunds", call.store.page(call.tenant, KIND, window(call.params), parent=parent)
    )


def _charge(call: Call) -> Stored:
    """The charge to refund; a PaymentIntent has at most one that succeeded."""
    params = call.params
    if "charge" in params:
        charge = call.store.get(call.tenant, "charge", params["charge"], param="charge")
        if params.get("payment_intent") not in {None, charge.body["payment_intent"]}:
            raise bad_parameter(
                "The charge does not belong to the payment_intent you passed.", param="charge"
            )
        if charge.body["status"] != "succeeded":
            raise Refusal(
                400,
                f"Charge {charge.body['id']} has a status of {charge.body['status']} and cannot be "
                "refunded.",
                code="charge_not_refundable",
                param="charge",
            )
        return charge
    if "payment_intent" not in params:
        raise bad_parameter(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    identifier = params["payment_intent"]
    if call.store.find(call.tenant, "payment_intent", identifier) is None:
        raise no_such("payment_intent", identifier, param="payment_intent")
    return charges.paid_of(call, identifier)


OPERATIONS = (
    operation(
        "refunds.create",
        "POST /v1/refunds",
        create,
        {
            "amount": Integer(least=1),
            "charge": Text(),
            "payment_intent": Text(),
            "reason": Choice(("duplicate", "fraudulent", "requested_by_customer")),
            "refund_application_fee": Flag(),
            "reverse_transfer": Flag(),
            "metadata": Metadata(),
            "expand": EXPAND,
        },
    ),
    operation(
        "refunds.list",
        "GET /v1/refunds",
        list_,
        {**PAGE, "charge": Text(), "payment_intent": Text()},
    ),
    operation("refunds.retrieve", "GET /v1/refunds/{id}", retrieve, {"expand": EXPAND}),
    operation(
        "refunds.update",
        "POST /v1/refunds/{id}",
        update,
        {"metadata": Metadata(), "expand": EXPAND},
    ),
)
