import base64
import contextlib

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from sandbox.stripe import form
from sandbox.stripe.refusal import Refusal

ORDER = {"amount": "5000", "currency": "gbp"}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({**ORDER, "amonut": "1"}, "parameter_unknown", "amonut"),
        ({**ORDER, "metadata": "x"}, None, "metadata"),
        ({**ORDER, "automatic_payment_methods[on]": "true"}, "parameter_unknown", None),
        ({"currency": "gbp"}, "parameter_missing", "amount"),
        ({"amount": "5000"}, "parameter_missing", "currency"),
        ({**ORDER, "amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({**ORDER, "amount": "-5"}, "parameter_invalid_integer", "amount"),
        ({**ORDER, "amount": "9" * 30}, "parameter_invalid_integer", "amount"),
        ({**ORDER, "amount": "29"}, "amount_too_small", "amount"),
        ({**ORDER, "amount": "100000000"}, "amount_too_large", "amount"),
        ({**ORDER, "currency": "zzz"}, None, "currency"),
        ({**ORDER, "currency": ""}, "parameter_invalid_empty", "currency"),
        ({**ORDER, "capture_method": "never"}, None, "capture_method"),
        ({**ORDER, "confirm": "yes"}, None, "confirm"),
        ({**ORDER, "return_url": "http://a.test"}, None, "return_url"),
        ({**ORDER, "receipt_email": "nobody"}, "email_invalid", "receipt_email"),
        ({**ORDER, "metadata[" + "k" * 41 + "]": "v"}, None, None),
        ({**ORDER, "metadata[k]": "v" * 501}, None, "metadata[k]"),
        ({**ORDER, "statement_descriptor": "BACKROOM"}, None, "statement_descriptor"),
        ({**ORDER, "statement_descriptor_suffix": "*" * 3}, None, "statement_descriptor_suffix"),
        ({**ORDER, "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({**ORDER, "customer": "cus_none"}, "resource_missing", "customer"),
        (
            {**ORDER, "currency": "sek", "allowed_payment_method_types[]": "bacs_debit"},
            None,
            "allowed_payment_method_types",
        ),
        ({**ORDER, "allowed_payment_method_types[]": "seashells"}, None, None),
        # Gone from this version of the API: `allowed_payment_method_types` took its place.
        ({**ORDER, "payment_method_types[]": "card"}, "parameter_unknown", None),
        ({**ORDER, "expand[]": "amount.name"}, None, "expand"),
        ({**ORDER, "transfer_data[destination]": "acct_1"}, "resource_missing", None),
    ],
)
async def test_bad_parameters_are_named(raw, params, code, param):
    answer = await raw.post("/v1/payment_intents", data=params)
    error = answer.json()["error"]
    assert answer.status == 400, error
    assert error["type"] == "invalid_request_error"
    assert error.get("code") == code
    if param is not None:
        assert error["param"] == param
    assert error["message"]
    assert answer.headers["Request-Id"].startswith("req_")
    assert (await raw.get("/v1/payment_intents")).json()["data"] == []
    assert (await raw.get("/v1/events")).json()["data"] == []


@pytest.mark.parametrize(
    "body", [b"%ff=1", b"a[b=1", b"[a]=1", b"a=1&a[b]=2", b"a[b][c][d][e][f][g][h][i]=1", b"\xff"]
)
async def test_forms_that_make_no_sense_are_400(raw, body):
    answer = await raw.post(
        "/v1/payment_intents",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 400


async def test_json_is_not_what_stripe_takes(raw):
    answer = await raw.post("/v1/payment_intents", json=ORDER)
    assert answer.status == 400
    assert "application/x-www-form-urlencoded" in answer.json()["error"]["message"]


async def parts():
    yield b"description="
    for _ in range(20):
        yield b"x" * 60_000


async def test_a_huge_body_is_refused(raw):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await raw.post("/v1/payment_intents", data=parts(), headers=form)
    assert answer.status == 413


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer nonsense",
        "Bearer sk_test_",
        "Bearer whsec_1234",
        "Basic !!!",
        "Bearer sk_live_abcdef123456",
        "Bearer rk_live_abcdef123456",
        "Bearer pk_live_abcdef123456",
    ],
)
async def test_only_test_keys_open_anything(browser, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = await browser.get("/v1/payment_intents", headers=headers)
    assert answer.status == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "WWW-Authenticate" in answer.headers
    assert "abcdef" not in answer.text


async def test_the_sdk_calls_it_an_authentication_error(connected, sandbox):
    async with connected(sandbox.url, "sk_live_abcdef123456") as client:
        with pytest.raises(stripe.AuthenticationError, match="test keys"):
            await client.v1.payment_intents.list_async()


async def test_basic_authentication_works_as_curl_sends_it(browser, key):
    basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    made = await browser.post("/v1/payment_intents", data=ORDER, headers={"Authorization": basic})
    assert made.status == 200


async def test_a_restricted_key_is_the_same_account(raw, browser, key):
    made = (await raw.post("/v1/payment_intents", data=ORDER)).json()
    restricted = {"Authorization": "Bearer " + key.replace("sk_", "rk_")}
    assert (
        await browser.get(f"/v1/payment_intents/{made['id']}", headers=restricted)
    ).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/unicorns"),
        ("GET", "/v1/payment_intents/"),
        ("DELETE", "/v1/payment_intents/pi_1"),
        ("POST", "/v1/payment_intents/pi_1/explode"),
        ("GET", "/v1/"),
    ],
)
async def test_unknown_urls_are_404(raw, method, path):
    answer = await raw.request(method, path)
    assert answer.status == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


async def test_connected_accounts_are_not_modelled(raw):
    answer = await raw.get("/v1/payment_intents", headers={"Stripe-Account": "acct_1"})
    assert (answer.status, answer.json()["error"]["code"]) == (403, "account_invalid")


async def test_a_strange_api_version_is_refused(raw):
    answer = await raw.get("/v1/payment_intents", headers={"Stripe-Version": "latest"})
    assert answer.status == 400


_names = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1)
_values = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.dictionaries(_names, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(_names, _values, max_size=4))
def test_decoding_gives_back_what_was_encoded(values):
    from urllib.parse import urlencode

    def pairs(prefix, value):
        if isinstance(value, str):
            return [(prefix, value)]
        return [pair for name, inner in value.items() for pair in pairs(f"{prefix}[{name}]", inner)]

    sent = [pair for name, value in values.items() for pair in pairs(name, value)]
    if any(name.count("[") >= 8 for name, _ in sent):
        return
    assert form.decode(urlencode(sent).encode()) == values


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(body):
    with contextlib.suppress(Refusal):
        form.decode(body)
