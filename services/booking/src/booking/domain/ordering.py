"""Dishes ordered with a booking: which may be, until when, and what they add to its price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.quote import DISH, Line
from booking.domain.refusals import Fault, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from booking.domain.menus import MenuItem

MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What a guest chooses: ``whom`` it is for and a ``note`` for the kitchen, if wanted."""

    menu_item_id: UUID
    quantity: int
    note: str | None = None
    whom: str | None = None


@dataclass(frozen=True, slots=True)
class Dish:
    """A choice with its name and price frozen."""

    menu_item_id: UUID
    label: str
    quantity: int
    unit_minor: int
    note: str | None = None
    whom: str | None = None

    @property
    def choice(self) -> Choice:
        """The same choice, to be made again."""
        return Choice(self.menu_item_id, self.quantity, self.note, self.whom)


class Preorder(StrEnum):
    """Whether dishes can, or must, be ordered with the booking."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class PerPerson:
    """How many dishes there are for each person, all in all."""

    fewest: int
    most: int


@dataclass(frozen=True, slots=True)
class MenuChoice:
    """The part of the venue's menu that goes with an offering, and how it is ordered from.

    Orders are taken until ``cutoff_hours`` before the start.
    """

    section_ids: tuple[UUID, ...]
    preorder: Preorder = Preorder.OPTIONAL
    cutoff_hours: int = 0
    per_person: PerPerson | None = None

    def closes_at(self, starts_at: datetime) -> datetime:
        """The instant from which orders are no longer taken."""
        return starts_at - timedelta(hours=self.cutoff_hours)

    def dishes(
        self,
        choices: Sequence[Choice],
        menu: Mapping[UUID, MenuItem],
        *,
        party_size: int,
        day: date,
        starts_at: datetime,
        now: datetime,
    ) -> tuple[Dish, ...]:
        """The chosen dishes at today's prices (CAT-23, S1-6, F-29). ``day``: of the visit.

        Raises:
            InvalidRequest: naming each dish that cannot be had; or too few, too many, too late.
        """
        if not choices and self.preorder is not Preorder.REQUIRED:
            return ()
        if choices and self.preorder is Preorder.NONE:
            raise InvalidRequest(Fault("items", "dishes are not ordered beforehand here"))
        if now >= self.closes_at(starts_at):
            raise InvalidRequest(
                Fault("items", f"orders close {self.cutoff_hours} hours before the start")
            )
        faults = []
        dishes = []
        for position, choice in enumerate(choices):
            item = menu.get(choice.menu_item_id)
            if item is None:
                faults.append(_fault(position, "not on this menu"))
            elif not item.is_offered(day):
                faults.append(_fault(position, f"{item.name} is not available on {day}"))
            else:
                dishes.append(
                    Dish(
                        item.id,
                        item.name,
                        choice.quantity,
                        item.price_minor,
                        choice.note,
                        choice.whom,
                    )
                )
        if faults:
            raise InvalidRequest(*faults)
        self._check_count(sum(dish.quantity for dish in dishes), party_size)
        return tuple(dishes)

    def _check_count(self, ordered: int, party_size: int) -> None:
        if ordered == 0:
            raise InvalidRequest(Fault("items", "order at least one dish"))
        if self.per_person is None:
            return
        fewest, most = self.per_person.fewest * party_size, self.per_person.most * party_size
        if not fewest <= ordered <= most:
            raise InvalidRequest(
                Fault("items", f"order {fewest} to {most} dishes for {party_size} people")
            )


def _fault(position: int, message: str) -> Fault:
    return Fault(f"items.{position}.menu_item_id", message)


def chosen(
    menu: MenuChoice | None,
    choices: Sequence[Choice],
    items: Mapping[UUID, MenuItem],
    *,
    party_size: int,
    day: date,
    starts_at: datetime,
    now: datetime,
) -> tuple[Dish, ...]:
    """The dishes of an order; see ``MenuChoice.dishes``.

    Raises:
        InvalidRequest: also when the offering has no menu.
    """
    if menu is not None:
        return menu.dishes(
            choices, items, party_size=party_size, day=day, starts_at=starts_at, now=now
        )
    if choices:
        raise InvalidRequest(Fault("items", "this offering has no menu"))
    return ()


def lines_of(dishes: Sequence[Dish]) -> tuple[Line, ...]:
    """One line of the price for each dish, however many orders of it there are."""
    lines: dict[tuple[UUID, int], Line] = {}
    for dish in dishes:
        key = (dish.menu_item_id, dish.unit_minor)
        before = lines[key].quantity if key in lines else 0
        lines[key] = Line(
            f"{DISH}{dish.menu_item_id}", dish.label, before + dish.quantity, dish.unit_minor
        )
    return tuple(lines.values())
