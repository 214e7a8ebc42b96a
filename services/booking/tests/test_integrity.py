"""Each fault is planted by the owner's hand, found by the report, and mended by somebody."""

from datetime import timedelta
from uuid import uuid4

import pytest
from booking_client import OPERATOR, staff
from booking_codes import card, promo
from restaurant import Restaurant

from booking.domain.money import Money
from booking.domain.presets import Preset
from booking.domain.refusals import CannotRepair, NothingToRepair
from booking.store.integrity import INVARIANTS, MOST_ROWS
from booking.usecases.check_integrity import check_integrity
from booking.usecases.record_refund import Refunded, record_refund
from booking.usecases.repair import REPAIRS, Repair, repair
from chassis.ids import uuid7


async def report(world, since=None):
    """Ids by kind; kinds without a fault are left out."""
    findings = await world.run(lambda tx: check_integrity(tx, since))
    assert [finding.invariant for finding in findings] == list(INVARIANTS)
    for finding in findings:
        assert finding.count == len(finding.faults)
    return {
        finding.invariant.kind: [fault.id for fault in finding.faults]
        for finding in findings
        if finding.count
    }


async def mend(world, kind, identity):
    command = Repair(kind=kind, id=identity, actor="key:k1")
    await world.run(lambda tx: repair(tx, command))


async def test_a_healthy_organisation_has_no_faults(world):
    session, tables = await world.table_session(tables=2)
    counted = await world.class_session(capacity=5)
    for place in ((session, tables[:1]), (counted, ())):
        await world.pay(await world.hold(*place))
    await world.hold(counted)
    await world.cancel(await world.hold(counted))
    assert await report(world) == {}


@pytest.mark.parametrize("taken", [0, 1, 3, 5])
async def test_a_counter_that_drifted_is_found_and_recounted(world, taken):
    session = await world.class_session(capacity=5)
    await world.pay(await world.hold(session))
    await world.hold(session)
    await world.admin.execute("UPDATE sessions SET taken = $2 WHERE id = $1", session.id, taken)
    assert await report(world) == {"capacity_drift": [session.id]}
    await mend(world, "capacity_drift", session.id)
    assert await world.taken(session) == 2
    assert await report(world) == {}
    note = await world.admin.fetchrow(
        "SELECT actor, reason, before::text, after::text FROM audit WHERE action = $2 "
        "AND entity_id = $1",
        session.id,
        "session.recounted",
    )
    assert tuple(note) == ("key:k1", "capacity_drift", f'{{"taken": {taken}}}', '{"taken": 2}')
    with pytest.raises(NothingToRepair):
        await mend(world, "capacity_drift", session.id)


async def test_a_session_with_more_bookings_than_places_is_left_to_people(world):
    session = await world.class_session(capacity=2)
    for _ in range(2):
        await world.hold(session)
    await world.admin.execute(
        "UPDATE sessions SET taken = 0, capacity = 1 WHERE id = $1", session.id
    )
    assert await report(world) == {"capacity_drift": [session.id]}
    with pytest.raises(CannotRepair):
        await mend(world, "capacity_drift", session.id)
    assert await world.taken(session) == 0


async def test_a_place_of_a_booking_that_is_over_is_found_and_freed(world):
    session, tables = await world.table_session()
    counted = await world.class_session(capacity=5)
    for place in ((session, tables), (counted, ())):
        held = await world.hold(*place)
        await world.cancel(held)
        await world.admin.execute(
            "UPDATE allocations SET released_at = NULL WHERE booking_id = $1", held.booking_id
        )
        await world.admin.execute(
            """UPDATE sessions SET taken = (SELECT coalesce(sum(units), 0) FROM allocations a
                   WHERE a.session_id = sessions.id AND released_at IS NULL)
               WHERE capacity IS NOT NULL AND org_id = $1""",
            world.org_id,
        )
        assert await report(world) == {"orphan_allocations": [held.booking_id]}
        await mend(world, "orphan_allocations", held.booking_id)
        assert await report(world) == {}
        await world.hold(*place)
    assert await world.taken(counted) == 1


async def test_a_booking_without_its_place_is_found_and_given_it_again(world):
    session, tables = await world.table_session()
    counted = await world.class_session(capacity=5)
    for place in ((session, tables), (counted, ())):
        held = await world.hold(*place)
        await world.pay(held)
        for _ in range(2):
            await world.admin.execute(
                "UPDATE allocations SET released_at = now() WHERE booking_id = $1",
                held.booking_id,
            )
            assert (await report(world))["missing_allocations"] == [held.booking_id]
            await mend(world, "missing_allocations", held.booking_id)
            assert await report(world) == {}
    assert await world.taken(counted) == 1


