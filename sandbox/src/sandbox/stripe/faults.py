"""Trouble on demand: the next requests fail, are slow, or lose their answer."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(slots=True)
class Fault:
    """What befalls the next `count` requests to a matching method and path.

    `delay` seconds pass before the request is carried out, or after it with `after`. `status` is
    answered in place of the real answer; with `after` the effect has happened all the same. `drop`
    cuts the connection in the middle of the answer.
    """

    count: int = 1
    method: str = "*"
    path: str = "*"
    status: int | None = None
    delay: float = 0.0
    after: bool = False
    drop: bool = False


class Faults:
    """In memory only: a restarted sandbox is a healthy one."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        self.planned.append(fault)

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that matches, counted down."""
        for fault in self.planned:
            if fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path):
                fault.count -= 1
                if fault.count <= 0:
                    self.planned.remove(fault)
                return fault
        return None
