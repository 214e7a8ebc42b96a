"""The four settings documents of an offering, as they stand on the wire and in its row.

Checked here, at the border, field by field; inside there are only the domain's own classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from booking.domain import inventory, policy, pricing, schedule, seating
from booking.domain.refusals import Fault, InvalidRequest
from booking.pricing_documents import PRICING_KINDS, PricingDocument
from booking.schedule_documents import SCHEDULE_KINDS, WRITERS, ScheduleDocument
from booking.settings_document import SettingsDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

PartySize = Annotated[int, Field(ge=1, le=inventory.LARGEST_PARTY)]


class _Party(SettingsDocument):
    @model_validator(mode="after")
    def _ordered(self) -> _Party:
        if getattr(self, "party_min", 1) > getattr(self, "party_max", 1):
            raise ValueError("party_min is more than party_max")
        return self


class CapacityInventory(_Party):
    """Places of a session; a booking takes one for each person, or `units_per_booking` in all."""

    kind: Literal["capacity"]
    capacity: Annotated[int, Field(ge=1, le=inventory.LARGEST_CAPACITY)]
    units: Literal["booking", "person"] = "booking"
    units_per_booking: Annotated[int, Field(ge=1, le=100)] = 1
    party_min: PartySize = 1
    party_max: PartySize = 1

    def settings(self) -> inventory.Counted:
        given = self.model_dump(exclude={"kind", "units"})
        return inventory.Counted(units=inventory.Units(self.units), **given)


class ResourceInventory(_Party):
    """Tables and the like, each for one booking at a time."""

    kind: Literal["resources"]
    max_resources: Annotated[int, Field(ge=1, le=20)] = 1
    party_min: PartySize = 1
    party_max: PartySize = 12

    def settings(self) -> inventory.Exclusive:
        return inventory.Exclusive(**self.model_dump(exclude={"kind"}))


class SeatingInventory(_Party):
    """Tables that the house gives out; parties arrive at a pace."""

    kind: Literal["seating"]
    max_joined: Annotated[
        int, Field(ge=1, le=seating.LARGEST_JOIN, description="tables put together; 1: none")
    ] = 2
    vip_tables: Annotated[bool, Field(description="whether VIP tables are given out, too")] = False
    pacing_covers: Annotated[
        int | None, Field(ge=1, le=inventory.LARGEST_PARTY, description="arrivals per interval")
    ] = None
    pacing_minutes: Annotated[int, Field(ge=5, le=240)] = 15
    covers_per_session: Annotated[int | None, Field(ge=1, le=inventory.LARGEST_CAPACITY)] = None
    party_min: PartySize = 1
    party_max: PartySize = 12

    def settings(self) -> inventory.Seated:
        return inventory.Seated(**self.model_dump(exclude={"kind"}))


class RefundTierDocument(SettingsDocument):
    """`percent` of what was paid goes back with strictly more than `hours` to the start."""

    hours: Annotated[int, Field(ge=0, le=24 * 365)]
    percent: Annotated[int, Field(ge=0, le=100)]


Tiers: TypeAlias = Annotated[tuple[RefundTierDocument, ...], Field(max_length=policy.MOST_TIERS)]


class ReschedulingDocument(SettingsDocument):
    """Whether guests may move bookings: with strictly more than `hours_before` to the start.

    `refund_difference`: what a cheaper place costs less goes back.
    """

    allowed: bool = True
    hours_before: Annotated[int, Field(ge=0, le=24 * 365)] = 24
    max_times: Annotated[int, Field(ge=0, le=100)] = 3
    refund_difference: bool = True

    def settings(self) -> policy.Rescheduling:
        return policy.Rescheduling(**self.model_dump())


class NoShowDocument(SettingsDocument):
    """What a guest who does not come is charged, in the venue's currency, to their saved card.

    `pay_hours`: how long the fee can be paid when the bank wants to hear from the guest first.
    """

    fee_minor: Annotated[int, Field(ge=1, le=1_000_000)]
    per: Literal["booking", "head"] = "booking"
    pay_hours: Annotated[int, Field(ge=1, le=30 * 24)] = 72

    def settings(self) -> policy.NoShowFee:
        return policy.NoShowFee(self.fee_minor, policy.FeePer(self.per), self.pay_hours)


class PolicyDocument(SettingsDocument):
    """Hold, payment, attendance and cancellation rules."""

    hold_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    clearing_minutes: Annotated[int, Field(ge=1, le=14 * 24 * 60)] = 60
    refund_tiers: Annotated[
        tuple[RefundTierDocument, ...], Field(max_length=policy.MOST_TIERS)
    ] = ()
    refund_mode: Literal["auto", "approve"] = "auto"
    release_on_failure: bool = False
    late_payment: Literal["retake", "refund"] = "retake"
    one_per_customer: bool = False
    max_unpaid_holds: Annotated[int, Field(ge=1, le=1000)] = 3
    by_hand_minutes: Annotated[
        int, Field(ge=1, le=14 * 24 * 60, description="how long a payment by hand is waited for")
    ] = 24 * 60
    max_by_hand: Annotated[
        int,
        Field(ge=1, le=1000, description="bookings of a session that wait for a payment by hand"),
    ] = 5
    reschedule: ReschedulingDocument = ReschedulingDocument()
    offer_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 30
    waiver_required: bool = False
    minimum_age: Annotated[int | None, Field(ge=1, le=120)] = None
    check_in_hours: Annotated[int, Field(ge=0, le=30 * 24)] = 12
    undo_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 15
    complete_after_end: bool = False
    no_show: NoShowDocument | None = None

    @model_validator(mode="after")
    def _one_tier_per_limit(self) -> PolicyDocument:
        if len({tier.hours for tier in self.refund_tiers}) != len(self.refund_tiers):
            raise ValueError("two refund_tiers have the same hours")
        return self

    def settings(self) -> policy.Policy:
        return policy.Policy(
            hold_minutes=self.hold_minutes,
            clearing_minutes=self.clearing_minutes,
            refund_tiers=tuple(policy.RefundTier(t.hours, t.percent) for t in self.refund_tiers),
            release_on_failure=self.release_on_failure,
            late_payment=policy.LatePayment(self.late_payment),
            one_per_customer=self.one_per_customer,
            max_unpaid_holds=self.max_unpaid_holds,
            by_hand_minutes=self.by_hand_minutes,
            max_by_hand=self.max_by_hand,
            reschedule=self.reschedule.settings(),
            offer_minutes=self.offer_minutes,
            refund_mode=policy.RefundMode(self.refund_mode),
            waiver_required=self.waiver_required,
            minimum_age=self.minimum_age,
            check_in_hours=self.check_in_hours,
            undo_minutes=self.undo_minutes,
            complete_after_end=self.complete_after_end,
            no_show=None if self.no_show is None else self.no_show.settings(),
        )


InventoryDocument = Annotated[
    CapacityInventory | ResourceInventory | SeatingInventory, Field(discriminator="kind")
]

_UNIONS = frozenset({"schedule", "inventory", "pricing", "due"})
"""Members whose ``kind`` says which document they are."""

_KINDS: dict[type, str] = {
    inventory.Counted: "capacity",
    inventory.Exclusive: "resources",
    inventory.Seated: "seating",
    **PRICING_KINDS,
}


@dataclass(frozen=True, slots=True)
class OfferingSettings:
    """What an offering is: four settings that know nothing of each other."""

    schedule: schedule.Schedule
    inventory: inventory.Inventory
    pricing: pricing.Pricing
    policy: policy.Policy


@cache
def _readers() -> dict[str, TypeAdapter[Any]]:
    return {
        "schedule": TypeAdapter(ScheduleDocument),
        "inventory": TypeAdapter(InventoryDocument),
        "pricing": TypeAdapter(PricingDocument),
        "policy": TypeAdapter(PolicyDocument),
    }


def read_settings(documents: Mapping[str, Mapping[str, Any]]) -> OfferingSettings:
    """The settings that four documents describe.

    Raises:
        InvalidRequest: naming each field that is missing, unknown or out of range.
    """
    faults: list[Fault] = []
    settings: dict[str, Any] = {}
    for name, reader in _readers().items():
        try:
            settings[name] = reader.validate_json(json.dumps(documents[name])).settings()
        except ValidationError as error:
            faults.extend(_fault(name, problem) for problem in error.errors(include_input=False))
    if faults:
        raise InvalidRequest(*faults)
    return OfferingSettings(**settings)


def read_policy(document: str) -> policy.Policy:
    """The policy frozen on a booking; equal documents are read once per process."""
    return _policy(document)


@lru_cache(maxsize=1024)
def _policy(document: str) -> policy.Policy:
    return PolicyDocument.model_validate_json(document).settings()


@lru_cache(maxsize=1024)
def document_of(setting: Any) -> str:
    """The JSON text of one setting, for its row."""
    if (writer := WRITERS.get(type(setting))) is not None:
        return writer(setting).model_dump_json()
    return orjson.dumps(_plain(setting)).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    if not is_dataclass(value):
        return value
    kind = _KINDS.get(type(value))
    members = {member.name: _plain(getattr(value, member.name)) for member in fields(value)}
    return {"kind": kind, **members} if kind else members


def _fault(name: str, problem: Any) -> Fault:
    path = [name, *(str(part) for part in problem["loc"])]
    # A union's tag is part of pydantic's path, though not of the document's.
    tags = {*_KINDS.values(), *SCHEDULE_KINDS}
    real = [
        part
        for before, part in zip(["", *path], path, strict=False)
        if not (before in _UNIONS and part in tags)
    ]
    return Fault(".".join(real), problem["msg"])
