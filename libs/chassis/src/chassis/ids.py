"""Identifiers that sort by time."""

import os
import time
import uuid
from datetime import UTC, datetime


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A UUID version 7 (RFC 9562) for the given instant, or for now.

    Messages carry these ids because the inbox is partitioned by them: the instant inside the id
    decides the partition, and so how long the duplicate check remembers it.
    """
    seconds = time.time() if at is None else at.timestamp()
    milliseconds = max(0, int(seconds * 1000)) & 0xFFFF_FFFF_FFFF
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds << 80) | tail
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


def uuid7_floor(at: datetime) -> uuid.UUID:
    """The smallest UUID version 7 of an instant: the lower bound of a partition."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def instant_of(identifier: uuid.UUID) -> datetime:
    """The instant inside a UUID version 7, in UTC, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
