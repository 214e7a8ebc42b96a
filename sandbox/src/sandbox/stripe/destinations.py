"""Destination charges: taken by the platform, passed on to a connected account, less its fee."""

from sandbox.stripe import connected_accounts, money
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.shapes import EXPAND, PAGE, Fields, Integer, Shape, Text, Values
from sandbox.stripe.store import Stored

TRANSFER = "transfer"
FEE = "application_fee"

PARAMS: dict[str, Shape] = {
    "application_fee_amount": Integer(least=1, most=money.LARGEST),
    "on_behalf_of": Text(),
    "transfer_data": Fields({"destination": Text()}, frozenset({"destination"})),
}


def check(call: Call, params: Values, amount: int) -> Json:
    """What a PaymentIntent keeps of them. Raises Refusal(400) for what cannot be passed on."""
    fee = params.get("application_fee_amount")
    destination = params.get("transfer_data", {}).get("destination")
    if fee is not None and destination is None:
        raise bad_parameter(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a "
            "direct payment (using an OAuth key or Stripe-Account header) or destination payment "
            "(using `transfer_data[destination]`).",
            param="application_fee_amount",
        )
    if fee is not None and fee > amount:
        raise bad_parameter(
            "The application_fee_amount is greater than the amount.",
            param="application_fee_amount",
        )
    if destination is not None:
        _check_account(call, destination, "transfer_data[destination]")
    return {
        "application_fee_amount": fee,
        "on_behalf_of": on_behalf(call, params),
        "transfer_data": {"destination": destination} if destination else None,
    }


def on_behalf(call: Call, params: Values) -> str | None:
    """The connected account who sells. Raises Refusal(400) for one that can't."""
    ref: str | None = params.get("on_behalf_of")
    if ref is not None:
        _check_account(call, ref, "on_behalf_of")
    return ref


def _check_account(call: Call, ref: str, param: str) -> None:
    stored = call.store.find(call.tenant, connected_accounts.KIND, ref)
    if stored is None or stored.hidden.get("left"):
        kind = "destination" if "destination" in param else "account"
        raise bad_parameter(f"No such {kind}: '{ref}'", param=param, code="resource_missing")
    if stored.body["capabilities"].get("transfers") != "active":
        raise Refusal(
            400,
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
            param=param,
        )


def settle(call: Call, charge: Json) -> None:
    """Pass a captured charge on, and keep the fee; the charge is the caller's to save."""
    destination = (charge["transfer_data"] or {}).get("destination")
    if destination is None:
        return
    transfer: Json = {
        "id": new_id("tr"),
        "object": TRANSFER,
        "amount": charge["amount_captured"],
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": call.now,
        "currency": charge["currency"],
        "description": None,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": {},
        "reversed": False,
        "source_transaction": charge["id"],
        "source_type": "card",
        "transfer_group": None,
    }
    transfer["reversals"] = _sublist(f"/v1/transfers/{transfer['id']}/reversals")
    charge["transfer"] = transfer["id"]
    call.store.add(call.tenant, transfer, parent=charge["id"])
    call.emit("transfer.created", transfer)
    if charge["application_fee_amount"]:
        fee = _fee(call, charge, transfer)
        charge["application_fee"] = fee["id"]
        call.store.add(call.tenant, fee, parent=charge["id"])
        call.emit("application_fee.created", fee)


def _fee(call: Call, charge: Json, transfer: Json) -> Json:
    identifier = new_id("fee")
    return {
        "id": identifier,
        "object": FEE,
        "account": transfer["destination"],
        "amount": charge["application_fee_amount"],
        "amount_refunded": 0,
        "application": connected_accounts.APPLICATION,
        "balance_transaction": None,
        "charge": transfer["destination_payment"],
        "created": call.now,
        "currency": charge["currency"],
        "fee_source": {"charge": transfer["destination_payment"], "type": "charge"},
        "livemode": False,
        "originating_transaction": charge["id"],
        "refunded": False,
        "refunds": _sublist(f"/v1/application_fees/{identifier}/refunds"),
    }


def give_back(call: Call, charge: Json, refund: Json) -> None:
    """Take back of transfer and fee what belongs to a refund.

    Both stay taken back when the refund fails: its money then is the platform's, to pass on again.
    Raises Refusal(400) for more than is left of the transfer.
    """
    params = call.params
    reverses, returns = params.get("reverse_transfer"), params.get("refund_application_fee")
    for name, wanted, needed in (
        ("reverse_transfer", reverses, charge.get("transfer")),
        ("refund_application_fee", returns, charge["application_fee"]),
    ):
        if wanted and not needed:
            raise bad_parameter(
                f"Cannot set {name} on this charge: it has none of the kind.", param=name
            )
    if reverses:
        refund["transfer_reversal"] = _reverse(call, charge, refund)
    if returns:
        _return_fee(call, charge, 0 if reverses else refund["amount"])


