"""The look-ups of the hot path use their indexes, as the service role and under its policies."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from payments_world import World

from payments.store import attempts, payments

LOOK_UPS = {
    "by booking": (f"{payments._SELECT} WHERE booking_id = $1 ORDER BY id FOR UPDATE", ["uuid"]),
    "by id": (f"{payments._SELECT} WHERE id = $1 FOR UPDATE", ["uuid"]),
    "by provider": (
        f"{payments._SELECT} WHERE {payments._KNOWN_AS} FOR UPDATE",
        ["text", "text"],
    ),
    "prices": (
        "SELECT price_ref FROM prices WHERE account_id = $1 AND offering_id = $2",
        ["text", "uuid"],
    ),
    "telling": (payments._TELLING, ["uuid", "uuid", "text[]"]),
    "by change": (
        f"{payments._SELECT} WHERE booking_id = $1 AND coalesce(change_id, booking_id) = $2",
        ["uuid", "uuid"],
    ),
    "attempt": (attempts._FIND, ["uuid"]),
    "refunds": ("SELECT * FROM refunds WHERE payment_id = $1 ORDER BY id", ["uuid"]),
    "closed": ("SELECT FROM closed_bookings WHERE booking_id = $1", ["uuid"]),
    "closed change": ("SELECT FROM closed_changes WHERE change_id = $1", ["uuid"]),
}


def _unindexed(plan: Any) -> Iterator[str]:
    """The tables that a plan reads other than by an index condition."""
    if isinstance(plan, dict):
        by_condition = "Index Cond" in plan or "Recheck Cond" in plan
        if str(plan.get("Node Type", "")).endswith("Scan") and not by_condition:
            yield plan.get("Relation Name", plan["Node Type"])
        for part in plan.values():
            yield from _unindexed(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _unindexed(part)


@pytest.mark.parametrize("name", LOOK_UPS)
async def test_a_look_up_uses_an_index_under_row_level_security(world: World, name: str):
    sql, types = LOOK_UPS[name]
    samples = {"uuid": f"'{uuid4()}'", "text": "'x'", "text[]": "'{x}'"}
    async with world.db.transaction(world.org_id) as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        for number, kind in enumerate(types, 1):
            sql = sql.replace(f"${number}", f"{samples[kind]}::{kind}")
        plan = await tx.fetchval(f"EXPLAIN (FORMAT JSON) {sql}")
    # The clock is a table of one row.
    assert set(_unindexed(plan)) <= {"clock"}, plan


async def test_every_business_table_hides_other_organisations(world: World):
    async with world.db.transaction(None) as tx:
        tables = await tx.fetch(
            "SELECT relname, relrowsecurity FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
            "AND relname <> 'alembic_version'"
        )
    assert {table["relname"] for table in tables} >= {
        "disputes",
        "ledger",
        "payments",
        "prices",
        "products",
        "refunds",
    }
    assert all(table["relrowsecurity"] for table in tables)
