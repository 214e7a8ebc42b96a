"""Writing what must not exist twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from booking.domain.refusals import AlreadyExists
from chassis.db import constraint_of

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from chassis.db import Transaction

_TAKEN = {
    "organisations_slug": "An organisation with this slug exists already.",
    "venues_slug": "A venue with this slug exists already.",
    "promo_codes_code": "There is a promo code of this name already, perhaps in the archive.",
    "resources_number": "This venue has a table with this number already.",
}


async def write(tx: Transaction, statement: Executable) -> None:
    """Run a statement; raises AlreadyExists when what it writes exists already."""
    try:
        await tx.core(statement)
    except IntegrityError as error:
        if (taken := _TAKEN.get(constraint_of(error) or "")) is not None:
            raise AlreadyExists(taken) from error
        raise
