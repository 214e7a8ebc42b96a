"""What use cases need besides the transaction, put together once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from booking.store.contacts import ContactVault
from booking.store.listings import Listings
from booking.store.lookups import TenantLookup
from chassis.manage_token import ManageTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The keys, the caches and the switches of one process."""

    vault: ContactVault
    listings: Listings
    tenants: TenantLookup
    manage_tokens: ManageTokens
    payments_enabled: bool
