"""What travels beside the body: CloudEvents 1.0 attributes as AMQP headers.

AMQP 0-9-1 has no official CloudEvents binding; we use the header names of the AMQP 1.0 one.
Plain Python on purpose: every message passes here twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from re import compile as regex
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"

ID = "cloudEvents_id"
TYPE = "cloudEvents_type"
SOURCE = "cloudEvents_source"
TIME = "cloudEvents_time"
SPECVERSION = "cloudEvents_specversion"
PARTITIONKEY = "cloudEvents_partitionkey"
SEQUENCE = "cloudEvents_sequence"
ORGID = "cloudEvents_orgid"
EXPIRYTIME = "cloudEvents_expirytime"
TRACEPARENT = "traceparent"

_TRACEPARENT = regex(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_UUID = regex(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SEQUENCE = regex(r"[0-9]{1,19}")
_MAX_SEQUENCE = 2**63 - 1
_MAX_TEXT = 255


class MalformedEnvelope(ValueError):
    """The headers don't describe a message; trying again can't help."""

    def __init__(self, header: str, problem: str) -> None:
        super().__init__(f"header {header}: {problem}")
        self.header = header


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The attributes of one message.

    `key` and `sequence` (0 to 2**63 - 1) order messages about one thing: `key` is its id and
    `sequence` its version. `expires_at`: after this instant the message has no use. Instants are
    aware.
    """

    id: UUID
    type: str
    source: str
    time: datetime
    key: str
    sequence: int
    org_id: UUID | None = None
    traceparent: str | None = None
    expires_at: datetime | None = None

    def to_headers(self) -> dict[str, str]:
        """The AMQP headers; absent attributes are left out."""
        headers = {
            ID: str(self.id),
            TYPE: self.type,
            SOURCE: self.source,
            TIME: _to_text(self.time),
            SPECVERSION: SPEC_VERSION,
            PARTITIONKEY: self.key,
            # The CloudEvents extension wants text whose alphabetical order is the numeric one.
            SEQUENCE: f"{self.sequence:019d}",
        }
        if self.org_id is not None:
            headers[ORGID] = str(self.org_id)
        if self.traceparent is not None:
            headers[TRACEPARENT] = self.traceparent
        if self.expires_at is not None:
            headers[EXPIRYTIME] = _to_text(self.expires_at)
        return headers

    @classmethod
    def from_headers(cls, headers: Mapping[str, object] | None) -> Envelope:
        """Read AMQP headers, ignoring those we don't know.

        A bad `traceparent` reads as none: tracing never stops a message.

        Raises:
            MalformedEnvelope: a needed header is missing, or one can't be understood.
        """
        if headers is None:
            raise MalformedEnvelope(ID, "missing")
        if _text(headers, SPECVERSION) != SPEC_VERSION:
            raise MalformedEnvelope(SPECVERSION, f"only {SPEC_VERSION} is understood")
        traceparent = headers.get(TRACEPARENT)
        if not (isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent)):
            traceparent = None
        return cls(
            id=_uuid(headers, ID),
            type=_text(headers, TYPE),
            source=_text(headers, SOURCE),
            time=_instant(headers, TIME),
            key=_text(headers, PARTITIONKEY),
            sequence=_sequence(headers),
            org_id=_uuid(headers, ORGID) if headers.get(ORGID) is not None else None,
            traceparent=traceparent,
            expires_at=(
                _instant(headers, EXPIRYTIME) if headers.get(EXPIRYTIME) is not None else None
            ),
        )


def _to_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat()[:-6] + "Z"


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise MalformedEnvelope(name, "missing")
    if not isinstance(value, str):
        raise MalformedEnvelope(name, f"text expected, not {type(value).__name__}")
    if not 0 < len(value) <= _MAX_TEXT:
        raise MalformedEnvelope(name, f"1 to {_MAX_TEXT} characters expected")
    return value


def _uuid(headers: Mapping[str, object], name: str) -> UUID:
    value = _text(headers, name)
    if not _UUID.fullmatch(value):  # UUID() alone also takes braces, urn: and no hyphens
        raise MalformedEnvelope(name, "not a UUID")
    return UUID(value)


def _instant(headers: Mapping[str, object], name: str) -> datetime:
    value = _text(headers, name)
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is UTC:
            return instant
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MalformedEnvelope(name, "not an RFC 3339 instant")


def _sequence(headers: Mapping[str, object]) -> int:
    value = headers.get(SEQUENCE)
    if isinstance(value, str) and _SEQUENCE.fullmatch(value):
        value = int(value)
    if value is None:
        raise MalformedEnvelope(SEQUENCE, "missing")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_SEQUENCE:
        raise MalformedEnvelope(SEQUENCE, "not a whole number from 0 to 2**63 - 1")
    return value
