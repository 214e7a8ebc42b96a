"""Sealed objects, keyed hashes, manage tokens and what logs may say."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from chassis import failpoints
from chassis.manage_token import BadManageToken, ManageTokens
from chassis.redaction import REDACTED, clean, describe_one, forbidden, scrub
from chassis.sealing import BrokenSeal, Sealer, keyed_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "o" * 32, "n" * 32


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5))
def test_what_is_sealed_opens_again_and_never_looks_the_same(value):
    sealer = Sealer({"k1": b"1" * 32})
    sealed = sealer.seal(value)
    assert sealer.open(sealed) == value
    assert sealed != sealer.seal(value)
    assert sealed.isascii()


def test_old_keys_still_open_after_a_rotation():
    sealed = Sealer({"k1": b"1" * 32}).seal({"a": 1})
    rotated = Sealer({"k2": b"2" * 32, "k1": b"1" * 32})
    assert rotated.open(sealed) == {"a": 1}
    assert rotated.seal({}).startswith("k2.")
    with pytest.raises(BrokenSeal):
        Sealer({"k2": b"2" * 32}).open(sealed)


@pytest.mark.parametrize("broken", ["", "k1", "k1.", "k1.AAAA", "k1.é", "k9.AAAA", "...."])
def test_broken_seals_are_refused(broken):
    with pytest.raises(BrokenSeal):
        Sealer({"k1": b"1" * 32}).open(broken)


def test_a_seal_is_bound_to_its_context_key_and_every_byte():
    sealer = Sealer({"k1": b"1" * 32, "k2": b"1" * 32})
    sealed = sealer.seal({"a": 1}, context="customers.phone")
    assert sealer.open(sealed, context="customers.phone") == {"a": 1}
    flipped = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for text, context in (
        (sealed, ""),
        (f"k2{sealed[2:]}", "customers.phone"),
        (flipped, "customers.phone"),
    ):
        with pytest.raises(BrokenSeal):
            sealer.open(text, context=context)


@pytest.mark.parametrize("keys", [{}, {"k": b"short"}])
def test_unusable_keys_are_refused_at_once(keys):
    with pytest.raises(ValueError):
        Sealer(keys)


def test_a_keyed_hash_depends_on_key_and_value_only():
    assert keyed_hash("k", "+46701234567") == keyed_hash(b"k", "+46701234567")
    assert len({keyed_hash("k", "a"), keyed_hash("k", "b"), keyed_hash("l", "a")}) == 3


def test_a_manage_token_is_the_same_each_time_and_says_what_was_put_in():
    tokens = ManageTokens({"k2": NEW, "k1": OLD})
    org, booking = uuid4(), uuid4()
    token = tokens.mint(org, booking, 2, NOW + timedelta(days=1))
    assert token == tokens.mint(org, booking, 2, NOW + timedelta(days=1))
    claims = tokens.verify(token, NOW)
    assert (claims.org_id, claims.booking_id, claims.epoch) == (org, booking, 2)
    assert claims.expires_at == NOW + timedelta(days=1)
    assert "/" not in token
    assert "+" not in token


def test_a_manage_token_ends_and_survives_a_rotation_of_keys():
    before = ManageTokens({"k1": OLD}).mint(uuid4(), uuid4(), 1, NOW)
    rotated = ManageTokens({"k2": NEW, "k1": OLD})
    rotated.verify(before, NOW - timedelta(seconds=1))
    for tokens, now in ((rotated, NOW), (ManageTokens({"k2": NEW}), NOW - timedelta(seconds=1))):
        with pytest.raises(BadManageToken):
            tokens.verify(before, now)


@given(st.integers(0, 150), st.characters(codec="ascii"))
def test_a_manage_token_changed_anywhere_is_refused(position, character):
    tokens = ManageTokens({"k1": OLD})
    token = tokens.mint(uuid4(), uuid4(), 1, NOW)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed == token:
        return
    with pytest.raises(BadManageToken):
        tokens.verify(changed, NOW - timedelta(days=1))


@given(st.text(max_size=600))
def test_any_other_text_is_no_manage_token(text):
    with pytest.raises(BadManageToken):
        ManageTokens({"k1": OLD}).verify(text, NOW)


@pytest.mark.parametrize(
    "key",
    ["email", "customer_email", "phone", "name", "contact", "X-Manage-Token", "manage_token",
     "authorization", "client_secret", "secret", "api_key", "DATABASE_URL", "given_name"],
)  # fmt: skip
def test_keys_of_personal_data_and_secrets_are_forbidden(key):
    assert forbidden(key)
    assert clean({"outer": [{key: "Test Guest"}]}) == {"outer": [{key: REDACTED}]}


@pytest.mark.parametrize("key", ["booking_id", "event", "queue", "route", "status", "attempt"])
def test_ordinary_keys_are_not(key):
    assert not forbidden(key)


def test_shapes_are_found_in_text():
    text = scrub(
        "mail a.b+c@sub.example.org or +44 20 7946 0958, amqp://u:p@h/, whsec_abcdefghij "
        "pi_3Nx_secret_Yz hf_abcdef_0123456789 eyJhbGciOi.eyJzdWIiOi.c2ln"
    )
    assert text == (
        "mail [email] or [phone], amqp://[redacted]@h/, [redacted] [redacted] [redacted] [redacted]"
    )
    assert scrub("2026-01-01T10:00:00+00:00 a+b=c") == "2026-01-01T10:00:00+00:00 a+b=c"


def test_validation_errors_are_described_without_their_input():
    class Model(BaseModel):
        age: int

    with pytest.raises(ValidationError) as caught:
        Model(age="Test Guest")
    assert describe_one(caught.value) == "ValidationError: age: int_parsing"


@pytest.mark.parametrize(
    "text", ["no.such", "db.after_commit:0", "db.after_commit:x", "db.after_commit:-1"]
)
def test_failpoints_that_make_no_sense_are_refused(text):
    with pytest.raises(failpoints.BadFailpoint):
        failpoints.parse(text)


def test_failpoints_name_a_place_and_a_pass():
    assert failpoints.parse("relay.after_publish") == ("relay.after_publish", 1)
    assert failpoints.parse("relay.after_publish:12") == ("relay.after_publish", 12)
