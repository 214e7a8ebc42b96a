"""Every test card, driven through the API, against what Stripe's documentation says of it."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import conformance
from sandbox.stripe import cards
from sandbox.stripe.cards import CARDS


@dataclass(frozen=True)
class Expected:
    """`error` is code and decline_code; `asks` for authentication before it."""

    error: tuple[str, str | None] | None = None
    asks: bool = False
    never_made: bool = False
    blocked: bool = False
    dispute: tuple[str, str] | None = None
    refund: str = "succeeded"


DECLINED, FUNDS = ("card_declined", "generic_decline"), ("card_declined", "insufficient_funds")
EXPECTED = {
    "4242424242424242": Expected(),
    "4000056655665556": Expected(),
    "5555555555554444": Expected(),
    "378282246310005": Expected(),
    "5555558265554449": Expected(),
    "4000000000000002": Expected(DECLINED),
    "4000000000009995": Expected(FUNDS),
    "4000000000009987": Expected(("card_declined", "lost_card")),
    "4000000000009979": Expected(("card_declined", "stolen_card")),
    "4000000000006975": Expected(("card_declined", "card_velocity_exceeded")),
    "4000000000000069": Expected(("expired_card", None)),
    "4000000000000127": Expected(("incorrect_cvc", None)),
    "4000000000000119": Expected(("processing_error", None)),
    "4242424242424241": Expected(("incorrect_number", None), never_made=True),
    "4000000000000341": Expected(DECLINED),
    "4100000000000019": Expected(("card_declined", "fraudulent"), blocked=True),
    "4000002500003155": Expected(asks=True),
    "4000002760003184": Expected(asks=True),
    "4000000000003220": Expected(asks=True),
    "4000008400001629": Expected(DECLINED, asks=True),
    "4000008260003178": Expected(FUNDS, asks=True),
    "4000000000003055": Expected(),
    "4000000000000259": Expected(dispute=("fraudulent", "needs_response")),
    "4000000000002685": Expected(dispute=("product_not_received", "needs_response")),
    "4000000000001976": Expected(dispute=("fraudulent", "warning_needs_response")),
    "4000000000007726": Expected(refund="pending"),
    "4000000000005126": Expected(),
    # Any number that isn't a test card's.
    "4111111111111111": Expected(("card_declined", "test_mode_live_card"), never_made=True),
}
LISTED = [(card.number, None) for card in CARDS] + [
    (card.number, name) for card in CARDS for name in card.names
]


def test_no_card_is_untold():
    assert set(EXPECTED) == {card.number for card in CARDS} | {"4111111111111111"}


def test_the_documentation_holds_this_table():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    told = re.search(r"### Test cards\n\n((?:\|.*\n)+)", readme)
    assert told is not None
    assert told[1] == cards.table(), cards.table()


@pytest.mark.parametrize(("number", "name"), [*LISTED, ("4111111111111111", None)])
async def test_a_card_does_what_is_said_of_it(raw, control, number, name):
    expected = EXPECTED[number]
    method = name
    if method is None:
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        made = await raw.post(
            "/v1/payment_methods",
            data={"type": "card", **{f"card[{key}]": value for key, value in card.items()}},
        )
        assert conformance.check_answer(made.json()) == []
        if expected.never_made:
            assert made.status == 402
            assert _error(made.json()["error"]) == expected.error
            return
        method = made.json()["id"]
    order = {"amount": "5000", "currency": "gbp", "payment_method": method, "confirm": "true"}
    answer = await raw.post("/v1/payment_intents", data=order)
    if expected.asks:
        assert (answer.status, answer.json()["status"]) == (200, "requires_action")
        path = f"/_sandbox/payment_intents/{answer.json()['id']}/authenticate"
        intent = (await control.post(path, json={"approve": True})).json()
        error = intent["last_payment_error"]
    else:
        assert answer.status == (402 if expected.error else 200)
        assert conformance.check_answer(answer.json()) == []
        error = answer.json().get("error")
        intent = error["payment_intent"] if error else answer.json()
    assert intent["status"] == ("requires_payment_method" if expected.error else "succeeded")
    assert (error and _error(error)) == expected.error
    charge = (await raw.get(f"/v1/charges/{intent['latest_charge']}")).json()
    if expected.error is None:
        assert charge["outcome"]["type"] == "authorized"
    elif expected.blocked:
        assert charge["outcome"]["type"] == "blocked"
        assert charge["outcome"]["network_status"] == "not_sent_to_network"
    else:
        assert charge["outcome"]["type"] == "issuer_declined"
        assert charge["failure_code"] == expected.error[0]
    disputes = (await raw.get(f"/v1/disputes?payment_intent={intent['id']}")).json()["data"]
    assert [(one["reason"], one["status"]) for one in disputes] == (
        [expected.dispute] if expected.dispute else []
    )
    if expected.error is None and expected.dispute is None:
        refund = await raw.post("/v1/refunds", data={"payment_intent": intent["id"]})
        assert refund.json()["status"] == expected.refund


@pytest.mark.parametrize("number", [number for number, one in EXPECTED.items() if one.asks])
async def test_nobody_is_there_to_authenticate_off_session(raw, number):
    name = next(card.names[0] for card in CARDS if card.number == number)
    order = {"amount": "5000", "currency": "gbp", "payment_method": name, "confirm": "true"}
    answer = await raw.post("/v1/payment_intents", data={**order, "off_session": "true"})
    assert answer.status == 402
    assert _error(answer.json()["error"])[0] == "authentication_required"


def _error(error) -> tuple[str, str | None]:
    return error["code"], error.get("decline_code")
