"""What staff said of money that moved by hand: who, when, and by which reference (PAY-33)."""

from typing import Literal
from uuid import UUID

from chassis.db import Transaction
from payments.domain.payment import Payment

_INSERT = """
INSERT INTO statements (subject_id, org_id, booking_id, kind, actor, reference, said_at)
VALUES ($1, $2, $3, $4, $5, $6, messaging.now())
"""


async def add(
    tx: Transaction,
    payment: Payment,
    subject_id: UUID,
    kind: Literal["paid", "returned"],
    *,
    actor: str,
    reference: str | None,
) -> None:
    """Keep what was said of a payment, or of a refund of it; the caller holds the payment's lock.

    Of each it is said once: who says it again changes nothing and is not kept.
    """
    await tx.execute(
        _INSERT, subject_id, payment.org_id, payment.booking_id, kind, actor, reference
    )
