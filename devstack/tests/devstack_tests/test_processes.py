import json
import os
import signal
import subprocess
import sys
import time

import pytest

from devstack.errors import StackError
from devstack.processes import Daemon, end_strays, group_lives, running, stop_all, strays

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(argv=SLEEP, name="part", **options):
        daemon = Daemon(name, tmp_path, argv, dict(os.environ), **options)
        daemon.start()
        started.append(daemon)
        return daemon

    yield begin
    for daemon in started:
        daemon.kill9()


def test_a_started_process_is_found_by_another_command(start, tmp_path):
    daemon = start()
    other = Daemon("part", tmp_path, SLEEP, {})
    assert other.pid == daemon.pid


def test_starting_what_runs_changes_nothing(start):
    daemon = start()
    before = daemon.pid
    assert daemon.start() is False
    assert daemon.pid == before


def test_a_killed_process_says_how_it_ended(start):
    daemon = start()
    daemon.signal(signal.SIGKILL)
    assert daemon.wait_exit(60) == -signal.SIGKILL
    assert daemon.pid is None


def test_a_killed_group_is_gone_when_the_call_returns(start):
    script = f"{sys.executable} -c 'import time; time.sleep(60)' & echo up; wait"
    daemon = start(["/bin/sh", "-c", script], whole_group=True)
    deadline = time.monotonic() + 60
    while "up" not in daemon.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    group = daemon.pid
    assert group is not None
    assert group_lives(group)
    daemon.kill9()
    assert not group_lives(group)


def test_what_ignores_a_polite_request_is_killed(start):
    daemon = start(STUBBORN)
    deadline = time.monotonic() + 60
    while "up" not in daemon.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    daemon.stop(seconds=0.3)
    assert daemon.pid is None


def test_several_are_asked_at_once(start):
    daemons = [start(name=f"part-{number}") for number in range(3)]
    stop_all(daemons, seconds=60)
    assert [daemon.pid for daemon in daemons] == [None, None, None]


def test_a_pid_that_now_belongs_to_someone_else_is_left_alone(tmp_path):
    stranger = subprocess.Popen(SLEEP)
    try:
        file = tmp_path / "pids" / "part.json"
        file.parent.mkdir()
        file.write_text(json.dumps({"pid": stranger.pid, "started": "1"}))
        assert running(file) is None
        Daemon("part", tmp_path, SLEEP, {}).stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_whose_pid_file_was_lost_is_still_found_and_ended(start, tmp_path):
    daemon = start()
    lost = daemon.pid
    daemon.pid_file.unlink()
    assert [stray.pid for stray in strays(tmp_path)] == [lost]
    assert end_strays(tmp_path) == 1
    assert daemon.wait_exit(60) == -signal.SIGKILL


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StackError, match="part can't be started"):
        Daemon("part", tmp_path, ["/nowhere/at/all"], {}).start()
