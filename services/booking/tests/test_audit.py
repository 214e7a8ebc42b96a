"""The audit log: every change, with who, what, when and why, for those who may read reports."""

from datetime import timedelta

import pytest
from booking_client import staff

from booking.domain.presets import Preset
from booking.store.audit_log import Asked
from booking.usecases.read_audit import read_audit
from chassis import migrations
from chassis.ids import uuid7


async def changes(world, *, after=None, limit=100, **asked):
    return await world.run(lambda tx: read_audit(tx, Asked(**asked), after=after, limit=limit))


async def test_s1_14_a_paid_website_booking_is_logged_with_source_and_amount(world):
    session = await world.class_session()
    held = await world.hold(session)
    await world.pay(held)
    logged = {change.action: change for change in await changes(world, entity_id=held.booking_id)}
    created, received = logged["booking.created"], logged["booking.payment_received"]
    assert created.after["source"] == "web"
    assert (received.after["amount_minor"], received.after["currency"]) == (18000, "GBP")
    for change in (created, received):
        about = change.booking
        assert (about.reference, about.type, about.party_size) == (held.reference, "class", 1)
        assert about.starts_at == session.starts_at


async def test_money_told_twice_is_logged_once_and_money_in_vain_with_its_fate(world):
    held = await world.hold(await world.class_session())
    payment = await world.pay(held)
    await world.pay(held, payment_id=payment)
    await world.pay(held)
    logged = [
        change.reason
        for change in await changes(world, entity_id=held.booking_id)
        if change.action == "booking.payment_received"
    ]
    assert logged == ["already_paid", None]


async def test_the_log_is_read_newest_first_page_by_page(world):
    session = await world.class_session(capacity=50)
    for _ in range(7):
        await world.hold(session)
    everything = await changes(world)
    assert [change.at for change in everything] == sorted(
        (change.at for change in everything), reverse=True
    )
    seen = []
    after = None
    while page := await changes(world, after=after, limit=3):
        seen += page
        after = page[-1].id
        await world.hold(session)  # newer than all that is still to be read
    assert seen == everything


async def test_the_log_is_filtered_by_what_who_and_when(world):
    session = await world.class_session()
    held = await world.hold(session)
    middle = await world.now()
    await world.advance(hours=1)
    await world.cancel(held, cause="staff", reason="rain")
    assert {change.entity for change in await changes(world, entity="offering")} == {"offering"}
    assert {change.action for change in await changes(world, entity="booking")} == {
        "booking.created",
        "booking.cancelled",
    }
    assert {change.actor for change in await changes(world, actor="test")} == {"test"}
    assert await changes(world, actor="key:nobody") == []
    late = await changes(world, since=middle)
    assert [(change.action, change.reason) for change in late] == [("booking.cancelled", "rain")]
    assert "booking.cancelled" not in {
        change.action for change in await changes(world, until=middle)
    }


async def line_of_three(world):
    """One group's waiting ends with the session's start, one's offer is taken, one's lapses."""
    soon = await world.class_session(capacity=1, starts_in=timedelta(minutes=30))
    await world.hold(soon)
    ended = await world.wait_for(soon)
    session = await world.class_session(capacity=2)
    accepted, lapsed = [await world.wait_for(session) for _ in range(2)]
    await world.offer(session)
    await world.pay(await world.offered(accepted))
    await world.advance(hours=1)
    await world.expire(await world.offered(lapsed))
    await world.offer(soon)
    return ended, accepted, lapsed


async def test_how_waiting_ended_stands_in_the_log_at_its_time(world):
    ended, accepted, lapsed = await line_of_three(world)
    after = await world.now()
    await world.advance(hours=1)
    await world.hold(await world.class_session())
    everything = await changes(world)
    assert [change.at for change in everything] == sorted(
        (change.at for change in everything), reverse=True
    )
    fates = {
        (change.entity_id, change.action) for change in await changes(world, until=after)
    }  # fmt: skip
    for entry, fate in ((ended, "ended"), (accepted, "accepted"), (lapsed, "lapsed")):
        assert (entry.id, f"waitlist.{fate}") in fates
    assert not [one for one in await changes(world, since=after) if "waitlist" in one.action]


async def test_an_upgrade_puts_how_waiting_ended_at_its_time(world, urls, admin):
    await line_of_three(world)
    await world.advance(hours=1)
    await world.hold(await world.class_session())
    before = await changes(world)
    await admin.execute(
        "UPDATE audit SET id = gen_random_uuid() "
        "WHERE org_id = $1 AND action IN ('waitlist.ended', 'waitlist.lapsed')",
        world.org_id,
    )
    assert [one.at for one in await changes(world)] != [one.at for one in before]
    newest = await admin.fetchval("SELECT version_num FROM alembic_version")
    await admin.execute("UPDATE alembic_version SET version_num = '0022'")
    await migrations.upgrade("booking", urls.owner_url, "0023")
    await admin.execute("UPDATE alembic_version SET version_num = $1", newest)
    after = await changes(world)
    assert [one.at for one in after] == [one.at for one in before]
    assert {one.id.version for one in after} == {7}


async def test_the_log_of_others_is_not_seen(world, make_world, db, admin):
    held = await world.hold(await world.class_session())
    other = await make_world(db, admin)
    assert await changes(other, entity_id=held.booking_id) == []
    theirs = {change.entity_id for change in await changes(other)}
    assert theirs.isdisjoint({change.entity_id for change in await changes(world)})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("entity=Booking!", "entity"),
        ("entity_id=x", "entity_id"),
        ("actor=", "actor"),
        ("from=soon", "from"),
        ("to=9999-12-31", "to"),
        ("from=2026-11-21&to=2026-11-20", "to"),
        ("limit=0", "limit"),
        ("cursor=e30", "cursor"),
    ],
)
async def test_each_parameter_of_the_log_is_checked(client, world, query, field):
    status, refused = await client("GET", f"/audit?{query}", staff(world.org_id, "reports:view"))
    assert (status, refused["errors"][0]["field"]) == (422, field)


async def test_the_log_over_http_is_for_those_who_may_read_reports(client, world):
    await world.offering(Preset.CLASS, pricing={"amount_minor": 500})
    manager = staff(world.org_id, "reports:view")
    status, page = await client("GET", "/audit?entity=offering&limit=1", manager)
    assert status == 200
    assert page["items"][0]["action"] == "offering.created"
    status, rest = await client("GET", f"/audit?limit=100&cursor={page['next_cursor']}", manager)
    assert {entry["entity"] for entry in rest["items"]} == {"venue", "organisation"}
    assert (await client("GET", "/audit", staff(world.org_id, "bookings:manage")))[0] == 403
    assert (await client("GET", f"/audit?entity_id={uuid7()}", manager))[1]["items"] == []
