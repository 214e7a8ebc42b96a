"""Payment methods: cards and bank accounts, only enough to pay with."""

import hashlib
import time
from typing import Any

from sandbox.stripe import bank_accounts, cards
from sandbox.stripe.call import Call, new_id, operation
from sandbox.stripe.refusal import Json, Refusal, bad_parameter, no_such
from sandbox.stripe.shapes import EXPAND, Choice, Fields, Integer, Metadata, Shape, Text, Values
from sandbox.stripe.store import Stored

KIND = "payment_method"

_ADDRESS = Fields(
    {
        name: Text(clears=True)
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    }
)
BILLING: Shape = Fields(
    {
        "address": _ADDRESS,
        "email": Text(longest=800, clears=True),
        "name": Text(clears=True),
        "phone": Text(clears=True),
    }
)
CARD: Shape = Fields(
    {
        "number": Text(longest=40),
        "exp_month": Integer(),
        "exp_year": Integer(),
        "cvc": Text(longest=4),
    },
    frozenset({"number", "exp_month", "exp_year"}),
)
DATA: dict[str, Shape] = {
    "type": Choice(("card",)),
    "card": CARD,
    "billing_details": BILLING,
    "metadata": Metadata(),
}
DATA_REQUIRED = frozenset({"type", "card"})
ANY_DATA: Shape = Fields(
    {
        **DATA,
        "type": Choice(("card", "bacs_debit")),
        "bacs_debit": Fields(
            {"sort_code": Text(longest=10), "account_number": Text(longest=20)},
            frozenset({"sort_code", "account_number"}),
        ),
    },
    frozenset({"type"}),
)
"""What a PaymentIntent can be paid with."""


def create(call: Call) -> Json:
    return store_method(call, call.params).body


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id, param="payment_method").body


def use(call: Call, name: str) -> Stored:
    """The payment method to charge: a stored one, or a fresh copy of a test name.

    Raises Refusal(400) for an unknown one and for one that was charged before.
    """
    known = cards.by_name(name)
    if known is not None:
        return _add(
            call, known, {"exp_month": 12, "exp_year": _year(call) + 4, "cvc": "123"}, {}, {}
        )
    stored = call.store.find(call.tenant, KIND, name)
    if stored is None:
        missing = no_such("PaymentMethod", name, param="payment_method")
        missing.status = 400
        raise missing
    if stored.hidden.get("used"):
        raise used_before()
    return stored


def used_before() -> Refusal:
    """A payment method without a customer is good for one attempt."""
    return Refusal(
        400,
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
        "attachment, shared with a connected account without Customer attachment, or was "
        "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
        "times, you must attach it to a Customer first.",
    )


def store_method(call: Call, data: Values) -> Stored:
    """Raises Refusal(402) for a number or a date no card can have."""
    if data["type"] == "bacs_debit":
        return _store_account(call, data)
    if "card" not in data:
        raise _missing("card")
    sent = data["card"]
    number = sent["number"].replace(" ", "").replace("-", "")
    card = cards.by_number(number)
    if card.refused is not None:
        raise refused(card.refused)
    _check_date(call, sent)
    return _add(call, card, sent, data.get("billing_details", {}), data.get("metadata") or {})


def refused(decline: cards.Decline) -> Refusal:
    """A card that is turned away before anything is charged."""
    more: Json = {"decline_code": decline.decline_code} if decline.decline_code else {}
    return Refusal(
        402, decline.message, kind="card_error", code=decline.code, param=decline.param, more=more
    )


def card_of(stored: Stored) -> cards.Card:
    """Raises Refusal(400) when it is no card."""
    if is_account(stored):
        raise bad_parameter("This PaymentMethod is not a card.", param="payment_method")
    return cards.by_number(stored.hidden["number"])


def is_account(stored: Stored) -> bool:
    """Whether it is a bank account."""
    return "account" in stored.hidden


def account_of(stored: Stored) -> bank_accounts.Account:
    """Raises Refusal(400) when it is no bank account that we know."""
    account = bank_accounts.by_number(bank_accounts.SORT_CODE, stored.hidden["account"])
    if account is None:
        raise bad_parameter("This PaymentMethod is not a bank account.", param="payment_method")
    return account


