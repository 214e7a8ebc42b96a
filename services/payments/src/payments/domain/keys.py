"""Which provider keys we take."""

from __future__ import annotations

import re

_SECRET_KEY = re.compile(r"(?:sk|rk)_(?P<mode>test|live)_[A-Za-z0-9_]{4,240}\Z")


class KeyRefused(ValueError):  # named for what happened
    """Not a secret key, or a key to real money outside production."""


def check_secret_key(text: str, *, production: bool) -> None:
    """Refuse what is no secret or restricted key, and live ones outside production.

    Raises:
        KeyRefused: with a reason that does not repeat the key.
    """
    found = _SECRET_KEY.match(text)
    if found is None:
        raise KeyRefused("must look like sk_test_..., rk_test_..., sk_live_... or rk_live_...")
    if found["mode"] == "live" and not production:
        raise KeyRefused("is a live key, which only ENVIRONMENT=production may use")
