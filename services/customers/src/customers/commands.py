"""Operator keys: the first one cannot come over HTTP, since making a key takes a key."""

import argparse
import sys

from chassis.db import Database
from chassis.main import Command
from chassis.service import Service
from customers.problems import UnknownKey
from customers.usecases.create_key import MAX_DAYS, create_operator_key
from customers.usecases.revoke_key import revoke_key


async def create(service: Service, arguments: argparse.Namespace) -> int:
    """Print a new operator key, alone on a line of standard output, this one time."""
    made = await _db(service).run(
        None, lambda tx: create_operator_key(tx, name=arguments.name, days=arguments.days)
    )
    sys.stdout.write(made.text + "\n")
    return 0


async def revoke(service: Service, arguments: argparse.Namespace) -> int:
    """Exit code 1 when there is no such key."""
    try:
        await _db(service).run(None, lambda tx: revoke_key(tx, arguments.prefix, org_id=None))
    except UnknownKey:
        sys.stderr.write(f"customers: no working key has the prefix {arguments.prefix}\n")
        return 1
    return 0


def _db(service: Service) -> Database:
    if service.db is None:
        raise RuntimeError("customers has no database")
    return service.db


def _creation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operator", action="store_true", required=True, help="for all organisations; required"
    )
    parser.add_argument("--name", default="operator", help="what the key is for")
    parser.add_argument(
        "--days", type=int, choices=range(1, MAX_DAYS + 1), default=365, metavar=f"1-{MAX_DAYS}"
    )


def _revocation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prefix", help="the part between hf_ and the secret")


COMMANDS = (
    Command(
        name="create-key",
        summary="make an operator key and print it once",
        run=create,
        arguments=_creation,
    ),
    Command(
        name="revoke-key",
        summary="revoke a key by its prefix",
        run=revoke,
        arguments=_revocation,
    ),
)