async def test_a_place_that_another_guest_has_is_not_taken_from_them(world):
    session, tables = await world.table_session()
    held = await world.hold(session, tables)
    await world.pay(held)
    await world.admin.execute("DELETE FROM allocations WHERE booking_id = $1", held.booking_id)
    await world.hold(session, tables)
    with pytest.raises(CannotRepair):
        await mend(world, "missing_allocations", held.booking_id)
    assert (await report(world))["missing_allocations"] == [held.booking_id]


async def test_a_hold_that_nobody_will_end_is_found_and_expired(world):
    session = await world.class_session(capacity=1)
    held = await world.hold(session)
    await world.advance(minutes=21)
    assert await report(world) == {}  # its timer is only late
    await world.admin.execute(
        "DELETE FROM messaging.outbox WHERE timer_key = $1", f"hold:{held.booking_id}"
    )
    assert await report(world) == {"stuck_holds": [held.booking_id]}
    await mend(world, "stuck_holds", held.booking_id)
    assert (await world.booking(held)).status == "expired"
    assert await world.taken(session) == 0
    assert "booking.expired.v1" in await world.types(held)
    assert await report(world) == {}
    with pytest.raises(NothingToRepair):
        await mend(world, "stuck_holds", held.booking_id)


async def test_a_hold_that_still_runs_is_not_expired_by_a_repair(world):
    held = await world.hold(await world.class_session())
    with pytest.raises(NothingToRepair):
        await mend(world, "stuck_holds", held.booking_id)


async def test_a_payment_that_clears_for_too_long_is_found_and_ended(world):
    held = await world.hold(await world.class_session())
    await world.admin.execute(
        "UPDATE bookings SET payment_status = 'processing' WHERE id = $1", held.booking_id
    )
    await world.advance(minutes=19)
    assert await report(world) == {}
    await world.advance(minutes=2)
    assert await report(world) == {"stuck_payments": [held.booking_id]}
    await mend(world, "stuck_payments", held.booking_id)
    assert await report(world) == {}


async def test_a_booking_without_its_money_is_found_and_left_to_people(world):
    held = await world.hold(await world.class_session())
    await world.pay(held)
    await world.admin.execute("DELETE FROM receipts WHERE booking_id = $1", held.booking_id)
    assert await report(world) == {"unpaid_bookings": [held.booking_id]}
    with pytest.raises(CannotRepair):
        await mend(world, "unpaid_bookings", held.booking_id)


async def test_money_for_a_booking_that_never_was_is_found_and_sent_back(world):
    session = await world.class_session()
    held = await world.hold(session)
    payment = uuid7()
    await world.advance(minutes=15)
    await world.expire(held)
    await world.admin.execute(
        """INSERT INTO receipts (payment_id, org_id, booking_id, amount_minor, currency, outcome,
               received_at) VALUES ($1, $2, $3, 18000, 'GBP', 'counted', messaging.now())""",
        payment,
        world.org_id,
        held.booking_id,
    )
    assert await report(world) == {}
    await world.advance(minutes=6)
    assert await report(world) == {"unkept_receipts": [payment]}
    await mend(world, "unkept_receipts", payment)
    [due] = await world.published("booking.refund_due.v1", about=held)
    assert f'"payment_id":"{payment}"' in due["payload"].replace(" ", "")
    await refunded(world, held, payment)
    assert await report(world) == {}


async def refunded(world, held, payment, amount=18000):
    refund = Refunded(
        booking_id=held.booking_id, payment_id=payment, total=Money(amount, "GBP"), sequence=amount
    )
    await world.run(lambda tx: record_refund(tx, refund))


async def test_money_that_did_not_go_back_is_found_and_asked_for_again(world):
    session = await world.class_session(capacity=1)
    twice = await world.hold(session)
    await world.pay(twice)
    second = await world.pay(twice)
    other = await world.class_session(capacity=1)
    late = await world.hold(other)
    await world.advance(minutes=15)
    await world.hold(other)
    in_vain = await world.pay(late)
    await world.advance(minutes=6)
    assert sorted((await report(world))["unreturned_receipts"]) == sorted([second, in_vain])
    for held, payment, cause in ((twice, second, "already_paid"), (late, in_vain, "unfulfillable")):
        await mend(world, "unreturned_receipts", payment)
        asked = (await world.published("booking.refund_due.v1", about=held))[-1]
        assert f'"cause":"{cause}"' in asked["payload"].replace(" ", "")
        assert '"retry":true' in asked["payload"].replace(" ", "")
        await refunded(world, held, payment)
        with pytest.raises(NothingToRepair):
            await mend(world, "unreturned_receipts", payment)
    assert await report(world) == {}


