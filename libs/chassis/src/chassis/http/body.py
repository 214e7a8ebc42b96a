"""The base of request bodies: what JSON says is what we take, within bounds that storage has.

JSON types are not converted into one another ("5" is no number, 1 is no instant), unknown fields
are refused, text holds no NUL and no lone surrogate, integers fit what JSON programs can hold.
The bounds are part of the published schema, so clients can know them.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

# Beyond this, programs that read JSON numbers as doubles change the value.
LARGEST_INTEGER = 2**53 - 1
# Unless a field says otherwise. PostgreSQL cannot index much longer text.
LONGEST_TEXT = 2000
_NO_NUL = r"^[^\u0000]*$"


def _bound(node: Any) -> None:
    """Tighten each scalar in a core schema, in place; doing it twice changes nothing more."""
    if isinstance(node, list | tuple):
        for inner in node:
            _bound(inner)
    elif isinstance(node, dict) and not _is_guarded(node):
        tighten = _SCALARS.get(node.get("type", ""))
        if tighten is not None:
            tighten(node)
            return
        for key, inner in node.items():
            if key not in _NO_SCHEMAS:
                _bound(inner)


def _whole_number(node: dict[str, Any]) -> None:
    node["strict"] = True
    if "gt" not in node:
        node.setdefault("ge", -LARGEST_INTEGER)
    if "lt" not in node:
        node.setdefault("le", LARGEST_INTEGER)
    _precede(node, _integral)


def _number(node: dict[str, Any]) -> None:
    node["strict"] = True
    node["allow_inf_nan"] = False


def _flag(node: dict[str, Any]) -> None:
    node["strict"] = True


def _string(node: dict[str, Any]) -> None:
    node["strict"] = True
    node.setdefault("max_length", LONGEST_TEXT)
    node.setdefault("pattern", _NO_NUL)


def _instant(node: dict[str, Any]) -> None:
    _precede(node, _text)


def _precede(node: dict[str, Any], check: Callable[[object], object]) -> None:
    inner: Any = dict(node)
    node.clear()
    node.update(core_schema.no_info_before_validator_function(check, inner))


def _integral(value: object) -> object:
    # To JSON, 2.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: object) -> object:
    # Pydantic would read a bare number as an instant.
    if isinstance(value, int | float):
        raise PydanticCustomError("text_expected", "Input should be text")
    return value


def _is_guarded(node: dict[str, Any]) -> bool:
    return node.get("type") == "function-before" and node["function"].get("function") in {
        _text,
        _integral,
    }


_SCALARS: dict[str, Callable[[dict[str, Any]], None]] = {
    "int": _whole_number,
    "float": _number,
    "bool": _flag,
    "str": _string,
    "date": _instant,
    "time": _instant,
    "datetime": _instant,
    "timedelta": _instant,
}
_NO_SCHEMAS = frozenset({"metadata", "default", "cls", "config", "function"})


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
