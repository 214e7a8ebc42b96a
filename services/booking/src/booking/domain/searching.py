"""What somebody at the front desk may mean by a few characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from booking.domain.refusals import Fault, InvalidRequest

SHORTEST, LONGEST = 2, 100
_REFERENCE = re.compile(r"[A-Za-z0-9-]+\Z")
_PHONE = re.compile(r"\+?[0-9 ()./-]+\Z")
_FEWEST_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Search:
    """The ways in which a text can be looked for; those that make no sense for it are None.

    ``name``: any part of a name, or the beginning of one of its words if shorter than three.
    """

    name: str | None
    email: str | None
    phone: str | None
    reference: str | None


def search_of(text: str) -> Search:
    """Read a search box (ADM-03).

    An e-mail address is looked for as a whole, and nothing else is then: it is kept as a hash.

    Raises:
        InvalidRequest: fewer than two letters or digits, or more than 100 characters.
    """
    tidy = " ".join(text.split())
    if sum(char.isalnum() for char in tidy) < SHORTEST or len(tidy) > LONGEST:
        raise InvalidRequest(
            Fault("search", f"must have {SHORTEST} letters or digits, and at most {LONGEST}")
        )
    if "@" in tidy:
        return Search(None, tidy, None, None)
    digits = sum(char.isdigit() for char in tidy)
    return Search(
        name=tidy,
        email=None,
        phone=tidy if _PHONE.match(tidy) and digits >= _FEWEST_DIGITS else None,
        reference=tidy.upper() if _REFERENCE.match(tidy) else None,
    )
