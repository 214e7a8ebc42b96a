"""Provider accounts and their secrets, sealed in the database and opened only here."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from chassis.db import Database, Transaction
from chassis.sealing import Sealer
from payments.domain.provider import PLATFORM, Account

REMEMBERED_SECONDS = 60.0
_REREAD_SECONDS = 1.0

_COLUMNS = """id, org_id, provider, publishable_key, secret_key, webhook_secret,
              webhook_secret_next"""


class _Remembered(NamedTuple):
    account: Account | None
    at: float


class Accounts:
    """Finds the account to use; each process remembers what it found for up to a minute."""

    def __init__(self, own: Sequence[Account], sealer: Sealer) -> None:
        """`own`: the installation's, for organisations that have none of that kind."""
        self._own = {account.id: account for account in own}
        self._own_of_kind = {account.provider: account for account in own}
        self._sealer = sealer
        self._of_org: dict[tuple[UUID, str], _Remembered] = {}
        self._by_id: dict[str, _Remembered] = {}

    @property
    def platform(self) -> Account:
        """The installation's account at the provider that organisations are connected to."""
        return self._own[PLATFORM]

    async def for_new_payments(
        self, tx: Transaction, org_id: UUID, kind: str, *, reread: bool = False
    ) -> Account | None:
        """The account of a kind that new payments of an organisation go through, if it has one.

        `reread` asks the database, whatever is remembered.
        """
        known = self._of_org.get((org_id, kind))
        if reread or known is None or _older(known, REMEMBERED_SECONDS):
            row = await tx.fetchrow(
                f"SELECT {_COLUMNS} FROM payment_accounts "  # noqa: S608  # our column names
                "WHERE org_id = $1 AND provider = $2 AND active",
                org_id,
                kind,
            )
            known = self._of_org[org_id, kind] = self._remember(row)
        return known.account or self._own_of_kind.get(kind)

    async def by_id(self, db: Database, account_id: str, *, reread: bool = False) -> Account | None:
        """The account with this id, whoever it belongs to; no tenant is known yet.

        `reread` asks the database again, since secrets may just have been changed, but not more
        than once a second: anyone may send wrong signatures.
        """
        if account_id in self._own:
            return self._own[account_id]
        known = self._by_id.get(account_id)
        if known is None or _older(known, _REREAD_SECONDS if reread else REMEMBERED_SECONDS):
            rows = await db.statement(
                f"SELECT {_COLUMNS} FROM webhook_account($1)",  # noqa: S608  # our column names
                account_id,
            )
            known = self._remember(rows[0] if rows else None)
            if known.account is not None:
                # Addresses that never existed are not remembered: anyone can make them up.
                self._by_id[account_id] = known
        return known.account

    async def add(self, tx: Transaction, account: Account, now: datetime) -> None:
        """Keep a new account; it takes over from the organisation's present one."""
        await tx.execute(
            "UPDATE payment_accounts SET active = false WHERE org_id = $1 AND provider = $2",
            account.org_id,
            account.provider,
        )
        await tx.execute(
            """INSERT INTO payment_accounts (id, org_id, provider, publishable_key, secret_key,
                                             webhook_secret, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            account.id,
            account.org_id,
            account.provider,
            account.publishable_key,
            self._seal(account.id, account.secret_key),
            self._seal(account.id, account.webhook_secrets[0]) if account.webhook_secrets else None,
            now,
        )
        if account.org_id is not None:
            self._of_org.pop((account.org_id, account.provider), None)

    async def add_webhook_secret(self, tx: Transaction, account_id: str, secret: str) -> bool:
        """Accept `secret` besides the newest one so far; False: no such account.

        The first becomes current, the second next; a third makes the second current.
        """
        found = await tx.fetchval(
            """UPDATE payment_accounts
               SET webhook_secret = coalesce(webhook_secret_next, webhook_secret, $2),
                   webhook_secret_next = CASE WHEN webhook_secret IS NOT NULL THEN $2 END
               WHERE id = $1 RETURNING true""",
            account_id,
            self._seal(account_id, secret),
        )
        self._by_id.pop(account_id, None)
        return bool(found)

    def _remember(self, row: Record | None) -> _Remembered:
        return _Remembered(self._account(row) if row else None, time.monotonic())

    def _account(self, row: Record) -> Account:
        account_id = row["id"]
        sealed = (row["webhook_secret"], row["webhook_secret_next"])
        return Account(
            id=account_id,
            org_id=row["org_id"],
            provider=row["provider"],
            publishable_key=row["publishable_key"],
            secret_key=self._open(account_id, row["secret_key"]),
            webhook_secrets=tuple(self._open(account_id, text) for text in sealed if text),
        )

    def _seal(self, account_id: str, text: str) -> str:
        return self._sealer.seal({"text": text}, f"payment_account:{account_id}")

    def _open(self, account_id: str, sealed: str) -> str:
        return str(self._sealer.open(sealed, f"payment_account:{account_id}")["text"])


def _older(known: _Remembered, seconds: float) -> bool:
    return time.monotonic() - known.at > seconds
