"""Recognise a request of staff that comes again."""

from uuid import UUID

from chassis.db import Transaction
from payments.domain.statements import Statement
from payments.problems import KeyReused
from payments.store import statements


async def recognise(tx: Transaction, said: Statement) -> UUID | None:
    """What the same request was about when it was answered; None: it is new, or has no key.

    The caller holds the lock of what it asks about, so that none is answered twice at once.

    Raises:
        KeyReused: the key was used for another request.
    """
    if said.request is None:
        return None
    before = await statements.answered(tx, said.request.key)
    if before is None:
        return None
    if before.digest != said.request.digest:
        raise KeyReused
    return before.subject_id
