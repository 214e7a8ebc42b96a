"""What is sent about the day itself: arrivals, signatures, and what staff decide."""

from typing import Annotated, Literal

from pydantic import Field

from booking.api.bodies.bookings import Override, Reason
from booking.domain.guest import LONGEST_NAME
from chassis.http import Body


class CheckIn(Body):
    """Nothing, or why a guest is checked in outside the time for it."""

    override: Override | None = None


class Noted(Body):
    """Nothing, or why."""

    reason: Reason | None = None


class SignWaiver(Body):
    """The guest's signature."""

    signed_name: Annotated[str, Field(min_length=2, max_length=LONGEST_NAME)]


class DecideRefund(Body):
    """What is decided about a refund, and why."""

    decision: Literal["approve", "reject"]
    reason: Reason
