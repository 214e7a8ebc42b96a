"""Balance transactions: what each movement of money did to the account's balance, fees included."""

from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json
from sandbox.stripe.shapes import EXPAND, PAGE, Text

KIND = "balance_transaction"
DISPUTE_FEE = 2000  # minor units
CLEARS_AFTER = 2 * 24 * 3600  # seconds until money taken may be paid out

# What Stripe keeps of a card payment: 1.5 % and a fixed part, as for a European card.
_PERCENT = 1.5
_FIXED = {"eur": 25, "gbp": 20, "nok": 200, "sek": 180, "usd": 30}


def of_charge(call: Call, charge: Json, amount: int) -> str:
    """A charge captured `amount`: the id of what it did to the balance."""
    fee = min(round(amount * _PERCENT / 100) + _FIXED.get(charge["currency"], 0), amount)
    return str(_add(call, charge, amount, fee=fee, kind="charge")["id"])


def of_refund(call: Call, refund: Json) -> str:
    """A refund gives its amount back; the fee of the charge stays with Stripe."""
    return str(_add(call, refund, -refund["amount"], fee=0, kind="refund")["id"])


def of_failed_refund(call: Call, refund: Json) -> str:
    """A refund came back."""
    return str(_add(call, refund, refund["amount"], fee=0, kind="refund_failure")["id"])


def of_dispute(call: Call, dispute: Json, amount: int) -> Json:
    """The bank takes a charge's money, for a fee, or gives it back without the fee."""
    fee = DISPUTE_FEE if amount < 0 else 0
    return _add(call, dispute, amount, fee=fee, kind="adjustment", reported="dispute")


def _add(
    call: Call, source: Json, amount: int, *, fee: int, kind: str, reported: str | None = None
) -> Json:
    currency = source["currency"]
    body: Json = {
        "id": new_id("txn"),
        "object": KIND,
        "amount": amount,
        "available_on": call.now + (CLEARS_AFTER if amount > 0 else 0),
        "balance_type": "payments",
        "created": call.now,
        "currency": currency,
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
        if fee
        else [],
        "net": amount - fee,
        "reporting_category": reported or kind,
        "source": source["id"],
        "status": "pending" if amount > 0 else "available",
        "type": kind,
    }
    call.store.add(call.tenant, body, parent=source["id"])
    return body


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id).body


def list_(call: Call) -> Json:
    page = call.store.page(call.tenant, KIND, window(call.params), parent=call.params.get("source"))
    return listing("/v1/balance_transactions", page)


OPERATIONS = (
    operation(
        "balance_transactions.retrieve",
        "GET /v1/balance_transactions/{id}",
        retrieve,
        {"expand": EXPAND},
    ),
    operation(
        "balance_transactions.list",
        "GET /v1/balance_transactions",
        list_,
        {**PAGE, "source": Text()},
    ),
)
