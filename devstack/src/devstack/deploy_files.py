"""Files under deploy/ that follow from the code, written from it so that they can't disagree."""

import sys

from chassis import provision
from devstack.errors import StackError
from devstack.paths import ROOT, SERVICES

_DATABASES = ROOT / "deploy" / "compose" / "postgres" / "10-databases.sql"
_PASSWORD, _OWNER_PASSWORD = "@password@", "@owner-password@"


def run(*, check: bool) -> int:
    """Write the files, or with `check` only compare.

    Raises:
        StackError: `check`, and a file is not what the code gives.
    """
    wanted = {_DATABASES: databases()}
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text() != text]
    if check:
        if stale:
            names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
            raise StackError(f"not current: {names}. Write with: python -m devstack deploy-files")
        print("deploy files are current")
        return 0
    for file in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(wanted[file])
        print(f"wrote {file.relative_to(ROOT)}", file=sys.stderr)
    return 0


def databases() -> str:
    """Roles and databases of all services as a psql script, passwords from its environment."""
    lines = [
        "-- Generated from chassis.provision by `python -m devstack deploy-files`.",
        "-- Run once by the postgres image, on an empty volume.",
        "\\set ON_ERROR_STOP on",
    ]
    for service in SERVICES:
        lines += [
            "",
            f"\\getenv password {service.upper()}_DB_PASSWORD",
            f"\\getenv owner_password {service.upper()}_OWNER_PASSWORD",
        ]
        statements = provision.sql(service, password=_PASSWORD, owner_password=_OWNER_PASSWORD)
        lines += [_with_variables(statement) for statement in statements]
    return "\n".join(lines) + "\n"


def _with_variables(statement: str) -> str:
    for placeholder, variable in ((_PASSWORD, "password"), (_OWNER_PASSWORD, "owner_password")):
        statement = statement.replace(f"'{placeholder}'", f":'{variable}'")
    return f"{statement};"