async def test_money_that_a_booking_keeps_is_never_sent_back_by_a_repair(world):
    held = await world.hold(await world.class_session())
    payment = await world.pay(held)
    for kind in ("unkept_receipts", "unreturned_receipts"):
        with pytest.raises(NothingToRepair):
            await mend(world, kind, payment)


async def test_at_most_100_rows_are_told_and_all_are_counted(world):
    session = await world.class_session(capacity=200)
    held = [await world.hold(session) for _ in range(MOST_ROWS + 5)]
    await world.admin.execute(
        "DELETE FROM allocations WHERE booking_id = ANY($1)", [one.booking_id for one in held]
    )
    found = {
        finding.invariant.kind: finding
        for finding in await world.run(lambda tx: check_integrity(tx, None))
    }["missing_allocations"]
    assert (found.count, len(found.faults)) == (105, 100)


async def test_what_is_long_over_is_looked_at_only_when_asked_for(world):
    session = await world.class_session(capacity=5, starts_in=timedelta(hours=1))
    await world.hold(session)
    await world.admin.execute("UPDATE sessions SET taken = 0 WHERE id = $1", session.id)
    began = await world.now()
    await world.advance(days=3)
    assert "capacity_drift" not in await report(world)
    assert (await report(world, began))["capacity_drift"] == [session.id]


async def test_codes_and_cards_that_drifted_are_found(world):
    session = await world.class_session()
    code = await promo(world)
    gift, secret = await card(world)
    await world.hold(session, promo_code="SUMMER-10", gift_card=secret)
    assert await report(world) == {}
    await world.admin.execute("UPDATE promo_codes SET used = 2 WHERE id = $1", code.id)
    await world.admin.execute("UPDATE gift_cards SET balance_minor = 1 WHERE id = $1", gift.id)
    assert await report(world) == {"promo_drift": [code.id], "gift_card_drift": [gift.id]}


@pytest.mark.parametrize("kept", ["promo_code", "gift_card"])
async def test_a_code_that_did_not_come_back_with_the_place_is_found(world, kept):
    session = await world.class_session(price=50000)
    await promo(world)
    _, secret = await card(world)
    codes = {"promo_code": "SUMMER-10"} if kept == "promo_code" else {"gift_card": secret}
    held = await world.hold(session, **codes)
    await world.advance(minutes=15)
    await world.admin.execute(
        "UPDATE bookings SET lines = '[]', amount_gift = 0 WHERE id = $1", held.booking_id
    )
    await world.expire(held)
    assert await report(world) == {"kept_codes": [held.booking_id]}


async def test_faults_of_others_are_neither_seen_nor_mended(world, make_world, db, admin):
    session = await world.class_session(capacity=5)
    await world.admin.execute("UPDATE sessions SET taken = 1 WHERE id = $1", session.id)
    held = await world.hold(session)
    await world.admin.execute("DELETE FROM allocations WHERE booking_id = $1", held.booking_id)
    other = await make_world(db, admin)
    assert await report(other) == {}
    for kind in REPAIRS:
        for identity in (session.id, held.booking_id):
            with pytest.raises(NothingToRepair):
                await mend(other, kind, identity)
    assert len(await report(world)) == 2


async def test_the_report_and_a_repair_over_http(client, world):
    session = await world.class_session(capacity=5)
    await world.admin.execute("UPDATE sessions SET taken = 3 WHERE id = $1", session.id)
    reader, manager = (staff(world.org_id, one) for one in ("reports:view", "bookings:manage"))
    status, found = await client("GET", "/integrity", reader)
    assert (status, found["service"], found["faults"]) == (200, "booking", 1)
    kinds = {finding["kind"]: finding for finding in found["findings"]}
    assert set(kinds) == {one.kind for one in INVARIANTS}
    assert kinds["capacity_drift"]["rows"][0]["facts"]["taken"] == 3
    assert not kinds["unpaid_bookings"]["repairable"]

    fault = {"kind": "capacity_drift", "id": str(session.id), "reason": "after the restore"}
    path = "/integrity/repair"
    assert (await client("POST", path, reader, json=fault))[0] == 403
    assert (await client("POST", path, json=fault))[0] == 401
    assert (await client("GET", "/integrity", manager))[0] == 403
    assert (await client("GET", "/integrity", OPERATOR))[0] == 403
    key = uuid4().hex
    for _ in range(2):
        status, mended = await client("POST", path, manager, key, json=fault)
        assert (status, mended) == (200, {"kind": "capacity_drift", "id": str(session.id)})
    status, refused = await client("POST", path, manager, json=fault)
    assert (status, refused["code"]) == (409, "NOTHING_TO_REPAIR")
    for change, field in (
        ({"kind": "bad_luck"}, "kind"),
        ({"id": "x"}, "id"),
        ({"reason": "x" * 501}, "reason"),
        ({"more": 1}, "more"),
    ):
        status, refused = await client("POST", path, manager, json={**fault, **change})
        assert (status, refused["errors"][0]["field"]) == (422, field)
    status, refused = await client("GET", "/integrity?from=once", reader)
    assert (status, refused["errors"][0]["field"]) == (422, "from")


