"""Bookings as staff look for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from booking.domain.guest import normal_email
from booking.domain.lifecycle import Status
from booking.domain.refusals import Fault, InvalidRequest
from booking.domain.searching import Search, search_of
from booking.phones import normal_phone
from booking.store import front_desk, organisations
from booking.store.front_desk import Terms, Wanted

if TYPE_CHECKING:
    from uuid import UUID

    from booking.store.contacts import ContactVault
    from booking.store.front_desk import After, Listed
    from chassis.db import Transaction

COMING = (Status.CONFIRMED.value, Status.CHECKED_IN.value)


async def list_bookings(
    tx: Transaction, wanted: Wanted, *, after: After | None, limit: int
) -> list[Listed]:
    """Bookings that match all of what is wanted, in the order of their start (ADM-03, ADM-04)."""
    return await front_desk.page(tx, wanted, after, limit)


async def upcoming(
    tx: Transaction, venue_id: UUID | None, *, after: After | None, limit: int
) -> list[Listed]:
    """Bookings that will take place, the next one first (ADM-07)."""
    wanted = Wanted(since=await tx.now(), statuses=COMING, venue_id=venue_id)
    return await front_desk.page(tx, wanted, after, limit)


async def looking_for(
    tx: Transaction, wanted: Wanted, text: str | None, vault: ContactVault
) -> Wanted:
    """``wanted``, and found by ``text``: part of a name, e-mail, phone, or a reference's beginning.

    Raises:
        InvalidRequest: too short, too long, or an ``@`` in what is no e-mail address.
    """
    if text is None:
        return wanted
    return replace(wanted, terms=await _terms(tx, search_of(text), vault))


async def _terms(tx: Transaction, search: Search, vault: ContactVault) -> Terms:
    email = phone = None
    if search.email is not None:
        try:
            email = vault.hash_of(normal_email(search.email))
        except InvalidRequest:
            raise InvalidRequest(Fault("search", "is not an e-mail address")) from None
    if search.phone is not None:
        organisation = await organisations.read(tx)
        try:
            country = organisation.default_country if organisation else ""
            phone = vault.hash_of(normal_phone(search.phone, country))
        except InvalidRequest:
            pass  # part of a reference, perhaps
    return Terms(search.name, email, phone, search.reference)
