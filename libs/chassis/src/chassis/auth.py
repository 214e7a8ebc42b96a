"""Who is asking: the principal, and the internal token that carries it from gateway to service.

The token is a JWT (EdDSA, `kid`, audience = service, 60 s) in the header `X-Internal-Token`. The
gateway mints it, services verify it offline. Two keys may be valid at once, so keys rotate without
a gap: publish the new public key everywhere, then sign with it, then drop the old one.
"""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.problems import Unauthenticated

HEADER = "X-Internal-Token"
LIFETIME = 60
LEEWAY = 5
ISSUER = "holdfast-gateway"
_REUSE_FOR = 30
_CACHED_TOKENS = 4096

_K = TypeVar("_K")
_V = TypeVar("_V")

Kind = Literal["guest", "manage", "key", "operator", "system"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller.

    `guest` has shown nothing; `manage` holds one booking's manage token (`booking_id`, `epoch`);
    `key` is an API key of an organisation; `operator` runs the installation; `system` is the
    gateway acting for itself.
    """

    kind: Kind
    id: str
    org_id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    booking_id: UUID | None = None
    epoch: int | None = None

    def has(self, permission: str) -> bool:
        """Whether the caller may; `x:manage` implies every `x:*`, and an operator may all."""
        if self.kind == "operator" or permission in self.permissions:
            return True
        return f"{permission.partition(':')[0]}:manage" in self.permissions


class BadInternalToken(Unauthenticated):
    """The internal token is missing, forged, expired, or meant for another service."""


def new_key_pair() -> tuple[str, str]:
    """A fresh signing seed and its public key, both base64url of the raw 32 bytes."""
    private = Ed25519PrivateKey.generate()
    return encode_key(private.private_bytes_raw()), encode_key(
        private.public_key().public_bytes_raw()
    )


def encode_key(raw: bytes) -> str:
    """Raw key bytes as unpadded base64url, the form in which settings hold them."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_key(text: str) -> bytes:
    """Raw key bytes from base64url, padded or not.

    Raises:
        ValueError: not base64url.
    """
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TokenMinter:
    """Mints internal tokens; the gateway has the only one.

    A token is reused for half its life: signing would cost more than the rest of a request.
    """

    def __init__(
        self, private_keys: Mapping[str, bytes], clock: Callable[[], float] = time.time
    ) -> None:
        """`private_keys`: key id -> raw 32-byte seed; the first signs.

        Raises:
            ValueError: no key, or a seed of another length.
        """
        if not private_keys:
            raise ValueError("a token minter needs a private key")
        self._kid, seed = next(iter(private_keys.items()))
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._clock = clock
        self._minted: OrderedDict[tuple[Principal, str], tuple[str, float]] = OrderedDict()

    def mint(self, principal: Principal, audience: str) -> str:
        """A token for `audience` (a service's name) that is good for at least 30 more seconds."""
        now = self._clock()
        cached = self._minted.get((principal, audience))
        if cached is not None and now < cached[1]:
            return cached[0]
        token = jwt.encode(
            _claims(principal, audience, int(now)), self._key, "EdDSA", {"kid": self._kid}
        )
        _remember(self._minted, (principal, audience), (token, now + _REUSE_FOR))
        return token


class TokenVerifier:
    """Verifies internal tokens for one service, offline."""

    def __init__(
        self,
        public_keys: Mapping[str, bytes],
        audience: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`public_keys`: key id -> raw 32-byte Ed25519 public key.

        Raises:
            ValueError: a key of another length.
        """
        self._keys = {
            kid: Ed25519PublicKey.from_public_bytes(raw) for kid, raw in public_keys.items()
        }
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def verify(self, token: str) -> Principal:
        """The caller named in the token.

        Raises:
            BadInternalToken: forged, expired (5 s leeway), for another service, or not a token.
        """
        cached = self._verified.get(token)
        if cached is not None and self._clock() < cached[1]:
            return cached[0]
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys[kid] if isinstance(kid, str) else None
            if key is None:
                raise BadInternalToken
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=ISSUER,
                options={
                    "require": ["exp", "iat", "aud", "iss", "sub"],
                    # Checked below against the clock we were given.
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            principal = _principal(claims)
            expires = float(claims["exp"]) + LEEWAY
        except (jwt.PyJWTError, KeyError, ValueError, TypeError) as exc:
            raise BadInternalToken from exc
        now = self._clock()
        if now >= expires or float(claims["iat"]) > now + LEEWAY:
            raise BadInternalToken
        _remember(self._verified, token, (principal, expires))
        return principal


def _claims(principal: Principal, audience: str, now: int) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME,
        "sub": principal.id,
        "knd": principal.kind,
    }
    if principal.org_id is not None:
        claims["org"] = str(principal.org_id)
    if principal.permissions:
        claims["prm"] = sorted(principal.permissions)
    if principal.booking_id is not None:
        claims["bkg"] = str(principal.booking_id)
    if principal.epoch is not None:
        claims["epc"] = principal.epoch
    return claims


def _principal(claims: Mapping[str, Any]) -> Principal:
    kind = claims["knd"]
    if kind not in get_args(Kind):
        raise BadInternalToken
    org, booking = claims.get("org"), claims.get("bkg")
    return Principal(
        kind=kind,
        id=claims["sub"],
        org_id=UUID(org) if org else None,
        permissions=frozenset(claims.get("prm", ())),
        booking_id=UUID(booking) if booking else None,
        epoch=claims.get("epc"),
    )


def _remember(cache: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > _CACHED_TOKENS:
        cache.popitem(last=False)
