"""What moved on a day, from the ledger: a day is one where the money's venue is.

What was the platform's is another report, over all organisations, in days of UTC.
"""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from chassis.db import Transaction

# No zone is further from UTC than 14 hours, so the index finds a day's rows and a few more.
_DAY = """
SELECT currency, {ids}
       sum(-amount_minor) FILTER (WHERE account = 'charged') AS charged,
       sum(amount_minor) FILTER (WHERE account = 'refunded') AS refunded,
       sum(amount_minor) FILTER (WHERE account = 'provider_fee') AS fees,
       sum(amount_minor) FILTER (WHERE account = 'platform_fee') AS platform_fees,
       sum(amount_minor) FILTER (WHERE account = 'disputed') AS disputed,
       sum(amount_minor) FILTER (WHERE account = 'lost') AS lost,
       sum(amount_minor) FILTER (WHERE account = 'platform_due') AS platform_due,
       sum(amount_minor) FILTER (WHERE account = 'provider_balance') AS net
FROM (
    SELECT l.*, (l.booked_at AT TIME ZONE coalesce(v.timezone, 'UTC'))::date AS day
    FROM ledger_entries l
    JOIN payments p ON p.id = l.payment_id
    LEFT JOIN venues v ON v.venue_id = p.venue_id
    WHERE l.booked_at >= ($1::date - interval '14 hours') AT TIME ZONE 'UTC'
      AND l.booked_at < ($1::date + interval '38 hours') AT TIME ZONE 'UTC'
) entries
WHERE day = $1 AND account = ANY('{{charged, refunded, provider_fee, platform_fee, disputed, lost,
                                  platform_due, provider_balance}}')
GROUP BY currency {grouped}
ORDER BY currency {grouped}
"""
_BY_DAY = _DAY.format(ids="NULL::uuid AS payment_id, NULL::uuid AS booking_id,", grouped="")
_BY_PAYMENT = _DAY.format(ids="payment_id, booking_id,", grouped=", payment_id, booking_id")


class Line(NamedTuple):
    """What moved on a day in one currency, of all payments or of one; minor units.

    `net`: what that did to the balance at the providers.
    """

    day: date
    payment_id: UUID | None
    booking_id: UUID | None
    currency: str
    charged: int
    fees: int
    platform_fees: int
    refunded: int
    disputed: int
    lost: int
    platform_due: int
    net: int


async def of_day(tx: Transaction, day: date, *, each_payment: bool) -> list[Line]:
    """A day's lines, by currency, and by payment where `each_payment`."""
    rows = await tx.fetch(_BY_PAYMENT if each_payment else _BY_DAY, day)
    return [
        Line(
            day,
            row["payment_id"],
            row["booking_id"],
            row["currency"],
            int(row["charged"] or 0),
            int(row["fees"] or 0),
            int(row["platform_fees"] or 0),
            int(row["refunded"] or 0),
            int(row["disputed"] or 0),
            int(row["lost"] or 0),
            int(row["platform_due"] or 0),
            int(row["net"] or 0),
        )
        for row in rows
    ]
