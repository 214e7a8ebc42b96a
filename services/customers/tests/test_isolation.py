"""Tenants apart, twice over: the database itself refuses, and indexes still work under that rule."""

from uuid import uuid4

import asyncpg
import pytest

from chassis.db import Database
from chassis.testing import DatabaseUrls

from .conftest import Inbox, Story

TABLES = ("venues", "customers", "identifiers", "spend", "bookings_seen", "merge_queue", "audit")


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_tenant_nothing_is_seen(inbox: Inbox, table: str) -> None:
    """F-57, TEN-07."""
    story = Story(inbox.org_id)
    await inbox.hand(story.confirmed())
    for org_id in (None, uuid4()):
        async with inbox.db.transaction(org_id) as tx:
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_row_of_another_tenant_cannot_be_written(inbox: Inbox) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with inbox.db.transaction(uuid4()) as tx:
            await tx.execute(
                "INSERT INTO bookings_seen (org_id, booking_id) VALUES ($1, $2)",
                inbox.org_id,
                uuid4(),
            )


async def test_every_business_table_is_under_row_level_security(
    db: Database, urls: DatabaseUrls
) -> None:
    rows = await db.statement(
        """SELECT relname, relrowsecurity, pg_get_userbyid(relowner) AS owner
           FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
           AND relname <> 'alembic_version'"""
    )
    assert {row["relname"] for row in rows} == set(TABLES)
    assert all(row["relrowsecurity"] for row in rows)
    assert {row["owner"] for row in rows} == {"customers_owner"}


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (
            "SELECT 1 FROM identifiers WHERE org_id = $1 AND kind = 'phone' AND hash = '\\x00'",
            "identifiers_unique",
        ),
        ("SELECT * FROM bookings_seen WHERE booking_id = $1", "bookings_seen_pkey"),
        ("SELECT * FROM customers WHERE id = $1", "customers_pkey"),
        ("SELECT * FROM spend WHERE customer_id = $1", "spend_pkey"),
        ("SELECT * FROM messaging.api_keys WHERE id = $1", "api_keys_pkey"),
    ],
)
async def test_look_ups_use_their_index_as_the_service_role(
    inbox: Inbox, sql: str, index: str
) -> None:
    async with inbox.db.transaction(inbox.org_id) as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        plan = await tx.fetch(f"EXPLAIN {sql}", uuid4())
    assert index in str(plan), plan
