"""Send a planned message: the executor behind the intent.

A crash after the server took the mail and before that was recorded sends it again under the same
Message-ID, by which mail programs show it once.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.db import Database, Transaction
from chassis.intents import Done, GiveUp, Intent, Outcome, Retry
from notifications import published
from notifications.domain.notice import Message, Told, Venue
from notifications.mail.letter import BadAddress, LetterWriter
from notifications.mail.smtp import Mailer, Refused, Undelivered
from notifications.store.messages import Messages

VENUE_LATE = 1.0
"""Seconds until we look again for a venue we have not heard of."""
MOST_ATTEMPTS = 250
"""About 20 hours at the longest backoff; later the news is old."""

TOO_LATE = "too late"


@dataclass(frozen=True, slots=True)
class SendMail:
    """What it takes to send: called by a worker, outside any transaction."""

    db: Database
    messages: Messages
    writer: LetterWriter
    mailer: Mailer

    async def __call__(self, intent: Intent) -> Outcome:
        """Done when the server took the mail.

        Given up when it never will (5xx, no address), or when what the mail offers has lapsed.
        """
        row_id = UUID(intent.subject)
        async with self.db.transaction(intent.org_id) as tx:
            message = await self.messages.begin(tx, row_id)
            now = await tx.now()
        if message is None:
            return Done()
        if message.venue is None:
            return Retry(VENUE_LATE, "the venue has not been heard of yet")
        if message.facts.old_news(now):
            return self._failed(message.told, TOO_LATE)
        return await self._deliver(intent, message, message.venue, now)

    async def _deliver(
        self, intent: Intent, message: Message, venue: Venue, at: datetime
    ) -> Outcome:
        try:
            letter = self.writer.write(message, venue, at)
            await self.mailer.send(letter.content, sender=self.writer.sender, to=letter.to)
        except (BadAddress, Refused) as reason:
            return self._failed(message.told, str(reason))
        except Undelivered as reason:
            if intent.attempt >= MOST_ATTEMPTS:
                return self._failed(message.told, f"undelivered: {reason}")
            return Retry(None, str(reason))
        return self._sent(message)

    def _sent(self, message: Message) -> Done:
        async def record(tx: Transaction) -> None:
            now = await tx.now()
            by = published.sent(tx, message.told, now)
            await self.messages.settle(tx, message.told.id, "sent", at=now, by=by)

        return Done(record)

    def _failed(self, told: Told, error: str) -> GiveUp:
        async def record(tx: Transaction) -> None:
            now = await tx.now()
            by = published.failed(tx, told, now, error)
            await self.messages.settle(tx, told.id, "failed", at=now, by=by, error=error)

        return GiveUp(error, record)
