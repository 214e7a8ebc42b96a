"""Edit a promo code, or archive it; bookings that have it keep it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from booking.domain.catalogue import ListingStatus
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.refusals import Unknown
from booking.store import audit, promos
from booking.usecases.create_promo import check_promo, promo_facts

if TYPE_CHECKING:
    from booking.domain.promo import Promo
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPromo:
    """What to change; None clears a field that may be empty. Its worth stays as it was made."""

    promo_id: UUID
    actor: str
    valid_from: datetime | Unset | None = UNSET
    valid_until: datetime | Unset | None = UNSET
    max_uses: int | Unset | None = UNSET
    max_per_customer: int | Unset | None = UNSET
    offering_ids: tuple[UUID, ...] | Unset = UNSET
    status: ListingStatus | Unset = UNSET
    version: int | None = None


async def edit_promo(tx: Transaction, command: EditPromo) -> Promo:
    """Change it; bookings that have it keep it.

    Raises:
        Unknown: there is no such code.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: fewer uses than there are, a bad window, or an unknown offering.
    """
    before = await promos.read(tx, command.promo_id, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    after = replace(
        before,
        valid_from=keep(command.valid_from, before.valid_from),
        valid_until=keep(command.valid_until, before.valid_until),
        max_uses=keep(command.max_uses, before.max_uses),
        max_per_customer=keep(command.max_per_customer, before.max_per_customer),
        offering_ids=keep(command.offering_ids, before.offering_ids),
        status=keep(command.status, before.status),
    )
    if after == before:
        return before
    await check_promo(tx, after)
    after = replace(after, version=before.version + 1)
    await promos.save(tx, after)
    old, new = audit.differing(promo_facts(before), promo_facts(after))
    await audit.note(
        tx,
        "promo_code",
        after.id,
        "promo_code.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after
