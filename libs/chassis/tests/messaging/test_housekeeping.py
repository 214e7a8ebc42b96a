"""Days have partitions of inbox and archive before they come, and until nobody asks for them."""

from datetime import UTC, datetime, timedelta

from chassis.messaging.housekeeping import AHEAD, RETENTION, Housekeeping

PARTITIONS = """
SELECT relname, xmin::text AS made_by FROM pg_class
WHERE relnamespace = 'messaging'::regnamespace AND relkind = 'r' AND relname ~ $1
"""


async def partitions(db, table):
    rows = await db.statement(PARTITIONS, rf"^{table}_\d{{8}}$")
    return {row["relname"]: row["made_by"] for row in rows}


async def test_each_day_is_made_by_itself_once_and_dropped_when_it_is_past(db):
    """Nobody can write to a table while a partition is made: not for all nine of them at once."""
    keeper, today = Housekeeping(db), datetime.now(UTC)
    await keeper.tidy(today)
    made = {table: await partitions(db, table) for table in ("inbox", "archive")}
    for table, found in made.items():
        days = (today + timedelta(days=offset) for offset in range(-1, AHEAD))
        assert sorted(found) == [f"{table}_{day:%Y%m%d}" for day in days]
        assert len(set(found.values())) == len(found)
    await keeper.tidy(today)
    assert {table: await partitions(db, table) for table in made} == made

    later = today + timedelta(days=RETENTION + 1)
    await keeper.tidy(later)
    for table, before in made.items():
        gone = before.keys() - (await partitions(db, table)).keys()
        days = (today + timedelta(days=offset) for offset in (-1, 0))
        assert sorted(gone) == [f"{table}_{day:%Y%m%d}" for day in days]
