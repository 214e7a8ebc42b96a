"""Stripe SetupIntents behind `domain.provider.Provider`: a card is saved, and nothing is paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from payments.providers.stripe import answers, requests
from payments.providers.stripe.adapter import Stripe
from payments.providers.stripe.notifications import SETUP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from payments.domain.provider import Account, Body, PaymentOrder
    from payments.domain.snapshot import RefundSnapshot, Snapshot

_SETUPS = "/v1/setup_intents"


class Setup(Stripe):
    """SetupIntents; notifications are those of PaymentIntents, and there is nothing to refund."""

    name = SETUP
    methods = frozenset[str]()

    def draft_payment(self, order: PaymentOrder) -> Body:
        return cast("Body", requests.setup(order))

    async def create(
        self, account: Account, body: Body, *, key: str, receipt_email: str | None
    ) -> Snapshot:
        del receipt_email  # there is nothing to give a receipt for
        params = {**body, "customer": await self._customer(account, body, key)}
        return answers.setup(await self._post(account, _SETUPS, params, key))

    async def find(self, account: Account, attempt_id: UUID) -> Snapshot | None:
        """There is no search for SetupIntents: those made since the attempt are gone through."""
        since = datetime.fromtimestamp((attempt_id.int >> 80) / 1000, UTC) - timedelta(minutes=10)
        params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        while True:
            page = await self._get(account, _SETUPS, params)
            for item in page["data"]:
                if (item.get("metadata") or {}).get("attempt_id") == str(attempt_id):
                    return answers.setup(item)
            if not page["has_more"]:
                return None
            params["starting_after"] = page["data"][-1]["id"]

    async def look(self, account: Account, ref: str) -> Snapshot:
        return answers.setup(await self._get(account, f"{_SETUPS}/{quote(ref, safe='')}", {}))

    async def cancel(self, account: Account, ref: str, *, key: str) -> Snapshot:
        path = f"{_SETUPS}/{quote(ref, safe='')}/cancel"
        return answers.setup(
            await self._post(account, path, {"cancellation_reason": "abandoned"}, key)
        )

    async def refunds(self, account: Account, ref: str) -> Sequence[RefundSnapshot]:
        del account, ref
        return []
