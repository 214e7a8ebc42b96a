"""One try to make a provider do something: what is sent, and under which key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from payments.domain.provider import Body

# How long a fresh payment may be missing from the provider's search.
SEARCH_LAG = timedelta(seconds=60)


class Kind(StrEnum):
    """What an attempt is to do."""

    CREATE = "create"
    CANCEL = "cancel"
    REFUND = "refund"
    CAPTURE = "capture"
    CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A provider call that can be made again: same body, same key, same effect.

    `contact` is the guest's sealed contact, from which the receipt's address is read at each call
    and nowhere kept. `look_first` marks a key that the provider answers with a stored fault.
    """

    id: UUID
    org_id: UUID
    payment_id: UUID
    kind: Kind
    body: Body
    created_at: datetime
    refund_id: UUID | None = None
    contact: str | None = field(default=None, repr=False)
    open: bool = True
    look_first: bool = False

    @property
    def key(self) -> str:
        """The idempotency key."""
        return str(self.id)

    def must_look_first(self, now: datetime, key_lifetime: timedelta) -> bool:
        """Whether sending it again could act twice, or never answer anything but an old fault."""
        return self.look_first or now - self.created_at > key_lifetime
