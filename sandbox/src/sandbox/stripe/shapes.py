"""What a parameter may look like, and Stripe's words for when it doesn't.

Parameters Stripe knows but this sandbox doesn't act on are refused like unknown ones: taking them
in silence would be a lie about what was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.stripe.form import Form, Node
from sandbox.stripe.refusal import bad_parameter

Values = dict[str, Any]


class Shape(Protocol):
    """Reads one decoded parameter; raises Refusal(400) naming it."""

    def read(self, raw: Node, name: str) -> Any: ...


def _text(raw: Node, name: str) -> str:
    if isinstance(raw, dict):
        raise bad_parameter(f"Invalid string: {name}", param=name)
    return raw


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `clears` lets the empty string unset the field (read as None)."""

    longest: int = 5000
    clears: bool = False

    def read(self, raw: Node, name: str) -> str | None:
        text = _text(raw, name)
        if not text:
            if self.clears:
                return None
            raise bad_parameter(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt "
                f"to unset a parameter; however '{name}' cannot be unset. You should remove "
                f"'{name}' from your request or supply a non-empty value.",
                param=name,
                code="parameter_invalid_empty",
            )
        if len(text) > self.longest:
            raise bad_parameter(
                f"Invalid string: {text[:20]}...; must be at most {self.longest} characters",
                param=name,
            )
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    least: int | None = None
    most: int | None = None

    def read(self, raw: Node, name: str) -> int:
        text = _text(raw, name)
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise bad_parameter(
                f"Invalid integer: {text[:40]}", param=name, code="parameter_invalid_integer"
            )
        number = int(text)
        if self.least is not None and number < self.least:
            raise bad_parameter(
                f"This value must be greater than or equal to {self.least}.",
                param=name,
                code="parameter_invalid_integer",
            )
        if self.most is not None and number > self.most:
            raise bad_parameter(
                f"This value must be less than or equal to {self.most}.",
                param=name,
                code="parameter_invalid_integer",
            )
        return number


@dataclass(frozen=True, slots=True)
class Flag:
    def read(self, raw: Node, name: str) -> bool:
        text = _text(raw, name)
        if text not in {"true", "false"}:
            raise bad_parameter(f"Invalid boolean: {text[:40]}", param=name)
        return text == "true"


@dataclass(frozen=True, slots=True)
class Choice:
    among: tuple[str, ...]

    def read(self, raw: Node, name: str) -> str:
        text = _text(raw, name)
        if text not in self.among:
            head = ", ".join(self.among[:-1])
            options = f"one of {head}, or {self.among[-1]}" if head else self.among[0]
            raise bad_parameter(f"Invalid {name}: must be {options}", param=name)
        return text


@dataclass(frozen=True, slots=True)
class Many:
    """A list, sent as `name[]=` or `name[0]=`."""

    of: Shape
    most: int = 100

    def read(self, raw: Node, name: str) -> list[Any]:
        if not isinstance(raw, dict):
            raise bad_parameter("Invalid array", param=name)
        if len(raw) > self.most:
            raise bad_parameter(f"Array too long: at most {self.most} items.", param=name)
        if not all(key.isascii() and key.isdigit() for key in raw):
            raise bad_parameter("Invalid array", param=name)
        return [
            self.of.read(raw[key], f"{name}[{index}]")
            for index, key in enumerate(sorted(raw, key=int))
        ]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Up to 50 keys of 40 characters with values of 500; an empty value unsets its key."""

    def read(self, raw: Node, name: str) -> dict[str, str] | None:
        if raw == "":
            return None
        if not isinstance(raw, dict):
            raise bad_parameter("Invalid object", param=name)
        if len(raw) > 50:
            raise bad_parameter(
                f"Metadata can have at most 50 keys; you passed {len(raw)}.", param=name
            )
        values: dict[str, str] = {}
        for key, value in raw.items():
            where = f"{name}[{key}]"
            if len(key) > 40:
                raise bad_parameter(
                    f"Metadata keys must be at most 40 characters; you passed {len(key)}.",
                    param=where,
                )
            text = _text(value, where)
            if len(text) > 500:
                raise bad_parameter(
                    f"Metadata values must be at most 500 characters, but you passed in a value "
                    f"that is {len(text)} characters.",
                    param=where,
                )
            values[key] = text
        return values


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with named members; anything else in it is an unknown parameter."""

    members: Mapping[str, Shape]
    required: frozenset[str] = field(default_factory=frozenset)

    def read(self, raw: Node, name: str) -> Values:
        if not isinstance(raw, dict):
            raise bad_parameter("Invalid object", param=name)
        return self._read(raw, name)

    def read_all(self, form: Form) -> Values:
        """The same for a whole request."""
        return self._read(form, "")

    def _read(self, form: Form, prefix: str) -> Values:
        members = self.members
        values: Values = {}
        unknown: list[str] = []
        for key, raw in form.items():
            where = f"{prefix}[{key}]" if prefix else key
            shape = members.get(key)
            if shape is None:
                unknown.append(where)
            else:
                values[key] = shape.read(raw, where)
        if unknown:
            several = "s" if len(unknown) > 1 else ""
            raise bad_parameter(
                f"Received unknown parameter{several}: {', '.join(unknown)}",
                param=unknown[0],
                code="parameter_unknown",
            )
        for key in sorted(self.required):
            if key not in values:
                where = f"{prefix}[{key}]" if prefix else key
                raise bad_parameter(
                    f"Missing required param: {where}.", param=where, code="parameter_missing"
                )
        return values


@dataclass(frozen=True, slots=True)
class Either:
    """One shape when sent as a plain value, another when sent as an object."""

    plain: Shape
    nested: Shape

    def read(self, raw: Node, name: str) -> Any:
        return (self.nested if isinstance(raw, dict) else self.plain).read(raw, name)


EXPAND: Shape = Many(Text(), most=20)
CREATED: Shape = Either(
    Integer(least=0),
    Fields({name: Integer(least=0) for name in ("gt", "gte", "lt", "lte")}),
)
PAGE: Mapping[str, Shape] = {
    "created": CREATED,
    "ending_before": Text(),
    "starting_after": Text(),
    "limit": Integer(least=1, most=100),
    "expand": EXPAND,
}
