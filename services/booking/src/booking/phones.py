"""Phone numbers in one form, E.164 (OPN-02)."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from booking.domain.refusals import Fault, InvalidRequest

LONGEST = 40


def normal_phone(text: str, default_country: str, *, field: str = "customer.phone") -> str:
    """``text`` in E.164; without a country code it is read as of ``default_country`` (ISO 3166).

    Raises:
        InvalidRequest: not a number that can exist there (F-67).
    """
    number = _parse(text, default_country)
    if number is None:
        raise InvalidRequest(Fault(field, "is not a phone number"))
    return number


@lru_cache(maxsize=1024)
def _parse(text: str, default_country: str) -> str | None:
    if len(text) > LONGEST:
        return None
    try:
        number = phonenumbers.parse(text, default_country)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: new ranges open before a library knows them, and validity refuses the
    # numbers reserved for examples. "Local only" is what a number without its area code is.
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
