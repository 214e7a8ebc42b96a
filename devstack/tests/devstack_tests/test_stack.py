"""The whole system as tests use it; about half a minute."""

import gc
import json
import signal
import socket
import stat

import pytest

from devstack import postgres, rabbitmq, web
from devstack.processes import strays
from devstack.stack import Stack

pytestmark = pytest.mark.skipif(
    not (postgres.find_binaries() and rabbitmq.find_binaries()),
    reason="PostgreSQL or RabbitMQ is not installed",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """It starts though somebody takes a port of the gateway's at the last moment."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HOLDFAST_SERVERS", "private")
    directory = tmp_path_factory.mktemp("stack")
    running = Stack(directory, plan={"booking-worker": 2})
    choose = running._choose_ports
    taken = []

    def choose_in_vain():
        chosen = choose()
        if not taken:
            taken.append(socket.create_server(("127.0.0.1", chosen["gateway"])))
        return chosen

    patch.setattr(running, "_choose_ports", choose_in_vain)
    with running:
        assert running.wiring.ports["gateway"] != taken[0].getsockname()[1]
        gc.collect()  # a child that nobody waited for would complain here
        yield running
    taken[0].close()
    patch.undo()
    assert strays(directory) == []
    assert {entry.name for entry in directory.iterdir()} == {"logs"}


def test_every_process_of_the_plan_is_ready(stack):
    assert {"booking-api", "booking-worker", "booking-worker-2", "payments"} <= set(stack.processes)
    for process in stack.processes.values():
        process.wait_ready()


def test_addresses_are_written_for_their_owner_only(stack):
    assert json.loads(stack.endpoints_file.read_text()) == json.loads(json.dumps(stack.endpoints))
    assert stat.S_IMODE(stack.endpoints_file.stat().st_mode) == 0o600
    assert web.ok(f"{stack.endpoints['gateway']}/livez", timeout=120)


def test_a_killed_worker_is_started_again_with_other_settings(stack):
    worker = stack.process("booking-worker-2")
    before = worker.pid
    worker.daemon.signal(signal.SIGKILL)
    assert worker.wait_exit() == -signal.SIGKILL
    worker.restart(env={"LOG_LEVEL": "DEBUG"})
    assert worker.pid != before
    worker.wait_ready()
    stack.process("booking-worker").wait_ready()


def test_another_command_finds_the_same_processes(stack):
    other = Stack.existing(stack.run_dir)
    assert other is not None
    assert {name: part.pid for name, part in other.processes.items()} == {
        name: part.pid for name, part in stack.processes.items()
    }


def test_a_worker_is_ready_again_once_the_broker_is_back(stack):
    stack.kill_broker()
    assert web.ok(f"{stack.endpoints['gateway']}/livez", timeout=120)
    stack.start_broker()
    stack.process("booking-worker").wait_ready()
    stack.process("payments").wait_ready()


def test_seeding_twice_makes_nothing_twice(stack):
    stack.seed()
    first = json.dumps(stack.endpoints["demo"], sort_keys=True)
    stack.seed()
    assert json.dumps(stack.endpoints["demo"], sort_keys=True) == first
    tables = stack.endpoints["demo"]["organisations"]["backroom-leeds"]["offerings"]
    assert [len(offering["resources"]) for offering in tables.values()] == [12]
