"""PayPal behind `domain.provider.Provider`.

An order is made for the customer to agree to; then we capture it, once. A payment's reference is
the order's id. Until it is captured an order costs nobody anything, so to cancel one is never to
capture it: after three hours PayPal forgets it. PayPal has no search by ids of ours, but knows a
request by its PayPal-Request-Id for 45 days, which is far longer than any hold.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from payments.domain.failures import Failure
from payments.domain.payment import Fact
from payments.domain.provider import (
    Forged,
    Gone,
    Listed,
    OutOfState,
    ProviderError,
    Unproven,
)
from payments.providers.paypal import answers, disputes, lists, notifications, requests
from payments.providers.paypal.errors import Declined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from payments.domain.disputes import DisputeSnapshot
    from payments.domain.provider import Account, Body, PaymentOrder, RefundOrder, Window
    from payments.domain.snapshot import ProviderEvent, RefundSnapshot, Snapshot
    from payments.providers.paypal.certificates import Certificates
    from payments.providers.paypal.client import Client
    from payments.providers.paypal.notifications import Transmission

_ORDERS = ("v2", "checkout", "orders")
_CAPTURES = ("v2", "payments", "captures")
_EVENTS = ("v1", "notifications", "webhooks-events")
_PAGE = 100  # events of a page
_LOOKS = 20  # of a page whose orders are read one by one


class PayPal:
    """PayPal at one base address.

    An account's publishable key is its client id; its webhook secrets are its webhooks' ids.
    """

    name = "paypal"
    account_kind = "paypal"
    methods = requests.METHODS
    events = notifications.ACTED_ON
    key_lifetime = timedelta(days=44)  # of the 45 that PayPal promises

    def __init__(
        self, client: Client, certificates: Certificates, *, public_url: str | None = None
    ) -> None:
        """`public_url`: where guests are, and come back to; None: they stay at PayPal's page."""
        self._client = client
        self._certificates = certificates
        self._public_url = public_url.rstrip("/") if public_url else None

    def draft_payment(self, order: PaymentOrder) -> Body:
        return requests.payment(order, self._public_url)

    def draft_refund(self, order: RefundOrder) -> Body:
        return requests.refund(order)

    def redraft(self, body: Body, attempt_id: UUID) -> Body:
        return requests.redrafted(body, attempt_id)

    async def create(
        self,
        account: Account,
        body: Body,
        *,
        key: str,
        receipt_email: str | None,  # noqa: ARG002  # PayPal knows its customers' addresses
    ) -> Snapshot:
        return answers.payment(await self._client.post(account, *_ORDERS, body=body, key=key))

    async def find(
        self,
        account: Account,  # noqa: ARG002
        attempt_id: UUID,  # noqa: ARG002
    ) -> Snapshot | None:
        """Always None: see above. An order that nobody knows of is never captured."""
        return None

    async def look(self, account: Account, ref: str) -> Snapshot:
        return answers.payment(await self._order(account, ref))

    async def capture(self, account: Account, ref: str, *, key: str) -> Snapshot:
        try:
            await self._client.post(account, *_ORDERS, ref, "capture", body={}, key=key)
        except Declined as no:
            shown = await self.look(account, ref)
            if shown.fact is not Fact.PREPARED:
                return shown
            refusal = Failure(no.code, occurrence=key)
            return replace(shown, fact=Fact.DECLINED, failure=refusal, approved=False)
        # The answer may be short of what we need, and its replay as old as the first.
        return await self.look(account, ref)

    async def cancel(self, account: Account, ref: str, *, key: str) -> Snapshot:  # noqa: ARG002
        shown = await self.look(account, ref)
        if shown.fact is not Fact.PREPARED:
            return shown
        return replace(shown, fact=Fact.CANCELLED, approved=False)

    async def refund(self, account: Account, body: Body, *, key: str) -> RefundSnapshot:
        order_id = body["order_id"]
        captured = answers.capture_of(await self._order(account, order_id))
        if captured is None:
            raise OutOfState("nothing_captured")
        request = {name: value for name, value in body.items() if name != "order_id"}
        made = await self._client.post(
            account, *_CAPTURES, captured, "refund", body=request, key=key
        )
        shown = await self._client.get(account, "v2", "payments", "refunds", str(made.get("id")))
        return answers.refund({**made, **shown}, order_id)

    async def refunds(self, account: Account, ref: str) -> Sequence[RefundSnapshot]:
        return answers.refunds(await self._order(account, ref))

    async def dispute(self, account: Account, ref: str) -> DisputeSnapshot:
        shown = await self._client.get(account, "v1", "customer", "disputes", ref)
        capture = disputes.capture_of(shown)
        order = await self._order(account, f"{notifications.CAPTURE}{capture}")
        return disputes.dispute(shown, order)

    async def list_events(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[ProviderEvent]:
        page = await self._told(account, lists.first_page(window, _PAGE), cursor)
        return Listed([notifications.listed(one) for one in page.items], page.following)

    async def list_payments(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[Snapshot]:
        """Those that PayPal told to be paid, each read anew; it lists no orders."""
        asked = lists.first_page(window, _LOOKS, "PAYMENT.CAPTURE.COMPLETED")
        orders = await self._orders_told_of(account, asked, cursor)
        return Listed([answers.payment(one) for one in orders.items], orders.following)

    async def list_refunds(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[RefundSnapshot]:
        """All refunds of the orders that PayPal told to be refunded."""
        asked = lists.first_page(window, _LOOKS, "PAYMENT.CAPTURE.REFUNDED")
        orders = await self._orders_told_of(account, asked, cursor)
        return Listed(
            [refund for one in orders.items for refund in answers.refunds(one)], orders.following
        )

    async def verify(
        self, account: Account, body: bytes, headers: Mapping[str, str]
    ) -> ProviderEvent:
        sent = notifications.transmission(headers)
        url = self._certificates.check(sent.cert_url)
        try:
            key = await self._certificates.key(url)
        except Unproven:
            proven = await self._told_by_paypal(account, sent, body)
        else:
            proven = sent.signed_by(key, account.webhook_secrets, body)
        if not proven:
            raise Forged
        return replace(notifications.event(body), delivery_ref=sent.id)

    async def close(self) -> None:
        """Close the connections; calls still running fail."""
        await self._client.close()

    async def _told_by_paypal(self, account: Account, sent: Transmission, body: bytes) -> bool:
        """Ask PayPal whether a notification is its own: the way without a certificate."""
        notifications.event(body)  # it is to stand in a request of ours, so it is JSON first
        for webhook_id in account.webhook_secrets:
            try:
                answer = await self._client.post(
                    account,
                    "v1",
                    "notifications",
                    "verify-webhook-signature",
                    body=sent.question(webhook_id, body),
                )
            except ProviderError:
                raise Unproven from None
            if answer.get("verification_status") == "SUCCESS":
                return True
        return False

    async def _told(
        self, account: Account, asked: Mapping[str, str], cursor: str | None
    ) -> Listed[Mapping[str, Any]]:
        """A page of what PayPal told its webhooks, whether they heard it or not."""
        query = lists.page(cursor) if cursor is not None else asked
        data = await self._client.get(account, *_EVENTS, query=query)
        return Listed(lists.events(data), lists.following(data, cursor))

    async def _orders_told_of(
        self, account: Account, asked: Mapping[str, str], cursor: str | None
    ) -> Listed[dict[str, Any]]:
        """The orders of a page of events, once each, as they are now.

        Those that are not there any more, or not of our making, are left out.
        """
        page = await self._told(account, asked, cursor)
        told = [notifications.listed(one).payment_ref for one in page.items]
        orders: dict[str, dict[str, Any]] = {}
        for ref in dict.fromkeys(ref for ref in told if ref):
            with suppress(Gone):
                order = await self._order(account, ref)
                if answers.made_here(order):
                    orders[str(order["id"])] = order
        return Listed(list(orders.values()), page.following)

    async def _order(self, account: Account, ref: str) -> dict[str, Any]:
        """An order, by its id or by one of its captures.

        Raises:
            Gone: nobody approved it in time, or it is not this account's.
        """
        if ref.startswith(notifications.CAPTURE):
            capture = await self._client.get(
                account, *_CAPTURES, ref.removeprefix(notifications.CAPTURE)
            )
            related = (capture.get("supplementary_data") or {}).get("related_ids") or {}
            ref = str(related.get("order_id"))
        return await self._client.get(account, *_ORDERS, ref)
