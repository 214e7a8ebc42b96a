"""The one list that PayPal has: what it told its webhooks, page by page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from payments.domain.provider import Unreached

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from payments.domain.provider import Window

_LONGEST = 1024
"""Characters of a cursor; PayPal's have some 200."""


def first_page(window: Window, size: int, kind: str | None = None) -> dict[str, str]:
    """The query for the newest events of a window, of one kind or of all.

    PayPal counts in whole seconds here and includes both ends.
    """
    since, until = window
    asked = {
        "page_size": str(size),
        "start_time": _moment(math.floor(since.timestamp())),
        "end_time": _moment(math.ceil(until.timestamp())),
    }
    return {**asked, "event_type": kind} if kind else asked


def page(cursor: str) -> dict[str, str]:
    """The query for the page that a cursor stands for."""
    return dict(parse_qsl(cursor))


def events(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The events of a page.

    Raises:
        Unreached: not a page.
    """
    found = data.get("events")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreached("unreadable_answer")
    return found


def following(data: Mapping[str, Any], cursor: str | None) -> str | None:
    """The next page's cursor: the query of the link to it. Its host and path are never called.

    An empty page, or one that leads to itself, is the last.

    Raises:
        Unreached: the link is none.
    """
    if not data["events"]:
        return None
    links = data.get("links") or []
    try:
        found = next((str(one["href"]) for one in links if one.get("rel") == "next"), None)
        query = urlsplit(found).query if found else None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreached("unreadable_answer") from None
    if not query or query == cursor:
        return None
    if len(query) > _LONGEST:
        raise Unreached("unreadable_answer")
    return query


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
