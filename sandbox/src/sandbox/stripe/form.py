"""Bracketed form encoding: `metadata[a]=1`, `expand[]=x`, `types[0]=y`."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from sandbox.stripe.refusal import bad_parameter

Node = str | dict[str, "Node"]
Form = dict[str, Node]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_LARGEST = 1000
_DEEPEST = 8


def decode(text: bytes) -> Form:
    """The form as nested maps; list items are keyed by position.

    Raises Refusal(400) for bad UTF-8, malformed names and names used both plainly and nested.
    """
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_LARGEST
        )
    except UnicodeDecodeError as error:
        raise bad_parameter("Invalid request: the parameters are not valid UTF-8.") from error
    except ValueError as error:
        raise bad_parameter("Invalid request: too many parameters.") from error
    form: Form = {}
    for name, value in pairs:
        _put(form, name, value)
    return form


def from_values(values: Mapping[str, object]) -> Form:
    """The form a client would have sent for plain values; None is left out."""
    return {name: _node(value) for name, value in values.items() if value is not None}


def _node(value: object) -> Node:
    if isinstance(value, Mapping):
        return from_values(value)
    if isinstance(value, list | tuple):
        return {str(index): _node(item) for index, item in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _put(form: Form, name: str, value: str) -> None:
    if "[" not in name and "]" not in name:
        if isinstance(form.get(name), dict):
            raise bad_parameter(f"Invalid parameter: {name}", param=name)
        form[name] = value
        return
    match = _NAME.match(name)
    if match is None:
        raise bad_parameter(f"Invalid parameter name: {name}", param=name)
    steps = [match[1], *match[2][1:-1].split("][")]
    if len(steps) > _DEEPEST:
        raise bad_parameter(f"Parameter nested too deeply: {match[1]}", param=match[1])
    level = form
    for step in steps[:-1]:
        inner = level.setdefault(step or str(len(level)), {})
        if isinstance(inner, str):
            raise bad_parameter(f"Invalid parameter: {name}", param=match[1])
        level = inner
    last = steps[-1] or str(len(level))
    if isinstance(level.get(last), dict):
        raise bad_parameter(f"Invalid parameter: {name}", param=match[1])
    level[last] = value