async def test_arrivals_of_a_slot_that_drifted_are_found_and_recounted(world):
    dining = await Restaurant.open(world, {1: (1, 4), 2: (1, 4)}, inventory={"pacing_covers": 10})
    await dining.book("19:00", party=3)
    assert await report(world) == {}
    session_id = await world.admin.fetchval(
        "UPDATE pacing SET covers = 9 WHERE org_id = $1 AND covers = 3 RETURNING session_id",
        world.org_id,
    )
    await world.admin.execute(
        "INSERT INTO pacing SELECT session_id, slot + interval '1 hour', org_id, 2 FROM pacing "
        "WHERE session_id = $1",
        session_id,
    )
    assert await report(world) == {"pacing_drift": [session_id]}
    await mend(world, "pacing_drift", session_id)
    assert await report(world) == {}
    counted = await world.admin.fetch(
        "SELECT covers FROM pacing WHERE session_id = $1 ORDER BY slot", session_id
    )
    assert [row["covers"] for row in counted] == [3, 0]
    await world.admin.execute("DELETE FROM pacing WHERE session_id = $1", session_id)
    assert await report(world) == {"pacing_drift": [session_id]}
    await mend(world, "pacing_drift", session_id)
    with pytest.raises(NothingToRepair):
        await mend(world, "pacing_drift", session_id)


async def test_a_party_s_tables_and_covers_are_freed_together(world):
    dining = await Restaurant.open(world, {1: (1, 4)}, inventory={"pacing_covers": 4})
    held = await dining.book("19:00", party=4)
    session_id = await world.admin.fetchval(
        "SELECT session_id FROM bookings WHERE id = $1", held.booking_id
    )
    await world.cancel(held)
    await world.admin.execute(
        "UPDATE allocations SET released_at = NULL WHERE booking_id = $1", held.booking_id
    )
    await world.admin.execute("UPDATE sessions SET taken = 4 WHERE id = $1", session_id)
    await world.admin.execute("UPDATE pacing SET covers = 4 WHERE session_id = $1", session_id)
    assert await report(world) == {"orphan_allocations": [held.booking_id]}
    await mend(world, "orphan_allocations", held.booking_id)
    assert await report(world) == {}
    await dining.book("19:00", party=4)


async def test_a_line_that_is_counted_wrong_is_counted_anew_and_looked_at(world):
    session = await world.class_session(capacity=1)
    entry = await world.wait_for(session)
    await world.admin.execute("UPDATE sessions SET waiting = 3 WHERE id = $1", session.id)
    assert await report(world) == {"line_drift": [session.id]}
    await mend(world, "line_drift", session.id)
    assert await report(world) == {}
    assert await world.woken(session)
    await world.admin.execute("UPDATE sessions SET waiting = 0 WHERE id = $1", session.id)
    await mend(world, "line_drift", session.id)
    await world.offer(session)
    assert (await world.entry(entry)).state == "offered"
    with pytest.raises(NothingToRepair):
        await mend(world, "line_drift", session.id)


async def test_a_change_that_nobody_will_end_is_found_and_ended(world):
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 9, "units": "person", "party_max": 9},
        pricing={
            "kind": "per_head",
            "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 5000}],
        },
    )
    cheap = await world.open(offering)
    dear = await world.open(offering, starts_in=timedelta(days=12))
    held = await world.hold(cheap, party=1)
    await world.pay(held)
    moving = await world.reschedule(held, dear, party_size=2)
    assert moving.change.state == "pending"
    assert await report(world) == {}
    await world.advance(minutes=25)
    assert await report(world) == {}  # its timer is only late
    await world.admin.execute(
        "DELETE FROM messaging.outbox WHERE timer_key = $1", f"change:{moving.change.id}"
    )
    assert await report(world) == {"stuck_changes": [held.booking_id]}
    await mend(world, "stuck_changes", held.booking_id)
    assert await report(world) == {}
    assert (await world.taken(cheap), await world.taken(dear)) == (1, 0)
    with pytest.raises(NothingToRepair):
        await mend(world, "stuck_changes", held.booking_id)
