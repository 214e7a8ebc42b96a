"""docs/settings.md: every variable of every service, as the services themselves list them."""

import json
import subprocess
import sys
from typing import Any

from devstack.errors import StackError
from devstack.layout import GATEWAY
from devstack.paths import ROOT, SERVICES

_FILE = ROOT / "docs" / "settings.md"
_HEAD = """\
# Settings

Written by `python -m devstack settings-reference` from the settings classes; `make check` fails
when it is stale. `python -m booking settings` lists one service's on the spot.

Every process reads its environment once, at start. A missing or wrong variable stops it with exit
code 1 and one line that names the variable and never its value. An empty variable counts as
absent, an unknown one is ignored.

**Key rings** are JSON objects, `{"k2": "...", "k1": "..."}`: the first key is the current one,
the others are still accepted. [operations.md](operations.md#rotating-keys) says how each is
rotated. A 32-byte key is written in base64 or base64url (`openssl rand -base64 32`), a secret has
at least 32 characters (`openssl rand -hex 32`).

Besides these, `OTEL_EXPORTER_OTLP_ENDPOINT` (an OTLP/HTTP collector) turns tracing on in every
process, and the other `OTEL_*` variables of OpenTelemetry's exporter apply.
"""


def run(*, check: bool) -> int:
    """Write the file, or with `check` only compare.

    Raises:
        StackError: `check`, and the file is not what the code gives.
    """
    text = reference({service: _ask(service) for service in (*SERVICES, GATEWAY)})
    current = _FILE.exists() and _FILE.read_text() == text
    if check and not current:
        raise StackError(
            "docs/settings.md is not current. Write with: python -m devstack settings-reference"
        )
    if check:
        print("docs/settings.md is current")
    elif not current:
        _FILE.write_text(text)
        print("wrote docs/settings.md", file=sys.stderr)
    return 0


def reference(every: dict[str, list[dict[str, Any]]]) -> str:
    """The page. What all services describe alike stands once; defaults may still differ."""
    common = _common(every, tuple(every))
    stored = [row for row in _common(every, SERVICES) if row not in common]
    parts = [
        _HEAD,
        _section("Every process", common),
        _section(f"Services with a database ({', '.join(SERVICES)})", stored),
    ]
    shared = [row["name"] for row in (*common, *stored)]
    for service, rows in every.items():
        own = [row for row in rows if row not in common and row not in stored]
        differing = [row["name"] for row in own if row["name"] in shared]
        if differing:
            raise StackError(f"{service} describes {', '.join(differing)} in two ways")
        parts.append(_section(service, own))
    return "\n".join(parts)


def _common(
    every: dict[str, list[dict[str, Any]]], services: tuple[str, ...]
) -> list[dict[str, Any]]:
    first, *others = (every[service] for service in services)
    return [row for row in first if all(row in rows for rows in others)]


def _section(title: str, rows: list[dict[str, Any]]) -> str:
    lines = [f"## {title}", "", "| Variable | Value | Default | |", "|---|---|---|---|"]
    for row in rows:
        default = "**required**" if row["default"] is None else _code(row["default"])
        values = str(row["values"]).replace("|", "\\|")
        text = str(row["text"]).replace("|", "\\|")
        lines.append(f"| `{row['name']}` | {values} | {default} | {text} |")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else "-"


def _ask(service: str) -> list[dict[str, Any]]:
    """The settings as the service lists them: the devstack runs services, it imports none."""
    done = subprocess.run(
        [sys.executable, "-m", service, "settings", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"python -m {service} settings failed:\n{done.stderr}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows
