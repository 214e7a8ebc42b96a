"""Random stories of edits, bookings, nights and staff: the rules and the bookings both hold."""

import random
from datetime import date, datetime, time, timedelta

import pytest

from booking.domain.local_time import zone
from booking.domain.presets import Preset
from booking.domain.refusals import CapacityExceeded, InvalidRequest
from booking.domain.upkeep import wanted_spans
from booking.store import offerings, sessions
from booking.usecases.edit_offering import EditOffering, edit_offering
from booking.usecases.edit_session import EditSession, edit_session
from booking.usecases.generate_sessions import generate_sessions
from booking.usecases.keep_in_step import InStep

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
STEPS = 20
ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]


class Story:
    """One offering, what was booked of it, and what staff changed by hand."""

    def __init__(self, world, timezone, seed):
        self.world = world
        self.tz = zone(timezone)
        self.random = random.Random(seed)
        self.held = {}
        self.by_hand = set()
        self.told = InStep()
        self.steps = [
            self.edit_rule, self.edit_rule, self.edit_dates, self.book, self.book, self.book,
            self.cancel, self.night, self.adjust, self.resize,
        ]  # fmt: skip

    async def begin(self):
        self.offering = await self.world.offering(
            Preset.ACTIVITY, pricing={"kind": "free"}, schedule=self.rule()
        )

    def rule(self):
        hour = self.random.randrange(24)
        return {
            "operating_days": self.random.sample(WEEK, self.random.randrange(1, 8)),
            "start_time": f"{hour:02}:00",
            "end_time": f"{(hour + self.random.randrange(4, 24)) % 24:02}:30",
            "interval_minutes": self.random.choice([60, 90, 120]),
            "duration_minutes": self.random.choice([None, 45]),
        }

    async def edit(self, **overrides):
        command = EditOffering(offering_id=self.offering.id, overrides=overrides, actor="test")
        edited = await self.world.run(lambda tx: edit_offering(tx, command))
        if edited.offering.version != self.offering.version:
            self.told = edited.sessions
        self.offering = edited.offering

    async def edit_rule(self):
        await self.edit(schedule=self.rule())

    async def edit_dates(self):
        first = (await self.world.now()).astimezone(self.tz).date()
        days = [first + timedelta(days=self.random.randrange(12)) for _ in range(4)]
        blocked, custom = sorted(set(days[:2])), sorted(set(days[2:]))
        await self.edit(
            schedule={
                "blocked_dates": [{"date": str(day)} for day in blocked],
                "custom_dates": [
                    {"date": str(day), "start_time": "22:00", "end_time": "03:00"} for day in custom
                ],
            }
        )

    async def resize(self):
        await self.edit(inventory={"capacity": self.random.choice([4, 8, 12])})

    async def night(self):
        await self.world.advance(hours=self.random.randrange(1, 60))
        await self.generate()

    async def generate(self):
        self.told = await self.world.run(
            lambda tx: generate_sessions(tx, self.offering.id, actor="test")
        )

    async def some_session(self):
        rows = await self.world.admin.fetch(
            "SELECT id FROM sessions WHERE offering_id = $1 AND status = 'open' "
            "AND starts_at > messaging.now() ORDER BY starts_at LIMIT 60",
            self.offering.id,
        )
        if not rows:
            return None
        chosen = self.random.choice(rows)["id"]
        return (await self.world.run(lambda tx: sessions.read(tx, chosen))).session

    async def book(self):
        session = await self.some_session()
        if session is None:
            return
        try:
            held = await self.world.hold(session, party=self.random.randrange(1, 5))
        except (CapacityExceeded, InvalidRequest):
            return
        self.held[held.booking_id] = (held, session.starts_at, session.ends_at)

    async def cancel(self):
        now = await self.world.now()
        ahead = [held for held, starts_at, _ in self.held.values() if starts_at > now]
        if ahead:
            held = self.random.choice(ahead)
            await self.world.cancel(held)
            del self.held[held.booking_id]
            await self.generate()  # what stood for it follows the rules again from the next night

    async def adjust(self):
        session = await self.some_session()
        if session is not None:
            command = EditSession(session_id=session.id, capacity=20, actor="test")
            await self.world.run(lambda tx: edit_session(tx, command))
            self.by_hand.add(session.id)

    async def check(self):
        await self.bookings_are_as_they_were_made()
        assert await self.world.drift() == []
        await self.sessions_are_what_the_rules_want()

    async def bookings_are_as_they_were_made(self):
        rows = await self.world.admin.fetch(
            "SELECT b.id, b.status, s.starts_at, s.ends_at FROM bookings b "
            "JOIN sessions s ON s.id = b.session_id WHERE b.id = ANY($1)",
            list(self.held),
        )
        assert len(rows) == len(self.held)
        for row in rows:
            _, starts_at, ends_at = self.held[row["id"]]
            assert (row["status"], row["starts_at"], row["ends_at"]) == (
                "confirmed", starts_at, ends_at,
            )  # fmt: skip

    async def sessions_are_what_the_rules_want(self):
        now = await self.world.now()
        offering = await self.world.run(lambda tx: offerings.read(tx, self.offering.id))
        through = now.astimezone(self.tz).date() + timedelta(days=offering.schedule.horizon() - 4)
        wanted = dict(wanted_spans(offering.schedule, now, through, self.tz))
        end = datetime.combine(through, time(), self.tz)
        rows = await self.world.admin.fetch(
            "SELECT * FROM sessions WHERE offering_id = $1 AND starts_at > $2 AND starts_at < $3",
            offering.id,
            now,
            end,
        )
        by_rule = {row["slot_at"]: row for row in rows if row["id"] not in self.by_hand}
        by_hand = {row["slot_at"] for row in rows if row["id"] in self.by_hand}
        reported = {conflict.session_id for conflict in self.told.conflicts}
        open_slots = {slot for slot, row in by_rule.items() if row["status"] == "open"}
        assert open_slots == {at for at in wanted if at < end} - by_hand
        for slot, row in by_rule.items():
            fits = slot in wanted and row["ends_at"] == wanted[slot]
            if row["taken"] and not fits:
                assert row["id"] in reported, "a session against the rules was not reported"
            if row["status"] == "open" and not row["taken"]:
                assert fits
                assert row["capacity"] == offering.inventory.capacity
            assert row["taken"] <= row["capacity"]


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_rules_are_kept_and_bookings_stay(world, timezone, seed):
    await world.admin.execute(
        "UPDATE venues SET timezone = $2 WHERE id = $1", world.venue_id, timezone
    )
    # To the eve of a change of clocks, so that the story runs over it.
    eve = date(2027, 3, 10) + timedelta(days=10 * seed)
    shift = datetime.combine(eve, time(12), zone(timezone)) - await world.now()
    await world.advance(seconds=shift.total_seconds())
    story = Story(world, timezone, f"{timezone} {seed}")
    await story.begin()
    await story.check()
    for _ in range(STEPS):
        await story.random.choice(story.steps)()
        await story.check()
