"""10,000 notifications that somebody has been at: never a fault of ours, nothing unproven kept.

Half of them are changed after they were signed, the others before, so that they are odd but
authentic. `MUTATIONS_SEED=n` draws others than usual; a failure shows the request.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from payments_paypal import PayPalWorld, at_paypal, connect
from payments_webhooks import signed
from payments_world import World, running

from chassis.testing import DatabaseUrls
from sandbox.paypal.certificate import Signer

AT_ONCE = 16
_LARGEST = 256 * 1024


class Sent(NamedTuple):
    """A request, and whether its body is, byte for byte, what the provider signed."""

    headers: dict[str, str]
    body: bytes
    authentic: bool


Headers = Callable[[bytes], dict[str, str]]


class Mutations:
    """Ways to spoil a notification, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def forged(self, event: dict[str, Any], headers: Headers) -> Sent:
        """Signed, then changed: in its body, in its headers, or in both."""
        body = json.dumps(event).encode()
        sent = Sent(headers(body), body, authentic=True)
        how = self._rng.choice((self._body, self._body, self._header))
        return how(sent)

    def odd(self, event: dict[str, Any], headers: Headers) -> Sent:
        """Changed, then signed."""
        body = self._odd_body(event)
        return Sent(headers(body), body, authentic=True)

    def _body(self, sent: Sent) -> Sent:
        rng, body = self._rng, bytearray(sent.body)
        place = rng.randrange(len(body))
        match rng.randrange(7):
            case 0:
                body[place] ^= 1 << rng.randrange(8)
            case 1:
                del body[place:]
            case 2:
                del body[:place]
            case 3:
                body[place:place] = rng.randbytes(rng.randint(1, 40))
            case 4:
                body += rng.choice((b"\n", b"\0", b" ", b"{}", b"\xff"))
            case 5:
                body[place : place + rng.randint(1, 20)] = b"\xc3\x28\xff"
            case _:
                body = bytearray(self._odd_body(json.loads(sent.body)))
        return Sent(sent.headers, bytes(body), authentic=bytes(body) == sent.body)

    def _header(self, sent: Sent) -> Sent:
        rng, headers = self._rng, dict(sent.headers)
        name = rng.choice(list(headers))
        value = headers[name]
        place = rng.randrange(len(value))
        match rng.randrange(8):
            case 0:
                del headers[name]
            case 1:
                headers[name] = value[:place]
            case 2:
                headers[name] = value[:place] + chr(rng.randint(33, 255)) + value[place + 1 :]
            case 3:
                headers[name] = value * rng.randint(2, 40)
            case 4:
                headers[name] = rng.choice(("", " ", "null", "-1", "9" * 400, "t=,v1=", "\xff\xfe"))
            case 5:
                headers[name] = "".join(rng.sample(value, len(value)))
            case 6:
                headers[name] = value.swapcase()
            case _:
                headers["Content-Type"] = rng.choice(
                    ("text/plain", "multipart/form-data", "application/json; charset=utf-7")
                )
        return Sent(headers, sent.body, authentic=True)

    def _odd_body(self, event: dict[str, Any]) -> bytes:
        rng = self._rng
        drawn = rng.randrange(12)
        if drawn == 0:
            deep = rng.choice((10, 1_000, 100_000))
            return b'{"id":' + b"[" * deep + b"]" * deep + b"}"
        if drawn == 1:
            return rng.choice((b"", b"null", b"[]", b"1e999", b'"', b"{", b"\xff\xfe{}", b"NaN"))
        spoilt = json.loads(json.dumps(event))
        for _ in range(rng.randint(1, 3)):
            holder, name = self._somewhere(spoilt)
            holder[name] = self._odd_value()
        return json.dumps(spoilt).encode()

    def _somewhere(self, node: Any) -> tuple[Any, Any]:
        """A place in a tree of objects and lists that can be given another value."""
        while True:
            name = self._rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            below = node[name]
            if not (isinstance(below, dict | list) and below) or self._rng.random() < 0.3:
                return node, name
            node = below

    def _odd_value(self) -> Any:
        rng = self._rng
        return rng.choice(
            (
                None,
                True,
                [],
                {},
                -1,
                2**63,
                10**400,
                float("nan"),
                float("-inf"),
                1e308,
                "",
                "\0",
                "\ud800",
                "x" * rng.choice((255, 256, 4_000, 100_000)),
                "'; DROP TABLE payments; --",
                str(uuid4()),
                [[[[]]]],
                {"id": {"id": {"id": None}}},
                {"\0": "\0"},
                {"id": ["pi_1"]},
            )
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(
    fresh_database: Callable[[str], Awaitable[DatabaseUrls]],
    sandbox: str,
    paypal_url: str,
    paypal_state: Path,
) -> AsyncIterator[World]:
    """The service without its worker: what follows from a notification is not looked at."""
    async with running(
        await fresh_database("payments"),
        sandbox,
        worker=False,
        **at_paypal(paypal_url, paypal_state),
    ) as world:
        yield world


async def _all_answered(world: World, url: str, requests: Iterable[Sent]) -> Counter[int]:
    """Send them; every answer is one that the caller earned, and only what is proven is kept.

    They are made as they are sent, since a signature is good for five minutes.
    """
    account = url.rpartition("/")[2]
    before = await _kept(world, account)
    answers: Counter[int] = Counter()
    proven: set[str] = set()
    left = iter(requests)

    async def one_after_another() -> None:
        for sent in left:
            try:
                async with world.http.post(url, data=sent.body, headers=sent.headers) as answer:
                    status, said = answer.status, await answer.text()
            except (aiohttp.ClientError, ValueError):
                continue  # not even a client's library sends such a header
            answers[status] += 1
            assert status in {200, 400, 401, 413, 431}, (status, said, sent)
            if status == 200:
                assert sent.authentic, sent
                proven.add(json.loads(sent.body)["id"][:255])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_another())
    assert await _kept(world, account) - before == proven
    return answers


