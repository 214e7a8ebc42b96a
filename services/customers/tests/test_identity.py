"""One form and one hash of an identifier in both services that keep them.

Services share no code, so nothing but this test holds them together; were they to differ, blocked
guests would book, and staff would not find the customer whose number they type.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from booking.domain.guest import Contact
from booking.domain.guest import normal_email as email_at_booking
from booking.domain.refusals import InvalidRequest
from booking.phones import normal_phone as phone_at_booking
from booking.store.contacts import ContactVault
from chassis.sealing import Sealer
from customers.identity import IdentityKeys, normal_email, normal_phone

from .conftest import HASH_KEY

COLUMNS = Sealer({"test": b"c" * 32})
VAULT = ContactVault(COLUMNS, COLUMNS, HASH_KEY)
KEYS = IdentityKeys(HASH_KEY, COLUMNS)
BLANKS = st.text(" \t", max_size=2)


@given(st.emails(), BLANKS, BLANKS)
@example("Guest@EXAMPLE.com", " ", "\t")
@example("guest@bücher.example", "", "")
@example("gäst@example.com", "", "")
@example('"a b"@example.com', "", "")
def test_an_address_that_books_has_one_form(address: str, before: str, after: str) -> None:
    written = f"{before}{address}{after}"
    try:
        booked = email_at_booking(written)
    except InvalidRequest:
        return
    assert normal_email(written) == booked
    assert normal_email(booked) == booked


@pytest.mark.parametrize("country", ["GB", "SE", "US", "DE"])
@given(
    number=st.text("0123456789", min_size=4, max_size=14),
    prefix=st.sampled_from(["", "0", "00", "+", "+44", "+46", "0044", "00447700"]),
    gap=st.sampled_from(["", " ", "-", " (0) "]),
)
@example(number="900123", prefix="00447700", gap="")
@example(number="7700900123", prefix="0", gap=" ")
def test_a_number_that_books_has_one_form(country: str, number: str, prefix: str, gap: str) -> None:
    """S1-2, OPN-02."""
    written = f"{prefix}{gap}{number[:4]}{gap}{number[4:]}"
    try:
        booked = phone_at_booking(written, country)
    except InvalidRequest:
        assert normal_phone(written, country) is None
        return
    assert normal_phone(written, country) == booked


def test_the_same_value_has_the_same_hash_on_both_sides() -> None:
    """CUS-17: what customers tells about a blocked guest is what booking looks for."""
    contact = Contact(email="guest@example.com", phone="+447700900123")
    assert VAULT.hashes(contact) == (KEYS.hash("guest@example.com"), KEYS.hash("+447700900123"))
    assert len(KEYS.hash("x").hex()) == 64
