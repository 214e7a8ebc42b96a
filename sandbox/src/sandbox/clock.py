"""The sandbox's time: real time, which can be moved forward and never back.

Everything that takes time at the provider follows it. What passes between two machines does not:
webhooks are signed with the real time and repeated after real pauses.
"""

import asyncio
import time
from typing import Protocol


class Flags(Protocol):
    """Where the sandbox keeps what it was told, over a restart too."""

    def flag(self, name: str) -> str | None: ...

    def set_flag(self, name: str, value: str) -> None: ...


class Clock:
    """`changed` is set when time was moved, or when somebody wants to be woken at a new time."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self.ahead = float(flags.flag("clock") or 0.0)
        self.changed = asyncio.Event()

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Move on; `seconds` of less than nothing are refused with ValueError."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self.ahead += seconds
        self._flags.set_flag("clock", repr(self.ahead))
        self.changed.set()
