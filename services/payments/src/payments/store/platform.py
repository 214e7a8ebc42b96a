"""What moved on a day of what is the platform's own: its fees, and what it pays for others."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from chassis.db import Database


class Line(NamedTuple):
    """What moved on a day of UTC for one organisation in one currency; minor units.

    `due`: what came back to it of refunds and is the organisation's, less what it paid for that.
    `net`: the fees less costs, disputed and lost.
    """

    day: date
    org_id: UUID
    currency: str
    platform_fees: int
    costs: int
    disputed: int
    lost: int
    due: int
    net: int


async def of_day(db: Database, day: date) -> list[Line]:
    """A day's lines, of all organisations that are paid through the platform."""
    start = datetime.combine(day, time(), UTC)
    rows = await db.statement(
        "SELECT * FROM platform_moved($1, $2)", start, start + timedelta(days=1)
    )
    return [Line(day, *row.values()) for row in rows]
