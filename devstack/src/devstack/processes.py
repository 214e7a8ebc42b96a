"""Processes that outlive the command that started them, and are ended only when ours.

A pid alone proves nothing after a reboot or a wrap, so each pid file also holds the moment the
kernel started that process; both must match before a signal is sent.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack.errors import StackError, StartError

MARK = "HOLDFAST_STACK"  # in the environment of everything a stack starts


@dataclass(frozen=True)
class Identity:
    """A process, for good: its pid and when the kernel started it."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return started_at(self.pid) == self.started


def started_at(pid: int) -> str | None:
    """The kernel's start mark of a live process, None when there is none or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _started_without_proc(pid)
    except (ProcessLookupError, PermissionError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _started_without_proc(pid: int) -> str | None:
    said = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = said.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def group_lives(group: int) -> bool:
    """Whether a process of this group still runs (zombies do not, once all their threads ended)."""
    if not Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            os.killpg(group, 0)
            return True
        return False
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp, *_ = entry.read_text().rpartition(")")[2].split()
            if int(pgrp) == group and (state not in "ZX" or _has_threads(entry.parent)):
                return True
    return False


def _has_threads(process: Path) -> bool:
    """Whether threads of a process outlive its first one: until they end, its ports are held."""
    return len(list((process / "task").iterdir())) > 1


@dataclass
class Daemon:
    """One program of a stack: how it is started, where its pid and output go."""

    name: str
    run_dir: Path
    argv: Sequence[str]
    env: Mapping[str, str]
    user: int | None = None
    group: int | None = None
    stop_signal: int = signal.SIGTERM
    whole_group: bool = False  # a shell wrapper: SIGKILL must reach its children too
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid_file(self) -> Path:
        return self.run_dir / "pids" / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.run_dir / "logs" / f"{self.name}.log"

    @property
    def identity(self) -> Identity | None:
        """The running process, None when it does not run."""
        return running(self.pid_file)

    @property
    def pid(self) -> int | None:
        found = self.identity
        return found.pid if found else None

    def start(self, extra_env: Mapping[str, str] | None = None) -> bool:
        """Start it unless it runs; whether a process was started.

        Raises:
            StackError: the program can't be executed.
        """
        if self.identity:
            return False
        self._reap()
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        env = {**self.env, **(extra_env or {}), MARK: str(self.run_dir)}
        with self.log.open("ab") as log:
            try:
                self._child = subprocess.Popen(
                    self.argv,
                    env=env,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=self.user,
                    group=self.group,
                    extra_groups=None if self.user is None else [],
                )
            except OSError as error:
                raise StackError(f"{self.name} can't be started: {error}") from error
        note = {"pid": self._child.pid, "started": started_at(self._child.pid) or "gone"}
        self.pid_file.write_text(json.dumps(note))
        return True

    def start_until(self, answers: Callable[[], bool], seconds: float, *, crashed: bool) -> None:
        """Start it and return when it answers; does nothing when it runs.

        `crashed`: the last one was killed, and a new one ends at once for as long as what it left
        (sessions, a name, a port) is held; it is started again and again.

        Raises:
            StartError: it ended, or does not answer after `seconds`.
        """
        deadline = time.monotonic() + seconds
        self.start()
        while not answers():
            ended = self.identity is None
            if ended and not crashed:
                raise StartError(self.name, "ended at once", self.log)
            if time.monotonic() > deadline:
                raise StartError(self.name, f"gave no answer in {seconds:.0f} s", self.log)
            if ended:
                self.start()
            time.sleep(0.1)

    def signal(self, number: int) -> None:
        """Send a signal to our process; nothing when it does not run."""
        found = self.identity
        if not found:
            return
        with contextlib.suppress(ProcessLookupError):
            if self.whole_group and number == signal.SIGKILL:
                os.killpg(found.pid, number)
            else:
                os.kill(found.pid, number)

    def wait_exit(self, seconds: float = 30) -> int | None:
        """Wait until it has ended; its return code where we are its parent (-9 = SIGKILL).

        Raises:
            TimeoutError: it still runs.
        """
        deadline = time.monotonic() + seconds
        while self._child.poll() is None if self._child else self.identity is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs after {seconds:.0f} s")
            time.sleep(0.02)
        self.pid_file.unlink(missing_ok=True)
        return self._reap()

    def stop(self, seconds: float = 20) -> None:
        """Ask it to end; SIGKILL when it has not after `seconds`."""
        self.signal(self.stop_signal)
        try:
            self.wait_exit(seconds)
        except TimeoutError:
            self.kill9()

    def kill9(self) -> None:
        """End it as a crash would: SIGKILL, then wait until it is gone."""
        group = self.pid if self.whole_group else None
        self.signal(signal.SIGKILL)
        self.wait_exit(120)
        # What its children still hold, such as a port, would be in the way of the next start.
        deadline = time.monotonic() + 120
        while group is not None and group_lives(group) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _reap(self) -> int | None:
        child, self._child = self._child, None
        return child.wait() if child else None


def running(pid_file: Path) -> Identity | None:
    """The live process a pid file names; None when there is none, or the pid is someone else's."""
    try:
        noted = json.loads(pid_file.read_text())
        found = Identity(int(noted["pid"]), str(noted["started"]))
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return found if found.alive else None


def stop_all(daemons: Sequence[Daemon], seconds: float = 20) -> None:
    """Ask all to end at once, then wait for each; what has not ended by then is killed."""
    for daemon in daemons:
        daemon.signal(daemon.stop_signal)
    deadline = time.monotonic() + seconds
    for daemon in daemons:
        try:
            daemon.wait_exit(max(0.1, deadline - time.monotonic()))
        except TimeoutError:
            daemon.kill9()


def strays(run_dir: Path) -> list[Identity]:
    """Live processes that carry this stack's mark in their environment (Linux only)."""
    wanted = f"{MARK}={run_dir}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        pid = int(entry.parent.name)
        if pid == os.getpid():
            continue
        try:
            marked = wanted in entry.read_bytes().split(b"\0")
        except OSError:
            continue
        started = started_at(pid) if marked else None
        if started:
            found.append(Identity(pid, started))
    return found


def end_strays(run_dir: Path) -> int:
    """Kill what a lost pid file left running; how many there were."""
    ended = 0
    for stray in strays(run_dir):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if stray.alive:
                os.kill(stray.pid, signal.SIGKILL)
                ended += 1
    return ended
