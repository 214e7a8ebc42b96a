"""What is sent about bookings that are made: cancelling them, correcting them."""

from typing import Annotated

from pydantic import Field

from booking.api.bodies.bookings import Allergies, Reason
from booking.api.bodies.fields import Edit, LocalTime, optional
from chassis.http import Body


class EditCustomer(Body):
    """What to correct: one name, or given and family; an address; a number, null for none."""

    name: Annotated[str, Field(max_length=255)] = optional()
    given: Annotated[str, Field(max_length=255)] = optional()
    family: Annotated[str, Field(max_length=255)] = optional()
    email: Annotated[str, Field(max_length=254)] = optional()
    phone: Annotated[str | None, Field(max_length=40)] = optional()


class RefundAmount(Body):
    """An amount in minor units of the currency that was paid in."""

    amount_minor: Annotated[int, Field(ge=0)]


class CancelBooking(Body):
    """Why; staff must say. With payments:refund they may also say what goes back."""

    reason: Annotated[str | None, Field(max_length=500)] = None
    refund_percent: Annotated[
        int | None, Field(ge=0, le=100, description="Of what was paid, whatever the policy says")
    ] = None
    refund: Annotated[
        RefundAmount | None, Field(description="Instead of refund_percent: the amount")
    ] = None


class EditBookingDetails(Edit):
    """Corrections by staff of what the guest said. `customer` may hold any part of a contact."""

    customer: EditCustomer = optional()
    special_requests: Annotated[str | None, Field(max_length=1000)] = optional()
    allergies: Allergies = optional()
    arrival_time: LocalTime | None = optional()
    notes: Annotated[str | None, Field(max_length=2000, description="Of staff, for staff")] = (
        optional()
    )
    reason: Reason | None = optional()
