"""Secrets of one stack, made once and kept in its run directory (mode 0600)."""

import json
import secrets
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devstack import private
from devstack.paths import SERVICES


def word(size: int = 24) -> str:
    """Random letters and digits from `size` random bytes."""
    return secrets.token_urlsafe(size).replace("-", "x").replace("_", "y")


def _key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _per_service() -> dict[str, str]:
    return {service: word() for service in SERVICES}


def _column_keys() -> dict[str, str]:
    return {service: _key() for service in SERVICES}


def _seed() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


@dataclass(frozen=True)
class Keys:
    """All secrets of a stack. Passwords are letters and digits only: they stand in addresses."""

    postgres: str = field(default_factory=word)
    rabbitmq: str = field(default_factory=word)
    roles: dict[str, str] = field(default_factory=_per_service)
    owners: dict[str, str] = field(default_factory=_per_service)
    columns: dict[str, str] = field(default_factory=_column_keys)
    contact: str = field(default_factory=_key)
    hash: str = field(default_factory=lambda: word(36))
    manage_token: str = field(default_factory=lambda: word(36))
    internal_seed: str = field(default_factory=_seed)
    stripe_platform: str = field(default_factory=word)
    stripe_webhook: str = field(default_factory=lambda: f"whsec_{word(32)}")
    stripe_connect_webhook: str = field(default_factory=lambda: f"whsec_{word(32)}")

    @property
    def stripe_secret(self) -> str:
        """Secret test key of the platform's account at the sandbox."""
        return f"sk_test_{self.stripe_platform}"

    @property
    def stripe_publishable(self) -> str:
        """Publishable test key of the same account."""
        return f"pk_test_{self.stripe_platform}"

    @property
    def internal_public(self) -> str:
        """Raw Ed25519 public key of `internal_seed`, base64url without padding."""
        seed = self.internal_seed + "=" * (-len(self.internal_seed) % 4)
        private = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(seed))
        raw = private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return urlsafe_b64encode(raw).decode().rstrip("=")


def load(run_dir: Path) -> Keys:
    """The stack's secrets; made and written at the first call, completed when a field is new."""
    file = run_dir / "secrets.json"
    stored = json.loads(file.read_text()) if file.exists() else {}
    known = {entry.name for entry in fields(Keys)}
    keys = Keys(**{name: value for name, value in stored.items() if name in known})
    if asdict(keys) != stored:
        private.write_json(file, asdict(keys))
    return keys
