"""Editing what is there: what a request leaves alone, and which version it was made from."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeVar

from booking.domain.refusals import StaleVersion

T = TypeVar("T")


class Unset(Enum):
    """The request says nothing about this field; None would clear it."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def keep(new: T | Unset, old: T) -> T:
    """The new value, or the old one where nothing was said."""
    return old if isinstance(new, Unset) else new


def check_version(asked: int | None, present: int) -> None:
    """Raise StaleVersion when the caller has seen another version than the present one."""
    if asked is not None and asked != present:
        raise StaleVersion(f"It is at version {present} by now; read it again.")
