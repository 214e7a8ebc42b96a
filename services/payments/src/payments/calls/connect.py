"""Open an organisation's account at the platform's provider, exactly once; and look at it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.db import Transaction
from chassis.intents import Done, Intent, Outcome, Retry
from payments.calls.desk import Desk
from payments.domain.attempt import SEARCH_LAG
from payments.domain.connections import Connection, ConnectionSnapshot
from payments.domain.provider import PLATFORM, Gone, ProviderError, Refused, Remembered
from payments.providers.stripe import Connect
from payments.store import connections, provider_events
from payments.usecases.connect import create_anew
from payments.usecases.observe import Outcome as Came
from payments.usecases.record_connection import (
    Learn,
    note_spent_key,
    record_look,
    record_not_opened,
    record_opened,
)


@dataclass(frozen=True, slots=True)
class ConnectAccount:
    """Executor of `connect_account`: the same key and body however often this runs."""

    desk: Desk
    stripe: Connect

    async def __call__(self, intent: Intent) -> Outcome:
        found = await _find(self.desk, intent)
        if found is None or not found[0].wanted or found[0].tries != intent.payload["tries"]:
            return Done()
        wanted, now = found
        try:
            shown = await self._opened(wanted, now)
        except Remembered as error:
            code = error.code
            async with self.desk.db.transaction(intent.org_id) as tx:
                await note_spent_key(tx, wanted)
            return Retry(SEARCH_LAG.total_seconds(), code)
        except Refused as no:
            refusal = no.code
            return Done(lambda tx: record_not_opened(tx, wanted, refusal))
        except ProviderError as error:
            return await self.desk.put_off(error)
        if shown is None:
            return Done(lambda tx: self._anew(tx, wanted))
        return Done(lambda tx: record_opened(tx, wanted, shown))

    async def _opened(self, wanted: Connection, now: datetime) -> ConnectionSnapshot | None:
        if wanted.must_look_first(now, self.stripe.key_lifetime):
            return await self.stripe.find_account(wanted)
        return await self.stripe.open_account(wanted)

    async def _anew(self, tx: Transaction, wanted: Connection) -> None:
        """The key is spent and made nothing."""
        known = await connections.lock(tx, wanted.id)
        if known is not None and known.wanted and known.tries == wanted.tries:
            await create_anew(tx, known, self.stripe)


@dataclass(frozen=True, slots=True)
class LookAtConnection:
    """Executor of `look_at_connection`: a notification only says that there is something to see."""

    desk: Desk
    stripe: Connect

    async def __call__(self, intent: Intent) -> Outcome:
        found = await _find(self.desk, intent)
        if found is None or found[0].shown is None:
            return Done()
        connection, _ = found
        try:
            shown = await self.stripe.look_at_account(found[0].shown.ref)
        except Gone:
            return Done(lambda tx: _record(tx, intent, connection, Connection.leaving))
        except ProviderError as error:
            return await self.desk.put_off(error)
        return Done(
            lambda tx: _record(tx, intent, connection, lambda known, now: known.showing(shown, now))
        )


async def _record(
    tx: Transaction,
    intent: Intent,
    connection: Connection,
    learn: Learn,
) -> None:
    await record_look(tx, connection.id, learn, seen_version=connection.version)
    event_id = intent.payload.get("event_id")
    if event_id is not None:
        await provider_events.settle(tx, PLATFORM, event_id, Came.APPLIED)


async def _find(desk: Desk, intent: Intent) -> tuple[Connection, datetime] | None:
    async with desk.db.transaction(intent.org_id) as tx:
        found = await connections.find(tx, UUID(intent.payload["connection_id"]))
        return (found, await tx.now()) if found is not None else None
