"""Codes, cards and orders are found by key, as the service's role, beside many others' bookings."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest_asyncio
from booking_codes import card, promo
from booking_menus import lunch, order

from booking.store import gift_cards, orders, promos
from chassis.ids import uuid7

_MANY = 1000

# Copies of a booking with dishes, a code and a card, each with its own rows of everything.
_COPIES = """
WITH made AS (
    INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object(
        'id', gen_random_uuid(), 'reference', 'R' || n, 'email_hash', '\\x' || md5('e' || n),
        'phone_hash', '\\x' || md5('p' || n), 'lines', CASE WHEN n % 20 = 0 THEN b.lines
            ELSE '[]' END, 'amount_gift', 0))).*
    FROM bookings b, generate_series(1, $2) n WHERE b.id = $1
    RETURNING id, org_id, reference, email_hash, phone_hash
),
codes AS (
    INSERT INTO promo_uses (booking_id, org_id, promo_id, email_hash, phone_hash)
    SELECT made.id, made.org_id, u.promo_id, made.email_hash, made.phone_hash
    FROM made, promo_uses u WHERE u.booking_id = $1
),
guests AS (
    INSERT INTO promo_guests (promo_id, hash, org_id, used)
    SELECT u.promo_id, made.email_hash, made.org_id, 1
    FROM made, promo_uses u WHERE u.booking_id = $1
),
cards AS (
    INSERT INTO gift_cards SELECT (jsonb_populate_record(c, jsonb_build_object(
        'id', made.id, 'code_hash', '\\x' || md5(made.reference)))).*
    FROM made, gift_cards c WHERE c.org_id = made.org_id
    RETURNING id, org_id
),
names AS (
    INSERT INTO promo_codes SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', made.id, 'code_key', made.reference))).*
    FROM made, promo_codes p WHERE p.org_id = made.org_id
),
entries AS (
    INSERT INTO gift_entries (card_id, id, org_id, kind, amount_minor, balance_minor, booking_id,
        booking_version, at, actor)
    SELECT cards.id, cards.id, cards.org_id, 'redeemed', -1, 1, cards.id, 1, now(), 'guest'
    FROM cards
)
INSERT INTO booking_items
SELECT made.id, i.position, i.org_id, i.menu_item_id, i.label, i.quantity, i.unit_minor
FROM made, booking_items i WHERE i.booking_id = $1
"""


@dataclass
class Crowd:
    world: Any
    session: UUID
    code: UUID
    card: UUID
    booking: UUID


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd(db, admin, make_world):
    world = await make_world(db, admin)
    session, dishes = await lunch(world)
    code = await promo(world)
    gift, secret = await card(world, 100)
    held = await world.hold(
        session,
        items=order(dishes, roast_beef=1, nut_roast=1),
        promo_code="SUMMER-10",
        gift_card=secret,
    )
    await world.admin.execute("SET session_replication_role = replica")
    await world.admin.execute(_COPIES, held.booking_id, _MANY)
    await world.admin.execute("SET session_replication_role = origin")
    for name in ("bookings", "promo_codes", "promo_uses", "promo_guests", "gift_cards",
                 "gift_entries", "booking_items"):  # fmt: skip
        await world.admin.execute(f"ANALYZE {name}")
    return Crowd(world, session.id, code.id, gift.id, held.booking_id)


async def plan(world, sql, *args):
    """The plan that the service role gets, with row-level security in force."""

    async def work(tx):
        rows = await tx.fetch(f"EXPLAIN {sql}", *args)
        return "\n".join(row[0] for row in rows)

    return await world.run(work)


async def test_codes_and_cards_are_moved_by_key(crowd):
    now, some = await crowd.world.now(), uuid7()
    for sql, *args in (
        (promos.USE, crowd.code, crowd.booking, b"e", b"p", 1),
        (promos.GIVE_BACK, crowd.booking, now),
        (gift_cards.MOVE, crowd.card, -1, some, "redeemed", crowd.booking, 2, now, "guest", None),
        (gift_cards.GIVE_BACK, crowd.booking, 1, some, 2, now, "guest"),
        (orders.OF_BOOKING, crowd.booking),
    ):
        found = await plan(crowd.world, sql, *args)
        assert "Seq Scan" not in found, found


async def test_a_lapsed_hold_in_the_way_is_found_through_its_card(crowd):
    found = await plan(crowd.world, gift_cards.LAPSED, crowd.card, await crowd.world.now())
    assert "gift_entries_pkey" in found, found
    assert "Seq Scan on bookings" not in found, found


async def test_the_kitchen_reads_only_bookings_that_it_cooks_for(crowd):
    first = datetime(1, 1, 1, tzinfo=UTC), uuid7()
    for sql, *args in ((orders.TOTALS, crowd.session), (orders.KITCHEN, crowd.session, *first, 50)):
        found = await plan(crowd.world, sql, *args)
        assert "bookings_kitchen" in found, found
