"""Who sent how much to whom, in one SQLite file; one process per directory."""

import fcntl
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.swish.rules import Wrong, written

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS transfers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    payer TEXT NOT NULL,
    payee TEXT NOT NULL,
    amount INTEGER NOT NULL,
    message TEXT NOT NULL,
    at REAL NOT NULL,
    returns TEXT REFERENCES transfers (id)
);
CREATE INDEX IF NOT EXISTS transfers_by_payee ON transfers (payee, seq);
CREATE INDEX IF NOT EXISTS transfers_by_payer ON transfers (payer, seq);
CREATE INDEX IF NOT EXISTS transfers_returned ON transfers (returns) WHERE returns IS NOT NULL;
CREATE TABLE IF NOT EXISTS flags (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_READ = """
SELECT t.*, (SELECT coalesce(sum(amount), 0) FROM transfers b WHERE b.returns = t.id) AS returned
FROM transfers t
"""


class StateInUse(Exception):
    """Another sandbox runs on the same state directory."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that arrived at once, as in Swish it does. Amounts in öre, `at` in Unix seconds.

    `returns`: the id of the payment that it gives back. `returned`: how much of it went back.
    """

    seq: int
    id: str
    payer: str
    payee: str
    amount: int
    message: str
    at: float
    returns: str | None
    returned: int

    def shown(self) -> Json:
        return {
            "id": self.id,
            "payer": self.payer,
            "payee": self.payee,
            "amount": written(self.amount),
            "currency": "SEK",
            "message": self.message,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds"),
            "returns": self.returns,
            "returned": written(self.returned),
        }


class Store:
    """Opened on a directory, which it makes and locks. Raises StateInUse."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateInUse(f"another sandbox runs on {directory}") from error
        self._db = sqlite3.connect(directory / "swish.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)
        self.clock = Clock(self)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def send(
        self, payer: str, payee: str, amount: int, message: str, *, returns: str | None = None
    ) -> Transfer:
        """Money changes hands; the reference is the bank's own, as the receiver sees it."""
        identifier = secrets.token_hex(16).upper()
        self._db.execute(
            "INSERT INTO transfers (id, payer, payee, amount, message, at, returns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (identifier, payer, payee, amount, message, self.clock.now(), returns),
        )
        return self.get(identifier)

    def give_back(self, identifier: str, amount: int | None) -> Transfer:
        """The receiver sends back `amount`, or all that is left of a payment.

        Raises:
            KeyError: no payment has this id.
            Wrong: it is more than is left.
        """
        paid = self.get(identifier)
        left = paid.amount - paid.returned
        if paid.returns is not None:
            raise Wrong("amount", "what was given back is not given back again")
        if not left or (amount or left) > left:
            raise Wrong("amount", f"{written(left)} kronor are left of this payment")
        return self.send(paid.payee, paid.payer, amount or left, paid.message, returns=paid.id)

    def get(self, identifier: str) -> Transfer:
        """Raises KeyError."""
        row = self._db.execute(f"{_READ} WHERE id = ?", (identifier,)).fetchone()
        if row is None:
            raise KeyError(identifier)
        return Transfer(**row)

    def received(self, payee: str, *, after: int = 0) -> list[Transfer]:
        """What came to a number, newest first."""
        rows = self._db.execute(
            f"{_READ} WHERE payee = ? AND seq > ? ORDER BY seq DESC",
            (payee, after),
        )
        return [Transfer(**row) for row in rows]

    def of_phone(self, number: str) -> list[Transfer]:
        """What a phone sent and got, newest first."""
        rows = self._db.execute(
            f"{_READ} WHERE payer = ? OR payee = ? ORDER BY seq DESC",
            (number, number),
        )
        return [Transfer(**row) for row in rows]

    def businesses(self) -> list[str]:
        """Numbers that were paid, the latest first."""
        rows = self._db.execute(
            "SELECT payee FROM transfers WHERE returns IS NULL"
            " GROUP BY payee ORDER BY max(seq) DESC"
        )
        return [row["payee"] for row in rows]

    # Flags: what the clock keeps

    def flag(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM flags WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set_flag(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO flags VALUES (?, ?)", (name, value))
