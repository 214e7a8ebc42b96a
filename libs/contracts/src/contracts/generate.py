"""The files that are generated from the models, and whether they are up to date."""

from __future__ import annotations

import difflib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import (  # type: ignore[import-untyped]  # it publishes no types
    Draft202012Validator,
    FormatChecker,
)
from pydantic import ValidationError

from contracts.asyncapi import asyncapi
from contracts.compat import UnreadableSchema, breaks
from contracts.reference import reference
from contracts.registry import CONTRACTS
from contracts.schemas import schema_of, to_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parents[3]
"""Top of the checkout; these commands are for people and CI, never for an installed service."""

_SHOWN_LINES = 40
"""Enough of a diff to see what changed; the rest comes with `generate`."""

Schemas = dict[str, dict[str, Any]]


def current_schemas() -> Schemas:
    """By type, from the models as they are now."""
    return {entry.name: schema_of(entry) for entry in CONTRACTS}


def committed_schemas(package: Path = PACKAGE) -> Schemas:
    """By type, from the files in the checkout."""
    return {
        path.stem: json.loads(path.read_text()) for path in sorted(package.glob("schemas/*.json"))
    }


def schemas_at(revision: str) -> Schemas:
    """By type, as they were at a git revision.

    Raises:
        subprocess.CalledProcessError: git doesn't know the revision.
    """
    folder = f"{(PACKAGE / 'schemas').relative_to(ROOT)}"
    names = _git("ls-tree", "--name-only", revision, f"{folder}/").splitlines()
    return {Path(name).stem: json.loads(_git("show", f"{revision}:{name}")) for name in names}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the generated files live."""

    package: Path = PACKAGE
    docs: Path = ROOT / "docs"

    def files(self) -> dict[Path, str]:
        """Every generated file with the text it should have."""
        schemas = {
            self.package / "schemas" / f"{name}.json": to_text(schema)
            for name, schema in current_schemas().items()
        }
        return schemas | {
            self.docs / "messages.md": reference(),
            self.docs / "asyncapi.json": to_text(asyncapi()),
        }


def refusals(baseline: Schemas, current: Schemas, *, allowed: Collection[str] = ()) -> list[str]:
    """Every breaking change since the baseline, but for the types in `allowed`."""
    found: list[str] = []
    for name, old in baseline.items():
        if name in allowed:
            continue
        if name not in current:
            found.append(f"{name}: consumer-facing: the message: no longer published")
            continue
        try:
            found += [f"{name}: {each}" for each in breaks(old, current[name])]
        except UnreadableSchema as beyond:
            found.append(f"{name}: {beyond}")
    return found


def example_faults(package: Path = PACKAGE) -> Iterator[str]:
    """What is wrong with the golden examples: missing, stray, or at odds with model or schema."""
    paths = {path.stem: path for path in sorted(package.glob("examples/*.json"))}
    for entry in CONTRACTS:
        path = paths.pop(entry.name, None)
        if path is None:
            yield f"{entry.name}: examples/{entry.name}.json is missing"
            continue
        body = path.read_bytes()
        try:
            written = json.loads(entry.model.from_json(body).to_json())
        except ValidationError as broken:
            yield f"{entry.name}: the example isn't one: {broken}"
            continue
        if written != json.loads(body):
            yield f"{entry.name}: the example says more or other than the model writes back"
        validator = Draft202012Validator(schema_of(entry), format_checker=FormatChecker())
        for error in validator.iter_errors(json.loads(body)):
            yield f"{entry.name}: the example breaks its schema: {error.json_path}: {error.message}"
    for name in paths:
        yield f"{name}: an example of no known message"


def drift(place: Place) -> Iterator[str]:
    """A unified diff for each generated file that isn't as it should be."""
    expected = place.files()
    for path in sorted(_stray(place, expected)):
        yield f"{shown(path)}: a schema of no known message; delete it\n"
    for path, text in expected.items():
        found = path.read_text() if path.exists() else ""
        if found != text:
            lines = list(
                difflib.unified_diff(
                    found.splitlines(keepends=True),
                    text.splitlines(keepends=True),
                    f"{shown(path)} (in the checkout)",
                    f"{shown(path)} (from the models)",
                )
            )
            rest = len(lines) - _SHOWN_LINES
            yield "".join(lines[:_SHOWN_LINES]) + (f"... {rest} more lines\n" if rest > 0 else "")


def write(place: Place) -> list[Path]:
    """Write what changed and delete schemas of types that are gone; the paths touched."""
    expected = place.files()
    touched: list[Path] = []
    for path in sorted(_stray(place, expected)):
        path.unlink()
        touched.append(path)
    for path, text in expected.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            touched.append(path)
    return touched


def _stray(place: Place, expected: Mapping[Path, str]) -> set[Path]:
    return set(place.package.glob("schemas/*.json")) - expected.keys()


def shown(path: Path) -> str:
    """A path as a person in the checkout would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 our own words and a revision, never a shell
        ["git", "-C", str(ROOT), *arguments],  # noqa: S607 the git the developer uses
        check=True,
        capture_output=True,
        text=True,
    ).stdout
