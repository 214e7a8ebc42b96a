"""Whether a changed schema may keep its version.

While a version is deployed both sides run old and new code, and retries and replays bring back
messages up to 30 days old. So a change is held against two questions:

- consumer-facing: can a consumer built for the old schema read what the new producer sends?
  Broken by a field removed, of another type, made optional or nullable, or by values that were
  impossible before (a wider enum or bound).
- producer-facing: can the new reader take what the old producer sent?
  Broken by a new required field, by an optional or nullable field made required, or by values
  that are no longer possible (a narrower enum or bound).

What remains is: a new optional field, and words. Anything else is a new version beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = dict[str, Any]

_WORDS = {"$schema", "$id", "$defs", "title", "description", "default", "examples", "deprecated"}
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_UNDERSTOOD = {
    *_WORDS,
    *_LOWER,
    *_UPPER,
    "type",
    "format",
    "enum",
    "const",
    "pattern",
    "properties",
    "required",
    "items",
    "additionalProperties",
}


class UnreadableSchema(ValueError):
    """A schema uses something the comparison doesn't know, so it can't vouch for it."""


@dataclass(frozen=True, slots=True)
class Break:
    """One reason why a change needs a new version."""

    facing: Literal["consumer", "producer"]
    path: str
    what: str

    def __str__(self) -> str:
        """For the person who made the change."""
        return f"{self.facing}-facing: {self.path or 'the message'}: {self.what}"


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    nullable: bool
    values: frozenset[Any] | None = None
    pattern: str | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Schema | None = None


def breaks(old: Schema, new: Schema) -> list[Break]:
    """Why `new` can't replace `old` under the same version; empty when it can.

    Raises:
        UnreadableSchema: a schema goes beyond the subset that messages keep to (unions other
            than with null, recursion).
    """
    return list(_compare("", old, new, old.get("$defs", {}), new.get("$defs", {})))


def _compare(
    path: str, old: Schema, new: Schema, old_defs: Schema, new_defs: Schema
) -> Iterator[Break]:
    if path.count(".") + path.count("[]") > 16:
        raise UnreadableSchema(f"{path}: recursive or too deep")
    was, now = _read(path, old, old_defs), _read(path, new, new_defs)
    if was.kind != now.kind:
        yield Break("consumer", path, f"type changed from {was.kind} to {now.kind}")
        return
    if now.nullable and not was.nullable:
        yield Break("consumer", path, "made nullable")
    if was.nullable and not now.nullable:
        yield Break("producer", path, "no longer nullable")
    yield from _compare_values(path, was, now)
    yield from _compare_fields(path, was, now, old_defs, new_defs)
    if (was.items is None) != (now.items is None):
        yield Break("consumer", f"{path}[]", "type changed")
    elif was.items is not None and now.items is not None:
        yield from _compare(f"{path}[]", was.items, now.items, old_defs, new_defs)


def _compare_values(path: str, was: _Shape, now: _Shape) -> Iterator[Break]:
    if was.values is not None and (now.values is None or now.values - was.values):
        added = "any value" if now.values is None else _listed(now.values - was.values)
        yield Break("consumer", path, f"enum widened by {added}")
    if now.values is not None and (was.values is None or was.values - now.values):
        lost = "all other values" if was.values is None else _listed(was.values - now.values)
        yield Break("producer", path, f"enum narrowed by {lost}")
    if was.pattern != now.pattern:
        if was.pattern is not None:
            yield Break("consumer", path, f"pattern {was.pattern!r} no longer holds")
        if now.pattern is not None:
            yield Break("producer", path, f"pattern {now.pattern!r} is new")
    for name in (*_LOWER, *_UPPER):
        before, after = was.bounds.get(name), now.bounds.get(name)
        if before == after:
            continue
        wider = after is None or (
            before is not None and (after < before if name in _LOWER else after > before)
        )
        yield Break(
            "consumer" if wider else "producer",
            path,
            f"{name} {'loosened' if wider else 'tightened'} from {before} to {after}",
        )


def _compare_fields(
    path: str, was: _Shape, now: _Shape, old_defs: Schema, new_defs: Schema
) -> Iterator[Break]:
    for name, before in was.fields.items():
        below = f"{path}.{name}" if path else name
        if name not in now.fields:
            yield Break("consumer", below, "removed")
            continue
        if name in was.required and name not in now.required:
            yield Break("consumer", below, "made optional")
        if name not in was.required and name in now.required:
            yield Break("producer", below, "made required")
        yield from _compare(below, before, now.fields[name], old_defs, new_defs)
    for name in now.fields.keys() - was.fields.keys():
        if name in now.required:
            yield Break("producer", f"{path}.{name}" if path else name, "new and required")


def _read(path: str, schema: Schema, defs: Schema) -> _Shape:
    schema, nullable = _without_null(path, _resolved(path, schema, defs), defs)
    unknown = schema.keys() - _UNDERSTOOD
    kind = schema.get("type")
    extra = schema.get("additionalProperties")
    if unknown or not isinstance(kind, str) or extra is False:
        raise UnreadableSchema(f"{path or 'the message'}: can't compare {schema}")
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return _Shape(
        kind=" ".join(filter(None, (kind, schema.get("format"), "map" if extra else ""))),
        nullable=nullable,
        values=None if values is None else frozenset(values),
        pattern=schema.get("pattern"),
        bounds={name: schema[name] for name in (*_LOWER, *_UPPER) if name in schema},
        fields=schema.get("properties", {}),
        required=frozenset(schema.get("required", [])),
        items=schema.get("items", extra if isinstance(extra, dict) else None),
    )


def _resolved(path: str, schema: Schema, defs: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    _only_words_beside(path, schema, "$ref")
    target: Schema = defs[schema["$ref"].removeprefix("#/$defs/")]
    return target


def _without_null(path: str, schema: Schema, defs: Schema) -> tuple[Schema, bool]:
    if "anyOf" not in schema:
        return schema, False
    _only_words_beside(path, schema, "anyOf")
    rest = [branch for branch in schema["anyOf"] if branch != {"type": "null"}]
    if len(rest) != 1:
        raise UnreadableSchema(f"{path}: a union of more than one type")
    return _resolved(path, rest[0], defs), len(rest) < len(schema["anyOf"])


def _only_words_beside(path: str, schema: Schema, keyword: str) -> None:
    # Constraints beside these keywords count in JSON Schema, and would be overlooked here.
    if beside := schema.keys() - _WORDS - {keyword}:
        raise UnreadableSchema(f"{path}: can't compare {sorted(beside)} beside {keyword}")


def _listed(values: frozenset[Any]) -> str:
    return ", ".join(sorted(map(repr, values)))
