"""Bacs Direct Debit by test account, on a clock of this module's own."""

import re
import secrets
from pathlib import Path

import aiohttp
import pytest

from sandbox import conformance, processes
from sandbox.stripe.bank_accounts import ACCOUNTS, LATER, SOON

PAYS, REFUSES = "succeeded", "requires_payment_method"
EXPECTED = {
    "00012345": (SOON, PAYS, None),
    "33333335": (SOON, REFUSES, "debit_not_authorized"),
    "22222227": (SOON, REFUSES, "insufficient_funds"),
    "90012345": (LATER, PAYS, None),
    "93333335": (LATER, REFUSES, "debit_not_authorized"),
    "92222227": (LATER, REFUSES, "insufficient_funds"),
    "55555559": (SOON, PAYS, None),
    "00033333": (SOON, REFUSES, "payment_intent_mandate_invalid"),
}


class Party:
    """A sandbox, and an account there."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer sk_test_{secrets.token_hex(8)}"}

    async def call(self, method: str, path: str, **data: object):
        sent = {"data": data} if data else {}
        async with self.http.request(method, path, headers=self.headers, **sent) as answer:
            return answer.status, await answer.json()

    async def ok(self, method: str, path: str, **data: object):
        status, body = await self.call(method, path, **data)
        assert status == 200, body
        return body

    async def advance(self, seconds: int) -> None:
        async with self.http.post("/_sandbox/clock", json={"advance": seconds}) as answer:
            assert answer.status == 200, await answer.text()

    async def told(self) -> list[str]:
        """Types of the events so far, oldest first."""
        events = await self.ok("GET", "/v1/events?limit=100")
        return [event["type"] for event in reversed(events["data"])]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with processes.stripe(tmp_path_factory.mktemp("bacs")) as started:
        yield started


@pytest.fixture
async def world(running):
    async with aiohttp.ClientSession(running.url) as http:
        yield Party(http)


def debit(number: str, sort_code: str = "10-88-00", **more: str) -> dict[str, str]:
    return {
        "payment_method_data[type]": "bacs_debit",
        "payment_method_data[bacs_debit][sort_code]": sort_code,
        "payment_method_data[bacs_debit][account_number]": number,
        "payment_method_data[billing_details][name]": "Test Guest",
        "payment_method_data[billing_details][email]": "guest@example.com",
        **more,
    }


async def order(world: Party, currency: str = "gbp", types: str = "bacs_debit"):
    return await world.ok(
        "POST",
        "/v1/payment_intents",
        **{"amount": 5000, "currency": currency, "allowed_payment_method_types[]": types},
    )


async def confirmed(world: Party, number: str):
    intent = await order(world)
    return await world.ok("POST", f"/v1/payment_intents/{intent['id']}/confirm", **debit(number))


async def test_every_account_is_tried_here():
    assert set(EXPECTED) == {account.number for account in ACCOUNTS if account.exists}


async def test_the_table_in_the_documentation_has_every_account():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert set(re.findall(r"^\| (\d{8}) \|", readme, re.MULTILINE)) == {
        account.number for account in ACCOUNTS
    }


@pytest.mark.parametrize("number", EXPECTED)
async def test_the_bank_answers_in_its_time(world, number):
    after, ends, code = EXPECTED[number]
    intent = await confirmed(world, number)
    assert (intent["status"], intent["amount_received"]) == ("processing", 0)
    assert conformance.check_answer(intent) == []
    if after == LATER:
        await world.advance(LATER - 60)
        path = f"/v1/payment_intents/{intent['id']}"
        assert (await world.ok("GET", path))["status"] == "processing"
    await world.advance(after)
    intent = await world.ok("GET", f"/v1/payment_intents/{intent['id']}?expand[]=latest_charge")
    assert conformance.check_answer(intent) == []
    assert intent["status"] == ends
    assert intent["amount_received"] == (5000 if ends == PAYS else 0)
    assert (intent["last_payment_error"] or {}).get("code") == code
    charge = intent["latest_charge"]
    assert (charge["status"], charge["failure_code"]) == ("failed" if code else "succeeded", code)
    assert charge["payment_method_details"]["type"] == "bacs_debit"
    assert await world.told() == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.pending",
        "payment_intent.payment_failed" if code else "payment_intent.succeeded",
        "charge.failed" if code else "charge.succeeded",
    ]


async def test_a_bank_can_be_made_to_answer_now(world):
    ends = {}
    for number in ("90012345", "92222227"):
        intent = await confirmed(world, number)
        path = f"/_sandbox/payment_intents/{intent['id']}/clear"
        ends[number] = (await world.ok("POST", path))["status"]
        assert (await world.ok("POST", path))["status"] == ends[number]
    assert ends == {"90012345": PAYS, "92222227": REFUSES}


async def test_after_a_refusal_the_customer_may_try_another_way(world):
    intent = await confirmed(world, "33333335")
    await world.advance(SOON)
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    again = await world.ok("POST", path, **debit("00012345"))
    assert again["status"] == "processing"
    await world.advance(SOON)
    assert (await world.ok("GET", f"/v1/payment_intents/{intent['id']}"))["status"] == PAYS


async def test_a_debit_that_was_sent_is_not_called_back(world):
    intent = await confirmed(world, "90012345")
    status, body = await world.call("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    assert (status, body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    await world.advance(LATER)
    assert (await world.ok("GET", f"/v1/payment_intents/{intent['id']}"))["status"] == PAYS


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        (debit("00044444"), "account_number_invalid", "account_number"),
        (debit("12345678"), "account_number_invalid", "account_number"),
        (debit("00012345", "204060"), "account_number_invalid", "account_number"),
        (
            debit("00012345", **{"payment_method_data[billing_details][email]": ""}),
            "parameter_missing",
            "email",
        ),
        ({"payment_method_data[type]": "bacs_debit"}, "parameter_missing", "bacs_debit"),
        ({"payment_method_data[type]": "card"}, "parameter_missing", "card"),
    ],
)
async def test_an_account_that_cannot_be_asked_is_refused_at_once(world, data, code, param):
    intent = await order(world)
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    status, body = await world.call("POST", path, **data)
    assert (status, body["error"]["code"]) == (400, code)
    assert param in body["error"]["param"]
    intent = await world.ok("GET", f"/v1/payment_intents/{intent['id']}")
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)


async def test_only_who_asked_for_debits_in_pounds_gets_them(world):
    status, body = await world.call(
        "POST",
        "/v1/payment_intents",
        **{"amount": 5000, "currency": "sek", "allowed_payment_method_types[]": "bacs_debit"},
    )
    assert (status, body["error"]["param"]) == (400, "allowed_payment_method_types")
    by_card = await order(world, types="card")
    path = f"/v1/payment_intents/{by_card['id']}/confirm"
    status, body = await world.call("POST", path, **debit("00012345"))
    assert (status, body["error"]["param"]) == (400, "payment_method")
