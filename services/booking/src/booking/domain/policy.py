"""The rules a booking is made under, frozen on it when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.refusals import Fault, InvalidRequest, NoPaymentMethod

MOST_TIERS = 10

SLOW_METHODS = frozenset({"bacs_debit", "sepa_debit"})
"""Methods whose money takes days to clear, so that the place waits for it (F-11)."""

BY_HAND = frozenset({"manual", "swish"})
"""Methods whose money nobody tells us of but a person who saw it arrive (PAY-32, PAY-34)."""


class LatePayment(StrEnum):
    """What to do with money that comes after the hold has ended."""

    RETAKE = "retake"  # take the place again if it is still free, else refund
    REFUND = "refund"


class RefundMode(StrEnum):
    """Whether what the tiers promise goes back by itself."""

    AUTO = "auto"
    APPROVE = "approve"  # somebody with payments:refund decides


@dataclass(frozen=True, slots=True)
class RefundTier:
    """``percent`` goes back when strictly more than ``hours`` remain before the start (CAN-02)."""

    hours: int
    percent: int


@dataclass(frozen=True, slots=True)
class Rescheduling:
    """Whether guests may move their booking themselves; staff may while its state allows it.

    ``hours_before``: strictly more hours must remain until the start. ``max_times``: how often a
    guest may. ``refund_difference``: whether a cheaper place gives money back.
    """

    allowed: bool = True
    hours_before: int = 24
    max_times: int = 3
    refund_difference: bool = True


class FeePer(StrEnum):
    """What a fee is counted by."""

    BOOKING = "booking"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class NoShowFee:
    """What a guest who does not come is charged to the card saved when they booked (OPN-06).

    ``fee_minor``: in minor units of the booking's currency. ``pay_hours``: how long the fee can
    still be paid where the bank wants to hear from the guest first.
    """

    fee_minor: int
    per: FeePer = FeePer.BOOKING
    pay_hours: int = 72

    def amount(self, party_size: int) -> int:
        """The fee for such a party, in minor units."""
        return self.fee_minor * (party_size if self.per is FeePer.HEAD else 1)


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold, cancellation and payment rules of an offering.

    ``clearing_minutes``: how long a payment that is being cleared keeps its place (F-11).
    ``max_unpaid_holds``: how many places of one session a guest may hold unpaid (F-12); and how
    many of all sessions, of those that are to be paid by hand (F-13).
    ``by_hand_minutes``: how long a place waits for a payment by hand.
    ``max_by_hand``: how many bookings of one session may wait for one, whosever they are (F-13).
    ``offer_minutes``: how long a place is held for a group from the waitlist.
    ``minimum_age``: in years, attested when booking; None: any age (OPN-05).
    ``check_in_hours``: how long before the start guests may be checked in.
    ``undo_minutes``: how long staff may take back a check-in, a completion or a no-show.
    ``complete_after_end``: whether guests who were checked in are completed when it is over.
    ``no_show``: the fee that a saved card guarantees; None: what was paid is kept, and no more.
    """

    hold_minutes: int = 15
    clearing_minutes: int = 60
    refund_tiers: tuple[RefundTier, ...] = ()
    release_on_failure: bool = False
    late_payment: LatePayment = LatePayment.RETAKE
    one_per_customer: bool = False
    max_unpaid_holds: int = 3
    by_hand_minutes: int = 24 * 60
    max_by_hand: int = 5
    reschedule: Rescheduling = Rescheduling()
    offer_minutes: int = 30
    refund_mode: RefundMode = RefundMode.AUTO
    waiver_required: bool = False
    minimum_age: int | None = None
    check_in_hours: int = 12
    undo_minutes: int = 15
    complete_after_end: bool = False
    no_show: NoShowFee | None = None

    def hold_ends(self, now: datetime, method: str | None, starts_at: datetime) -> datetime:
        """The exact end of a hold made now (HLD-01); of one paid by hand not past the start."""
        ends_at = now + timedelta(minutes=self.minutes_to_pay(method))
        return min(ends_at, starts_at) if method in BY_HAND else ends_at

    def minutes_to_pay(self, method: str | None) -> int:
        """How long a place is held for a payment by this method, in minutes."""
        return self.by_hand_minutes if method in BY_HAND else self.hold_minutes

    def offer_ends(self, now: datetime, starts_at: datetime) -> datetime:
        """Until when a place offered now to a waiting group is theirs: never past the start."""
        return min(now + timedelta(minutes=self.offer_minutes), starts_at)

    def change_ends(self, now: datetime, method: str | None, starts_at: datetime) -> datetime:
        """Until when a dearer new place is held; not past ``starts_at``, that of the old one."""
        return min(self.hold_ends(now, method, starts_at), starts_at)

    def clearing_ends(self, now: datetime, expires_at: datetime, starts_at: datetime) -> datetime:
        """How long a payment in clearing keeps the place: never past the start, never shorter."""
        return max(expires_at, min(now + timedelta(minutes=self.clearing_minutes), starts_at))

    def refund_percent(self, now: datetime, starts_at: datetime) -> int:
        """What goes back to a guest who cancels now, in percent of what was paid.

        Hours are elapsed hours, so a change of clocks in between does not shift the limit.
        """
        remaining = starts_at - now
        for tier in sorted(self.refund_tiers, key=lambda tier: tier.hours, reverse=True):
            if remaining > timedelta(hours=tier.hours):
                return tier.percent
        return 0

    def check_in_opens(self, starts_at: datetime) -> datetime:
        """From when guests may be checked in (CHK-01)."""
        return starts_at - timedelta(hours=self.check_in_hours)

    def undo_ends(self, happened_at: datetime) -> datetime:
        """Until when staff may take back what happened then."""
        return happened_at + timedelta(minutes=self.undo_minutes)

    def check_age(self, *, attested: bool) -> None:
        """Whether the guest has said that everybody is old enough (OPN-05).

        Raises:
            InvalidRequest: there is a minimum age and nobody attested it.
        """
        if self.minimum_age is not None and not attested:
            raise InvalidRequest(
                Fault("minimum_age_attested", f"everybody must be {self.minimum_age} or older")
            )

    def methods_for(
        self, methods: tuple[str, ...], now: datetime, starts_at: datetime
    ) -> tuple[str, ...]:
        """Those of the offering's methods that can clear before the start (F-11).

        Raises:
            NoPaymentMethod: there were methods, and none is fast enough.
        """
        if now + timedelta(minutes=self.clearing_minutes) <= starts_at:
            return methods
        fast = tuple(method for method in methods if method not in SLOW_METHODS)
        if methods and not fast:
            raise NoPaymentMethod
        return fast

    def saving(self, methods: tuple[str, ...], card: str) -> tuple[str, ...]:
        """The methods that leave a card to charge later, where one is wanted."""
        return methods if self.no_show is None else (card,)
