"""Stripe Checkout behind `domain.provider.Provider`: the customer pays on a page of Stripe's.

A payment's `ref` is the session's, `money_ref` the PaymentIntent that the session makes when the
customer first tries. Events of either lead here, and here to the session: one payment, one effect
(F-26).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from payments.domain.provider import Refused, Unreached
from payments.providers.stripe import answers, checkout_requests, products
from payments.providers.stripe.adapter import Stripe
from payments.providers.stripe.notifications import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from payments.domain.products import Product
    from payments.domain.provider import Account, Body, PaymentOrder
    from payments.domain.snapshot import RefundSnapshot, Snapshot
    from payments.providers.stripe.transport import Transport

_SESSIONS = "/v1/checkout/sessions"
_WITH_INTENT = [f"payment_intent.{name}" for name in answers.MONEY]


class Checkout(Stripe):
    """Checkout Sessions; refunds and notifications are those of PaymentIntents."""

    name = CHECKOUT
    methods = frozenset({"checkout"})

    def __init__(self, base: str, transport: Transport, public_url: str) -> None:
        """`public_url`: where Stripe's page sends the customer back to."""
        super().__init__(base, transport)
        self._public_url = public_url.rstrip("/")

    def draft_payment(self, order: PaymentOrder) -> Body:
        return checkout_requests.session(order, self._public_url)

    def redraft(self, body: Body, attempt_id: UUID) -> Body:
        if "session" not in body:
            return super().redraft(body, attempt_id)
        session, intent = body["session"], body["session"]["payment_intent_data"]
        renewed = {"attempt_id": str(attempt_id)}
        return {
            **body,
            "session": {
                **session,
                "expires_at": checkout_requests.ends(timedelta(seconds=body["wanted_for_seconds"])),
                "metadata": {**session["metadata"], **renewed},
                "payment_intent_data": {**intent, "metadata": {**intent["metadata"], **renewed}},
            },
        }

    async def create(
        self, account: Account, body: Body, *, key: str, receipt_email: str | None
    ) -> Snapshot:
        params = {**body["session"]}
        if receipt_email:
            params["customer_email"] = receipt_email
            params["payment_intent_data"] = {
                **params["payment_intent_data"],
                "receipt_email": receipt_email,
            }
        try:
            return answers.session(await self._post(account, _SESSIONS, params, key))
        except Refused:
            if params["line_items"] == body["inline"]:
                raise
        # A price that was replaced since is refused for ever; the frozen amount is what counts.
        inline = {**params, "line_items": body["inline"]}
        return answers.session(await self._post(account, _SESSIONS, inline, f"{key}:inline"))

    async def find(self, account: Account, attempt_id: UUID) -> Snapshot | None:
        """There is no search for sessions: those made since the attempt are gone through."""
        since = datetime.fromtimestamp((attempt_id.int >> 80) / 1000, UTC) - timedelta(minutes=10)
        params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        while True:
            page = await self._get(account, _SESSIONS, params)
            for item in page["data"]:
                if (item.get("metadata") or {}).get("attempt_id") == str(attempt_id):
                    return await self.look(account, item["id"])
            if not page["has_more"]:
                return None
            params["starting_after"] = page["data"][-1]["id"]

    async def look(self, account: Account, ref: str) -> Snapshot:
        """By the session's id, or by its PaymentIntent's."""
        if not ref.startswith("pi_"):
            path = f"{_SESSIONS}/{quote(ref, safe='')}"
            return answers.session(await self._get(account, path, {"expand": _WITH_INTENT}))
        found = await self._get(
            account,
            _SESSIONS,
            {"payment_intent": ref, "expand": [f"data.{name}" for name in _WITH_INTENT]},
        )
        if not found["data"]:
            # An event is sometimes faster than what it is about.
            raise Unreached("session_not_shown")
        return answers.session(cast("dict[str, Any]", found["data"][0]))

    async def cancel(self, account: Account, ref: str, *, key: str) -> Snapshot:
        """Expire the session: possible while it is open, and else what it is now is the truth."""
        path = f"{_SESSIONS}/{quote(ref, safe='')}/expire"
        try:
            return answers.session(await self._post(account, path, {}, key))
        except Refused:
            now = await self.look(account, ref)
            if now.open:
                raise
            return now

    async def publish(self, account: Account, product: Product, *, key: str) -> Mapping[str, str]:
        ours = products.product_id(product)
        await self._keep_product(account, product, ours, key)
        active = await self._active_prices(account, ours)
        by_lookup = {one["lookup_key"]: one for one in active if one["lookup_key"]}
        kept: dict[str, str] = {}
        for tier in product.tiers if product.active else ():
            name = products.lookup_key(product, tier)
            found = by_lookup.get(name)
            if found is None or not products.is_price_of(found, product, tier):
                wanted = products.price(product, tier)
                found = await self._post(account, "/v1/prices", wanted, f"{key}:{name}")
            elif found["metadata"] != products.described(product, tier):
                described = {"metadata": products.described(product, tier)}
                path = f"/v1/prices/{found['id']}"
                await self._post(account, path, described, f"{key}:{name}:named")
            kept[tier.key] = found["id"]
        for one in active:
            if one["id"] not in kept.values():
                path = f"/v1/prices/{one['id']}"
                await self._post(account, path, {"active": False}, f"{key}:{one['id']}:off")
        return kept

    async def _keep_product(self, account: Account, product: Product, ours: str, key: str) -> None:
        wanted = products.product(product)
        try:
            await self._post(account, f"/v1/products/{ours}", wanted, f"{key}:product")
        except Refused as no:
            if no.code != "resource_missing":
                raise
        else:
            return
        try:
            await self._post(account, "/v1/products", {"id": ours, **wanted}, f"{key}:made")
        except Refused as no:
            # Made by an earlier run, whose answer was lost.
            if no.code != "resource_already_exists":
                raise

    async def _active_prices(self, account: Account, ours: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"product": ours, "active": True, "limit": 100}
        while True:
            page = await self._get(account, "/v1/prices", params)
            found += page["data"]
            if not page["has_more"]:
                return found
            params["starting_after"] = page["data"][-1]["id"]

    async def refunds(self, account: Account, ref: str) -> Sequence[RefundSnapshot]:
        """By the PaymentIntent's id, or by the session's."""
        if ref.startswith("pi_"):
            return await super().refunds(account, ref)
        money = (await self.look(account, ref)).money_ref
        return await super().refunds(account, money) if money else []
