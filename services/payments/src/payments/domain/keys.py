"""Which provider keys we take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,200}\Z")
_PUBLISHABLE_KEY = re.compile(r"pk_(?:test|live)_[A-Za-z0-9_]+\Z")
_PAYPAL_ID = re.compile(r"[A-Za-z0-9_-]{8,128}\Z")
_PAYPAL_SECRET = re.compile(r"[\x21-\x7e]{8,255}\Z")
_PAYPAL_WEBHOOK = re.compile(r"[A-Z0-9]{10,40}\Z")
_SWISH_NUMBER = re.compile(r"(?:123[0-9]{7}|\+46[0-9]{7,10})\Z")
_BANK_DETAILS = re.compile(r"[^\W_][^\x00-\x1f\x7f]{3,119}\Z")
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


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What the keys of one kind of account look like; each check raises KeyRefused.

    `needs_public`: whether an account cannot be used without its public half. `needs_secret`:
    whether it has secrets at all.
    """

    secret_key: Callable[[str, bool], None]
    public_key: Callable[[str], None]
    webhook_secret: Callable[[str], None]
    needs_public: bool = False
    needs_secret: bool = True


def _looks(pattern: re.Pattern[str], reason: str) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not pattern.match(text):
            raise KeyRefused(reason)

    return check


def _no_secret(_: str) -> None:
    raise KeyRefused("is not used: nobody is asked and nobody tells us")


_paypal_secret = _looks(_PAYPAL_SECRET, "must be the secret of a PayPal app")

RULES: Mapping[str, KeyRules] = {
    "stripe": KeyRules(
        secret_key=lambda text, production: check_secret_key(text, production=production),
        public_key=_looks(_PUBLISHABLE_KEY, "must look like pk_test_... or pk_live_..."),
        webhook_secret=_looks(_WEBHOOK_SECRET, "must look like whsec_..."),
    ),
    # PayPal's keys do not tell real money from play money: its address does, see the settings.
    "paypal": KeyRules(
        secret_key=lambda text, _: _paypal_secret(text),
        public_key=_looks(_PAYPAL_ID, "must be the client id of a PayPal app"),
        webhook_secret=_looks(_PAYPAL_WEBHOOK, "must be the id of a webhook at PayPal"),
        needs_public=True,
    ),
    "swish": KeyRules(
        secret_key=lambda text, _: _no_secret(text),
        public_key=_looks(_SWISH_NUMBER, "must be a Swish number: 123 and 7 digits, or +46..."),
        webhook_secret=_no_secret,
        needs_public=True,
        needs_secret=False,
    ),
    "manual": KeyRules(
        secret_key=lambda text, _: _no_secret(text),
        public_key=_looks(_BANK_DETAILS, "must say where to send money, in 4 to 120 characters"),
        webhook_secret=_no_secret,
        needs_public=True,
        needs_secret=False,
    ),
}
"""By kind of account."""
