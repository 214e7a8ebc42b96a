"""Events are kept as long as a provider may repeat them, and no longer."""

from datetime import timedelta

from chassis.testing import DatabaseUrls, connected
from payments.store import provider_events

INSERT = """
INSERT INTO messaging.provider_events (account_id, event_id, type, digest, outcome, received_at)
VALUES ('retention', $1, 'charge.updated', '{}', 'ignored', messaging.now() - $2::interval)
"""


async def test_old_events_are_forgotten_and_young_ones_are_not(urls: DatabaseUrls) -> None:
    async with connected(urls) as db, db.transaction(None) as tx:
        await tx.execute(INSERT, "old", timedelta(days=30, seconds=1))
        await tx.execute(INSERT, "young", timedelta(days=29))
        assert await provider_events.forget(tx) >= 1
        rows = await tx.fetch(
            "SELECT event_id FROM messaging.provider_events WHERE account_id = 'retention'"
        )
    assert [row["event_id"] for row in rows] == ["young"]
