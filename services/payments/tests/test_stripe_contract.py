"""What this service relies on Stripe for: the same questions to the sandbox and to the real one.

    make test TESTS=services/payments/tests/test_stripe_contract.py
    STRIPE_TEST_KEY=sk_test_... make test TESTS=services/payments/tests/test_stripe_contract.py

The key is a secret test-mode key of an account in the United Kingdom without anything in it that
matters; a restricted one needs write access to PaymentIntents, Charges, Refunds and Checkout
Sessions, and may read Events. Without it the real one is skipped, and the summary says so.
"""

import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import pytest_asyncio

from chassis.ids import uuid7
from chassis.testing import eventually
from payments.domain.attempt import SEARCH_LAG
from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.provider import (
    PLATFORM,
    Account,
    OutOfState,
    PaymentOrder,
    RefundOrder,
    Refused,
    Remembered,
)
from payments.domain.snapshot import RefundStatus, Snapshot
from payments.providers.stripe import API_VERSION, Checkout, Stripe, Transport

KEY = os.environ.get("STRIPE_TEST_KEY")
EMAIL = "guest@example.com"


@dataclass
class Target:
    """One Stripe, asked as the service asks it, and by the customer's side of it."""

    base: str
    key: str
    intents: Stripe
    pages: Checkout
    http: aiohttp.ClientSession

    @property
    def account(self) -> Account:
        return Account(
            id=PLATFORM,
            org_id=None,
            provider="stripe",
            publishable_key=None,
            secret_key=self.key,
            webhook_secrets=(),
        )

    def order(self, **changes: Any) -> PaymentOrder:
        values: dict[str, Any] = {
            "attempt_id": uuid7(),
            "amount": Money(5000, "GBP"),
            "methods": ("card",),
            "description": "Saturday Night, Example Hall (BRL-2030-7KQ4M)",
            "reference": "BRL-2030-7KQ4M",
            "venue": "example-hall",
            "descriptor": "EXAMPLE HALL",
            "wanted_for": timedelta(minutes=15),
        }
        for name in ("payment", "booking", "org", "session", "offering"):
            values[f"{name}_id"] = uuid4()
        return PaymentOrder(**{**values, **changes})

    async def create(self, order: PaymentOrder, **how: Any) -> Snapshot:
        body = self.intents.draft_payment(order)
        return await self.intents.create(
            self.account, body, **{"key": str(order.attempt_id), "receipt_email": EMAIL, **how}
        )

    async def made(self, **changes: Any) -> tuple[PaymentOrder, Snapshot]:
        order = self.order(**changes)
        return order, await self.create(order)

    async def paid(self) -> tuple[PaymentOrder, Snapshot]:
        order, made = await self.made()
        await self.pay(made.ref, "pm_card_visa")
        return order, await self.intents.look(self.account, made.ref)

    async def ask(self, method: str, path: str, **form: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": API_VERSION}
        how: dict[str, Any] = {"params": form} if method == "GET" else {"data": form}
        async with self.http.request(method, self.base + path, headers=headers, **how) as answer:
            return await answer.json()

    async def pay(self, ref: str, card: str) -> Any:
        """What the customer does with a card."""
        path = f"/v1/payment_intents/{ref}/confirm"
        return await self.ask(
            "POST", path, payment_method=card, return_url="https://venue.example/"
        )

    async def give_back(self, order: PaymentOrder, ref: str, amount: int, **how: Any) -> Any:
        attempt_id: UUID = how.pop("attempt_id", uuid7())
        body = self.intents.draft_refund(
            RefundOrder(
                attempt_id=attempt_id,
                refund_id=uuid7(),
                payment_id=order.payment_id,
                booking_id=order.booking_id,
                org_id=order.org_id,
                provider_ref=ref,
                amount=Money(amount, "GBP"),
            )
        )
        return await self.intents.refund(self.account, how.get("body", body), key=str(attempt_id))


@pytest_asyncio.fixture(params=["sandbox", "stripe"] if KEY else ["sandbox"])
async def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    if request.param == "stripe":
        assert KEY is not None
        assert KEY.startswith(("sk_test_", "rk_test_")), "only ever a key of the test mode"
        base, key = "https://api.stripe.com", KEY
    else:
        base, key = request.getfixturevalue("sandbox"), f"sk_test_{uuid4().hex}"
    transport = Transport()
    async with aiohttp.ClientSession() as http:
        yield Target(
            base,
            key,
            Stripe(base, transport),
            Checkout(base, transport, "https://venue.example"),
            http,
        )
    await transport.close_async()


@pytest.mark.skipif(not KEY, reason="STRIPE_TEST_KEY is not set: the real Stripe was not asked")
async def test_the_key_is_one_of_the_real_stripe(target: Target):
    account = await target.ask("GET", "/v1/payment_intents", limit="1")
    assert account["object"] == "list", account


async def test_a_payment_is_made_and_tells_whose_it_is(target: Target):
    order, made = await target.made()
    assert made.fact is Fact.PREPARED
    assert (made.amount, made.received) == (Money(5000, "GBP"), Money(0, "GBP"))
    assert made.client_secret is not None
    assert made.client_secret.startswith(f"{made.ref}_secret_")
    assert made.metadata["payment_id"] == str(order.payment_id)
    assert made.metadata["attempt_id"] == str(order.attempt_id)


async def test_a_good_card_pays_it_and_only_once(target: Target):
    _, made = await target.made()
    assert (await target.pay(made.ref, "pm_card_visa"))["status"] == "succeeded"
    paid = await target.intents.look(target.account, made.ref)
    assert (paid.fact, paid.received) == (Fact.SUCCEEDED, Money(5000, "GBP"))
    again = await target.pay(made.ref, "pm_card_visa")
    assert again["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_a_declined_card_leaves_it_open_for_another(
    target: Target, card: str, code: str, decline_code: str | None
):
    _, made = await target.made()
    refused = await target.pay(made.ref, card)
    assert refused["error"]["code"] == code
    seen = await target.intents.look(target.account, made.ref)
    assert seen.fact is Fact.DECLINED
    assert seen.failure is not None
    assert seen.failure.code == code
    assert decline_code in {None, seen.failure.decline_code}
    assert (await target.pay(made.ref, "pm_card_visa"))["status"] == "succeeded"


async def test_a_bank_asks_for_another_step(target: Target):
    _, made = await target.made()
    answer = await target.pay(made.ref, "pm_card_authenticationRequired")
    assert answer["status"] == "requires_action"
    seen = await target.intents.look(target.account, made.ref)
    assert (seen.fact, seen.received) == (Fact.ACTION_REQUIRED, Money(0, "GBP"))


async def test_a_cancelled_payment_cannot_be_paid(target: Target):
    _, made = await target.made()
    key = str(uuid4())
    cancelled = await target.intents.cancel(target.account, made.ref, key=key)
    assert cancelled.fact is Fact.CANCELLED
    assert (await target.intents.cancel(target.account, made.ref, key=key)).ref == made.ref
    refused = await target.pay(made.ref, "pm_card_visa")
    assert refused["error"]["code"] == "payment_intent_unexpected_state"


async def test_what_is_paid_cannot_be_cancelled_any_more(target: Target):
    _, paid = await target.paid()
    with pytest.raises(OutOfState):
        await target.intents.cancel(target.account, paid.ref, key=str(uuid4()))


async def test_money_goes_back_in_parts_and_never_more_than_came(target: Target):
    order, paid = await target.paid()
    part = await target.give_back(order, paid.ref, 2000)
    assert (part.status, part.amount) == (RefundStatus.SUCCEEDED, Money(2000, "GBP"))
    with pytest.raises(Refused):
        await target.give_back(order, paid.ref, 3001)
    rest = await target.give_back(order, paid.ref, 3000)
    shown = await target.intents.refunds(target.account, paid.ref)
    assert {(one.ref, one.amount.amount_minor) for one in shown} == {
        (part.ref, 2000),
        (rest.ref, 3000),
    }
    with pytest.raises(Refused):
        await target.give_back(order, paid.ref, 1)


async def test_the_same_key_is_the_same_payment(target: Target):
    order, made = await target.made()
    assert (await target.create(order)).ref == made.ref
    with pytest.raises(Remembered):
        await target.create(order, receipt_email="another@example.com")


async def test_the_same_key_is_the_same_refund(target: Target):
    order, paid = await target.paid()
    attempt_id = uuid7()
    body = target.intents.draft_refund(
        RefundOrder(
            attempt_id=attempt_id,
            refund_id=uuid7(),
            payment_id=order.payment_id,
            booking_id=order.booking_id,
            org_id=order.org_id,
            provider_ref=paid.ref,
            amount=Money(2000, "GBP"),
        )
    )
    made = {
        (await target.give_back(order, paid.ref, 2000, attempt_id=attempt_id, body=body)).ref
        for _ in range(3)
    }
    assert len(made) == 1
    assert len(await target.intents.refunds(target.account, paid.ref)) == 1


async def test_what_an_attempt_made_is_found_before_the_search_is_trusted_with_no(target: Target):
    """A payment may be missing from the search, but no longer than we wait (SEARCH_LAG)."""
    order, made = await target.made()

    async def found() -> Snapshot | None:
        return await target.intents.find(target.account, order.attempt_id)

    shown = await eventually(
        found, timeout=SEARCH_LAG.total_seconds(), what="the search shows the payment"
    )
    assert shown.ref == made.ref
    assert await target.intents.find(target.account, uuid7()) is None


async def test_a_session_is_made_looked_at_found_and_expired(target: Target):
    order = target.order(methods=("checkout",))
    body = target.pages.draft_payment(order)
    made = await target.pages.create(
        target.account, body, key=str(order.attempt_id), receipt_email=EMAIL
    )
    assert made.fact is Fact.PREPARED
    assert made.redirect_url is not None
    assert (await target.pages.look(target.account, made.ref)).amount == Money(5000, "GBP")
    found = await target.pages.find(target.account, order.attempt_id)
    assert found is not None
    assert found.ref == made.ref
    over = await target.pages.cancel(target.account, made.ref, key=str(uuid4()))
    assert over.fact is Fact.CANCELLED
    again = await target.pages.cancel(target.account, made.ref, key=str(uuid4()))
    assert again.fact is Fact.CANCELLED


async def test_what_happened_is_listed_newest_first(target: Target):
    began = int(time.time()) - 60
    _, paid = await target.paid()

    async def told() -> list[str] | None:
        page = await target.ask("GET", "/v1/events", **{"created[gte]": str(began), "limit": "100"})
        kinds = [e["type"] for e in page["data"] if e["data"]["object"]["id"] == paid.ref]
        return kinds if "payment_intent.succeeded" in kinds else None

    kinds = await eventually(told, timeout=60, what="the events are listed")
    assert kinds.index("payment_intent.succeeded") < kinds.index("payment_intent.created")
