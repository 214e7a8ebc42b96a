"""What staff put on sale, and that the next guest sees it."""

import asyncio
from datetime import date, time
from uuid import uuid4

import orjson
import pytest

from booking.domain.catalogue import ListingStatus, SessionStatus
from booking.domain.edits import UNSET
from booking.domain.refusals import (
    AlreadyExists,
    IdempotencyKeyReused,
    InvalidRequest,
    NotOnSale,
    ResourceTaken,
)
from booking.store.board import Board
from booking.store.idempotency import Key
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_resource import EditResource, edit_resource
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.edit_venue import EditVenue, edit_venue
from booking.usecases.once import once
from booking.usecases.open_session import LocalTimes, OpenSession, open_session


def local(offering, day, start, end):
    return OpenSession(
        offering_id=offering.id,
        when=LocalTimes(date=day, start_time=start, end_time=end),
        title=None,
        capacity=None,
        resource_ids=None,
        actor="test",
    )


async def edit(world, offering_id, status=UNSET, **overrides):
    command = EditOffering(
        offering_id=offering_id, status=status, overrides=overrides, actor="test"
    )
    return await world.run(lambda tx: edit_offering(tx, command))


async def test_the_next_hold_sees_a_new_price_and_the_last_keeps_the_old(world):
    session = await world.class_session(price=18000)
    before = await world.hold(session)
    await edit(world, session.offering_id, pricing={"amount_minor": 20000})
    after = await world.hold(session)
    assert (before.due_now.amount_minor, after.due_now.amount_minor) == (18000, 20000)
    await world.pay(before)
    assert (await world.booking(before)).quote.total.amount_minor == 18000


async def test_an_archived_offering_or_venue_sells_nothing(world):
    session = await world.class_session()
    await edit(world, session.offering_id, status=ListingStatus.ARCHIVED)
    with pytest.raises(NotOnSale):
        await world.hold(session)
    other = await world.class_session()
    venue = EditVenue(venue_id=world.venue_id, status=ListingStatus.ARCHIVED, actor="test")
    await world.run(lambda tx: edit_venue(tx, venue))
    with pytest.raises(NotOnSale):
        await world.hold(other)


async def test_another_kind_of_inventory_is_another_offering(world):
    session = await world.class_session()
    with pytest.raises(InvalidRequest, match=r"inventory\.kind"):
        await edit(world, session.offering_id, inventory={"kind": "resources"})


async def test_the_next_hold_sees_a_tables_new_seats(world):
    session, (table,) = await world.table_session()
    with pytest.raises(InvalidRequest):
        await world.hold(session, [table], party=8)
    bigger = EditResource(resource_id=table.id, seats_max=8, actor="test")
    await world.run(lambda tx: edit_resource(tx, bigger))
    assert await world.hold(session, [table], party=8)


async def test_a_venue_has_a_number_once(world):
    await world.table(7)
    with pytest.raises(AlreadyExists):
        await world.table(7)


async def test_sessions_follow_the_venues_clock(world, utc):
    offering = await world.offering("class", pricing={"amount_minor": 1000})
    summer = await world.run(
        lambda tx: open_session(tx, local(offering, date(2030, 7, 1), time(18), time(19)))
    )
    winter = await world.run(
        lambda tx: open_session(tx, local(offering, date(2030, 12, 1), time(18), time(19)))
    )
    assert summer.starts_at == utc(2030, 7, 1, 17)
    assert winter.starts_at == utc(2030, 12, 1, 18)
    for day, start in [(date(2030, 3, 31), time(1, 30)), (date(2020, 1, 1), time(18))]:
        with pytest.raises(InvalidRequest):
            await world.run(
                lambda tx, d=day, s=start: open_session(tx, local(offering, d, s, time(19)))
            )


async def test_tables_of_another_venue_cannot_be_offered(world, make_world, db, admin):
    offering = await world.offering("event_table")
    await world.table(1)
    stranger = await make_world(db, admin)
    foreign = await stranger.table(1)
    command = OpenSession(
        offering_id=offering.id,
        when=LocalTimes(date=date(2030, 1, 1), start_time=time(22), end_time=time(3)),
        title=None,
        capacity=None,
        resource_ids=(foreign.id,),
        actor="test",
    )
    with pytest.raises(InvalidRequest, match="resource_ids"):
        await world.run(lambda tx: open_session(tx, command))


async def test_availability_shows_every_table_with_its_status(world):
    board = Board(world.db)
    session, tables = await world.table_session(tables=3)
    held = await world.hold(session, tables[:1])
    paid = await world.hold(session, tables[1:2])
    await world.pay(paid)

    async def statuses():
        found = orjson.loads((await board.of(session.id)).body)
        return [(table["number"], table["status"]) for table in found["tables"]]

    assert await statuses() == [(7, "pending"), (8, "booked"), (9, "available")]
    await world.advance(minutes=15)
    assert await statuses() == [(7, "available"), (8, "booked"), (9, "available")]
    assert (await world.booking(held)).status == "pending_payment"


async def test_a_session_moved_while_it_is_booked_is_never_half_moved(world):
    """F-14, F-18: the table's time in the ledger is always the session's own."""
    session, (table,) = await world.table_session()
    command = EditSession(
        session_id=session.id,
        when=LocalTimes(date=date(2030, 1, 1), start_time=time(22), end_time=time(3)),
        actor="test",
    )
    await asyncio.gather(
        *(world.hold(session, [table]) for _ in range(5)),
        world.run(lambda tx: edit_session(tx, command)),
        return_exceptions=True,
    )
    assert not await world.admin.fetch(
        """SELECT 1 FROM allocations a JOIN sessions s ON s.id = a.session_id
           WHERE a.org_id = $1 AND a.during <> tstzrange(s.starts_at, s.ends_at)""",
        world.org_id,
    )
    with pytest.raises(ResourceTaken):
        await world.hold(session, [table])


async def test_a_closed_session_can_be_opened_again(world):
    session = await world.class_session()
    for status in (SessionStatus.CLOSED, SessionStatus.OPEN):
        command = EditSession(session_id=session.id, status=status, actor="t")
        await world.run(lambda tx, c=command: edit_session(tx, c))
    assert await world.hold(session)


async def test_work_under_a_key_is_done_once(world):
    done = []
    key = Key("key:k", "POST /things", uuid4().hex, b"one")

    async def work():
        done.append(1)
        await asyncio.sleep(0)
        return {"made": len(done)}

    answers = await asyncio.gather(*(world.run(lambda tx: once(tx, key, work)) for _ in range(8)))
    assert answers == [{"made": 1}] * 8
    with pytest.raises(IdempotencyKeyReused):
        await world.run(lambda tx: once(tx, Key(key.principal, key.route, key.key, b"two"), work))


async def test_work_that_fails_leaves_its_key_free(world):
    key = Key("key:k", "POST /things", uuid4().hex, b"one")

    async def broken():
        raise AlreadyExists

    async def whole():
        return {"made": True}

    with pytest.raises(AlreadyExists):
        await world.run(lambda tx: once(tx, key, broken))
    assert await world.run(lambda tx: once(tx, key, whole)) == {"made": True}


async def test_old_keys_of_all_tenants_are_forgotten(world, db):
    from booking.usecases.forget_idempotency_keys import forget_idempotency_keys

    session = await world.class_session()
    await world.hold(session)
    await world.advance(hours=24, seconds=1)
    assert await db.run(None, forget_idempotency_keys) >= 1
    assert not await world.admin.fetchval(
        "SELECT count(*) FROM idempotency WHERE org_id = $1", world.org_id
    )
