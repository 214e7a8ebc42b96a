"""Private servers on this machine; skipped where neither is installed."""

import contextlib
import os
import signal
import socket
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from devstack import paths, postgres, rabbitmq, sql, web
from devstack.errors import StackError
from devstack.keys import load
from devstack.processes import strays
from devstack.progress import silent
from devstack.servers import Tuning, find_servers, known_servers

pytestmark = pytest.mark.skipif(
    not (postgres.find_binaries() and rabbitmq.find_binaries()),
    reason="PostgreSQL or RabbitMQ is not installed",
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def servers(run_dir):
    patch = pytest.MonkeyPatch()
    patch.setenv("HOLDFAST_SERVERS", "private")
    found = find_servers(run_dir, load(run_dir), Tuning(durable=False), silent)
    found.start_postgres()
    found.start_broker()
    yield found
    found.discard()
    patch.undo()
    assert strays(run_dir) == []
    assert not (run_dir / "rabbitmq").exists()
    assert not postgres.choose_runner(run_dir).home.exists()


def test_a_crash_of_either_server_loses_nothing(servers):
    sql.execute(servers.postgres_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    servers.kill_postgres()
    servers.kill_broker()
    assert not sql.answers(servers.postgres_url)
    servers.start_postgres()
    servers.start_broker()
    assert sql.fetch(servers.postgres_url, "SELECT n FROM kept") == [(7,)]
    names = {queue["name"] for queue in web.call("GET", f"{servers.management}/api/queues").body}
    assert "holdfast.payments" in names


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_start_waits_for_the_sessions_of_a_server_that_crashed(servers):
    """A stopped process can't notice that its server is gone, so the first start is refused."""
    slow = children_of(servers.pids()["postgres"])
    log = servers.postgres.daemon.log
    already = log.stat().st_size
    try:
        for pid in slow:
            os.kill(pid, signal.SIGSTOP)
        servers.kill_postgres()
        with ThreadPoolExecutor(1) as thread:
            starting = thread.submit(servers.start_postgres)
            deadline = time.monotonic() + 60
            while b"still in use" not in log.read_bytes()[already:]:
                assert time.monotonic() < deadline, "nothing was in the way of the start"
                time.sleep(0.02)
            assert not starting.done()
            for pid in slow:
                os.kill(pid, signal.SIGKILL)
            starting.result(120)
    finally:
        for pid in slow:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert sql.answers(servers.postgres_url)


def test_a_start_waits_for_what_a_node_that_crashed_still_holds(servers):
    """Its port is taken, so the first start is refused and another is tried."""
    servers.kill_broker()
    port = servers.rabbit.ports["management"]
    with ThreadPoolExecutor(1) as thread:
        with taken(port):
            starting = thread.submit(servers.start_broker)
            tried = set()
            deadline = time.monotonic() + 200
            while len(tried) < 2:
                assert time.monotonic() < deadline, "it was not tried again"
                assert not starting.done(), starting.exception()
                tried |= {servers.rabbit.daemon.pid} - {None}
                time.sleep(0.02)
        starting.result(240)
    assert web.call("GET", f"{servers.management}/api/overview").status == 200


def taken(port):
    """The port, ours once its last holder has let go of it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def children_of(parent):
    stats = {
        int(entry.parent.name): entry.read_text() for entry in Path("/proc").glob("[0-9]*/stat")
    }
    return [pid for pid, text in stats.items() if int(text.rpartition(")")[2].split()[1]) == parent]


def test_starting_again_keeps_addresses_and_processes(servers, run_dir):
    servers.start_postgres()
    servers.start_broker()
    before = servers.pids()
    servers.start_postgres()
    servers.start_broker()
    assert servers.pids() == before
    again = known_servers(run_dir, load(run_dir), Tuning(durable=False))
    assert again is not None
    assert (again.postgres_url, again.amqp) == (servers.postgres_url, servers.amqp)


def test_a_password_is_required(servers):
    open_door = servers.postgres_url.replace(load_password(servers), "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        sql.fetch(open_door, "SELECT 1")
    assert (
        web.call(
            "GET", f"{servers.management.replace('://holdfast:', '://x:')}/api/overview"
        ).status
        == 401
    )


def load_password(servers):
    return servers.postgres_url.split(":")[2].split("@")[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_root_keeps_data_elsewhere_when_the_unprivileged_user_cannot_reach_it(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert postgres.choose_runner(closed / "run").home == postgres.spare_home(closed / "run")


def test_who_may_pass_through_a_folder(tmp_path):
    tmp_path.chmod(0o750)
    facts = tmp_path.stat()
    mine = paths.reachable_by(tmp_path, facts.st_uid, frozenset())
    assert mine == all(
        parent.stat().st_uid == facts.st_uid or parent.stat().st_mode & stat.S_IXOTH
        for parent in tmp_path.parents
    )
    assert not paths.reachable_by(tmp_path, facts.st_uid + 4711, frozenset())
    tmp_path.chmod(0o700)


def test_a_data_directory_that_someone_else_made_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    runner = postgres.Runner(tmp_path / "link")
    binaries = postgres.find_binaries()
    assert binaries is not None
    server = postgres.PrivatePostgres(tmp_path, binaries, runner, 1, "secret")
    with pytest.raises(StackError, match="is not ours"):
        server.start()
    assert list(elsewhere.iterdir()) == []
