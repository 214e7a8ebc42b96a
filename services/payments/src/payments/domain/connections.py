"""Accounts that organisations have at the platform's provider, and how a charge is shared there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from payments.domain.money import Money

_PERCENT = re.compile(r"(100|[0-9]{1,2})(?:\.([0-9]{1,2}))?")

WHOLE = 10_000
"""All of an amount, in basis points: a percent is 100 of them."""


class Standing(StrEnum):
    """How far an organisation is from being paid through the platform."""

    CREATING = "creating"  # wanted; the provider has not confirmed that it knows it
    ONBOARDING = "onboarding"  # the provider asks who the business is
    READY = "ready"  # new payments go there
    RESTRICTED = "restricted"  # it was ready, and the provider takes nothing for it now
    DISCONNECTED = "disconnected"  # the business took back the platform's access
    REFUSED = "refused"  # the provider made none; `refusal` says why
    REPLACED = "replaced"  # the organisation uses keys of its own since


@dataclass(frozen=True, slots=True)
class ConnectionSnapshot:
    """A connected account as the provider holds it at this moment."""

    ref: str
    charges_enabled: bool
    payouts_enabled: bool
    transfers_enabled: bool
    requirements: Sequence[str] = ()
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """An organisation's account at the platform's provider (PAY-22).

    `tries` numbers the calls that may have created it; each has its own key and body, frozen at
    `called_at`. `activated_at` is when it first could take money: from then on it takes all.
    `version` counts changes. Not `active`: the organisation uses keys of its own.
    """

    id: UUID
    org_id: UUID
    country: str
    body: dict[str, Any]
    called_at: datetime
    version: int
    tries: int = 1
    look_first: bool = False
    active: bool = True
    shown: ConnectionSnapshot | None = None
    activated_at: datetime | None = None
    left_at: datetime | None = None
    refusal: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key of the call that creates it; also in its metadata."""
        return f"{self.id}:{self.tries}"

    @property
    def wanted(self) -> bool:
        """Whether it is still to be created."""
        return self.shown is None and self.refusal is None

    @property
    def takes_over(self) -> bool:
        """Whether the organisation's new payments are its, also while nothing can be paid to it."""
        return self.active and self.activated_at is not None

    @property
    def payable(self) -> bool:
        """Whether the provider takes and passes on money for it now."""
        return (
            self.left_at is None
            and self.shown is not None
            and self.shown.charges_enabled
            and self.shown.transfers_enabled
        )

    @property
    def standing(self) -> Standing:
        if self.refusal is not None:
            return Standing.REFUSED
        if self.shown is None:
            return Standing.CREATING
        if self.left_at is not None:
            return Standing.DISCONNECTED
        if not self.active:
            return Standing.REPLACED
        if self.payable:
            return Standing.READY
        return Standing.ONBOARDING if self.activated_at is None else Standing.RESTRICTED

    def must_look_first(self, now: datetime, key_lifetime: timedelta) -> bool:
        """Whether sending the call again could create a second account."""
        return self.look_first or now - self.called_at > key_lifetime

    def showing(self, snapshot: ConnectionSnapshot, now: datetime) -> Connection:
        """The connection after a look at the provider; the same when that told nothing new."""
        if self.shown == snapshot and self.left_at is None:
            return self
        seen = replace(self, shown=snapshot, left_at=None, version=self.version + 1)
        if seen.payable and seen.activated_at is None:
            return replace(seen, activated_at=now)
        return seen

    def leaving(self, now: datetime) -> Connection:
        """The connection whose business took back the platform's access."""
        if self.left_at is not None:
            return self
        return replace(self, left_at=now, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Terms:
    """The installation's terms: its fee unless an operator set another, and whether it goes back.

    `fee_basis_points`: hundredths of a percent. `fee_returned`: a refund returns the fee's part.
    """

    fee_basis_points: int = 0
    fee_returned: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """Whose a charge is and what the platform keeps of it (PAY-21): frozen when it is asked for."""

    destination: str
    fee: Money
    fee_basis_points: int
    fee_returned: bool

    def of(self, amount: Money) -> Split:
        """Another charge on the same terms, such as that of a card that was saved with this one."""
        fee = platform_fee(amount.amount_minor, self.fee_basis_points)
        return replace(self, fee=Money(fee, amount.currency))

    @property
    def percent(self) -> str:
        """The fee in percent, as text: `5`, `2.5`, `0.25`."""
        return as_percent(self.fee_basis_points)


@dataclass(frozen=True, slots=True)
class Route:
    """Where an organisation's new payments go, once it is connected: nowhere while not `payable`.

    `fee_basis_points`: what an operator set for it, if any.
    """

    destination: str
    payable: bool
    fee_basis_points: int | None = None


def platform_fee(amount_minor: int, basis_points: int) -> int:
    """The platform's part of a charge in minor units, rounded half up: 5 % of 9500 is 475.

    Raises:
        ValueError: a negative amount, or a fee of less than nothing or more than all.
    """
    if amount_minor < 0 or not 0 <= basis_points <= WHOLE:
        raise ValueError(basis_points)
    return (amount_minor * basis_points + WHOLE // 2) // WHOLE


def basis_points(percent: str) -> int:
    """Percent as text with up to two decimal places, in hundredths of a percent.

    Raises:
        ValueError: it is not, or is more than all.
    """
    found = _PERCENT.fullmatch(percent)
    whole, rest = found.groups(default="") if found else ("101", "")
    points = int(whole) * 100 + int(rest.ljust(2, "0"))
    if points > WHOLE:
        raise ValueError("must be 0 to 100 with up to two decimal places")
    return points


def as_percent(basis_points: int) -> str:
    """Basis points as percent, without zeros that say nothing."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
