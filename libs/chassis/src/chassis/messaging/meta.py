"""What a handler knows about the message it was given, and how it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Meta:
    """A message's envelope: identity, place in its aggregate's history, and delivery attempt."""

    message_id: UUID
    type: str
    org_id: UUID | None
    key: str
    sequence: int
    time: datetime
    attempt: int
    traceparent: str | None


class RetryAfter(Exception):
    """Raised by a handler to be called again in ``seconds``; its transaction rolls back."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Park(Exception):
    """Raised by a handler that no retry can help: the message goes to ``parked`` at once."""
