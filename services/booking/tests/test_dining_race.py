"""A whole evening sold at once: whatever the interleaving, each refusal was true when it was made."""

import asyncio
import random
from datetime import timedelta

import pytest
from by_trial import best
from restaurant import Restaurant, drift, hours, twice

from booking.domain.lifecycle import Status
from booking.domain.refusals import Full
from booking.store import holding as store
from booking.usecases import hold as holding
from chassis.db import Database

PACING = 12
JOINED = 3
ROOM = {
    **dict.fromkeys(range(1, 6), (1, 2, "bar")),
    **dict.fromkeys(range(6, 11), (2, 4, "hall")),
    11: (3, 6),
    12: (4, 8),
    13: (2, 2, "bar", 50),
    20: (2, 8, None, 100, True),
}
CLOCKS = [f"{hour}:{minute:02}" for hour in range(18, 22) for minute in (0, 15, 30, 45)]
RULES = {"pacing_covers": PACING, "max_joined": JOINED, "vip_tables": False}


class Refusals:
    """Every refusal of a full house, with exactly what the decision was made on."""

    def __init__(self, monkeypatch):
        self.made = []
        decide = holding.decide

        def watched(wish, listing, session, offered, **more):
            try:
                return decide(wish, listing, session, offered, **more)
            except Full as refusal:
                self.made.append((wish, listing, session, more["taken"], refusal))
                raise

        monkeypatch.setattr(holding, "decide", watched)
        self.lost = 0
        take = store.take

        async def counted(*args, **more):
            outcome = await take(*args, **more)
            self.lost += outcome is store.Outcome.NO_PLACE
            return outcome

        monkeypatch.setattr(store, "take", counted)

    def check(self):
        """None of them was wrong, given what was taken at that moment."""
        for wish, listing, session, taken, refusal in self.made:
            party, lapsed = wish.party_size, {hold.booking_id for hold in taken.lapsed}
            free = [
                table
                for table in listing.tables
                if lapsed.issuperset(taken.holders.get(table.id, ())) and not table.vip
            ]
            since = taken.span.starts_at - (
                (taken.span.starts_at - session.starts_at) % timedelta(minutes=15)
            )
            arriving = sum(
                covers
                for slot, covers in taken.paced.items()
                if since <= slot < since + timedelta(minutes=15)
            ) - sum(hold.covers for hold in taken.lapsed if hold.slot == since)
            paced_out = arriving + party > PACING
            no_table = best(free, party, JOINED) is None
            assert paced_out or no_table, (party, taken.span, refusal)
            assert refusal.rule == ("PACING" if paced_out else "TABLES")


@pytest.fixture
async def crowd(urls, world):
    """The world with twenty-five connections instead of ten."""
    database = Database(urls.url, pool_size=25, application_name="crowd")
    world.db, few = database, world.db
    yield world
    world.db = few
    await database.close()


