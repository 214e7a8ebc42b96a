"""A stack of real processes that can be killed one by one, for the histories that need it."""

from collections.abc import Iterator

import pytest

from tests.chaos.conftest import LEASES
from tests.e2e.conftest import city, clock, endpoints, http, tables
from tests.e2e.system import StackSystem, System

__all__ = ["city", "clock", "endpoints", "http", "tables"]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    plan = {f"{service}-{role}": 1 for service in ("booking", "payments") for role in _ROLES}
    overrides = {"*": LEASES, "gateway": {"RATE_LIMITS": '{"keys": [100000, 60]}'}}
    found = StackSystem(tmp_path_factory.mktemp("killed"), plan=plan, overrides=overrides)
    yield found
    found.close()


_ROLES = ("api", "worker")
