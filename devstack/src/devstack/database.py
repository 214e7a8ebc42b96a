"""A database and two roles per service, and its migrations."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from chassis import provision
from devstack import sql
from devstack.errors import StackError, tail_of
from devstack.keys import Keys
from devstack.paths import SERVICES


def addresses(superuser_url: str, keys: Keys) -> dict[str, dict[str, str]]:
    """Per service: `url` for the role that serves, `owner_url` for the one that migrates."""
    parts = urlsplit(superuser_url)
    place = f"{parts.hostname}:{parts.port}"
    return {
        service: {
            "url": f"postgresql://{service}:{keys.roles[service]}@{place}/{service}",
            "owner_url": f"postgresql://{service}_owner:{keys.owners[service]}@{place}/{service}",
        }
        for service in SERVICES
    }


def provide(superuser_url: str, keys: Keys) -> None:
    """Create the roles and databases that are not there; passwords are set anew."""
    present = {row[0] for row in sql.fetch(superuser_url, "SELECT datname FROM pg_database")}
    for service in SERVICES:
        sql.execute(
            superuser_url,
            *provision.roles(
                service, password=keys.roles[service], owner_password=keys.owners[service]
            ),
        )
        if service not in present:
            sql.execute(superuser_url, *provision.database(service))


def migrate(commands: Mapping[str, tuple[list[str], Mapping[str, str]]], logs: Path) -> None:
    """Run each service's migrations, all at once.

    Raises:
        StackError: one failed; carries the end of its log.
    """

    def one(service: str) -> None:
        argv, env = commands[service]
        log = logs / f"{service}-migrate.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            done = subprocess.run(
                argv,
                env=env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            tail = "\n".join(f"    {line}" for line in tail_of(log))
            raise StackError(f"{service} migrate failed. The end of {log}:\n{tail}")

    with ThreadPoolExecutor(len(commands)) as pool:
        for outcome in [pool.submit(one, service) for service in commands]:
            outcome.result()
