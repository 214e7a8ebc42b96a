"""Who makes a booking, and which of the usual limits do not bind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from booking.domain.money import Money
from booking.domain.policy import BY_HAND
from booking.domain.refusals import Fault, InvalidRequest, NotPermitted

if TYPE_CHECKING:
    from booking.domain.policy import Policy
    from booking.domain.quote import Quote

GUEST_SOURCES = frozenset(
    {"web", "website", "widget", "embed", "app", "qr", "email", "sms", "social", "partner"}
)
"""Where guests may say that they come from; all else is for staff to say."""

STAFF_METHODS = frozenset({"manual"})
"""Ways to pay that staff alone may choose (PAY-34)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Made by the guest, unless it says otherwise.

    ``at_venue``: nothing is due now, so it is confirmed at once. ``override``: why staff set aside
    what would refuse this guest, how many places each may have, and how far ahead one may book.
    ``received``: staff have the money in hand already.
    """

    by_staff: bool = False
    at_venue: bool = False
    override: str | None = None
    received: bool = False

    def unpaid_limit(self, policy: Policy) -> int | None:
        """How many places of a session the guest may hold unpaid; staff know whom they call."""
        return None if self.by_staff else policy.max_unpaid_holds

    def by_hand_limits(self, policy: Policy, method: str | None) -> tuple[int, int] | None:
        """How many places the guest, and how many of a session all, may hold to pay by hand."""
        if self.by_staff or method not in BY_HAND:
            return None
        return policy.max_unpaid_holds, policy.max_by_hand

    def methods(self, offered: tuple[str, ...], wished: str | None) -> tuple[str, ...]:
        """Those of the offered ways to pay that are open to whoever books.

        Raises:
            NotPermitted: what a guest wants, or all there is, is for staff (S2-10).
        """
        if self.by_staff:
            return offered
        theirs = tuple(method for method in offered if method not in STAFF_METHODS)
        if wished in STAFF_METHODS or (offered and not theirs):
            raise NotPermitted("Only staff may book without a payment by the guest.")
        return theirs

    def check_received(self, method: str | None) -> None:
        """Refuse money in hand for a payment that takes another way.

        Raises:
            InvalidRequest: the field is named.
        """
        if self.received and method not in BY_HAND:
            raise InvalidRequest(
                Fault("payment_received", f"needs a payment_method of {', '.join(sorted(BY_HAND))}")
            )

    @property
    def overrides(self) -> bool:
        """Whether the limits were set aside."""
        return self.override is not None

    def terms(self, policy: Policy, wished: str | None = None) -> Policy:
        """The policy that is frozen on the booking; ``wished``: how to pay for it.

        Whom staff have pay at the venue or by hand is asked for no card: they have none to save.
        """
        if self.at_venue or (self.by_staff and wished in BY_HAND):
            policy = replace(policy, no_show=None)
        return replace(policy, one_per_customer=False) if self.overrides else policy

    def due(self, quote: Quote) -> Quote:
        """What is due now, and what at the venue."""
        if not self.at_venue:
            return quote
        return replace(quote, due_now=Money(0, quote.total.currency))


BY_GUEST = Making()


def making(
    *,
    by_staff: bool,
    may_override: bool,
    at_venue: bool,
    override: str | None,
    source: str,
    received: bool = False,
    may_receive: bool = False,
) -> Making:
    """What a caller asks for, if they may.

    Raises:
        NotPermitted: a guest pays at the venue or overrides (S2-10) or says that the money came
            (S2-9), or staff override without the permission.
        InvalidRequest: a guest says that staff made the booking; the field is named.
    """
    if not by_staff and (at_venue or override is not None):
        raise NotPermitted("Only staff may book without online payment or override limits.")
    if received and not may_receive:
        raise NotPermitted("Saying that a payment has arrived needs payments:manage.")
    if override is not None and not may_override:
        raise NotPermitted("Overriding limits needs the permission bookings:manage.")
    if not by_staff and source not in GUEST_SOURCES:
        raise InvalidRequest(Fault("source", f"must be one of {', '.join(sorted(GUEST_SOURCES))}"))
    return Making(by_staff=by_staff, at_venue=at_venue, override=override, received=received)
