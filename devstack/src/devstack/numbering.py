"""What is numbered: each service's migrations follow one another, each decision has its number.

Two changes that take the same number meet only when both are on main; `make check` says so there.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from devstack.errors import StackError
from devstack.paths import ROOT, SERVICES

_REVISION = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)', re.MULTILINE)
_HEADING = re.compile(r"# (\d+)\. ")


def run() -> int:
    """Check all of it.

    Raises:
        StackError: naming each file whose number is taken or does not follow.
    """
    wrong = [
        *(
            fault
            for service in SERVICES
            for fault in migrations(ROOT / "services" / service / "migrations" / "versions")
        ),
        *decisions(ROOT / "docs" / "decisions"),
    ]
    if wrong:
        raise StackError("\n".join(wrong))
    print("migrations and decisions are numbered in order")
    return 0


def migrations(folder: Path) -> Iterator[str]:
    """Migrations that don't follow the one before, by the number in their file's name."""
    files = sorted(folder.glob("[0-9]*.py"))
    found = [dict(_REVISION.findall(file.read_text())) for file in files]
    for file, said in zip(files, found, strict=True):
        if said.get("revision") != file.name[:4]:
            yield f"{file}: its revision is not the number in its name"
    for (before, _), (file, said) in pairwise(zip(files, found, strict=True)):
        if said.get("down_revision") != before.name[:4]:
            yield f"{file}: does not follow {before.name}; number it after the newest"


def decisions(folder: Path) -> Iterator[str]:
    """Decision records with another's number, or with another number in their heading."""
    files = sorted(folder.glob("[0-9]*.md"))
    for before, file in pairwise(files):
        if before.name[:4] == file.name[:4]:
            yield f"{file}: {before.name} has this number; take the next free one"
    for file in files:
        heading = _HEADING.match(file.read_text())
        if heading is None or int(heading[1]) != int(file.name[:4]):
            yield f"{file}: its heading has not the number in its name"
