"""A stack with every role in a process of its own, so that each can be killed by itself."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import city, clock, endpoints, http, mailbox, tables
from tests.e2e.system import SERVICES, StackSystem, System

__all__ = ["city", "clock", "endpoints", "http", "mailbox", "tables"]

# What a killed process held is free for others after this long; the defaults are 10 s and 60 s.
LEASES = {"LEASE_SECONDS": "2", "INTENT_LEASE_SECONDS": "8"}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    plan = {f"{service}-{role}": 1 for service in SERVICES for role in ("api", "worker")}
    found = StackSystem(tmp_path_factory.mktemp("chaos"), plan=plan, overrides={"*": LEASES})
    yield found
    found.close()
