"""Stripe Connect: accounts of others, opened by the platform and paid through it (PAY-22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from payments.domain.connections import ConnectionSnapshot
from payments.domain.provider import Gone, Misconfigured, Unreached
from payments.providers.stripe.adapter import Stripe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments.domain.connections import Connection
    from payments.domain.provider import Account, Body
    from payments.providers.stripe.transport import Transport

_ACCOUNTS = "/v1/accounts"
_LEFT = "account_invalid"
"""What Stripe calls an account that the platform's key has no access to any more."""


class Connect(Stripe):
    """The same Stripe, asked by the platform about accounts rather than payments."""

    def __init__(self, base: str, transport: Transport, platform: Account) -> None:
        super().__init__(base, transport)
        self._platform = platform

    def draft_account(self, connection: Connection) -> Body:
        """Parameters of `POST /v1/accounts`: ids and the country, nobody's names (F-39).

        Stripe collects what it must know, on pages of its own. The platform pays Stripe's fees
        and stands in for losses: so charges are its own, and it may set its fee as it likes.
        """
        capabilities = ["card_payments", "transfers"]
        if connection.country == "GB":
            capabilities.append("bacs_debit_payments")
        return {
            "country": connection.country,
            "capabilities": {name: {"requested": True} for name in capabilities},
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "requirement_collection": "stripe",
                "stripe_dashboard": {"type": "express"},
            },
            "metadata": {"org_id": str(connection.org_id), "connection": connection.key},
        }

    async def open_account(self, connection: Connection) -> ConnectionSnapshot:
        """Create the connected account.

        Raises:
            As `Provider`.
        """
        return _shown(await self._post(self._platform, _ACCOUNTS, connection.body, connection.key))

    async def find_account(self, connection: Connection) -> ConnectionSnapshot | None:
        """The connected account that a call with this key created, if it did."""
        since = int(connection.called_at.timestamp()) - 600
        params: dict[str, Any] = {"created": {"gte": since}, "limit": 100}
        while True:
            page = await self._get(self._platform, _ACCOUNTS, params)
            for item in page["data"]:
                if (item.get("metadata") or {}).get("connection") == connection.key:
                    return _shown(item)
            if not page["has_more"]:
                return None
            params["starting_after"] = page["data"][-1]["id"]

    async def look_at_account(self, ref: str) -> ConnectionSnapshot:
        """The connected account as it is now.

        Raises:
            Gone: the business took back the platform's access.
            As `Provider`.
        """
        try:
            return _shown(await self._get(self._platform, f"{_ACCOUNTS}/{quote(ref, safe='')}", {}))
        except Misconfigured as no:
            if no.code != _LEFT:
                raise
            raise Gone(no.code) from None

    async def onboarding_link(
        self, ref: str, *, return_url: str, refresh_url: str, key: str
    ) -> tuple[str, int]:
        """The address, for one visit, of the page that asks who the business is.

        Returns it with the Unix second at which it ends.

        Raises:
            As `look_at_account`.
        """
        wanted = {
            "account": ref,
            "type": "account_onboarding",
            "return_url": return_url,
            "refresh_url": refresh_url,
        }
        try:
            made = await self._post(self._platform, "/v1/account_links", wanted, key)
            return str(made["url"]), int(made["expires_at"])
        except Misconfigured as no:
            if no.code != _LEFT:
                raise
            raise Gone(no.code) from None
        except (KeyError, TypeError, ValueError):
            raise Unreached("unreadable_answer") from None


def _shown(data: Mapping[str, Any]) -> ConnectionSnapshot:
    try:
        asked = data.get("requirements") or {}
        capabilities = data.get("capabilities") or {}
        return ConnectionSnapshot(
            ref=data["id"],
            charges_enabled=bool(data["charges_enabled"]),
            payouts_enabled=bool(data["payouts_enabled"]),
            transfers_enabled=capabilities.get("transfers") == "active",
            requirements=tuple(asked.get("currently_due") or ()),
            disabled_reason=asked.get("disabled_reason"),
        )
    except (KeyError, TypeError, ValueError):
        raise Unreached("unreadable_answer") from None
