"""Messages survive the wire, and refuse what isn't one."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from contracts import Contact, Message, Money
from contracts.booking import BookingCancelled, BookingConfirmed, BookingHeld
from contracts.registry import CONTRACTS, Contract
from contracts.schemas import schema_of
from contracts.testing import example

CONTRACT = pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)

# A character that can't be encoded never leaves a producer, so it isn't part of this.
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
INSTANT = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
OFFSET = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def json_of(  # noqa: PLR0911 one line for each kind of schema reads best
    schema: dict[str, Any], defs: dict[str, Any]
) -> st.SearchStrategy[Any]:
    """Any JSON that our subset of JSON Schema allows."""
    match schema:
        case {"$ref": ref}:
            return json_of(defs[ref.removeprefix("#/$defs/")], defs)
        case {"anyOf": branches}:
            return st.one_of(*(json_of(branch, defs) for branch in branches))
        case {"enum": values}:
            return st.sampled_from(values)
        case {"type": "object", "properties": fields}:
            return st.fixed_dictionaries(
                {name: json_of(each, defs) for name, each in fields.items()}
            )
        case {"type": "array", "items": item}:
            return st.lists(json_of(item, defs), min_size=schema.get("minItems", 0), max_size=3)
        case {"type": "string", "format": "uuid"}:
            return st.uuids().map(str)
        case {"type": "string", "format": "date-time"}:
            return st.builds(lambda at, zone: at.astimezone(zone).isoformat(), INSTANT, OFFSET)
        case {"type": "string", "pattern": pattern}:
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: "\n" not in text)
        case {"type": "string"}:
            return TEXT.filter(lambda text: len(text) >= schema.get("minLength", 0))
        case {"type": "integer"}:
            return st.integers(schema.get("minimum"), schema.get("maximum", 2**63 - 1))
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


@CONTRACT
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_the_schema_allows_is_read_and_written_back_within_the_schema(
    entry: Contract, data: st.DataObject
) -> None:
    schema = schema_of(entry)
    body = json.dumps(data.draw(json_of(schema, schema.get("$defs", {}))))
    message = entry.model.from_json(body)
    wire = message.to_json()
    assert entry.model.from_json(wire) == message
    assert entry.model.from_json(wire).to_json() == wire
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    validator.validate(json.loads(wire))


@CONTRACT
def test_a_field_more_is_ignored_and_a_field_less_is_refused(entry: Contract) -> None:
    body = json.loads(example(entry.name).to_json())
    assert entry.model.from_json(json.dumps(body | {"added_later": 1})) == example(entry.name)
    for name, field in entry.model.model_fields.items():
        less = json.dumps({key: body[key] for key in body if key != name})
        if field.is_required():
            with pytest.raises(ValidationError):
                entry.model.from_json(less)
        else:
            assert entry.model.from_json(less).model_dump()[name] == field.default


@CONTRACT
def test_messages_cannot_be_changed(entry: Contract) -> None:
    message = example(entry.name)
    with pytest.raises(ValidationError):
        message.org_id = None  # type: ignore[attr-defined]


@CONTRACT
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"{}"])
def test_a_body_that_is_no_such_message_is_refused(entry: Contract, body: bytes) -> None:
    with pytest.raises(ValidationError):
        entry.model.from_json(body)


def test_instants_are_normalised_to_utc_and_naive_ones_refused() -> None:
    held = example(BookingHeld)
    fields = held.model_dump()
    summer = timezone(timedelta(hours=2))
    again = BookingHeld(**fields | {"starts_at": held.starts_at.astimezone(summer)})
    assert again.to_json() == held.to_json()
    assert b'"starts_at":"2030-06-15T21:00:00Z"' in again.to_json()
    with pytest.raises(ValidationError, match="starts_at"):
        BookingHeld(**fields | {"starts_at": held.starts_at.replace(tzinfo=None)})
    with pytest.raises(ValidationError, match="outside years"):
        BookingHeld(**fields | {"starts_at": datetime(1, 1, 1, tzinfo=summer)})


@pytest.mark.parametrize("amount", [-1, 2**53, "5000", 50.0, 50.5, True, None], ids=repr)
def test_money_takes_whole_minor_units_only(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount_minor": amount, "currency": "GBP"})
    with pytest.raises(ValidationError):
        Money.model_validate_json(json.dumps({"amount_minor": amount, "currency": "GBP"}))


@pytest.mark.parametrize("currency", ["gbp", "GB", "GBPX", "GBP\n", "", None, 826])
def test_money_takes_iso_currency_codes_only(currency: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount_minor": 1, "currency": currency})


def test_a_cause_outside_the_list_is_refused() -> None:
    with pytest.raises(ValidationError, match="cause"):
        BookingCancelled(**example(BookingCancelled).model_dump() | {"cause": "weather"})


def test_errors_do_not_repeat_what_was_in_the_message() -> None:
    body = json.loads(example(BookingConfirmed).to_json()) | {
        "contact": {"email": "secret@example.com"}
    }
    with pytest.raises(ValidationError) as refused:
        BookingConfirmed.from_json(json.dumps(body))
    assert "secret@example.com" not in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        Contact(given="Test", family="Guest", display="Test Guest", email=7, phone="07700900123")  # type: ignore[arg-type]
    assert "07700900123" not in str(refused.value)


def test_no_message_names_a_secret_or_open_personal_data() -> None:
    forbidden = re.compile("secret|token|password|email|phone|given|family|display|card")
    for entry in CONTRACTS:
        # A venue's mailboxes and telephone are its own, no guest's.
        venues = {"contact_email", "contact_phone", "manager_email", "kitchen_email"}
        names = set(entry.model.model_fields) - venues
        assert not [name for name in names if forbidden.search(name)], entry.name


def test_a_timer_of_a_service_is_a_message_without_a_contract() -> None:
    class HoldDue(Message):
        TYPE = "booking.hold_due"
        booking: int

    assert HoldDue.from_json(HoldDue(booking=1).to_json()) == HoldDue(booking=1)
