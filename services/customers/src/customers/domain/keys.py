"""API keys: their text, their hash and what their scopes allow (AUT-10, F-58).

A key reads `hf_<prefix>_<secret>`. The prefix finds the row and may be shown; the secret is 256
random bits, which nobody can guess, so one SHA-256 protects it as well as a slow hash would.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

KeyKind = Literal["key", "operator"]

MODULES = ("bookings", "catalogue", "customers", "payments", "reports", "keys")
LEVELS = ("read", "write", "manage")
_BY_LEVEL = {
    "read": ("view",),
    "write": ("view", "create", "edit", "cancel"),
    "manage": ("manage",),
}
SCOPES = frozenset(f"{level}:{module}" for level in LEVELS for module in MODULES)
MAX_KEY_LENGTH = 128


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `text` is shown once and never stored."""

    text: str
    prefix: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. An operator key has no organisation; every other key has one."""

    id: UUID
    org_id: UUID | None
    kind: KeyKind
    name: str
    prefix: str
    digest: bytes
    scopes: tuple[str, ...]
    expires_at: datetime
    revoked_at: datetime | None

    def opens_with(self, secret: str, now: datetime) -> bool:
        """Whether `secret` is this key's and the key still counts at `now`."""
        same = hmac.compare_digest(self.digest, digest(secret))
        return same and self.revoked_at is None and now < self.expires_at


def generate() -> NewKey:
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    return NewKey(text=f"hf_{prefix}_{secret}", prefix=prefix, digest=digest(secret))


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def split(text: str) -> tuple[str, str] | None:
    """(prefix, secret) of a key's text; None when it cannot be one."""
    parts = text.split("_")
    if len(text) > MAX_KEY_LENGTH or len(parts) != 3 or parts[0] != "hf" or not all(parts):
        return None
    return parts[1], parts[2]


def permissions(scopes: Iterable[str]) -> frozenset[str]:
    """What `scopes` allow. Writing includes reading; `manage` implies the rest of its module."""
    granted: set[str] = set()
    for scope in scopes:
        level, _, module = scope.partition(":")
        granted.update(f"{module}:{action}" for action in _BY_LEVEL[level])
    return frozenset(granted)
