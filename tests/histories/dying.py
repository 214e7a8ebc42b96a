"""Processes that die in this one: at an armed failpoint everything in hand is dropped.

`chassis.failpoints.reach` kills the process. Thousands of deaths need something cheaper: here it
raises `Killed`, which no `except Exception` holds up, and whoever drove the process throws its
memory away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from chassis import failpoints


class Killed(BaseException):
    """This is where the process died."""


class Fate:
    """Where the next process of a lane dies, if it dies."""

    def __init__(self) -> None:
        self.place: str | None = None

    @contextmanager
    def shared(self) -> Iterator[None]:
        """What runs in this block dies where it is armed to."""
        token = _fate.set(self)
        try:
            yield
        finally:
            _fate.reset(token)

    @contextmanager
    def armed(self, place: str | None) -> Iterator[None]:
        """Die at `place`, once, within this block; None: live."""
        assert place is None or place in failpoints.NAMES
        self.place = place
        try:
            with self.shared():
                yield
        finally:
            self.place = None


_fate: ContextVar[Fate | None] = ContextVar("fate", default=None)


def _reach(name: str) -> None:
    fate = _fate.get()
    if fate is not None and fate.place == name:
        fate.place = None
        raise Killed(name)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let failpoints raise instead of killing the test."""
    monkeypatch.setattr(failpoints, "reach", _reach)
