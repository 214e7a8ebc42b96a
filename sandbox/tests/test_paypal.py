"""The PayPal sandbox as its clients and payers meet it."""

import asyncio
import base64
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
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


async def test_all_orders_are_shown_with_what_was_taken_of_them(merchant: Merchant):
    made = await merchant.order()
    capture = await merchant.captured()
    async with merchant.http.get("/_sandbox/orders", params={"limit": 2}) as answer:
        newest, before = await answer.json()
    [unit] = newest["purchase_units"]
    assert [one["id"] for one in unit["payments"]["captures"]] == [capture["id"]]
    assert before["id"] == made["id"]
    assert "payments" not in before["purchase_units"][0]


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


async def listed(merchant: Merchant, **query: Any) -> list[Any]:
    """All events that the list has, page by page."""
    path, found = f"/v1/notifications/webhooks-events?{urlencode(query)}", []
    while True:
        status, page = await merchant.call("GET", path)
        assert status == 200, page
        assert page["count"] == len(page["events"])
        found += page["events"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            return found
        path = "/v1/notifications/webhooks-events?" + urlsplit(following[0]).query


async def test_events_are_listed_by_page_kind_and_time(merchant: Merchant):
    first = await merchant.captured("1.00")
    for _ in range(3):
        await merchant.captured("2.00")
    found = await listed(merchant, page_size=3)
    assert len({event["id"] for event in found}) == len(found) == 8
    assert found[-1]["event_type"] == "CHECKOUT.ORDER.APPROVED"
    captures = await listed(merchant, page_size=3, event_type="PAYMENT.CAPTURE.COMPLETED")
    assert [event["resource"]["amount"]["value"] for event in captures] == ["2.00"] * 3 + ["1.00"]
    assert await listed(merchant, transaction_id=first["id"]) == [captures[-1]]
    window = {"start_time": found[-1]["create_time"], "end_time": found[0]["create_time"]}
    assert await listed(merchant, **window) == found
    assert await listed(merchant, end_time="2001-01-01T00:00:00.000+01:00") == []
    refused = await merchant.call("GET", "/v1/notifications/webhooks-events?start_time=soon")
    assert issue(refused) == (400, "INVALID_PARAMETER_SYNTAX")


async def control(merchant: Merchant, path: str, body: Any = None) -> tuple[int, Any]:
    async with merchant.http.post(f"/_sandbox/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def disputed(merchant: Merchant, capture: Any, **claim: Any) -> Any:
    status, body = await control(merchant, f"captures/{capture['id']}/dispute", claim)
    assert status == 200, body
    return body


async def test_a_claim_is_answered_decided_appealed_and_won(merchant: Merchant):
    capture = await merchant.captured(custom_id="ours", invoice_id="INV-9")
    made = await disputed(merchant, capture, reason="UNAUTHORISED")
    path = f"/v1/customer/disputes/{made['dispute_id']}"
    status, shown = await merchant.call("GET", path)
    assert (status, shown) == (200, made)
    [about] = shown["disputed_transactions"]
    assert (about["seller_transaction_id"], about["custom"]) == (capture["id"], "ours")
    assert shown["dispute_amount"] == {"currency_code": "GBP", "value": "50.00"}
    assert "money_movements" not in shown

    steps = f"disputes/{made['dispute_id']}"
    for step, status_after in (
        ("answer", "UNDER_REVIEW"),
        ("recover", "WAITING_FOR_SELLER_RESPONSE"),
        ("answer", "UNDER_REVIEW"),
    ):
        assert (await control(merchant, f"{steps}/{step}"))[1]["status"] == status_after
    assert issue(await control(merchant, f"{steps}/answer"))[0] == 422
    _, over = await control(merchant, f"{steps}/settle", {"outcome": "won"})
    assert over["dispute_outcome"] == {"outcome_code": "RESOLVED_SELLER_FAVOUR"}
    sellers = [one for one in over["money_movements"] if one["affected_party"] == "SELLER"]
    assert [(one["type"], one["reason"]) for one in sellers] == [
        ("DEBIT", "DISPUTE_SETTLEMENT"),
        ("DEBIT", "DISPUTE_FEE"),
        ("CREDIT", "DISPUTE_SETTLEMENT"),
        ("CREDIT", "DISPUTE_FEE"),
    ]
    assert issue(await control(merchant, f"{steps}/settle", {"outcome": "lost"}))[0] == 422
    kinds = [event["event_type"] for event in await listed(merchant, page_size=100)]
    assert kinds.count("CUSTOMER.DISPUTE.UPDATED") == 3
    assert kinds.count("CUSTOMER.DISPUTE.CREATED") == kinds.count("CUSTOMER.DISPUTE.RESOLVED") == 1
    stranger = Merchant(merchant.http)
    await stranger.login()
    assert issue(await stranger.call("GET", path)) == (404, "INVALID_RESOURCE_ID")


async def test_what_is_disputed_is_refunded_as_a_whole_or_not_at_all(merchant: Merchant):
    capture = await merchant.captured()
    made = await disputed(merchant, capture, inquiry=True)
    assert (made["status"], made["dispute_life_cycle_stage"]) == ("OPEN", "INQUIRY")
    part = {"amount": {"currency_code": "GBP", "value": "1.00"}}
    path = f"/v2/payments/captures/{capture['id']}/refund"
    assert issue(await merchant.call("POST", path, part)) == (422, "TRANSACTION_DISPUTED")
    assert issue(await control(merchant, f"captures/{capture['id']}/dispute"))[0] == 422
    settle = f"disputes/{made['dispute_id']}/settle"
    assert issue(await control(merchant, settle, {"outcome": "lost"}))[0] == 422
    await control(merchant, f"disputes/{made['dispute_id']}/escalate")
    _, over = await control(merchant, settle, {"outcome": "lost"})
    assert over["disputed_transactions"][0]["transaction_status"] == "REVERSED"
    assert issue(await merchant.call("POST", path, {}))[1] == "CAPTURE_FULLY_REFUNDED"


async def test_a_claim_that_the_seller_accepts_is_paid_by_a_refund(merchant: Merchant):
    capture = await merchant.captured()
    made = await disputed(merchant, capture)
    _, over = await control(
        merchant, f"disputes/{made['dispute_id']}/settle", {"outcome": "accepted"}
    )
    assert over["disputed_transactions"][0]["transaction_status"] == "REFUNDED"
    assert over["dispute_outcome"]["amount_refunded"]["value"] == "50.00"
    _, shown = await merchant.call("GET", f"/v2/payments/captures/{capture['id']}")
    assert shown["status"] == "REFUNDED"


async def test_disputes_are_opened_and_settled_on_the_page(merchant: Merchant):
    capture = await merchant.captured()
    async with merchant.http.post(f"/_sandbox/act/dispute/{capture['id']}") as answer:
        page = await answer.text()
    [dispute_id] = set(re.findall(r"PP-R-[A-Z]{3}-\d{8}", page.partition("said")[2])[:1])
    async with merchant.http.post(f"/_sandbox/act/lost/{dispute_id}") as answer:
        assert "RESOLVED_BUYER_FAVOUR" in await answer.text()
    async with merchant.http.post(f"/_sandbox/act/won/{dispute_id}") as answer:
        assert "DISPUTE_RESOLVED" in await answer.text()
