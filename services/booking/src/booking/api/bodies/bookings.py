"""What guests and staff send about bookings."""

import datetime as dt
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from booking.api.bodies.fields import Instant, Locale, LocalTime, ReadVersion, time_of
from booking.domain.holding import LocalStart
from booking.domain.inventory import LARGEST_PARTY
from booking.domain.local_time import Span
from booking.domain.ordering import MOST_CHOICES, Choice
from booking.pricing_documents import PaymentMethod
from chassis.http import Body

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Allergies = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=20)
]
TierKey = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]


class Customer(Body):
    """The guest: one name, or given and family."""

    name: Annotated[str | None, Field(max_length=255, description="2 to 255 characters")] = None
    given: Annotated[str | None, Field(max_length=255)] = None
    family: Annotated[str | None, Field(max_length=255)] = None
    email: Annotated[str, Field(max_length=254)]
    phone: Annotated[
        str | None,
        Field(max_length=40, description="Without +country: of the organisation's country"),
    ] = None


class Override(Body):
    """Limits are set aside, and this is why."""

    reason: Reason


class ChosenItem(Body):
    """A dish to order with the booking."""

    menu_item_id: UUID
    quantity: Annotated[int, Field(ge=1, le=LARGEST_PARTY)] = 1
    note: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    whom: Annotated[
        str | None, Field(min_length=1, max_length=100, description="Whom it is for")
    ] = None

    def choice(self) -> Choice:
        """What the kitchen is asked for."""
        return Choice(self.menu_item_id, self.quantity, self.note, self.whom)


Items = Annotated[tuple[ChosenItem, ...], Field(max_length=MOST_CHOICES)]


class ChosenTime(Body):
    """When the party comes: an instant, or a date and a time by the venue's clock."""

    starts_at: Annotated[Instant | None, Field(description="When the party comes")] = None
    date: Annotated[dt.date | None, Field(description="By the venue's clock, instead")] = None
    start_time: Annotated[LocalTime | None, Field(examples=["19:30"])] = None

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        local = (self.date, self.start_time)
        if self.starts_at is not None and any(part is not None for part in local):
            raise ValueError("give starts_at, or date and start_time")
        if any(part is not None for part in local) and None in local:
            raise ValueError("date and start_time belong together")
        return self

    @property
    def start(self) -> dt.datetime | LocalStart | None:
        """The wished time, as it was given."""
        if self.date is not None and self.start_time is not None:
            return LocalStart(self.date, time_of(self.start_time))
        return self.starts_at


class WishedTime(ChosenTime):
    """A session; or an offering and a time; or, where guests choose their start, both."""

    session_id: UUID | None = None
    offering_id: UUID | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.session_id is None and (self.offering_id is None or self.start is None):
            raise ValueError("name a session_id, or an offering_id and a time")
        return self


class QuoteBooking(WishedTime):
    """A place to ask the price of."""

    party_size: Annotated[
        int | None, Field(ge=1, le=LARGEST_PARTY, description="1 unless quantities say otherwise")
    ] = None
    quantities: Annotated[
        dict[TierKey, Annotated[int, Field(ge=0, le=LARGEST_PARTY)]],
        Field(
            default_factory=dict,
            max_length=20,
            description="People by price tier",
            examples=[{"adult": 2}],
        ),
    ]
    resource_ids: Annotated[
        tuple[UUID, ...], Field(max_length=20, description="Tables, where there are any")
    ] = ()
    items: Annotated[Items, Field(description="Dishes, where there is a menu")] = ()
    allergies: Allergies = ()
    promo_code: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    gift_card: Annotated[
        str | None, Field(min_length=1, max_length=40, description="The code of a gift card")
    ] = None
    payment_method: Annotated[
        PaymentMethod | None,
        Field(description="How to pay: one of the offering's; its first unless said otherwise"),
    ] = None
    locale: Locale | None = None
    arrival_time: LocalTime | None = None
    special_requests: Annotated[str | None, Field(max_length=1000)] = None
    drinks_package: Annotated[str | None, Field(max_length=255)] = None
    source: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9_-]{1,32}$", description="Guests: one of a fixed set, such as web"),
    ] = None
    minimum_age_attested: Annotated[
        bool, Field(description="True: everybody is old enough, where there is a minimum age")
    ] = False
    payment: Annotated[
        Literal["online", "at_venue"],
        Field(description="at_venue: nothing is due now and it is confirmed at once; for staff"),
    ] = "online"
    payment_received: Annotated[
        bool, Field(description="True: the money for a payment by hand has arrived; for staff")
    ] = False
    override: Annotated[
        Override | None,
        Field(description="Set limits aside; for staff with bookings:manage"),
    ] = None


class JoinWaitlist(Body):
    """A group that waits for a place."""

    party_size: Annotated[
        int | None, Field(ge=1, le=LARGEST_PARTY, description="1 unless quantities say otherwise")
    ] = None
    quantities: Annotated[
        dict[TierKey, Annotated[int, Field(ge=0, le=LARGEST_PARTY)]],
        Field(default_factory=dict, max_length=20, description="People by price tier"),
    ]
    starts_at: Annotated[
        Instant | None, Field(description="The first start that would do, where guests choose")
    ] = None
    latest_start: Annotated[
        Instant | None, Field(description="The last one; none: only `starts_at`")
    ] = None
    customer: Customer
    locale: Locale | None = None
    minimum_age_attested: Annotated[
        bool, Field(description="True: everybody is old enough, where there is a minimum age")
    ] = False

    def window(self) -> Span | None:
        """Between which starts the group would come, if it says."""
        if self.starts_at is None:
            return None
        return Span(self.starts_at, self.latest_start or self.starts_at)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.latest_start is not None and (
            self.starts_at is None or self.latest_start < self.starts_at
        ):
            raise ValueError("latest_start needs a starts_at that is not after it")
        return self


class RescheduleBooking(ChosenTime):
    """What should be different; what is left out stays. A time alone finds its session."""

    session_id: UUID | None = None
    party_size: Annotated[int | None, Field(ge=1, le=LARGEST_PARTY)] = None
    quantities: Annotated[
        dict[TierKey, Annotated[int, Field(ge=0, le=LARGEST_PARTY)]] | None,
        Field(max_length=20, description="People by price tier"),
    ] = None
    resource_ids: Annotated[
        tuple[UUID, ...], Field(max_length=20, description="Other tables, where there are any")
    ] = ()
    arrival_time: LocalTime | None = None
    reason: Annotated[str | None, Field(max_length=500, description="Staff must give one")] = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"reason"}:
            raise ValueError("say what should be different")
        return self


class CreateBooking(QuoteBooking):
    """A place to hold."""

    customer: Customer


class ChangeOrder(Body):
    """The whole new order, the whole new list of allergies, or both."""

    items: Items | None = None
    allergies: Allergies | None = None
    version: ReadVersion = None