def _store_account(call: Call, data: Values) -> Stored:
    """Raises Refusal(400) for an account that no bank has, or one without its owner."""
    sent = data.get("bacs_debit")
    if sent is None:
        raise _missing("bacs_debit")
    billing = data.get("billing_details", {})
    for name in ("name", "email"):
        if not billing.get(name):
            raise _missing(f"billing_details][{name}")
    sort_code = sent["sort_code"].replace("-", "").replace(" ", "")
    number = sent["account_number"].replace(" ", "")
    if bank_accounts.by_number(sort_code, number) is None:
        raise bad_parameter(
            "The bank account number provided is invalid. Please check it and try again.",
            code="account_number_invalid",
            param="payment_method_data[bacs_debit][account_number]",
        )
    digest = hashlib.sha256(f"{call.tenant}:{sort_code}:{number}".encode()).hexdigest()
    body = {
        **_common(call, billing, data.get("metadata") or {}),
        "bacs_debit": {"fingerprint": digest[:16], "last4": number[-4:], "sort_code": sort_code},
        "type": "bacs_debit",
    }
    return call.store.add(call.tenant, body, hidden={"account": number})


def _missing(name: str) -> Refusal:
    param = f"payment_method_data[{name}]"
    return bad_parameter(f"Missing required param: {param}.", param=param, code="parameter_missing")


def card_behind(call: Call, charge: Json) -> cards.Card | None:
    """The card a charge was made on; None: it was no card."""
    method = call.store.get(call.tenant, KIND, charge["payment_method"])
    return card_of(method) if "number" in method.hidden else None


def _check_date(call: Call, sent: Values) -> None:
    if not 1 <= sent["exp_month"] <= 12:
        raise refused(
            cards.Decline(
                "invalid_expiry_month",
                None,
                "Your card's expiration month is invalid.",
                param="exp_month",
            )
        )
    year = sent["exp_year"] + 2000 if sent["exp_year"] < 100 else sent["exp_year"]
    if not _year(call) <= year <= _year(call) + 50:
        raise refused(
            cards.Decline(
                "invalid_expiry_year",
                None,
                "Your card's expiration year is invalid.",
                param="exp_year",
            )
        )


def _year(call: Call) -> int:
    return time.gmtime(call.now).tm_year


def _add(call: Call, card: cards.Card, sent: Values, billing: Values, metadata: Json) -> Stored:
    year = sent["exp_year"] + 2000 if sent["exp_year"] < 100 else sent["exp_year"]
    digest = hashlib.sha256(f"{call.tenant}:{card.number}".encode()).hexdigest()
    body = {
        **_common(call, billing, metadata),
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "unchecked" if "cvc" in sent else None,
            },
            "country": "GB",
            "display_brand": "american_express" if card.brand == "amex" else card.brand,
            "exp_month": sent["exp_month"],
            "exp_year": year,
            "fingerprint": digest[:16],
            "funding": card.funding,
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "type": "card",
    }
    return call.store.add(call.tenant, body, hidden={"number": card.number})


def _common(call: Call, billing: Values, metadata: Json) -> Json:
    """What every payment method says."""
    return {
        "id": new_id("pm"),
        "object": KIND,
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": {
                name: billing.get("address", {}).get(name)
                for name in ("city", "country", "line1", "line2", "postal_code", "state")
            },
            "email": billing.get("email"),
            "name": billing.get("name"),
            "phone": billing.get("phone"),
            "tax_id": None,
        },
        "created": call.now,
        "customer": None,
        "livemode": False,
        "metadata": {key: value for key, value in metadata.items() if value},
    }


def data_or_name(call: Call, params: dict[str, Any]) -> Stored | None:
    """What `payment_method` or `payment_method_data` of a request stands for."""
    if "payment_method" in params and "payment_method_data" in params:
        raise bad_parameter(
            "You cannot pass both `payment_method` and `payment_method_data`.",
            code="parameters_exclusive",
        )
    if params.get("payment_method_data"):
        return store_method(call, params["payment_method_data"])
    if params.get("payment_method"):
        return use(call, params["payment_method"])
    return None


OPERATIONS = (
    operation(
        "payment_methods.create",
        "POST /v1/payment_methods",
        create,
        {**DATA, "expand": EXPAND},
        required=("type", "card"),
        publishable=True,
    ),
    operation(
        "payment_methods.retrieve",
        "GET /v1/payment_methods/{id}",
        retrieve,
        {"expand": EXPAND},
    ),
)
