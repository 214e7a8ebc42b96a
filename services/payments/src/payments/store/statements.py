"""What staff said of money that moved by hand: who, when, and by which reference (PAY-33)."""

from typing import Literal, NamedTuple
from uuid import UUID

from chassis.db import Transaction
from payments.domain.payment import Payment
from payments.domain.statements import Request, Statement

_INSERT = """
INSERT INTO statements (subject_id, org_id, booking_id, kind, actor, reference, said_at)
VALUES ($1, $2, $3, $4, $5, $6, messaging.now())
"""

_ANSWERED = """
INSERT INTO statement_requests (org_id, key, digest, subject_id, answered_at)
VALUES ($1, $2, $3, $4, messaging.now())
"""


async def add(
    tx: Transaction,
    payment: Payment,
    subject_id: UUID,
    kind: Literal["paid", "returned"],
    said: Statement,
) -> None:
    """Keep what was said of a payment, or of a refund of it; the caller holds the payment's lock.

    Of each it is said once: who says it again changes nothing and is not kept.
    """
    await tx.execute(
        _INSERT, subject_id, payment.org_id, payment.booking_id, kind, said.actor, said.reference
    )


class Answered(NamedTuple):
    """A request that was answered, and the payment or refund that it was about."""

    digest: bytes
    subject_id: UUID


async def answered(tx: Transaction, key: str) -> Answered | None:
    """The request that was answered under this key, if there was one."""
    row = await tx.fetchrow("SELECT digest, subject_id FROM statement_requests WHERE key = $1", key)
    return Answered(row["digest"], row["subject_id"]) if row else None


async def remember(tx: Transaction, request: Request, payment: Payment, subject_id: UUID) -> None:
    """Keep that a request was answered, whether or not it changed anything."""
    await tx.execute(_ANSWERED, payment.org_id, request.key, request.digest, subject_id)
