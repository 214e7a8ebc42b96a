"""`make env`: what a person at a shell needs of endpoints.json, for `eval "$(make -s env)"`."""

import shlex
from collections.abc import Mapping
from typing import Any

from devstack.errors import StackError


def run(endpoints: Mapping[str, Any]) -> int:
    """Print one `export` per variable.

    Raises:
        StackError: there are no demo organisations.
    """
    organisations = endpoints["demo"]["organisations"]
    if not organisations:
        raise StackError("there are no demo organisations; `make up` creates them")
    found = {
        "GATEWAY": endpoints["gateway"],
        "STRIPE": endpoints["sandbox"]["stripe"],
        "PAYPAL": endpoints["sandbox"]["paypal"],
        "SWISH": endpoints["sandbox"]["swish"],
        "MAILBOX": endpoints["sandbox"]["mailbox"],
        "WEBHOOKS": endpoints["webhooks"],
        "OPERATOR_KEY": endpoints["keys"]["operator"],
    }
    for organisation in organisations.values():
        for offering in organisation["offerings"].values():
            found = _offering(organisation, offering) | found
    for name, value in found.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


_PREFIXES = {
    "event_table": "TABLE",
    "class": "CLASS",
    "activity": "GAME",
    "dining": "DINNER",
    "sunday_lunch": "LUNCH",
}


def _offering(organisation: Mapping[str, Any], offering: Mapping[str, Any]) -> dict[str, str]:
    """`CLASS`, `CLASS_KEY`, `CLASS_VENUE`; what has dates also `CLASS_SESSION`, and `TABLE_1`."""
    prefix = _PREFIXES[offering["preset"]]
    found = {
        f"{prefix}_KEY": organisation["api_key"],
        f"{prefix}_VENUE": organisation["venue_id"],
        prefix: offering["id"],
    }
    if offering["sessions"]:
        found[f"{prefix}_SESSION"] = offering["sessions"][0]
        found |= {f"{prefix}_{number}": table for number, table in offering["resources"].items()}
    return found
