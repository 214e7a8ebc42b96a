"""Make a promo code (OPN-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.promo import AmountOff, Discount, PercentOff, Promo
from booking.domain.refusals import Fault, InvalidRequest
from booking.store import audit, offerings, promos
from chassis.ids import uuid7

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePromo:
    """A code. Exactly one of ``percent`` and ``amount_minor``; amounts are in ``currency``."""

    org_id: UUID
    code: str
    percent: int | None
    amount_minor: int | None
    currency: str | None
    minimum_minor: int
    valid_from: datetime | None
    valid_until: datetime | None
    max_uses: int | None
    max_per_customer: int | None
    offering_ids: tuple[UUID, ...]
    actor: str


async def create_promo(tx: Transaction, command: CreatePromo) -> Promo:
    """Make it; it can be used at once, within its window.

    Raises:
        InvalidRequest: both or no discount, an amount without currency, a window that ends before
            it begins, or an unknown offering.
        AlreadyExists: the organisation has a code of this name, whatever the case.
    """
    now = await tx.now()
    promo = Promo(
        id=uuid7(now),
        org_id=command.org_id,
        code=command.code,
        discount=_discount(command.percent, command.amount_minor),
        currency=command.currency,
        minimum_minor=command.minimum_minor,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        max_uses=command.max_uses,
        max_per_customer=command.max_per_customer,
        offering_ids=command.offering_ids,
        used=0,
        status=ListingStatus.ACTIVE,
        version=1,
    )
    if command.currency is None and (command.amount_minor or command.minimum_minor):
        raise InvalidRequest(Fault("currency", "is needed with an amount"))
    await check_promo(tx, promo)
    await promos.add(tx, promo, now)
    await audit.note(
        tx,
        "promo_code",
        promo.id,
        "promo_code.created",
        actor=command.actor,
        at=now,
        after={"code": promo.code, **promo_facts(promo)},
    )
    return promo


def _discount(percent: int | None, amount_minor: int | None) -> Discount:
    if percent is not None and amount_minor is None:
        return PercentOff(percent)
    if amount_minor is not None and percent is None:
        return AmountOff(amount_minor)
    raise InvalidRequest(Fault("percent", "give either percent or amount_minor"))


async def check_promo(tx: Transaction, promo: Promo) -> None:
    """Raise InvalidRequest for a bad window, too few uses, or an unknown offering."""
    if (
        promo.valid_from is not None
        and promo.valid_until is not None
        and promo.valid_until <= promo.valid_from
    ):
        raise InvalidRequest(Fault("valid_until", "is not after valid_from"))
    if promo.max_uses is not None and promo.max_uses < promo.used:
        raise InvalidRequest(Fault("max_uses", f"{promo.used} bookings have this code already"))
    for position, offering_id in enumerate(promo.offering_ids):
        if await offerings.read(tx, offering_id) is None:
            fault = Fault(f"offering_ids.{position}", "is not one of your offerings")
            raise InvalidRequest(fault)


def promo_facts(promo: Promo) -> dict[str, Any]:
    """What the audit log keeps of a code."""
    return {
        "discount": promo.discount,
        "currency": promo.currency,
        "minimum_minor": promo.minimum_minor,
        "valid_from": promo.valid_from,
        "valid_until": promo.valid_until,
        "max_uses": promo.max_uses,
        "max_per_customer": promo.max_per_customer,
        "offering_ids": [str(one) for one in promo.offering_ids],
        "status": promo.status,
    }
