"""Embed keys: the public address of a venue on its own website. A key opens nothing (F-82)."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 24
_ALPHABET = string.ascii_lowercase + string.digits


def new_embed_key(choose: Callable[[str], str] = secrets.choice) -> str:
    """A random key; the database decides whether it is unique (TEN-03)."""
    return "".join(choose(_ALPHABET) for _ in range(LENGTH))
