"""Free loopback ports, outside the range the kernel gives to outgoing connections."""

import random
import socket
from collections.abc import Iterable, Mapping

_FIRST, _LAST = 20_000, 32_000  # Linux hands out 32768 and up to clients


def is_free(port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:`port` right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def choose(names: Iterable[str], preferred: Mapping[str, int] | None = None) -> dict[str, int]:
    """A distinct free port for each name; the preferred one where nobody has it.

    Raises:
        OSError: no free port was found in 500 draws.
    """
    chosen: dict[str, int] = {}
    wishes = preferred or {}
    for name in names:
        wish = wishes.get(name, 0)
        if wish and wish not in chosen.values() and is_free(wish):
            chosen[name] = wish
            continue
        for _ in range(500):
            port = random.randint(_FIRST, _LAST)  # noqa: S311 - spreads stacks apart, no secret
            if port not in chosen.values() and is_free(port):
                chosen[name] = port
                break
        else:
            raise OSError(f"no free loopback port between {_FIRST} and {_LAST}")
    return chosen
