"""Personal data at rest and on the bus: sealed objects (AES-256-GCM) and keyed hashes.

A sealed object is `<kid>.<base64url(nonce ‖ ciphertext ‖ tag)>`. Keys rotate by putting a new one
first; old ones stay until nothing sealed with them is left.
"""

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class BrokenSeal(ValueError):
    """Sealed text that is damaged, was sealed for another context, or whose key is not known."""


class Sealer:
    """Seals and opens small JSON objects."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys`: key id -> 32 bytes; the first seals, all open.

        Raises:
            ValueError: no key, or one that is not 32 bytes long.
        """
        if not keys:
            raise ValueError("a sealer needs at least one key")
        if any(len(key) != 32 for key in keys.values()):
            raise ValueError("sealing keys are 32 bytes long")
        self._ciphers = {kid: AESGCM(key) for kid, key in keys.items()}
        self._current = next(iter(keys))

    def seal(self, value: Mapping[str, Any], context: str = "") -> str:
        """Sealed text; `context` is authenticated, not stored: opening needs it again."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(
            nonce, orjson.dumps(value), _associated(self._current, context)
        )
        return f"{self._current}.{_encode(nonce + sealed)}"

    def open(self, sealed: str, context: str = "") -> dict[str, Any]:
        """The object inside.

        Raises:
            BrokenSeal: damaged, foreign, or sealed with a key that is no longer known.
        """
        kid, _, body = sealed.partition(".")
        cipher = self._ciphers.get(kid)
        if cipher is None:
            raise BrokenSeal("sealed with an unknown key")
        try:
            raw = _decode(body)
            opened: dict[str, Any] = orjson.loads(
                cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(kid, context))
            )
        except (InvalidTag, ValueError) as exc:
            raise BrokenSeal("sealed text is damaged") from exc
        return opened


def keyed_hash(key: str | bytes, value: str) -> bytes:
    """HMAC-SHA256 of a normalised value: 32 bytes to find it by, from which it cannot be read."""
    raw = key.encode() if isinstance(key, str) else key
    return hmac.new(raw, value.encode(), hashlib.sha256).digest()


def _associated(kid: str, context: str) -> bytes:
    return f"{kid}\x00{context}".encode()


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
