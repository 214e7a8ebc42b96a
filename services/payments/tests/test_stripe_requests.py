"""What we send to Stripe and read from it, held to the installed package's own types."""

from typing import Any
from uuid import uuid4

import pytest
import stripe as package
from hypothesis import given
from hypothesis import strategies as st
from payments_checkout import CARD, at_checkout
from payments_world import Stripe, World

from contracts.offerings import OfferingChanged
from contracts.payments import MESSAGE_KEYS
from contracts.testing import example
from payments.domain import failures
from payments.domain.failures import MESSAGES, Failure, message
from payments.domain.money import Money, is_chargeable
from payments.domain.payment import Fact
from payments.domain.provider import (
    Misconfigured,
    OutOfState,
    PaymentOrder,
    Refused,
    Remembered,
    Unreached,
)
from payments.providers.stripe import API_VERSION, answers, errors, requests
from sandbox.conformance import check_request


def _order(**changes: Any) -> PaymentOrder:
    values: dict[str, Any] = {
        "amount": Money(5000, "GBP"),
        "methods": ("card",),
        "reference": "BRL-2030-7KQ4M",
        "description": "Saturday Night, Example Hall (BRL-2030-7KQ4M)",
        "venue": "example-hall",
        "descriptor": "EXAMPLE HALL",
    }
    for name in ("attempt", "payment", "booking", "org", "session", "offering"):
        values[f"{name}_id"] = uuid4()
    return PaymentOrder(**{**values, **changes})


def test_the_version_we_pin_is_the_one_the_package_was_made_for():
    assert package.api_version == API_VERSION


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"methods": ("bacs_debit",)},
        {"methods": ("swish",)},
        {"descriptor": None},
        {"venue": ""},
    ],
)
def test_every_payment_request_is_one_that_stripe_understands(changes: dict[str, Any]):
    body = requests.payment(_order(**changes))
    assert check_request("POST", "/v1/payment_intents", body) == []
    assert all(isinstance(value, str) and value for value in body["metadata"].values())


def test_cards_take_a_suffix_and_others_a_whole_descriptor():
    card = requests.payment(_order())
    bacs = requests.payment(_order(methods=("bacs_debit",)))
    assert card["statement_descriptor_suffix"] == bacs["statement_descriptor"] == "EXAMPLE HALL"
    assert "statement_descriptor" not in card


@given(st.text(max_size=60))
def test_any_text_makes_a_descriptor_that_a_statement_can_carry(text: str):
    made = requests.descriptor(text)
    assert made is None or (
        1 <= len(made) <= 22
        and made.isascii()
        and any(c.isalpha() for c in made)
        and not set(made) & set("<>\\'\"*")
    )


async def test_all_that_was_asked_of_stripe_in_a_whole_story_is_understood(
    world: World, stripe: Stripe
):
    booking, ended = world.booking(), world.booking()
    payment = await booking.paid()
    await world.hand(booking.unfulfillable(payment["id"], 1000))
    await ended.ready()
    await world.hand(ended.expired())
    offering = example(OfferingChanged).model_copy(update={"org_id": world.org_id})
    for sequence, status in ((1, "active"), (2, "archived")):
        await world.hand(offering.model_copy(update={"status": status}), sequence=sequence)
        await world.quiet()
    page, left = at_checkout(world), at_checkout(world)
    await page.ready()
    await stripe.at_checkout(await page.ref(), "pay", card=CARD)
    await page.becomes("succeeded")
    await left.ready()
    await world.hand(left.expired())
    await world.quiet()
    seen = [
        one
        for one in await stripe.call("GET", "/_sandbox/requests")
        if one["account"] == stripe.key.removeprefix("sk_test_")
        # What the tests themselves do as a browser is none of the service's requests.
        and not one["path"].endswith("/confirm")
    ]
    paths = {(one["method"], one["path"].rpartition("/")[2]) for one in seen}
    assert {("POST", "payment_intents"), ("POST", "cancel"), ("POST", "refunds")} <= paths
    assert {("POST", "sessions"), ("POST", "expire"), ("POST", "prices")} <= paths
    for one in seen:
        assert check_request(one["method"], one["path"], one["params"]) == [], one


@pytest.mark.parametrize(
    ("status", "error", "fact"),
    [
        ("requires_payment_method", None, Fact.PREPARED),
        ("requires_payment_method", {"code": "card_declined"}, Fact.DECLINED),
        ("requires_confirmation", None, Fact.PREPARED),
        ("requires_action", None, Fact.ACTION_REQUIRED),
        ("processing", None, Fact.PROCESSING),
        ("canceled", None, Fact.CANCELLED),
        ("succeeded", None, Fact.SUCCEEDED),
    ],
)
def test_stripes_states_in_our_words(status: str, error: Any, fact: Fact):
    data = {
        "id": "pi_1",
        "status": status,
        "amount": 5000,
        "currency": "gbp",
        "last_payment_error": error,
    }
    assert answers.payment(data).fact is fact


@pytest.mark.parametrize("data", [{}, {"status": "brand_new"}, {"status": []}])
def test_an_answer_we_cannot_read_is_asked_for_again(data: dict[str, Any]):
    with pytest.raises(Unreached):
        answers.payment(data)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (package.APIConnectionError("x"), Unreached),
        (package.RateLimitError("x", None, 429), Unreached),
        (package.APIError("x", None, 500), Unreached),
        (package.APIError("x", None, 409), Unreached),
        (package.APIError("x", None, 500, None, {"Idempotent-Replayed": "true"}), Remembered),
        (package.IdempotencyError("x", None, 400), Remembered),
        (package.AuthenticationError("x", None, 401), Misconfigured),
        (package.PermissionError("x", None, 403), Misconfigured),
        (package.InvalidRequestError("x", None, "payment_intent_unexpected_state"), OutOfState),
        (package.InvalidRequestError("x", "amount", "amount_too_small"), Refused),
        (package.CardError("x", None, "card_declined"), Refused),
    ],
)
def test_stripes_errors_say_what_may_be_done_next(error: Any, meaning: type[Exception]):
    translated = errors.translated(error)
    assert type(translated) is meaning
    assert "x" not in {translated.code, str(translated)}


def test_customers_read_the_same_keys_in_every_language():
    for texts in MESSAGES.values():
        assert {f"payment.{key}" for key in texts} == set(MESSAGE_KEYS)
    assert message("expired_card", "sv_SE") != message("expired_card", "en-GB")
    assert message("no such key", "xx") == MESSAGES["en"]["generic"]


def test_every_refusal_that_is_known_has_one_of_the_messages():
    for code in failures._KEYS:
        assert f"payment.{Failure(code).message_key}" in MESSAGE_KEYS


@pytest.mark.parametrize("decline", ["lost_card", "stolen_card", "fraudulent"])
def test_a_stolen_card_reads_like_any_declined_one(decline: str):
    assert Failure("card_declined", decline).message_key == "card_declined"


@pytest.mark.parametrize(
    ("amount", "currency", "fine"),
    [
        (29, "GBP", False),
        (30, "GBP", True),
        (299, "SEK", False),
        (1, "XXX", True),
        (0, "XXX", False),
    ],
)
def test_sums_too_small_to_charge(amount: int, currency: str, fine: bool):
    assert is_chargeable(Money(amount, currency)) is fine
