"""What a settings class reads from the environment, in words: ``python -m booking settings``.

The words are the docstrings under the fields, so they stand beside what they describe; a field
without one is refused, which is how the reference stays whole.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

_KINDS = (
    (str, "text"),
    (bool, "true | false"),
    (dict[str, bytes], "key ring of 32-byte keys"),
    (dict[str, str], "key ring of secrets"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. `default` is None when it must be given, `""` when it may be left out."""

    name: str
    values: str
    default: str | None
    text: str

    def __str__(self) -> str:
        default = {None: "required", "": "optional"}.get(self.default, f"default {self.default}")
        return f"{self.name}  ({self.values}; {default})\n    {self.text}\n"


class Undescribed(Exception):
    """A setting without a docstring under it."""


def settings_of(kind: type[BaseSettings]) -> list[Setting]:
    """Every variable of a settings class: those that must be given first, then by name.

    Raises:
        Undescribed: a field has no docstring under it.
    """
    texts = dict(_texts(kind))
    absent = sorted(kind.model_fields.keys() - texts.keys())
    if absent:
        raise Undescribed(f"{kind.__module__}: no docstring under {', '.join(absent)}")
    found = [
        Setting(name, _values(field), _default(field), texts[name])
        for name, field in kind.model_fields.items()
    ]
    return sorted(found, key=lambda setting: (setting.default is not None, setting.name))


def _texts(kind: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Names and docstrings; a class overrides its bases, so bases come first."""
    for base in reversed(kind.__mro__):
        if not issubclass(base, BaseSettings) or base is BaseSettings:
            continue
        body = ast.parse(dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, following in pairwise(statements):
            match field, following:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    yield name, " ".join(text.split())


def _values(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        kind = next(part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return " | ".join(str(choice) for choice in get_args(kind))
    if kind in {int, float}:
        return _range(field)
    least = next((part.min_length for part in field.metadata if isinstance(part, MinLen)), 0)
    if least:
        return f"text, at least {least} characters"
    return next((words for known, words in _KINDS if kind == known), "JSON")


def _range(field: FieldInfo) -> str:
    low = high = ""
    for part in field.metadata:
        match part:
            case Ge(ge=bound):
                low = str(bound)
            case Gt(gt=bound):
                low = f"above {bound},"
            case Le(le=bound) | Lt(lt=bound):
                high = str(bound)
    return f"{low} to {high}" if low and high else "number"


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    default = field.default
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if isinstance(default, str | int | float) else "see the text"
