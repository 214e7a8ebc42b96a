"""Messages to guests: planned once, sent, and kept as a record (NTF-22)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from chassis.db import Transaction
from chassis.sealing import Sealer
from notifications.domain.notice import Facts, Kind, Message, Notice, Recipient, State, Told, Venue

_FACTS = TypeAdapter(Facts)

# The unique key (booking or entry, kind, cause) makes a notice told once, whatever comes twice.
_PLAN = """
INSERT INTO messages (id, org_id, booking_id, entry_id, venue_id, kind, cause, channel, recipient,
    locale, subject, message_id, facts, version, state, planned_at, planned_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'email', $8, $9, $10, $11, $12, $13, 'planned',
    messaging.now(), $14)
ON CONFLICT (coalesce(booking_id, entry_id), kind, cause) DO NOTHING
RETURNING true
"""

# Begins an attempt and reads all it takes in one statement. Nothing comes back for a message that
# was sent: its intent was run again after a crash.
_BEGIN = """
WITH begun AS (
    UPDATE messages SET state = 'sending', attempts = attempts + 1,
        settled_at = NULL, settled_by = NULL
    WHERE id = $1 AND state <> 'sent'
    RETURNING *
)
SELECT begun.*, v.name, v.organisation, v.country, v.email, v.phone, messaging.now() AS now
FROM begun LEFT JOIN venues v ON v.venue_id = begun.venue_id
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as staff see it."""

    id: UUID
    kind: Kind
    cause: str
    recipient: str | None
    subject: str
    message_id: str
    state: State
    attempts: int
    error: str | None
    planned_at: datetime
    planned_by: UUID | None
    settled_at: datetime | None
    settled_by: UUID | None


class Messages:
    """The table of messages; recipients are sealed with this installation's column keys."""

    def __init__(self, columns: Sealer) -> None:
        self._columns = columns

    async def plan(
        self, tx: Transaction, row_id: UUID, notice: Notice, *, subject: str, message_id: str
    ) -> bool:
        """Whether the notice is new: the same booking or entry, kind and cause exists only once."""
        recipient = {"name": notice.recipient.name, "email": notice.recipient.email}
        new: bool | None = await tx.fetchval(
            _PLAN,
            row_id,
            notice.org_id,
            notice.booking_id,
            notice.entry_id,
            notice.venue_id,
            notice.kind,
            notice.cause,
            self._columns.seal(recipient, context=str(row_id)),
            notice.locale,
            subject,
            message_id,
            _FACTS.dump_json(notice.facts).decode(),
            notice.version,
            tx.cause.message_id if tx.cause else None,
        )
        return bool(new)

    async def begin(self, tx: Transaction, row_id: UUID) -> Message | None:
        """Count an attempt and return the message; None when it was sent already."""
        row = await tx.fetchrow(_BEGIN, row_id)
        if row is None:
            return None
        tx.observe_now(row["now"])
        return Message(
            told=Told(
                id=row["id"],
                org_id=row["org_id"],
                booking_id=row["booking_id"],
                kind=row["kind"],
                version=row["version"],
            ),
            locale=row["locale"],
            message_id=row["message_id"],
            recipient=self._recipient(row),
            facts=_FACTS.validate_json(row["facts"]),
            venue=_venue(row),
        )

    async def subject_of(self, tx: Transaction, booking_id: UUID) -> tuple[UUID, Facts] | None:
        """The venue of a booking and its facts as they were told last; None: nothing was yet."""
        row = await tx.fetchrow(
            "SELECT venue_id, facts FROM messages WHERE coalesce(booking_id, entry_id) = $1 "
            "ORDER BY id DESC LIMIT 1",
            booking_id,
        )
        return (row["venue_id"], _FACTS.validate_json(row["facts"])) if row else None

    async def settle(
        self,
        tx: Transaction,
        row_id: UUID,
        state: State,
        *,
        at: datetime,
        by: UUID | None,
        error: str | None = None,
    ) -> None:
        """Record the end of a message: sent or failed; `by` is the id of what was told."""
        await tx.execute(
            """UPDATE messages SET state = $2, settled_at = $3, settled_by = $4, error = $5
               WHERE id = $1""",
            row_id,
            state,
            at,
            by,
            error,
        )

    async def of_booking(self, tx: Transaction, booking_id: UUID) -> list[Entry]:
        """All messages about a booking, oldest first."""
        rows = await tx.fetch(
            "SELECT * FROM messages WHERE coalesce(booking_id, entry_id) = $1 "
            "ORDER BY planned_at, id",
            booking_id,
        )
        return [
            Entry(
                id=row["id"],
                kind=row["kind"],
                cause=row["cause"],
                recipient=self._recipient(row).email,
                subject=row["subject"],
                message_id=row["message_id"],
                state=row["state"],
                attempts=row["attempts"],
                error=row["error"],
                planned_at=row["planned_at"],
                planned_by=row["planned_by"],
                settled_at=row["settled_at"],
                settled_by=row["settled_by"],
            )
            for row in rows
        ]

    def _recipient(self, row: asyncpg.Record) -> Recipient:
        return Recipient(**self._columns.open(row["recipient"], context=str(row["id"])))


def _venue(row: asyncpg.Record) -> Venue | None:
    if row["name"] is None:
        return None
    return Venue(
        name=row["name"],
        organisation=row["organisation"],
        country=row["country"],
        email=row["email"],
        phone=row["phone"],
    )
