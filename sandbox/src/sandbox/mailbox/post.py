"""The messages kept, newest last; the oldest leave when there are too many."""

import base64
import email
import email.policy
import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Letter:
    """One accepted message. It is only parsed when somebody reads it."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    raw: bytes
    _shown: Json | None = field(default=None, repr=False)

    def shown(self) -> Json:
        """The message as JSON; attachments' content is base64."""
        if self._shown is None:
            self._shown = self._read()
        return self._shown

    def _read(self) -> Json:
        message = email.message_from_bytes(self.raw, policy=email.policy.default)
        return {
            "id": self.id,
            "message_id": message.get("Message-ID"),
            "from": message.get("From", self.sender),
            "to": list(self.recipients),
            "subject": str(message.get("Subject", "")),
            "received_at": self.received_at.isoformat().replace("+00:00", "Z"),
            "text": _body(message, "plain"),
            "html": _body(message, "html"),
            "attachments": [
                {
                    "filename": part.get_filename(),
                    "content_type": part.get_content_type(),
                    "content": base64.b64encode(_bytes(part)).decode(),
                }
                for part in message.iter_attachments()
            ],
        }


class Post:
    """At most `keep` letters, in memory. `dropped` counts those that had to leave."""

    def __init__(self, keep: int) -> None:
        self._letters: deque[Letter] = deque(maxlen=keep)
        self._ids = itertools.count(1)
        self.dropped = 0

    def take_in(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> Letter:
        if len(self._letters) == self._letters.maxlen:
            self.dropped += 1
        letter = Letter(next(self._ids), sender, recipients, datetime.now(UTC), raw)
        self._letters.append(letter)
        return letter

    def letters(
        self,
        *,
        to: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        newest: int | None = None,
    ) -> list[Letter]:
        """Oldest first: to an address in any case, received at or after `since`, above `after`."""
        wanted = to.lower() if to else None
        found = [
            letter
            for letter in self._letters
            if letter.id > after
            and (since is None or letter.received_at >= since)
            and (wanted is None or wanted in (one.lower() for one in letter.recipients))
        ]
        return found[-newest:] if newest is not None else found

    def letter(self, number: int) -> Letter | None:
        return next((letter for letter in self._letters if letter.id == number), None)

    def clear(self) -> int:
        count = len(self._letters)
        self._letters.clear()
        return count

    def __len__(self) -> int:
        return len(self._letters)


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError):
        # An unknown character set: better an approximation than no message.
        return _bytes(part).decode("utf-8", "replace")


def _bytes(part: Any) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    return str(part.get_content()).encode() if not part.is_multipart() else part.as_bytes()
