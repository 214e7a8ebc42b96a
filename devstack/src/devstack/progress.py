"""Lines for a person who waits: elapsed seconds, then what happens."""

import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]


def clock() -> Say:
    """A reporter whose seconds count from now."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {text}", file=sys.stderr, flush=True)

    return say


def silent(_: str) -> None:
    """For tests: nobody waits at the terminal."""
