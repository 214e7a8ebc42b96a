"""Paying by Bacs Direct Debit: the bank is asked, and answers later than the customer waits."""

from sandbox.stripe import bank_accounts, charges, confirmation, payment_methods
from sandbox.stripe.call import Call
from sandbox.stripe.refusal import Json, bad_parameter, doc_url
from sandbox.stripe.store import Stored


def ask(call: Call, stored: Stored, method: Stored) -> Json:
    """Send the debit on its way: the PaymentIntent is processing until its bank has answered.

    Raises Refusal(400) when the PaymentIntent takes no debits.
    """
    intent = stored.body
    if "bacs_debit" not in intent["payment_method_types"]:
        raise bad_parameter(
            "The PaymentMethod provided (bacs_debit) is not allowed for this PaymentIntent.",
            param="payment_method",
        )
    account = payment_methods.account_of(method)
    charge = charges.pend(call, intent, method.body).body
    intent["payment_method"] = method.body["id"]
    intent["last_payment_error"] = None
    intent["latest_charge"] = charge["id"]
    intent["status"] = "processing"
    confirmation.use_up(call, method)
    call.store.save(stored)
    call.emit("payment_intent.processing", intent)
    call.emit("charge.pending", charge)
    call.later("payment_intent.clear", intent["id"], call.now + account.answers_after)
    return intent


def clear(call: Call, identifier: str) -> None:
    """The bank answers."""
    stored = call.store.get(call.tenant, "payment_intent", identifier)
    intent = stored.body
    if intent["status"] != "processing":
        return
    method = call.store.get(call.tenant, payment_methods.KIND, intent["payment_method"])
    refusal = payment_methods.account_of(method).refusal
    charge = call.store.get(call.tenant, charges.KIND, intent["latest_charge"])
    charges.answered(call, charge, refusal, bank_accounts.MESSAGES.get(refusal or ""))
    if refusal is None:
        intent["status"] = "succeeded"
        intent["amount_received"] = intent["amount"]
        call.store.save(stored)
        call.emit("payment_intent.succeeded", intent)
        call.emit("charge.succeeded", charge.body)
        return
    intent["last_payment_error"] = {
        "charge": charge.body["id"],
        "code": refusal,
        "doc_url": doc_url(refusal),
        "message": bank_accounts.MESSAGES[refusal],
        "payment_method": method.body,
        "type": "invalid_request_error",
    }
    confirmation.back_to_start(call, stored, method)
    call.emit("charge.failed", charge.body)
