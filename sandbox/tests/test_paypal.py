"""The PayPal sandbox as its clients and payers meet it."""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sandbox import processes


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paypal")


@pytest.fixture(scope="module")
def paypal(state: Path) -> Iterator[processes.Sandbox]:
    with processes.paypal(state, "--retry-first", "0.02", "--retry-longest", "0.1") as running:
        yield running


class Merchant:
    """One account."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.client_id = f"client-{uuid4().hex}"
        self.token = ""

    async def login(self, word: str = "the first") -> int:
        answer = await self.http.post(
            "/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": aiohttp.encode_basic_auth(self.client_id, word)},
        )
        said = await answer.json()
        self.token = said.get("access_token", "")
        return answer.status

    async def call(
        self, method: str, path: str, body: Any = None, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["PayPal-Request-Id"] = key
        async with self.http.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def order(self, value: str = "50.00", **unit: Any) -> Any:
        status, made = await self.call("POST", "/v2/checkout/orders", order(value, **unit))
        assert status == 200, made
        return made

    async def approve(self, identifier: str, choice: str = "pay") -> None:
        answer = await self.http.post(
            f"/_sandbox/orders/{identifier}/approve", json={"choice": choice}
        )
        assert answer.status == 200, await answer.text()

    async def captured(self, value: str = "50.00", choice: str = "pay", **unit: Any) -> Any:
        made = await self.order(value, **unit)
        await self.approve(made["id"], choice)
        status, done = await self.call("POST", f"/v2/checkout/orders/{made['id']}/capture", {})
        assert status == 201, done
        return done["purchase_units"][0]["payments"]["captures"][0]


def order(value: str = "50.00", currency: str = "GBP", **unit: Any) -> Any:
    amount = {"currency_code": currency, "value": value}
    return {
        "intent": "CAPTURE",
        "purchase_units": [{"amount": amount, **unit}],
        "payment_source": {"paypal": {"experience_context": {"user_action": "PAY_NOW"}}},
    }


@pytest.fixture
async def merchant(paypal: processes.Sandbox) -> AsyncIterator[Merchant]:
    async with aiohttp.ClientSession(paypal.url) as http:
        found = Merchant(http)
        assert await found.login() == 200
        yield found
        await (await http.delete("/_sandbox/faults")).read()


def issue(answer: tuple[int, Any]) -> tuple[int, str]:
    status, said = answer
    assert {"name", "message", "debug_id", "details"} <= set(said)
    return status, said["details"][0]["issue"]


async def test_without_a_good_token_nothing_is_done(merchant: Merchant):
    merchant.token = "A21AA-made-up"
    assert issue(await merchant.call("POST", "/v2/checkout/orders", order())) == (
        401,
        "INVALID_TOKEN",
    )
    assert await merchant.login("another secret") == 401


async def test_an_order_is_captured_once_and_only_when_approved(merchant: Merchant):
    made = await merchant.order()
    path = f"/v2/checkout/orders/{made['id']}/capture"
    assert [link["rel"] for link in made["links"]] == ["self", "payer-action"]
    assert issue(await merchant.call("POST", path, {})) == (422, "ORDER_NOT_APPROVED")
    await merchant.approve(made["id"])
    first = await merchant.call("POST", path, {}, key="once")
    assert first[0] == 201
    assert await merchant.call("POST", path, {}, key="once") == first
    assert issue(await merchant.call("POST", path, {}, key="twice")) == (
        422,
        "ORDER_ALREADY_CAPTURED",
    )


async def test_a_request_id_is_one_request(merchant: Merchant):
    first = await merchant.call("POST", "/v2/checkout/orders", order(), key="k")
    assert await merchant.call("POST", "/v2/checkout/orders", order(), key="k") == first
    other = await merchant.call("POST", "/v2/checkout/orders", order("1.00"), key="k")
    assert issue(other) == (422, "DUPLICATE_REQUEST_ID")


async def test_an_invoice_is_paid_once(merchant: Merchant):
    await merchant.captured(invoice_id="INV-1")
    again = await merchant.order(invoice_id="INV-1")
    await merchant.approve(again["id"])
    refused = await merchant.call("POST", f"/v2/checkout/orders/{again['id']}/capture", {})
    assert issue(refused) == (422, "DUPLICATE_INVOICE_ID")


async def test_a_declined_payer_may_approve_again(merchant: Merchant):
    made = await merchant.order()
    path = f"/v2/checkout/orders/{made['id']}/capture"
    await merchant.approve(made["id"], "decline")
    status, said = await merchant.call("POST", path, {})
    assert issue((status, said)) == (422, "INSTRUMENT_DECLINED")
    assert [link["rel"] for link in said["links"]] == ["redirect"]
    await merchant.approve(made["id"])
    assert (await merchant.call("POST", path, {}))[0] == 201


async def test_another_accounts_order_is_not_there(merchant: Merchant):
    made = await merchant.order()
    stranger = Merchant(merchant.http)
    await stranger.login()
    answer = await stranger.call("GET", f"/v2/checkout/orders/{made['id']}")
    assert issue(answer) == (404, "INVALID_RESOURCE_ID")


async def test_refunds_stop_at_what_was_taken(merchant: Merchant):
    capture = await merchant.captured()
    path = f"/v2/payments/captures/{capture['id']}/refund"

    def part(value: str) -> Any:
        return {"amount": {"currency_code": "GBP", "value": value}}

    assert (await merchant.call("POST", path, part("20.00")))[0] == 201
    assert issue(await merchant.call("POST", path, part("30.01"))) == (
        422,
        "REFUND_AMOUNT_EXCEEDED",
    )
    status, rest = await merchant.call("POST", path, {})
    assert (status, rest["amount"]["value"], rest["status"]) == (201, "30.00", "COMPLETED")
    assert issue(await merchant.call("POST", path, {})) == (422, "CAPTURE_FULLY_REFUNDED")
    shown = await merchant.call("GET", f"/v2/payments/refunds/{rest['id']}")
    assert shown[1]["amount"] == rest["amount"]


@pytest.mark.parametrize(
    ("value", "currency", "wrong"),
    [
        ("0.00", "GBP", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("1.001", "GBP", "INVALID_PARAMETER_SYNTAX"),
        ("-1", "GBP", "INVALID_PARAMETER_SYNTAX"),
        ("1.50", "JPY", "DECIMALS_NOT_SUPPORTED"),
        ("1.50", "XXX", "CURRENCY_NOT_SUPPORTED"),
    ],
)
async def test_amounts_are_of_their_currency(
    merchant: Merchant, value: str, currency: str, wrong: str
):
    answer = await merchant.call("POST", "/v2/checkout/orders", order(value, currency))
    assert issue(answer)[1] == wrong


@pytest.mark.parametrize("body", [{}, {"intent": "AUTHORIZE"}, {**order(), "colour": "red"}])
async def test_what_is_not_modelled_is_refused(merchant: Merchant, body: Any):
    answer = await merchant.call("POST", "/v2/checkout/orders", body)
    assert issue(answer) == (400, "INVALID_PARAMETER_VALUE")


async def test_webhooks_are_signed_and_repeated_until_they_arrive(
    merchant: Merchant, paypal: processes.Sandbox, state: Path
):
    got: list[tuple[Any, bytes]] = []
    arrived = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers.copy(), await request.read()))
        if len(got) < 3:
            return web.Response(status=500)
        arrived.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        status, hook = await merchant.call(
            "POST",
            "/v1/notifications/webhooks",
            {"url": url, "event_types": [{"name": "CHECKOUT.ORDER.APPROVED"}]},
        )
        assert status == 201, hook
        made = await merchant.order()
        await merchant.approve(made["id"])
        await asyncio.wait_for(arrived.wait(), 30)
    finally:
        await runner.cleanup()
    assert len({body for _, body in got}) == 1
    for headers, body in got:
        assert headers["PAYPAL-CERT-URL"].startswith(f"{paypal.url}/v1/notifications/certs/CERT-")
        async with merchant.http.get(headers["PAYPAL-CERT-URL"]) as answer:
            leaf, issuer = x509.load_pem_x509_certificates(await answer.read())
        assert issuer == x509.load_pem_x509_certificate((state / "ca.pem").read_bytes())
        leaf.verify_directly_issued_by(issuer)
        message = "|".join(
            (
                headers["PAYPAL-TRANSMISSION-ID"],
                headers["PAYPAL-TRANSMISSION-TIME"],
                hook["id"],
                str(zlib.crc32(body)),
            )
        )
        leaf.public_key().verify(
            base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"]),
            message.encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )


async def test_a_restarted_sandbox_remembers_everything_but_tokens(tmp_path: Path):
    with processes.paypal(tmp_path) as first:
        async with aiohttp.ClientSession(first.url) as http:
            merchant = Merchant(http)
            await merchant.login()
            made = await merchant.order()
    with processes.paypal(tmp_path) as second:
        async with aiohttp.ClientSession(second.url) as http:
            merchant.http = http
            assert (await merchant.call("GET", f"/v2/checkout/orders/{made['id']}"))[0] == 401
            assert await merchant.login() == 200
            status, found = await merchant.call("GET", f"/v2/checkout/orders/{made['id']}")
            assert (status, found["id"]) == (200, made["id"])


async def test_the_pages_show_orders_and_take_the_payers_answer_once(merchant: Merchant):
    made = await merchant.order(description="Sunday lunch")
    page = next(link["href"] for link in made["links"] if link["rel"] == "payer-action")
    async with merchant.http.get(page) as answer:
        assert "Sunday lunch" in await answer.text()
    async with merchant.http.post(page, data={"choice": "pay"}) as answer:
        assert "Thank you" in await answer.text()
    async with merchant.http.get(page) as answer:
        assert "Nothing to approve" in await answer.text()
    async with merchant.http.get("/") as answer:
        assert made["id"] in await answer.text()
