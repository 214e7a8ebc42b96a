"""A restaurant to book tables in: the dining preset, with a room of tables."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from booking.domain.guest import name_of
from booking.domain.holding import LocalStart, Wish
from booking.domain.presets import Preset
from booking.store.idempotency import Key
from booking.usecases.add_resource import AddResource, add_resource
from booking.usecases.hold import Hold, hold

LONDON = ZoneInfo("Europe/London")
EVERY_DAY = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


def hours(opens="18:00", closes="23:00", days=EVERY_DAY, **more):
    """Opening hours on these days; two hours for each party unless told otherwise."""
    return {
        "weekly": {day: [{"opens": opens, "closes": closes}] for day in days},
        "turn_minutes": [{"party_up_to": None, "minutes": 120}],
        **more,
    }


class Restaurant:
    """One offering of seated places in a world."""

    def __init__(self, world):
        self.world = world
        self.tables = {}
        self.offering = None

    @classmethod
    async def open(cls, world, room, *, preset=Preset.DINING, schedule=None, **settings):
        """``room``: number → (fewest, most) or (fewest, most, group) or … priority, vip."""
        restaurant = cls(world)
        for number, spec in room.items():
            await restaurant.add_table(number, *spec)
        await restaurant.offer(preset, schedule=schedule, **settings)
        return restaurant

    async def offer(self, preset=Preset.DINING, *, schedule=None, inventory=None, **settings):
        self.offering = await self.world.offering(
            preset,
            schedule=schedule or hours(),
            inventory={"pacing_covers": None, **(inventory or {})},
            **settings,
        )
        return self

    async def another(self, **settings):
        """A second offering at the same tables."""
        other = Restaurant(self.world)
        other.tables = self.tables
        return await other.offer(**settings)

    async def add_table(self, number, fewest, most, group=None, priority=100, vip=False):
        table = await self.world.run(
            lambda tx: add_resource(
                tx,
                AddResource(
                    venue_id=self.world.venue_id,
                    number=number,
                    label=None,
                    floor=None,
                    seats_min=fewest,
                    seats_max=most,
                    features=(),
                    vip=vip,
                    description=None,
                    join_group=group,
                    priority=priority,
                    actor="test",
                ),
            )
        )
        self.tables[number] = table.id

    async def day(self, ahead=7):
        return (await self.world.now()).astimezone(LONDON).date() + timedelta(days=ahead)

    async def at(self, clock, ahead=7):
        """The instant of a time of day, so many days ahead."""
        return datetime.combine(
            await self.day(ahead), time.fromisoformat(clock), LONDON
        ).astimezone(UTC)

    async def book(self, clock="19:00", party=2, ahead=7, *, day=None, **details):
        """Hold a table as a guest never seen before."""
        day = day or await self.day(ahead)
        return await self.ask(LocalStart(day, time.fromisoformat(clock)), party, **details)

    async def ask(self, start, party=2, *, key=None, request=b"same", resource_ids=(), **wished):
        nobody = uuid4().hex
        command = Hold(
            wish=Wish(
                offering_id=self.offering.id,
                start=start,
                party_size=party,
                resource_ids=resource_ids,
                name=name_of(whole="Test Guest", given=None, family=None),
                locale=None,
                arrival_time=None,
                special_requests=None,
                drinks_package=None,
                source="web",
                **wished,
            ),
            email=f"guest-{nobody}@example.com",
            phone=None,
            key=Key("guest", "POST /bookings", key or nobody, request),
            actor="guest",
        )
        world = self.world
        return await world.run(
            lambda tx: hold(
                tx,
                command,
                listings=world.shop.listings,
                vault=world.shop.vault,
                payments_enabled=True,
            )
        )

    async def numbers(self, held):
        """The numbers of a booking's tables."""
        booking = await self.world.booking(held)
        by_id = {id_: number for number, id_ in self.tables.items()}
        return sorted(by_id[one] for one in booking.claim.resource_ids)

    async def session(self, clock="19:00", ahead=7):
        instant = await self.at(clock, ahead)
        return await self.world.admin.fetchrow(
            "SELECT * FROM sessions WHERE offering_id = $1 AND starts_at <= $2 AND ends_at > $2",
            self.offering.id,
            instant,
        )


async def drift(world):
    """Counters that are not the sum of what the ledger gives, per session and per slot."""
    sessions = await world.drift()
    slots = await world.admin.fetch(
        """SELECT * FROM (
               SELECT session_id, slot, covers FROM pacing WHERE org_id = $1 AND covers > 0) p
           FULL JOIN (SELECT session_id, slot, sum(units) AS live FROM allocations
               WHERE org_id = $1 AND slot IS NOT NULL AND released_at IS NULL GROUP BY 1, 2) a
           USING (session_id, slot) WHERE p.covers IS DISTINCT FROM a.live""",
        world.org_id,
    )
    return [*sessions, *slots]


async def twice(world):
    """Pairs of live allocations of one table at one time."""
    return await world.admin.fetch(
        """SELECT 1 FROM allocations a JOIN allocations b ON a.resource_id = b.resource_id
               AND a.during && b.during AND a.ctid < b.ctid
           WHERE a.org_id = $1 AND a.released_at IS NULL AND b.released_at IS NULL""",
        world.org_id,
    )
