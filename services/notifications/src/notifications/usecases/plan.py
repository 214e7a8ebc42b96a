"""Plan to tell a guest something: a row and an intent, in the transaction of the message heard."""

from chassis.db import Transaction
from chassis.ids import uuid7
from notifications import published
from notifications.domain.notice import Notice, Told
from notifications.mail.letter import LetterWriter
from notifications.store.messages import Messages

SEND_MAIL = "send_mail"
LANE = "smtp"
NO_ADDRESS = "no address"


async def plan(tx: Transaction, messages: Messages, writer: LetterWriter, notice: Notice) -> None:
    """Plan a notice once per booking or entry, kind and cause; planning it again changes nothing.

    A guest without an address is not told, and that is on record too (F-76).
    """
    row_id = uuid7()
    new = await messages.plan(
        tx,
        row_id,
        notice,
        subject=writer.subject(notice.kind, notice.locale, notice.facts),
        message_id=writer.message_id(row_id),
    )
    if not new:
        return
    if notice.recipient.email is None:
        told = Told(row_id, notice.org_id, notice.booking_id, notice.kind, notice.version)
        now = await tx.now()
        by = published.failed(tx, told, now, NO_ADDRESS)
        await messages.settle(tx, row_id, "failed", at=now, by=by, error=NO_ADDRESS)
        return
    tx.intend(SEND_MAIL, subject=str(row_id), lane=LANE, payload={})
