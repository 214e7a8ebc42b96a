"""The calendar file of a booking that is confirmed or has moved (NTF-09)."""

from datetime import UTC, date, datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from notifications.domain.notice import Facts, Venue
from notifications.domain.text import one_line

_PRODUCT = "-//Holdfast//Bookings//EN"


def invitation(
    *, booking_id: UUID, version: int, facts: Facts, ends_at: datetime, venue: Venue, sender: str
) -> str:
    """An iCalendar text with METHOD:PUBLISH: times in the venue's zone, the zone's rules included.

    The UID is the booking's for good and the SEQUENCE its version: the file of a booking that moved
    replaces the entry instead of adding one, and an older file does nothing. No link and no name in
    it: calendars are shared.
    """
    zone = ZoneInfo(facts.timezone)
    event = Event()
    event.add("uid", f"{booking_id}@{sender.rpartition('@')[2]}")
    event.add("sequence", version)
    event.add("dtstamp", facts.told_at or facts.starts_at)
    event.add("dtstart", _wall(facts.starts_at, zone))
    event.add("dtend", _wall(ends_at, zone))
    event.add("summary", f"{one_line(facts.title)} · {one_line(venue.name)}")
    event.add("location", one_line(venue.name))
    event.add("description", facts.reference or "")
    event.add("status", "CONFIRMED")
    organizer = vCalAddress(f"mailto:{venue.email or sender}")
    organizer.params["cn"] = vText(one_line(venue.name))
    event.add("organizer", organizer)

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    head, end, _ = calendar.to_ical().partition(b"END:VCALENDAR\r\n")
    parts = (head, _rules(facts.timezone, facts.starts_at.year), event.to_ical(), end)
    return b"".join(parts).decode()


@lru_cache(maxsize=256)
def _rules(zone: str, year: int) -> bytes:
    """The zone's clock changes around a year, as written; all that are known would fill pages.

    Writing them took longer than all the rest of the file, and they are the same for every booking.
    """
    rules = Timezone.from_tzid(
        zone, first_date=date(year - 1, 1, 1), last_date=date(year + 2, 1, 1)
    )
    return bytes(rules.to_ical())


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """The instant on the venue's clock; in UTC in the hour that the clock shows a second time."""
    local = instant.astimezone(zone)
    return instant.astimezone(UTC) if local.fold else local
