"""What an offering is in a provider's catalogue: a product, and a price for each tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

PLAIN_TIERS = frozenset({"adult", "child"})
"""Tiers that every shop knows; all others are the venue's own."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A price of an offering, in minor units of its currency."""

    key: str
    label: str
    amount_minor: int

    @property
    def kind(self) -> str:
        """`adult`, `child` or `custom` (PRC-05)."""
        return self.key if self.key in PLAIN_TIERS else "custom"


@dataclass(frozen=True, slots=True)
class Product:
    """An offering as it is sold; `sequence` is its version. Not `active`: nobody can buy it."""

    offering_id: UUID
    org_id: UUID
    venue_id: UUID
    title: str
    description: str | None
    currency: str
    tiers: Sequence[Tier]
    active: bool
    sequence: int
