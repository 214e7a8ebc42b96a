"""A service with a database and handlers, as a program: `python roles.py api|worker|migrate|all`."""

import argparse
import sys

from chassis.db import Database
from chassis.main import Command, main
from chassis.messaging import Handlers
from chassis.service import Service
from chassis.settings import ServiceSettings


def build(settings: ServiceSettings) -> Service:
    async def said(word: str) -> None:
        sys.stderr.write(f"{word}\n")

    return Service(
        # The broker's topology is that of the real system, so it listens as one of its services.
        name="customers",
        settings=settings,
        db=Database(settings.DATABASE_URL, application_name="probe"),
        handlers=Handlers("customers"),
        on_start=[lambda: said("started")],
        on_stop=[lambda: said("stopped")],
    )


async def count(service: Service, arguments: argparse.Namespace) -> int:
    async with service.db.transaction(None) as tx:
        sys.stdout.write(f"{await tx.fetchval('SELECT $1::int + 1', arguments.number)}\n")
    return 3


COUNT = Command(
    name="count",
    summary="add one",
    run=count,
    arguments=lambda parser: parser.add_argument("number", type=int),
)

if __name__ == "__main__":
    main("probe", ServiceSettings, build, commands=[COUNT])
