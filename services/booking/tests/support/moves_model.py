"""What ought to be true of bookings that move and of groups that wait: a model without a database.

Whatever has lapsed may be expired by anybody at any moment, and by some it must be: the model
counts it as free, and takes over from the database which of it has been noticed.
"""

from dataclasses import dataclass
from datetime import timedelta

CAPACITY = 3
HOLD, OFFER = 15, 30
HEAD, EVENING, LATE = 5000, 5000, 8000
STARTS = {"early": 0, "evening": 0, "late": 1}  # hours from the day's begin
LASTS = 5


@dataclass(frozen=True)
class Spot:
    """Where a booking is: so many people in a class, or one table of one of two evenings."""

    session: str
    party: int
    table: int | None = None

    @property
    def price(self):
        return {"evening": EVENING, "late": LATE}.get(self.session, HEAD * self.party)

    @property
    def span(self):
        return range(STARTS.get(self.session, 0), STARTS.get(self.session, 0) + LASTS)


@dataclass(eq=False)
class Change:
    spot: Spot
    due: int
    ends: int
    made: object


@dataclass(eq=False)
class Booking:
    held: object
    spot: Spot
    ends: int
    status: str = "pending_payment"
    change: Change | None = None
    paid: int = 0
    returned: int = 0
    bounced: int = 0
    entry: object = None


@dataclass(eq=False)
class Entry:
    entry: object
    session: str
    party: int
    state: str = "waiting"


class Model:
    """Minutes, not instants: real time between steps is far below one."""

    def __init__(self):
        self.minute = 0
        self.bookings = []
        self.entries = []

    def lapsed(self, thing):
        if thing is None:
            return False
        return self.minute >= thing.ends and getattr(thing, "status", "pending_payment") == (
            "pending_payment"
        )

    def live(self, booking):
        return booking.status in {"pending_payment", "confirmed"}

    def units(self, booking, session, *, noticed):
        """What a booking has of a class. ``noticed``: lapsed things count until they are."""
        if not self.live(booking) or (not noticed and self.lapsed(booking)):
            return 0
        own = booking.spot.party if booking.spot.session == session else 0
        change = booking.change
        if change is None or (not noticed and self.lapsed(change)):
            return own
        wanted = change.spot.party if change.spot.session == session else 0
        return max(own, wanted)

    def hours(self, booking, table, *, noticed):
        """At which hours a booking has a table."""
        if not self.live(booking) or (not noticed and self.lapsed(booking)):
            return set()
        spots = [booking.spot]
        if booking.change is not None and (noticed or not self.lapsed(booking.change)):
            spots.append(booking.change.spot)
        return {hour for spot in spots if spot.table == table for hour in spot.span}

    def fits(self, spot, but=None, *, beside=False, noticed=False):
        """Whether a spot is free for a newcomer, or for ``but``, which gives up its own.

        ``beside``: which keeps its own until it is paid.
        """
        others = [b for b in self.bookings if b is not but]
        if spot.table is not None:
            taken = [self.hours(b, spot.table, noticed=noticed) for b in others]
            return not any(hours & set(spot.span) for hours in taken)
        wanted = spot.party
        if beside and but.spot.session == spot.session:
            wanted = max(wanted, but.spot.party)
        return (
            wanted + sum(self.units(b, spot.session, noticed=noticed) for b in others) <= CAPACITY
        )

    def settle(self, booking, status):
        booking.status = status
        booking.change = None if status not in {"confirmed", "pending_payment"} else booking.change
        ended = {"confirmed": "accepted", "expired": "lapsed", "cancelled": "left"}.get(status)
        if booking.entry is not None and booking.entry.state == "offered" and ended:
            booking.entry.state = ended

    def move(self, booking, spot):
        """The booking is there; what it costs less goes back."""
        booking.spot, booking.change = spot, None
        booking.returned += max(0, booking.paid - booking.returned - spot.price)

    def pay(self, booking, amount):
        """Money for the booking itself."""
        if booking.status == "pending_payment":
            booking.paid = amount
            self.settle(booking, "confirmed")
        elif booking.status == "expired":
            booking.paid = amount
            self.settle(booking, "confirmed" if self.fits(booking.spot, booking) else "gone")
        else:
            booking.bounced += amount

    def pay_change(self, booking, change):
        """Money for one of its changes, present or past."""
        if booking.change is change and booking.status == "confirmed":
            booking.paid += change.due
            self.move(booking, change.spot)
        else:
            booking.bounced += change.due

    def offers(self, session, free_tables):
        """Whom a look at the line makes an offer, and what."""
        made = []
        for entry in self.entries:
            if entry.session != session or entry.state != "waiting":
                continue
            tables = free_tables if session in {"evening", "late"} else [None]
            spots = [Spot(session, entry.party, table) for table in tables]
            spot = next((one for one in spots if self.fits(one, noticed=True)), None)
            if spot is not None:
                entry.state = "offered"
                booking = Booking(None, spot, self.minute + OFFER, entry=entry)
                self.bookings.append(booking)
                made.append(booking)
        return made

    def ledger(self, booking):
        """What the ledger must have of it: units by class, hours by table."""
        found = {}
        for session in ("early", "second"):
            if units := self.units(booking, session, noticed=True):
                found[session] = units
        for table in (0, 1):
            if hours := self.hours(booking, table, noticed=True):
                found[table] = timedelta(hours=len(hours))
        return found