async def _kept(world: World, account: str) -> set[str]:
    async with world.db.transaction(None) as tx:
        rows = await tx.fetch(
            "SELECT event_id FROM messaging.provider_events WHERE account_id = $1", account
        )
    return {row["event_id"] for row in rows}


def _seeded() -> Mutations:
    return Mutations(int(os.environ.get("MUTATIONS_SEED", "1")))


def _stripe_event(world: World) -> dict[str, Any]:
    ids = {name: str(uuid4()) for name in ("booking_id", "payment_id", "attempt_id")}
    return {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": random.choice(("payment_intent.succeeded", "charge.refunded", "invoice.paid")),
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {
            "object": {
                "id": f"pi_{uuid4().hex}",
                "object": "payment_intent",
                "payment_intent": f"pi_{uuid4().hex}",
                "amount": 5000,
                "currency": "gbp",
                "status": "succeeded",
                "last_payment_error": {"code": "card_declined", "decline_code": None},
                "metadata": {"org_id": str(world.org_id), **ids},
            }
        },
    }


async def test_6000_notifications_of_stripe_with_something_changed(doors: World):
    mutations = _seeded()

    def headers(body: bytes) -> dict[str, str]:
        text = body.decode("latin-1")
        return {"Stripe-Signature": signed(body)} if text.isascii() else {"Stripe-Signature": "t=1"}

    requests = (
        make(_stripe_event(doors), headers)
        for make in (mutations.forged, mutations.odd)
        for _ in range(3000)
    )
    answers = await _all_answered(doors, f"{doors.url}/webhooks/stripe/platform", requests)
    assert {200, 400, 401} <= set(answers), answers


async def test_4000_notifications_of_paypal_with_something_changed(
    doors: World, paypal_url: str, paypal_state: Path
):
    mutations, signer = _seeded(), Signer(paypal_state)
    pp: PayPalWorld = await connect(doors, paypal_url)
    url = f"{doors.url}/webhooks/paypal/{pp.account_id}"

    def event() -> dict[str, Any]:
        return {
            "id": f"WH-{uuid4().hex}",
            "event_type": random.choice(("PAYMENT.CAPTURE.COMPLETED", "CUSTOMER.DISPUTE.CREATED")),
            "create_time": "2026-11-20T20:00:00Z",
            "resource": {
                "id": uuid4().hex.upper()[:17],
                "status": "COMPLETED",
                "custom_id": str(uuid4()),
                "amount": {"currency_code": "GBP", "value": "50.00"},
                "links": [{"rel": "up", "href": "https://example/v2/payments/captures/C1"}],
                "supplementary_data": {"related_ids": {"order_id": "ORDER1"}},
                "purchase_units": [{"custom_id": "x"}],
                "dispute_id": "PP-R-ABC-10000000",
                "dispute_amount": {"currency_code": "GBP", "value": "50.00"},
                "disputed_transactions": [{"seller_transaction_id": "C1", "custom": "x"}],
            },
        }

    def headers(body: bytes) -> dict[str, str]:
        at, ident = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), str(uuid4())
        return {
            "paypal-transmission-id": ident,
            "paypal-transmission-time": at,
            "paypal-transmission-sig": signer.sign(ident, at, pp.paypal.webhook_id, body),
            "paypal-cert-url": f"{paypal_url}/v1/notifications/certs/{signer.id}",
            "paypal-auth-algo": "SHA256withRSA",
        }

    requests = (
        make(event(), headers) for make in (mutations.forged, mutations.odd) for _ in range(2000)
    )
    answers = await _all_answered(doors, url, requests)
    assert {200, 400, 401} <= set(answers), answers


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
async def test_a_body_over_the_limit_is_refused_whoever_signed_it(
    doors: World, paypal_url: str, provider: str
):
    event = _stripe_event(doors) | {"padding": "x" * _LARGEST}
    body = json.dumps(event).encode()
    account = "platform"
    headers = {"Stripe-Signature": signed(body)}
    if provider == "paypal":
        account, headers = (await connect(doors, paypal_url)).account_id, {}
    async with doors.http.post(
        f"{doors.url}/webhooks/{provider}/{account}", data=body, headers=headers
    ) as answer:
        assert answer.status == 413
    assert event["id"] not in await _kept(doors, account)
