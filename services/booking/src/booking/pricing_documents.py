"""How the prices of an offering stand on the wire and in its row."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from booking.domain import dues, ordering, pricing
from booking.domain.money import LARGEST_AMOUNT
from booking.settings_document import SettingsDocument

Amount = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, description="in the currency's minor unit")]
PositiveAmount = Annotated[int, Field(ge=1, le=LARGEST_AMOUNT)]


PaymentMethod: TypeAlias = Literal["card", "bacs_debit", "checkout", "paypal", "swish", "manual"]
METHODS = get_args(PaymentMethod)


def _once_each(methods: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(methods)) != len(methods):
        raise ValueError("names a method twice")
    return methods


Methods: TypeAlias = Annotated[
    tuple[PaymentMethod, ...],
    Field(min_length=1, max_length=len(METHODS)),
    AfterValidator(_once_each),
]


class DueInFull(SettingsDocument):
    """All is due while the place is held."""

    kind: Literal["full"]

    def settings(self) -> dues.InFull:
        return dues.InFull()


class DueFixed(SettingsDocument):
    """A fixed amount is due while the place is held, the rest at the venue."""

    kind: Literal["fixed"]
    amount_minor: PositiveAmount

    def settings(self) -> dues.FixedPart:
        return dues.FixedPart(self.amount_minor)


class DuePerHead(SettingsDocument):
    """An amount for each person is due while the place is held, the rest at the venue."""

    kind: Literal["per_head"]
    amount_minor: PositiveAmount

    def settings(self) -> dues.PartPerHead:
        return dues.PartPerHead(self.amount_minor)


class DuePercent(SettingsDocument):
    """A percentage is due while the place is held, the rest at the venue; 0 = all of it there."""

    kind: Literal["percent"]
    percent: Annotated[int, Field(ge=0, le=100)]

    def settings(self) -> dues.Percentage:
        return dues.Percentage(self.percent)


DueDocument = Annotated[DueInFull | DueFixed | DuePerHead | DuePercent, Field(discriminator="kind")]


class PerPersonDocument(SettingsDocument):
    """How many dishes there are for each person, all in all."""

    fewest: Annotated[int, Field(ge=0, le=20)] = 1
    most: Annotated[int, Field(ge=1, le=20)] = 20

    @model_validator(mode="after")
    def _ordered(self) -> PerPersonDocument:
        if self.fewest > self.most:
            raise ValueError("fewest is more than most")
        return self

    def settings(self) -> ordering.PerPerson:
        return ordering.PerPerson(self.fewest, self.most)


class MenuDocument(SettingsDocument):
    """The sections of the venue's menu that go with the offering, and how they are ordered from.

    Orders are taken until `cutoff_hours` before the start.
    """

    section_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=20)]
    preorder: Literal["none", "optional", "required"] = "optional"
    cutoff_hours: Annotated[int, Field(ge=0, le=24 * 60)] = 0
    per_person: PerPersonDocument | None = None

    def settings(self) -> ordering.MenuChoice:
        return ordering.MenuChoice(
            section_ids=self.section_ids,
            preorder=ordering.Preorder(self.preorder),
            cutoff_hours=self.cutoff_hours,
            per_person=None if self.per_person is None else self.per_person.settings(),
        )


class _WithMenu(SettingsDocument):
    menu: MenuDocument | None = None

    def _menu(self) -> ordering.MenuChoice | None:
        return None if self.menu is None else self.menu.settings()


class PerBookingPricing(_WithMenu):
    """One price for a booking, in the venue's currency; 0 = free."""

    kind: Literal["per_booking"]
    amount_minor: Amount
    due: DueDocument = DueInFull(kind="full")
    payment_methods: Methods = ("card",)

    def settings(self) -> pricing.PerBooking:
        return pricing.PerBooking(
            self.amount_minor, self.due.settings(), self.payment_methods, self._menu()
        )


class TierDocument(SettingsDocument):
    """A price for one person."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$", examples=["adult"])]
    label: Annotated[str, Field(min_length=1, max_length=100)]
    amount_minor: Amount


class PerHeadPricing(_WithMenu):
    """A price for each person by tier, in the venue's currency."""

    kind: Literal["per_head"]
    tiers: Annotated[tuple[TierDocument, ...], Field(min_length=1, max_length=pricing.MOST_TIERS)]
    due: DueDocument = DueInFull(kind="full")
    payment_methods: Methods = ("card",)

    @model_validator(mode="after")
    def _one_price_per_key(self) -> PerHeadPricing:
        if len({tier.key for tier in self.tiers}) != len(self.tiers):
            raise ValueError("two tiers have the same key")
        return self

    def settings(self) -> pricing.PerHead:
        return pricing.PerHead(
            tiers=tuple(pricing.Tier(t.key, t.label, t.amount_minor) for t in self.tiers),
            due=self.due.settings(),
            payment_methods=self.payment_methods,
            menu=self._menu(),
        )


class DepositPricing(_WithMenu):
    """A fixed deposit, whatever the party."""

    kind: Literal["deposit"]
    amount_minor: PositiveAmount
    payment_methods: Methods = ("card",)

    def settings(self) -> pricing.Deposit:
        return pricing.Deposit(self.amount_minor, self.payment_methods, self._menu())


class FreePricing(_WithMenu):
    """Nothing is due."""

    kind: Literal["free"]

    def settings(self) -> pricing.Free:
        return pricing.Free(self._menu())


class ItemsPricing(SettingsDocument):
    """The booking costs what its dishes cost, in the venue's currency."""

    kind: Literal["items"]
    menu: MenuDocument
    due: DueDocument = DueInFull(kind="full")
    payment_methods: Methods = ("card",)

    @model_validator(mode="after")
    def _can_be_ordered(self) -> ItemsPricing:
        if self.menu.preorder == "none":
            raise ValueError("dishes that are the price must be ordered: optional or required")
        return self

    def settings(self) -> pricing.Items:
        return pricing.Items(self.menu.settings(), self.due.settings(), self.payment_methods)


PricingDocument = Annotated[
    PerBookingPricing | DepositPricing | PerHeadPricing | ItemsPricing | FreePricing,
    Field(discriminator="kind"),
]
PRICING_KINDS: dict[type, str] = {
    pricing.PerBooking: "per_booking",
    pricing.Deposit: "deposit",
    pricing.PerHead: "per_head",
    pricing.Items: "items",
    pricing.Free: "free",
    dues.InFull: "full",
    dues.FixedPart: "fixed",
    dues.PartPerHead: "per_head",
    dues.Percentage: "percent",
}
