"""Stripe's way of paging: newest first, from a cursor, within a time."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.refusal import no_such

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True, slots=True)
class Window:
    """One page of a list. `created` maps gt, gte, lt, lte to Unix seconds, or is one instant."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] | int | None = None


def page(
    db: sqlite3.Connection,
    table: str,
    columns: str,
    *,
    where: Sequence[str],
    values: Sequence[Any],
    window: Window,
) -> tuple[list[tuple[Any, ...]], bool]:
    """Rows newest first, and whether there are more in the direction of travel.

    The first of `values` is the account. Raises Refusal(404) for a cursor that isn't the account's.
    """
    conditions, arguments = list(where), list(values)
    if isinstance(window.created, int):
        conditions.append("created = ?")
        arguments.append(window.created)
    elif window.created:
        for name, instant in window.created.items():
            conditions.append(f"created {_COMPARISONS[name]} ?")
            arguments.append(instant)
    for param, comparison in (("starting_after", "<"), ("ending_before", ">")):
        cursor = getattr(window, param)
        if cursor is not None:
            conditions.append(f"seq {comparison} ?")
            arguments.append(_position(db, table, values[0], cursor, param))
    backwards = window.ending_before is not None
    rows = db.execute(
        f"SELECT {columns} FROM {table} WHERE {' AND '.join(conditions)}"  # noqa: S608 - own names
        f" ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT ?",
        (*arguments, window.limit + 1),
    ).fetchall()
    found = rows[: window.limit]
    if backwards:
        found.reverse()
    return found, len(rows) > window.limit


def _position(db: sqlite3.Connection, table: str, tenant: str, cursor: str, param: str) -> int:
    row = db.execute(
        f"SELECT seq FROM {table} WHERE id = ? AND tenant = ?",  # noqa: S608 - own names
        (cursor, tenant),
    ).fetchone()
    if row is None:
        raise no_such("object", cursor, param=param)
    return int(row[0])
