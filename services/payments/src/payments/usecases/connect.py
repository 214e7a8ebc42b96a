"""Connect an organisation to the platform's provider, so that it is paid through it (PAY-22)."""

from dataclasses import replace
from uuid import UUID

from chassis.db import Transaction
from chassis.ids import uuid7
from payments.domain.connections import Connection, Standing
from payments.domain.provider import PLATFORM
from payments.problems import ConnectedElsewhere
from payments.providers.stripe import Connect
from payments.store import connections
from payments.usecases.keep_product import publish_all


async def connect(
    tx: Transaction, *, org_id: UUID, country: str, stripe: Connect
) -> tuple[Connection, bool]:
    """The organisation's connection, and whether it is to be created now.

    There is one: asked for again it is the same, and one that keys of its own had replaced is in
    use again. What the provider refused, or the business left, is tried anew. Nothing changes for
    payments until the provider has once said that it takes money for it.

    Raises:
        ConnectedElsewhere: it exists, in another country; that can't be changed.
    """
    await connections.lock_org(tx, org_id)
    known = await connections.of_org(tx, org_id, lock=True)
    now = await tx.now()
    if known is None:
        wanted = Connection(
            id=uuid7(), org_id=org_id, country=country, body={}, called_at=now, version=1
        )
        wanted = replace(wanted, body=stripe.draft_account(wanted))
        await connections.insert(tx, wanted)
        intend_creation(tx, wanted)
        return wanted, True
    if known.standing in {Standing.REFUSED, Standing.DISCONNECTED}:
        return await create_anew(tx, replace(known, country=country, active=True), stripe), True
    if known.country != country:
        raise ConnectedElsewhere
    if not known.active:
        known = replace(known, active=True, version=known.version + 1)
        await connections.save(tx, known)
        if known.takes_over:
            await publish_all(tx)
    return known, False


async def create_anew(tx: Transaction, connection: Connection, stripe: Connect) -> Connection:
    """Try once more, with a key and a body of its own, forgetting what came of the last try."""
    wanted = replace(
        connection,
        tries=connection.tries + 1,
        called_at=await tx.now(),
        look_first=False,
        shown=None,
        activated_at=None,
        left_at=None,
        refusal=None,
        version=connection.version + 1,
    )
    wanted = replace(wanted, body=stripe.draft_account(wanted))
    await connections.save(tx, wanted)
    intend_creation(tx, wanted)
    return wanted


def intend_creation(tx: Transaction, connection: Connection) -> None:
    """Have the worker create the account at the provider, after the commit."""
    tx.intend(
        "connect_account",
        subject=connection.key,
        lane=PLATFORM,
        payload={"connection_id": str(connection.id), "tries": connection.tries},
    )


def look_at_connection(
    tx: Transaction, connection_id: UUID, *, because: str, event_id: str | None = None
) -> None:
    """Have the worker see how it stands at the provider, once for each cause.

    `event_id` of the notification that is settled with it.
    """
    tx.intend(
        "look_at_connection",
        subject=f"{connection_id}:{because}",
        lane=PLATFORM,
        payload={"connection_id": str(connection_id), "event_id": event_id},
    )
