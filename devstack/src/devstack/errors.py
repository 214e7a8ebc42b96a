"""What goes wrong on the way up, said so that a person can act on it."""

from pathlib import Path


class StackError(Exception):
    """The stack can't do what was asked; the message says why and what to do."""


class StartError(StackError):
    """A process ended or never became ready; carries the end of its log."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        tail = "\n".join(f"    {line}" for line in tail_of(log))
        super().__init__(f"{name} {why}. The end of {log}:\n{tail or '    (empty)'}")
        self.name = name
        self.why = why


class PortTakenError(StartError):
    """Another program listens where a process of ours was to."""


def tail_of(log: Path, lines: int = 25) -> list[str]:
    """The last `lines` lines of a log; none when it does not exist."""
    if not log.exists():
        return []
    with log.open("rb") as source:
        source.seek(0, 2)
        source.seek(max(0, source.tell() - 32_000))
        return source.read().decode("utf-8", "replace").splitlines()[-lines:]
