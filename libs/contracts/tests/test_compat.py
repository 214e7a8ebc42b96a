"""A change that would break a running consumer, or a reader of old messages, is refused."""

from copy import deepcopy
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from contracts import Message
from contracts.compat import UnreadableSchema, breaks
from contracts.registry import CONTRACTS
from contracts.schemas import schema_of


class Seat(BaseModel):
    row: str
    number: int


class Old(Message):
    plain: str
    amount: Annotated[int, Field(ge=0, le=100)]
    cause: Literal["guest", "staff"]
    note: str | None
    seat: Seat
    seats: tuple[Seat, ...]
    tag: str = "none"
    code: Annotated[str, Field(pattern="^[A-Z]+$")] = "A"


def schema(**changes: Any) -> dict[str, Any]:
    """Old's schema with some fields changed, added, or (None) removed."""
    fields: dict[str, Any] = {
        name: (
            Annotated[found.annotation, found],
            found.default if not found.is_required() else ...,
        )
        for name, found in Old.model_fields.items()
    }
    for name, change in changes.items():
        if change is None:
            del fields[name]
        else:
            fields[name] = change
    return create_model("Old", __base__=Message, **fields).model_json_schema()


class Cause(StrEnum):
    GUEST = "guest"
    STAFF = "staff"


class LongerSeat(BaseModel):
    row: str
    number: int
    label: str | None = None


class OtherSeat(BaseModel):
    row: int
    number: int


class NamelessSeat(BaseModel):
    row: str


class NeedySeat(BaseModel):
    row: str
    number: int
    label: str


def test_no_change_is_no_break() -> None:
    assert breaks(schema(), schema()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"extra": (str | None, None)},
        {"extra": (int, 0)},
        {"extra": (tuple[Seat, ...], ())},
        {"seat": (LongerSeat, ...), "seats": (tuple[LongerSeat, ...], ...)},
        {"plain": (Annotated[str, Field(description="said better")], ...)},
        {"tag": (str, "another default")},
        {"cause": (Literal["staff", "guest"], ...)},
        {"cause": (Cause, ...)},
    ],
    ids=str,
)
def test_optional_additions_and_words_are_free(change: dict[str, Any]) -> None:
    assert breaks(schema(), schema(**change)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"plain": None}, "plain: removed"),
        ({"tag": None}, "tag: removed"),
        ({"plain": (int, ...)}, "plain: type changed from string to integer"),
        ({"amount": (float, ...)}, "amount: type changed from integer to number"),
        ({"plain": (Seat, ...)}, "plain: type changed from string to object"),
        ({"seats": (tuple[str, ...], ...)}, "seats[]: type changed from object to string"),
        ({"seat": (tuple[Seat, ...], ...)}, "seat: type changed from object to array"),
        ({"seat": (dict[str, int], ...)}, "seat: type changed from object to object map"),
        ({"seat": (OtherSeat, ...)}, "seat.row: type changed from string to integer"),
        ({"seat": (NamelessSeat, ...)}, "seat.number: removed"),
        ({"seats": (tuple[NamelessSeat, ...], ...)}, "seats[].number: removed"),
        ({"plain": (str, "now with a default")}, "plain: made optional"),
        ({"plain": (str | None, ...)}, "plain: made nullable"),
        ({"seat": (Seat | None, ...)}, "seat: made nullable"),
        ({"cause": (Literal["guest", "staff", "robot"], ...)}, "cause: enum widened by 'robot'"),
        ({"cause": (str, ...)}, "cause: enum widened by any value"),
        (
            {"amount": (Annotated[int, Field(ge=-1, le=100)], ...)},
            "amount: minimum loosened from 0",
        ),
        ({"amount": (Annotated[int, Field(ge=0)], ...)}, "amount: maximum loosened from 100"),
        ({"code": (str, "A")}, "code: pattern '^[A-Z]+$' no longer holds"),
    ],
    ids=str,
)
def test_what_a_running_consumer_could_not_read_is_refused(
    change: dict[str, Any], expected: str
) -> None:
    assert f"consumer-facing: {expected}" in _said(schema(), schema(**change))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"extra": (str, ...)}, "extra: new and required"),
        ({"extra": (str | None, ...)}, "extra: new and required"),
        ({"seat": (NeedySeat, ...)}, "seat.label: new and required"),
        ({"seats": (tuple[NeedySeat, ...], ...)}, "seats[].label: new and required"),
        ({"tag": (str, ...)}, "tag: made required"),
        ({"note": (str, ...)}, "note: no longer nullable"),
        ({"cause": (Literal["guest"], ...)}, "cause: enum narrowed by 'staff'"),
        ({"plain": (Literal["guest", "staff"], ...)}, "plain: enum narrowed by all other values"),
        (
            {"amount": (Annotated[int, Field(ge=1, le=100)], ...)},
            "amount: minimum tightened from 0",
        ),
        (
            {"amount": (Annotated[int, Field(ge=0, le=99)], ...)},
            "amount: maximum tightened from 100",
        ),
        (
            {"plain": (Annotated[str, Field(max_length=9)], ...)},
            "plain: maxLength tightened from None",
        ),
        ({"plain": (Annotated[str, Field(pattern="^x")], ...)}, "plain: pattern '^x' is new"),
    ],
    ids=str,
)
def test_what_would_shut_out_messages_already_sent_is_refused(
    change: dict[str, Any], expected: str
) -> None:
    assert f"producer-facing: {expected}" in _said(schema(), schema(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"plain": (str | int, ...)},
        {"plain": (tuple[str, int], ...)},
        {"amount": (Annotated[int, Field(multiple_of=5)], ...)},
        {"seats": (frozenset[str], ...)},
    ],
    ids=str,
)
def test_what_cannot_be_compared_is_not_waved_through(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableSchema):
        breaks(schema(), schema(**change))


def test_a_constraint_beside_a_reference_is_not_overlooked() -> None:
    changed = deepcopy(schema())
    changed["properties"]["seat"]["required"] = ["label"]
    with pytest.raises(UnreadableSchema, match="seat"):
        breaks(schema(), changed)


def test_a_model_that_forbids_unknown_fields_is_not_waved_through() -> None:
    with pytest.raises(UnreadableSchema):
        breaks(schema(), schema() | {"additionalProperties": False})


@pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)
def test_every_real_message_can_be_compared_and_loses_no_field(entry: Any) -> None:
    current = schema_of(entry)
    assert breaks(current, current) == []
    for name in current["properties"]:
        without = deepcopy(current)
        del without["properties"][name]
        optional = name not in without["required"]
        if not optional:
            without["required"].remove(name)
        assert f"consumer-facing: {name}: removed" in _said(current, without)
        refused = "" if optional else f"producer-facing: {name}: new and required"
        assert _said(without, current) == refused


def _said(old: dict[str, Any], new: dict[str, Any]) -> str:
    return "\n".join(map(str, breaks(old, new)))
