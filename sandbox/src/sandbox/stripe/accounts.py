"""Keys. Each suffix of a test key is an account of its own, made by being used."""

import base64
import binascii
import re
from dataclasses import dataclass

from sandbox.stripe.refusal import Refusal

_KEY = re.compile(r"(sk|rk|pk)_(test|live)_([A-Za-z0-9_]{1,200})\Z")


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls. `tenant` is the key's suffix, which sk_test_x, rk_test_x and pk_test_x share."""

    tenant: str
    publishable: bool


def publishable_key(secret_key: str) -> str:
    """The publishable key of the account a secret test key opens; raises ValueError for others."""
    match = _KEY.match(secret_key)
    if match is None or match[1] == "pk" or match[2] != "test":
        raise ValueError("not a secret test key")
    return f"pk_test_{match[3]}"


def sent_key(authorization: str | None) -> str | None:
    """The key in a Bearer or Basic header; None when there is none."""
    if not authorization:
        return None
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def account(key: str | None) -> Account:
    """Raises Refusal(401) for a missing, malformed or live key."""
    if key is None:
        raise Refusal(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            stored=False,
        )
    match = _KEY.match(key)
    if match is None:
        raise Refusal(401, f"Invalid API Key provided: {_masked(key)}", stored=False)
    if match[2] == "live":
        raise Refusal(
            401,
            f"Invalid API Key provided: {_masked(key)}. This is a local sandbox and takes test "
            "keys only; a live key was sent here by mistake. It was neither stored nor logged, but "
            "it left its home: consider rolling it.",
            stored=False,
        )
    return Account(tenant=match[3], publishable=match[1] == "pk")


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * len(key)
