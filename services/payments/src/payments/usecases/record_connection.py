"""Record what the provider showed of an organisation's account there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog

from chassis import metrics
from chassis.db import Transaction
from chassis.ids import uuid7
from payments.domain.connections import Connection, ConnectionSnapshot, Standing
from payments.store import connections
from payments.usecases.connect import look_at_connection
from payments.usecases.keep_product import publish_all

log = structlog.get_logger(__name__)

Learn = Callable[[Connection, datetime], Connection]


async def record_opened(tx: Transaction, called: Connection, shown: ConnectionSnapshot) -> None:
    """The provider made the account; it may have moved on since, so look once more."""
    known = await _still_wanted(tx, called)
    if known is not None:
        await _learnt(tx, known, known.showing(shown, await tx.now()))
        look_at_connection(tx, known.id, because="opened")


async def record_not_opened(tx: Transaction, called: Connection, code: str) -> None:
    """The provider will make none; whoever asked may ask again, for another country."""
    known = await _still_wanted(tx, called)
    if known is not None:
        log.warning("connection.refused", org_id=str(known.org_id), code=code)
        await connections.save(tx, replace(known, refusal=code, version=known.version + 1))


async def note_spent_key(tx: Transaction, called: Connection) -> None:
    """The provider answers the call's key with a stored fault: look what it did before another."""
    known = await _still_wanted(tx, called)
    if known is not None:
        await connections.save(tx, replace(known, look_first=True))


async def record_look(
    tx: Transaction, connection_id: UUID, learn: Learn, *, seen_version: int
) -> None:
    """Apply a look, unless something changed during it: then it may be older, and is made again."""
    known = await connections.lock(tx, connection_id)
    if known is None or known.shown is None:
        return
    if known.version != seen_version:
        look_at_connection(tx, connection_id, because=str(uuid7()))
        return
    after = learn(known, await tx.now())
    if after != known:
        await _learnt(tx, known, after)


async def _learnt(tx: Transaction, before: Connection, after: Connection) -> None:
    await connections.save(tx, after)
    if after.takes_over and not before.takes_over:
        await publish_all(tx)
    _tell_staff(before, after)


def _tell_staff(before: Connection, after: Connection) -> None:
    if after.standing is before.standing:
        return
    log.info("connection.changed", org_id=str(after.org_id), standing=after.standing)
    if after.standing in {Standing.RESTRICTED, Standing.DISCONNECTED}:
        log.error("connection.unusable", org_id=str(after.org_id), standing=after.standing)
        metrics.ALARMS.labels("connection_unusable").inc()


async def _still_wanted(tx: Transaction, called: Connection) -> Connection | None:
    known = await connections.lock(tx, called.id)
    return known if known is not None and known.wanted and known.tries == called.tries else None
