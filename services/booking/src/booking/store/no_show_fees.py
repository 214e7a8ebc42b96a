"""Fees of guests who did not come: one per booking, whatever is told how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.guarantee import Fee, FeeState
from booking.domain.money import Money

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from chassis.db import Transaction

_ADD = """
INSERT INTO no_show_fees (booking_id, org_id, amount_minor, currency, state, pay_until, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (booking_id) DO NOTHING RETURNING true
"""
# Older news of the payment changes nothing, and what was charged stays charged.
_LEARN = """
UPDATE no_show_fees SET state = $2, failure_code = $3, payment_sequence = $4
WHERE booking_id = $1 AND payment_sequence < $4 AND state <> 'charged' RETURNING true
"""


async def add(tx: Transaction, booking_id: UUID, fee: Fee, now: datetime) -> bool:
    """Write a booking's fee; False when it has one."""
    return bool(
        await tx.fetchval(
            _ADD,
            booking_id,
            tx.org_id,
            fee.amount.amount_minor,
            fee.amount.currency,
            fee.state,
            fee.pay_until,
            now,
        )
    )


async def learn(
    tx: Transaction, booking_id: UUID, state: FeeState, sequence: int, code: str | None = None
) -> bool:
    """Note how its payment stands at this version of it; False when that is no news."""
    return bool(await tx.fetchval(_LEARN, booking_id, state, code, sequence))


async def charge_again(tx: Transaction, booking_id: UUID) -> None:
    """Note that the charge is being tried once more."""
    await tx.execute(
        "UPDATE no_show_fees SET state = 'due', failure_code = NULL WHERE booking_id = $1",
        booking_id,
    )


async def read(tx: Transaction, booking_id: UUID) -> Fee | None:
    """A booking's fee, if one ever became due."""
    row = await tx.fetchrow("SELECT * FROM no_show_fees WHERE booking_id = $1", booking_id)
    if row is None:
        return None
    return Fee(
        amount=Money(row["amount_minor"], row["currency"]),
        state=FeeState(row["state"]),
        pay_until=row["pay_until"],
        failure_code=row["failure_code"],
    )
