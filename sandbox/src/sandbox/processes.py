"""The sandbox as a child process, for tests of whoever talks to it."""

import json
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A receiver on a busy machine takes long to answer; given up too soon, it is told twice.
_PATIENT = ("--delivery-timeout", "120")


class NotStarted(Exception):
    """The process ended before it listened; the message is what it said."""


class Sandbox:
    """A running party. `url` is its HTTP address; `smtp` the mailbox's other one."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "sandbox", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = self._first_line()
        self.said: deque[str] = deque(maxlen=200)
        # Somebody has to read what it logs, or the full pipe would stop it.
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self.url: str = said["url"]
        self.smtp: str = said.get("smtp", "")
        self.pid = self._process.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait; SIGKILL is as good as a crash."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        if self._process.stdout is not None:
            self.said.extend(self._process.stdout)

    def _first_line(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for above
        line = self._process.stdout.readline()
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            self._process.wait()
            rest = self._process.stdout.read()
            self._process.stdout.close()
            raise NotStarted(line + rest) from None
        return said


@contextmanager
def stripe(state: Path, *arguments: str, port: int = 0) -> Iterator[Sandbox]:
    """A Stripe sandbox on a free loopback port, stopped on leaving; see `stripe --help`."""
    running = Sandbox(["stripe", "--port", str(port), "--state", str(state), *_PATIENT, *arguments])
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def paypal(state: Path, *arguments: str, port: int = 0) -> Iterator[Sandbox]:
    """A PayPal sandbox on a free loopback port, stopped on leaving; see `paypal --help`."""
    running = Sandbox(["paypal", "--port", str(port), "--state", str(state), *_PATIENT, *arguments])
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def swish(state: Path, *arguments: str, port: int = 0) -> Iterator[Sandbox]:
    """A Swish sandbox on a free loopback port, stopped on leaving; see `swish --help`."""
    running = Sandbox(["swish", "--port", str(port), "--state", str(state), *arguments])
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def mailbox(*arguments: str) -> Iterator[Sandbox]:
    """A mailbox on free loopback ports, stopped on leaving; see `mailbox --help`."""
    running = Sandbox(["mailbox", "--port", "0", "--smtp-port", "0", *arguments])
    try:
        yield running
    finally:
        running.stop()
