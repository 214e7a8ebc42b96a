"""The ledger: appended to, never changed; the service's role may do nothing else.

What moves money is booked by the very statement that records it (`booking`), so that no use case
can forget to. A row that is there already, by payment, kind and cause, is not booked again.
"""

from uuid import UUID

from chassis.db import Transaction
from payments.domain.ledger import FEE, Movement
from payments.domain.money import Money
from payments.domain.payment import Payment


def booking(
    movement: Movement,
    *,
    source: str,
    payment: str,
    cause: str,
    amount: str,
    currency: str,
    by_platform: str = "false",
) -> str:
    """The end of a statement: books `amount` for each row of `source`, which has ids of its own.

    All are SQL of ours: `source` what follows FROM, the others expressions over it. `by_platform`:
    whether it is between the platform's accounts.
    """
    debit, credit = f"'{movement.debit}'", f"'{movement.credit}'"
    if movement.platform is not None:
        debit, credit = (
            f"CASE WHEN {by_platform} THEN '{platform}' ELSE {own} END"
            for platform, own in zip(movement.platform, (debit, credit), strict=True)
        )
    return f"""
INSERT INTO ledger (org_id, booking_id, payment_id, kind, cause, debit, credit, amount_minor,
                    currency, booked_at)
SELECT org_id, booking_id, {payment}, '{movement.kind}', {cause}, {debit}, {credit}, {amount},
       {currency}, messaging.now()
FROM {source}
ON CONFLICT (payment_id, kind, cause) DO NOTHING
"""  # noqa: S608  # our own SQL


async def book(
    tx: Transaction, payment: Payment, movement: Movement, cause: str, amount: Money
) -> None:
    """Book what comes to be known of a payment by itself; what is booked stays as it is.

    Of a charge that is shared it is the platform's, whose account at the provider it moved.
    """
    if amount.amount_minor == 0:
        return
    statement = booking(
        movement,
        source="payments WHERE id = $1",
        payment="id",
        cause="$2::text",
        amount="$3::bigint",
        currency="$4::text",
        by_platform="EXISTS (SELECT FROM splits WHERE payment_id = payments.id)",
    )
    await tx.execute(statement, payment.id, cause, amount.amount_minor, amount.currency)


async def platform_fee(tx: Transaction, payment_id: UUID) -> int:
    """What the platform has kept of a payment, in minor units."""
    kept: int = await tx.fetchval(
        """SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries
           WHERE payment_id = $1 AND account = 'platform_fee'""",
        payment_id,
    )
    return kept


async def book_fee(tx: Transaction, payment: Payment, fee: Money) -> None:
    """Book what the provider kept of a payment; the first fee told stays."""
    await book(tx, payment, FEE, "", fee)
