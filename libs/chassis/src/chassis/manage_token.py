"""The manage token: what a guest holds to read, cancel and change one booking.

`org.booking.epoch.expiry.kid.mac`, derived from a shared rotating key: never stored, never on the
bus, and equal each time it is derived, so a replayed answer carries the same token. Raising the
booking's epoch revokes all tokens given out before; the service that owns the booking checks it.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from chassis.problems import Unauthenticated

_LONGEST = 400


class BadManageToken(Unauthenticated):
    """The manage token is forged, damaged or expired; the caller is not told which."""

    code = "MANAGE_TOKEN_INVALID"
    title = "The manage link is not valid"


@dataclass(frozen=True, slots=True)
class ManageClaims:
    """What a verified manage token says."""

    org_id: UUID
    booking_id: UUID
    epoch: int
    expires_at: datetime


class ManageTokens:
    """Mints and verifies manage tokens."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: key id -> secret of at least 32 characters; the first mints, all verify.

        Raises:
            ValueError: no key.
        """
        if not keys:
            raise ValueError("manage tokens need at least one key")
        self._keys = {kid: secret.encode() for kid, secret in keys.items()}
        self._current = next(iter(keys))

    def mint(self, org_id: UUID, booking_id: UUID, epoch: int, expires_at: datetime) -> str:
        """The token for one booking; `expires_at` counts in whole seconds."""
        signed = ".".join(
            (
                _encode(org_id.bytes),
                _encode(booking_id.bytes),
                str(epoch),
                str(int(expires_at.timestamp())),
                self._current,
            )
        )
        return f"{signed}.{_mac(self._keys[self._current], signed)}"

    def verify(self, token: str, now: datetime) -> ManageClaims:
        """The token's claims, when it is ours and `now` is before its expiry.

        Raises:
            BadManageToken: anything else.
        """
        signed, _, mac = token.rpartition(".")
        parts = signed.split(".")
        if len(token) > _LONGEST or not token.isascii() or len(parts) != 5:
            raise BadManageToken
        org, booking, epoch, expiry, kid = parts
        key = self._keys.get(kid)
        if key is None or not hmac.compare_digest(mac, _mac(key, signed)):
            raise BadManageToken
        # From here on the text is known to be our own.
        expires_at = datetime.fromtimestamp(int(expiry), UTC)
        if now >= expires_at:
            raise BadManageToken
        return ManageClaims(
            org_id=UUID(bytes=_decode(org)),
            booking_id=UUID(bytes=_decode(booking)),
            epoch=int(epoch),
            expires_at=expires_at,
        )


def _mac(key: bytes, signed: str) -> str:
    return _encode(hmac.new(key, b"manage-token:" + signed.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
