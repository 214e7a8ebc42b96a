"""Identifiers that sort by time."""

import os
import uuid
from datetime import UTC, datetime, timedelta
from itertools import count

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_made = count()


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A UUID version 7 (RFC 9562) for the given instant, or for now.

    Ids sort by their instant to the microsecond (section 6.2, method 3), and those that one process
    made for the same microsecond in the order in which they were made (method 1): rows that one
    transaction writes all have its instant, and must still read in that order.

    Messages carry these ids because the inbox is partitioned by them: the instant inside the id
    decides the partition, and so how long the duplicate check remembers it.
    """
    milliseconds, rest = divmod(_microseconds(datetime.now(UTC) if at is None else at), 1000)
    value = (max(0, milliseconds) & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (rest * 4096 // 1000) << 64
    value |= 0x2 << 62 | (next(_made) & 0x3F_FFFF) << 40
    return uuid.UUID(int=value | int.from_bytes(os.urandom(5), "big"))


def uuid7_floor(at: datetime) -> uuid.UUID:
    """The smallest UUID version 7 of an instant: the lower bound of a partition."""
    return uuid.UUID(int=_microseconds(at) // 1000 << 80)


def instant_of(identifier: uuid.UUID) -> datetime:
    """The instant inside a UUID version 7, in UTC, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
