"""The schedule of an offering as a document: each kind, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from booking.domain.hours import Hours
from booking.domain.schedule import Dated
from booking.domain.weekly import Weekly
from booking.schedule_documents.hours import HoursSchedule
from booking.schedule_documents.weekly import WeeklySchedule
from booking.settings_document import SettingsDocument

if TYPE_CHECKING:
    from collections.abc import Callable


class DatedSchedule(SettingsDocument):
    """Sessions are opened one by one."""

    kind: Literal["dated"] = "dated"

    def settings(self) -> Dated:
        return Dated()

    @classmethod
    def of(cls, _: Dated) -> DatedSchedule:
        return cls()


ScheduleDocument = Annotated[
    DatedSchedule | WeeklySchedule | HoursSchedule, Field(discriminator="kind")
]
SCHEDULE_KINDS = ("dated", "weekly", "hours")
WRITERS: dict[type, Callable[[Any], SettingsDocument]] = {
    Dated: DatedSchedule.of,
    Weekly: WeeklySchedule.of,
    Hours: HoursSchedule.of,
}
"""How the document of each kind of schedule is made from the settings."""
