"""Whether the guest of one booking came, from facts that arrive twice, late and out of order.

Staff record an outcome and may take it back. Each outcome holds or not as the newest fact about it
says, and the booking's version tells which is newest; the order of arrival tells nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Outcome = Literal["checked_in", "completed", "no_show"]


@dataclass(frozen=True, slots=True)
class Said:
    """What the newest fact about an outcome says; `version` is the booking's."""

    version: int
    holds: bool


@dataclass(frozen=True, slots=True)
class Attendance:
    """All that is known of one booking's visit."""

    said: Mapping[Outcome, Said] = field(default_factory=lambda: MappingProxyType({}))

    def hear(self, outcome: Outcome, version: int, *, holds: bool) -> "Attendance":
        """The same, or an older fact, changes nothing."""
        known = self.said.get(outcome)
        if known is not None and known.version >= version:
            return self
        return Attendance(MappingProxyType({**self.said, outcome: Said(version, holds)}))

    def _holds(self, outcome: Outcome) -> bool:
        return outcome in self.said and self.said[outcome].holds

    @property
    def completed(self) -> bool:
        """The visit is over."""
        return self._holds("completed")

    @property
    def visited(self) -> bool:
        """The guest came: completing counts also where nobody checks guests in."""
        return self.completed or self._holds("checked_in")

    @property
    def missed(self) -> bool:
        """The guest did not come."""
        return self._holds("no_show")
