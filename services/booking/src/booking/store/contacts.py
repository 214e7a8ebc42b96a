"""How a guest's e-mail and phone are kept: sealed in the row, hashed to find, sealed on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.gift_card import card_code, card_key
from booking.domain.guest import Contact
from chassis.sealing import keyed_hash

if TYPE_CHECKING:
    from uuid import UUID

    from booking.domain.guest import Name
    from chassis.sealing import Sealer


class ContactVault:
    """Holds the keys. The column's seal is bound to its booking, so rows cannot be swapped."""

    def __init__(self, columns: Sealer, bus: Sealer, hash_key: str) -> None:
        self._columns = columns
        self._bus = bus
        self._hash_key = hash_key

    def seal(self, contact: Contact, booking_id: UUID) -> str:
        """The text for the booking's row."""
        return self._columns.seal(
            {"email": contact.email, "phone": contact.phone}, _context(booking_id)
        )

    def open(self, sealed: str, booking_id: UUID) -> Contact:
        """The contact in a booking's row.

        Raises:
            chassis.sealing.BrokenSeal: damaged, of another booking, or its key is gone.
        """
        return Contact(**self._columns.open(sealed, _context(booking_id)))

    def hashes(self, contact: Contact) -> tuple[bytes, bytes | None]:
        """Keyed hashes of e-mail and phone, equal for equal normalised values."""
        phone = contact.phone
        return self.hash_of(contact.email), self.hash_of(phone) if phone else None

    def hash_of(self, value: str) -> bytes:
        """The keyed hash of one normalised e-mail or phone, to look for it."""
        return keyed_hash(self._hash_key, value)

    def hash_code(self, code: str) -> bytes:
        """The keyed hash of a gift card's code, however it is typed; the code is not kept."""
        return keyed_hash(self._hash_key, f"gift:{card_key(code)}")

    def card_code(self, card_id: UUID) -> str:
        """The code of a gift card: derived, never stored, so that a repeated answer has it too."""
        return card_code(keyed_hash(self._hash_key, f"gift-code:{card_id}"))

    def for_bus(self, name: Name, contact: Contact) -> str:
        """Name and contact as one sealed object that only services with the keys open."""
        return self._bus.seal(
            {
                "given": name.given,
                "family": name.family,
                "display": name.display,
                "email": contact.email,
                "phone": contact.phone,
            }
        )


def _context(booking_id: UUID) -> str:
    return f"booking:{booking_id}"