def _reverse(call: Call, charge: Json, refund: Json) -> str:
    stored = call.store.get(call.tenant, TRANSFER, charge["transfer"])
    return str(_take_back(call, stored, refund["amount"], "reverse_transfer", refund["id"])["id"])


def _take_back(
    call: Call, stored: Stored, share: int, param: str, refund: str | None = None
) -> Json:
    transfer = stored.body
    left = transfer["amount"] - transfer["amount_reversed"]
    if share > left:
        raise bad_parameter(
            f"Transfer {transfer['id']} has {left} left to reverse, which is less than {share}.",
            param=param,
        )
    reversal: Json = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": share,
        "balance_transaction": None,
        "created": call.now,
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": {},
        "source_refund": refund,
        "transfer": transfer["id"],
    }
    transfer["amount_reversed"] += share
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    call.store.save(stored)
    call.emit("transfer.reversed", transfer)
    return reversal


def _return_fee(call: Call, charge: Json, besides: int) -> None:
    """The fee's part of all that was reversed, and of `besides`: half a unit is rounded up."""
    stored = call.store.get(call.tenant, FEE, charge["application_fee"])
    fee, amount = stored.body, charge["amount"]
    back = (
        besides + call.store.get(call.tenant, TRANSFER, charge["transfer"]).body["amount_reversed"]
    )
    share = (2 * fee["amount"] * back + amount) // (2 * amount) - fee["amount_refunded"]
    if share > 0:
        _give_fee(call, stored, share)


def _give_fee(call: Call, stored: Stored, share: int) -> Json:
    fee = stored.body
    given: Json = {
        "id": new_id("fr"),
        "object": "fee_refund",
        "amount": share,
        "balance_transaction": None,
        "created": call.now,
        "currency": fee["currency"],
        "fee": fee["id"],
        "metadata": {},
    }
    fee["amount_refunded"] += share
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"]["data"].insert(0, given)
    call.store.save(stored)
    call.emit("application_fee.refunded", fee)
    return given


def reverse(call: Call) -> Json:
    """Somebody takes back from the account what no refund asked for."""
    stored = call.store.get(call.tenant, TRANSFER, call.id)
    left = stored.body["amount"] - stored.body["amount_reversed"]
    return _take_back(call, stored, call.params.get("amount", left), "amount")


def refund_fee(call: Call) -> Json:
    """Somebody returns of the fee what no refund asked for."""
    stored = call.store.get(call.tenant, FEE, call.id)
    left = stored.body["amount"] - stored.body["amount_refunded"]
    amount = call.params.get("amount", left)
    if amount > left:
        raise bad_parameter(f"Only {left} of this fee is left to refund.", param="amount")
    return _give_fee(call, stored, amount)


def _sublist(url: str) -> Json:
    return {"object": "list", "data": [], "has_more": False, "url": url}


def list_transfers(call: Call) -> Json:
    return listing("/v1/transfers", call.store.page(call.tenant, TRANSFER, window(call.params)))


def retrieve_transfer(call: Call) -> Json:
    return call.store.get(call.tenant, TRANSFER, call.id).body


def list_fees(call: Call) -> Json:
    return listing("/v1/application_fees", call.store.page(call.tenant, FEE, window(call.params)))


def retrieve_fee(call: Call) -> Json:
    return call.store.get(call.tenant, FEE, call.id).body


OPERATIONS = (
    operation("transfers.list", "GET /v1/transfers", list_transfers, PAGE),
    operation(
        "transfers.retrieve", "GET /v1/transfers/{id}", retrieve_transfer, {"expand": EXPAND}
    ),
    operation(
        "transfer_reversals.create",
        "POST /v1/transfers/{id}/reversals",
        reverse,
        {"amount": Integer(least=1), "expand": EXPAND},
    ),
    operation("application_fees.list", "GET /v1/application_fees", list_fees, PAGE),
    operation(
        "application_fee_refunds.create",
        "POST /v1/application_fees/{id}/refunds",
        refund_fee,
        {"amount": Integer(least=1), "expand": EXPAND},
    ),
    operation(
        "application_fees.retrieve",
        "GET /v1/application_fees/{id}",
        retrieve_fee,
        {"expand": EXPAND},
    ),
)
