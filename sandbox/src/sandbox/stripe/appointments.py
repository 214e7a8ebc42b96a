"""What will happen by itself, and when."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Appointment:
    """`work` names what is done to the object `id`; `due` is Unix seconds of the sandbox's time."""

    seq: int
    tenant: str
    work: str
    id: str
    due: int


class Appointments:
    """The appointments table of a store's database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, tenant: str, work: str, identifier: str, due: int) -> None:
        self._db.execute(
            "INSERT INTO appointments (tenant, work, id, due) VALUES (?, ?, ?, ?)",
            (tenant, work, identifier, due),
        )

    def next(self) -> Appointment | None:
        """The earliest of every account."""
        row = self._db.execute(
            "SELECT seq, tenant, work, id, due FROM appointments ORDER BY due, seq LIMIT 1"
        ).fetchone()
        return Appointment(*row) if row else None

    def remove(self, appointment: Appointment) -> None:
        self._db.execute("DELETE FROM appointments WHERE seq = ?", (appointment.seq,))
