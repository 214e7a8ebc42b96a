"""Normal forms of identifiers, and how they are kept: hashed to search, sealed to read (F-53).

E-mail and phone are never stored or searched in plain text. Both hash and normal form are the
same in booking, which shares HASH_KEY.
"""

from dataclasses import dataclass
from typing import Any

import phonenumbers

from chassis.sealing import Sealer, keyed_hash
from customers.domain.matching import PRECEDENCE, Kind


@dataclass(frozen=True, slots=True)
class Sealed:
    """One identifier as it is stored."""

    kind: Kind
    hash: bytes
    sealed: str


def normal_phone(text: str, country: str | None) -> str | None:
    """E.164 (`+447700900123`), read with `country` when there is no country code (CUS-08, OPN-02).

    None when it cannot be a phone number.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: new ranges open before a library knows them, and validity refuses the
    # numbers reserved for examples. "Local only" is what a number without its area code is.
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    e164: Any = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return str(e164)


def normal_email(text: str) -> str | None:
    """Trimmed, lower case, international domains in their ASCII form; None when not an address."""
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        return None
    return f"{local}@{domain}" if at and local and domain else None


class IdentityKeys:
    """Hashes and seals identifiers with this installation's keys."""

    def __init__(self, hash_key: str, columns: Sealer) -> None:
        self._hash_key = hash_key
        self._columns = columns

    def hash(self, value: str) -> bytes:
        """Keyed hash of a normalised value."""
        return keyed_hash(self._hash_key, value)

    def seal(self, **values: str | None) -> list[Sealed]:
        """Identifiers ready to store, in the order in which they decide and are claimed.

        Usage: `seal(phone="+447700900123", email=None)`; values are normalised, None is left out.
        """
        return [
            Sealed(kind, self.hash(value), self._columns.seal({"value": value}, context=kind))
            for kind in PRECEDENCE
            if (value := values.get(kind))
        ]

    def open(self, kind: Kind, sealed: str) -> str:
        """The normalised value of a stored identifier.

        Raises:
            BrokenSeal: sealed with a key that is no longer known.
        """
        return str(self._columns.open(sealed, context=kind)["value"])
