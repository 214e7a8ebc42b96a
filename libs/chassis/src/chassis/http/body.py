"""The base of request bodies: what JSON says is what we take, within bounds that storage has.

JSON types are not converted into one another ("5" is no number, 1 is no instant), unknown fields
are refused, text holds no NUL and no lone surrogate, integers fit what JSON programs can hold.
The bounds are part of the published schema, so clients can know them.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

# Beyond this, programs that read JSON numbers as doubles change the value.
LARGEST_INTEGER = 2**53 - 1
# Unless a field says otherwise. PostgreSQL cannot index much longer text.
LONGEST_TEXT = 2000
_NO_NUL = r"^[^\u0000]*$"

_TEXT_ONLY = frozenset({"date", "time", "datetime", "timedelta", "uuid"})


class Body(BaseModel):
    """Base of request bodies and of the objects inside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        _bound(schema)
        return schema


def _bound(node: Any) -> None:
    """Tighten each scalar in a core schema, in place; doing it twice changes nothing more."""
    if isinstance(node, list | tuple):
        for inner in node:
            _bound(inner)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind == "int":
        node["strict"] = True
        if "gt" not in node:
            node.setdefault("ge", -LARGEST_INTEGER)
        if "lt" not in node:
            node.setdefault("le", LARGEST_INTEGER)
    elif kind in {"bool", "float"}:
        node["strict"] = True
        if kind == "float":
            node["allow_inf_nan"] = False
    elif kind == "str":
        node["strict"] = True
        node.setdefault("max_length", LONGEST_TEXT)
        node.setdefault("pattern", _NO_NUL)
    elif kind in _TEXT_ONLY:
        inner = dict(node)
        node.clear()
        node.update(core_schema.no_info_before_validator_function(_text, inner))  # type: ignore[arg-type]
        return
    elif kind == "function-before" and node.get("function", {}).get("function") is _text:
        return
    for key, inner in node.items():
        if key not in {"metadata", "default", "cls", "config", "function"}:
            _bound(inner)


def _text(value: object) -> object:
    # Pydantic would read a bare number as an instant.
    if isinstance(value, int | float):
        raise PydanticCustomError("text_expected", "Input should be text")
    return value
