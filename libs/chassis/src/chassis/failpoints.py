"""Places where a test can kill this process, to prove that a crash there loses nothing.

`HOLDFAST_FAILPOINT=relay.after_publish:3` kills the process (SIGKILL, no clean-up) the third time
it passes `reach("relay.after_publish")`; without a number, the first time. Production refuses it.
"""

import os
import signal

VARIABLE = "HOLDFAST_FAILPOINT"

NAMES = frozenset(
    {
        "db.after_commit",
        "relay.after_publish",
        "relay.after_confirm",
        "relay.before_delete",
        "consumer.before_ack",
        "timer.after_commit",
        "intent.before_call",
        "intent.after_call",
        "webhook.after_store",
        "reconcile.within_page",
    }
)


class BadFailpoint(ValueError):
    """The failpoint variable does not read `name` or `name:n`, or names no known place."""


class _Armed:
    """Which place is armed and how many passes are left; read from the environment at first use."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.passes_left = 0
        self.loaded = False


_armed = _Armed()


def parse(text: str) -> tuple[str, int]:
    """Name and pass number (>= 1) in `name[:n]`.

    Raises:
        BadFailpoint: unknown name or not a positive number.
    """
    name, _, count = text.partition(":")
    if name not in NAMES:
        raise BadFailpoint(f"unknown failpoint; known: {', '.join(sorted(NAMES))}")
    if count and (not count.isascii() or not count.isdigit() or int(count) < 1):
        raise BadFailpoint("the number after the colon must be 1 or more")
    return name, int(count or 1)


def armed(name: str) -> bool:
    """Whether this place is the armed one, for code that must behave so that it can be reached."""
    if not _armed.loaded:
        _load()
    return _armed.name == name


def reach(name: str) -> None:
    """Pass a failpoint; does not return when it is armed and this is the chosen pass."""
    if not armed(name):
        return
    _armed.passes_left -= 1
    if _armed.passes_left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _load() -> None:
    _armed.loaded = True
    text = os.environ.get(VARIABLE)
    # The settings refuse the variable in production; this is the second lock on the same door.
    if text and os.environ.get("ENVIRONMENT", "production") != "production":
        _armed.name, _armed.passes_left = parse(text)
