"""What tests need to hold both sides to a contract.

A producer's test asserts `same_shape(message_it_built, example("..."))`; a consumer's test feeds
`example("...")` to its handler.
"""

from __future__ import annotations

import json
from importlib.resources import files
from re import compile as regex
from typing import TYPE_CHECKING, Any, TypeVar, overload

from contracts.message import Message
from contracts.registry import UnknownContract, contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

M = TypeVar("M", bound=Message)

EXAMPLE_CONTACT_KEYS = {"example": b"holdfast examples: not a secret."}
"""Opens the sealed contact in the examples: `Sealer(EXAMPLE_CONTACT_KEYS).open(...)`."""

_FORMS = {
    "a UUID": regex(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "an instant in UTC": regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "a sealed object": regex(r"[\w-]+\.[\w-]{40,}"),
}


@overload
def example(of: type[M]) -> M: ...
@overload
def example(of: str) -> Message: ...
def example(of: str | type[Message]) -> Message:
    """The golden example of a message type, by its name or its model.

    Raises:
        UnknownContract: the registry has no such type, or has another model for it.
    """
    entry = contract(of if isinstance(of, str) else of.TYPE)
    if isinstance(of, type) and entry.model is not of:
        raise UnknownContract(of.TYPE)
    return entry.model.from_json(
        files("contracts").joinpath(f"examples/{entry.name}.json").read_bytes()
    )


def same_shape(message: Message, golden: Message, *, without: Iterable[str] = ()) -> bool:
    """Whether a message a producer built says as much as the golden example.

    Compares what goes on the wire: every field the example fills is filled with the same kind of
    value, and text that is a UUID, an instant or a sealed object is one here too. `without` names
    fields that have no value in the case at hand: null or an empty list is then right, for example
    `same_shape(cancelled, example(BookingCancelled), without=["reason"])`.

    Raises:
        AssertionError: it doesn't; names every difference. It never returns False.
    """
    if type(message) is not type(golden):
        raise AssertionError(f"{type(golden).__name__} expected, not {type(message).__name__}")
    differences = list(
        _differences("", json.loads(message.to_json()), json.loads(golden.to_json()), set(without))
    )
    if differences:
        lines = "\n  ".join(differences)
        raise AssertionError(f"{message.TYPE} is not in the shape of its example:\n  {lines}")
    return True


def _differences(path: str, got: Any, golden: Any, without: set[str]) -> Iterator[str]:
    if golden is None or (path in without and got in (None, [])):
        return
    if type(got) is not type(golden):
        yield f"{path}: {_kind(golden)} expected, not {_kind(got)}"
    elif isinstance(golden, dict):
        yield from _field_differences(path, got, golden, without)
    elif isinstance(golden, (list, str)) and golden and not got:
        yield f"{path}: empty"
    elif isinstance(golden, list):
        for item in got if golden else []:
            yield from _differences(f"{path}[]", item, golden[0], without)
    elif isinstance(golden, str):
        for form, pattern in _FORMS.items():
            if pattern.fullmatch(golden) and not pattern.fullmatch(got):
                yield f"{path}: {form} expected"


def _field_differences(
    path: str, got: dict[str, Any], golden: dict[str, Any], without: set[str]
) -> Iterator[str]:
    for name in sorted(golden.keys() | got.keys()):
        below = f"{path}.{name}" if path else name
        if name not in got or name not in golden:
            yield f"{below}: {'missing' if name in golden else 'not in the example'}"
        else:
            yield from _differences(below, got[name], golden[name], without)


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "whole number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
