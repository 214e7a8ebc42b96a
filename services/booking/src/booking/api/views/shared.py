"""What answers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from booking.domain.money import Money as DomainMoney

T = TypeVar("T")


class Money(BaseModel):
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str

    @classmethod
    def of(cls, money: DomainMoney) -> Money:
        return cls(amount_minor=money.amount_minor, currency=money.currency)

    @classmethod
    def maybe(cls, money: DomainMoney | None) -> Money | None:
        return None if money is None else cls.of(money)


class Page(BaseModel, Generic[T]):
    """Rows, and the cursor of the next page if there is one."""

    items: list[T]
    next_cursor: str | None