async def ask(dining, clock, party):
    """A party's answer, when it asked, and when it had its answer."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    try:
        return clock, party, await dining.book(clock, party), asked, loop.time()
    except Full:
        return clock, party, None, asked, loop.time()


async def check_house(world):
    assert not await twice(world)
    assert not await drift(world)
    assert not await world.admin.fetch(
        "SELECT * FROM pacing WHERE org_id = $1 AND covers > $2", world.org_id, PACING
    )


@pytest.mark.parametrize("seed", range(2))
async def test_200_parties_race_for_an_evening_and_no_refusal_is_wrong(crowd, monkeypatch, seed):
    choice = random.Random(seed)
    world = crowd
    dining = await Restaurant.open(
        world, ROOM, schedule=hours(last_seating_minutes=60), inventory=RULES
    )
    refusals = Refusals(monkeypatch)
    parties = [
        (choice.choice(CLOCKS), choice.choices(range(1, 11), [4, 9, 4, 7, 3, 3, 1, 2, 1, 1])[0])
        for _ in range(200)
    ]
    answers = await asyncio.gather(*(ask(dining, *party) for party in parties))
    seated = [answer for answer in answers if answer[2] is not None]
    refused = [answer for answer in answers if answer[2] is None]
    assert len(refusals.made) >= len(refused) > 20
    assert len(seated) >= 15
    assert {refusal.rule for *_, refusal in refusals.made} == {"PACING", "TABLES"}
    assert refusals.lost, "nobody lost a table to a rival: this was no race"
    await check_house(world)
    refusals.check()
    # What a refusal was made on was the truth: all that had been answered before it was asked.
    done_by = {held.booking_id: answered for _, _, held, _, answered in seated}
    first_asked = min(asked for *_, asked, _ in refused)
    known_before = {booking for booking, answered in done_by.items() if answered < first_asked}
    for *_, taken, _ in refusals.made:
        seen = {one for holders in taken.holders.values() for one in holders}
        assert seen <= set(done_by)
        overlapping = {
            row["id"]
            for row in await world.admin.fetch(
                "SELECT id FROM bookings WHERE id = ANY($1) AND starts_at < $3 AND ends_at > $2",
                list(known_before),
                taken.span.starts_at,
                taken.span.ends_at,
            )
        }
        assert overlapping <= seen
    # Nothing was given back, so whoever was refused is refused for ever.
    again = await asyncio.gather(*(ask(dining, clock, party) for clock, party, *_ in refused))
    assert all(held is None for _, _, held, *_ in again)
    await check_house(world)


async def test_a_race_for_places_of_lapsed_holds_loses_none_of_them(crowd, monkeypatch):
    world = crowd
    dining = await Restaurant.open(
        world, ROOM, schedule=hours(), inventory=RULES,
        pricing={"kind": "deposit", "amount_minor": 500}, policy={"max_unpaid_holds": 100},
    )  # fmt: skip
    lapsing = [
        answer[2]
        for answer in await asyncio.gather(*(ask(dining, "19:00", 2) for _ in range(12)))
        if answer[2]
    ]
    assert len(lapsing) == PACING // 2
    await world.advance(minutes=15)
    refusals = Refusals(monkeypatch)
    answers = await asyncio.gather(*(ask(dining, "19:00", 2) for _ in range(30)))
    assert sum(1 for answer in answers if answer[2]) == PACING // 2
    refusals.check()
    await check_house(world)
    assert {(await world.booking(one)).status for one in lapsing} == {Status.EXPIRED}


async def test_lunch_that_runs_late_races_with_dinner_for_the_same_tables(crowd):
    world = crowd
    dinner = await Restaurant.open(
        world, ROOM, schedule=hours("17:30", "22:00"), inventory={"max_joined": JOINED}
    )
    lunch = await dinner.another(schedule=hours("12:00", "17:30"), inventory={"max_joined": JOINED})
    choice = random.Random(7)
    wishes = [
        (*choice.choice([(lunch, "16:30"), (lunch, "16:45"), (dinner, "17:30"), (dinner, "18:00")]),
         choice.choice([2, 2, 4, 5, 8]))
        for _ in range(80)
    ]  # fmt: skip
    answers = await asyncio.gather(*(ask(*wish) for wish in wishes))
    assert not await twice(world)
    assert not await drift(world)
    refused = [wish for wish, answer in zip(wishes, answers, strict=True) if answer[2] is None]
    assert refused
    again = await asyncio.gather(*(ask(*wish) for wish in refused))
    assert all(held is None for _, _, held, *_ in again)


async def test_a_party_is_seated_while_others_come_and_go(crowd):
    """Holds, cancellations and table changes at once: counters and tables add up in the end."""
    world = crowd
    choice = random.Random(3)
    dining = await Restaurant.open(world, ROOM, schedule=hours(), inventory=RULES)

    async def guest():
        _, _, held, *_ = await ask(dining, choice.choice(CLOCKS[:8]), choice.randint(1, 6))
        if held is not None and choice.random() < 0.5:
            await world.cancel(held)
            held = None
        return held

    results = await asyncio.gather(*(guest() for _ in range(150)), return_exceptions=True)
    unexpected = [one for one in results if isinstance(one, BaseException)]
    assert not unexpected, unexpected[:3]
    await check_house(world)
    staying = {held.booking_id for held in results if held is not None}
    live = await world.admin.fetch(
        "SELECT DISTINCT booking_id FROM allocations WHERE org_id = $1 AND released_at IS NULL",
        world.org_id,
    )
    assert {row["booking_id"] for row in live} == staying
