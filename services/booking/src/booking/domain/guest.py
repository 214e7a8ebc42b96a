"""Who books: names as the guest gives them, and addresses in one normal form."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from booking.domain.refusals import Fault, InvalidRequest

LONGEST_NAME = 255
_LONGEST_EMAIL = 254
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """``family`` is empty when there is only one name; ``display`` is what the guest typed."""

    given: str
    family: str
    display: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the guest: lower-case e-mail, E.164 phone."""

    email: str
    phone: str | None


def name_of(*, whole: str | None, given: str | None, family: str | None) -> Name:
    """A name from one field or from two.

    Raises:
        InvalidRequest: neither or both forms, shorter than 2 or longer than 255 characters, or
            with control characters in it.
    """
    if (whole is None) == (given is None):
        raise InvalidRequest(Fault("customer.name", "give either name, or given and family"))
    if whole is not None:
        display = _clean(whole, "customer.name")
        first, _, rest = display.partition(" ")
        return Name(given=first, family=rest, display=display)
    first = _clean(given or "", "customer.given", shortest=1)
    rest = _clean(family or "", "customer.family", shortest=0)
    return Name(given=first, family=rest, display=_clean(f"{first} {rest}", "customer.given"))


def signature(text: str) -> str:
    """The name somebody signs with.

    Raises:
        InvalidRequest: shorter than 2 or longer than 255 characters, or with control characters.
    """
    return _clean(text, "signed_name")


def _clean(text: str, field: str, *, shortest: int = 2) -> str:
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not shortest <= len(tidy) <= LONGEST_NAME:
        raise InvalidRequest(Fault(field, f"must be {shortest} to {LONGEST_NAME} characters"))
    if any(unicodedata.category(char) == "Cc" for char in tidy):
        raise InvalidRequest(Fault(field, "must not contain control characters"))
    return tidy


def normal_email(text: str) -> str:
    """An address in the one form in which it is stored, hashed and written to.

    Raises:
        InvalidRequest: not an e-mail address, or longer than 254 characters.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        at = ""
    if (
        not at
        or len(local) > 64
        or len(local) + len(domain) >= _LONGEST_EMAIL
        or not _LOCAL_PART.match(local)
        or not _DOMAIN.match(domain)
    ):
        raise InvalidRequest(Fault("customer.email", "is not an e-mail address"))
    return f"{local}@{domain}"
