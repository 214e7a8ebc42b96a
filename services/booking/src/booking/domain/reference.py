"""Booking references that people read aloud, such as ``BRL-2030-7KQ4M`` (LIF-10, LIF-11)."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 O 1 I L: nobody should have to ask which it was."""

LONGEST = 20
_TEMPLATE = re.compile(r"(?:[A-Z0-9-]|\{YYYY\})+\Z")
_FEWEST_RANDOM = 5


def check_template(template: str) -> None:
    """Raise ValueError unless references can be made from ``template``.

    Capital letters, digits and ``-`` stand for themselves, each ``X`` for a random character and
    ``{YYYY}`` for the year. At least five ``X``; at most 20 characters when filled in.
    """
    if not _TEMPLATE.match(template):
        raise ValueError("may contain only A-Z, 0-9, - and {YYYY}")
    if template.count("X") < _FEWEST_RANDOM:
        raise ValueError(f"needs at least {_FEWEST_RANDOM} X, each a random character")
    if len(template.replace("{YYYY}", "2030")) > LONGEST:
        raise ValueError(f"makes references longer than {LONGEST} characters")


def new_reference(template: str, year: int, choose: Callable[[str], str] = secrets.choice) -> str:
    """One random reference; the database decides whether it is unique (F-63)."""
    filled = "".join(choose(ALPHABET) if char == "X" else char for char in template)
    return filled.replace("{YYYY}", f"{year:04d}")
