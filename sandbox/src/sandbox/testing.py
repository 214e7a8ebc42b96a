"""A pytest plugin, loaded by being installed: the outside world as fixtures."""

from collections.abc import Iterator

import pytest

from sandbox import processes


@pytest.fixture(scope="session")
def stripe_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Sandbox]:
    """A Stripe of this test session's own, impatient with webhook receivers that fail."""
    state = tmp_path_factory.mktemp("stripe")
    with processes.stripe(state, "--retry-first", "0.05", "--retry-longest", "0.2") as running:
        yield running


@pytest.fixture(scope="session")
def mailbox_sandbox() -> Iterator[processes.Sandbox]:
    """A mailbox of this test session's own."""
    with processes.mailbox() as running:
        yield running
