"""(f) Years of business: past bookings in every service's tables, copied from real ones in SQL.

Each table's rows are copies of a row that the system itself has written a moment before; only what
must differ does: ids, instants, references, places. A column that is added tomorrow is copied too.
Two years of bookings, the latest a month ago; archives and inboxes hold their thirty days.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import asyncpg

from bench.system import System
from devstack.progress import Say

_SPACING = "interval '63 seconds'"  # between two bookings: a million in two years
_PER_CLASS = 300  # bookings of one past class
_SLOTS = 6  # past nights per day, two hours each: more nights than two years have
_KEPT = 24  # one of so many bookings is younger than thirty days, as far as messages go
_CHUNK = 50_000

# The n-th past booking (1 = oldest), its instants and ids; three in four are classes.
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION pg_temp.past_at(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT timestamptz '{until}' - ({count} - n) * {spacing} $$;
CREATE OR REPLACE FUNCTION pg_temp.past_id(kind text, n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM pg_temp.past_at(n)) * 1000)::bigint), 12, '0')
    || '7' || substr(md5(kind), 1, 3) || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;
CREATE OR REPLACE FUNCTION pg_temp.past_hash(kind text, n bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT sha256((kind || n)::bytea) $$;
CREATE OR REPLACE FUNCTION pg_temp.night_at(n bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS
$$ SELECT date_trunc('day', timestamptz '{until}') - (1 + n / {slots}) * interval '1 day'
    + (n % {slots}) * interval '4 hours' $$;
"""

# Of ten bookings eight came about, one was cancelled and one ran out.
_STATE = (
    """CASE (n % 10) WHEN 8 THEN '{cancelled}' WHEN 9 THEN '{expired}' ELSE '{confirmed}' END"""
)


def _state(confirmed: str, cancelled: str, expired: str) -> str:
    return _STATE.format(confirmed=confirmed, cancelled=cancelled, expired=expired)


_AT, _BOOKING = "pg_temp.past_at(n)", "pg_temp.past_id('booking', n)"
_RELEASED = f"CASE WHEN n % 10 >= 8 THEN {_AT} + interval '15 minutes' END"

_BOOKINGS = {
    "id": _BOOKING,
    "reference": "'P-' || t.units || '-' || n",
    "status": _state("confirmed", "cancelled", "expired"),
    "previous_status": _state("pending_payment", "confirmed", "pending_payment"),
    "payment_status": _state("paid", "refunded", "unpaid"),
    "amount_paid": "CASE WHEN n % 10 = 9 THEN 0 ELSE t.amount_total END",
    "amount_refunded": "CASE WHEN n % 10 = 8 THEN t.amount_total ELSE 0 END",
    "email_hash": "pg_temp.past_hash('email', n / 3)",
    "phone_hash": "pg_temp.past_hash('phone', n / 3)",
    "display_name": "'Test Guest ' || substr(md5(n::text), 1, 8)",
    "created_at": _AT,
    "status_at": _AT,
    "expires_at": f"{_AT} + interval '15 minutes'",
    "confirmed_at": f"CASE WHEN n % 10 < 9 THEN {_AT} + interval '1 minute' END",
    "cancelled_at": f"CASE WHEN n % 10 = 8 THEN {_AT} + interval '15 minutes' END",
    "customer_id": "pg_temp.past_id('customer', n / 3)",
    "payment_id": "pg_temp.past_id('payment', n)",
}
_CLASS = f"pg_temp.past_id('class', 1 + (n - 1) / {_PER_CLASS})"
_CLASS_DURING = f"pg_temp.past_at(1 + (n - 1) / {_PER_CLASS})"


ALL = frozenset({"booking", "payments", "customers", "notifications"})


class Past:
    """Fills the databases of one system, once."""

    def __init__(
        self, system: System, bookings: int, say: Say, services: Collection[str] = ALL
    ) -> None:
        self._system = system
        self._services = services
        self._count = bookings
        self._say = say

    async def fill(self) -> dict[str, Any]:
        """Copy, then clean up as autovacuum would have long since; row counts by table.

        Raises:
            RuntimeError: there is no confirmed booking of each kind yet to copy.
        """
        began = time.monotonic()
        fills = {
            "booking": self._booking,
            "payments": self._payments,
            "customers": self._customers,
            "notifications": self._notifications,
        }
        fills = {name: fill for name, fill in fills.items() if name in self._services}
        counts = await asyncio.gather(*(self._fill(name, fill) for name, fill in fills.items()))
        return {
            "bookings": self._count,
            "seconds": round(time.monotonic() - began),
            **dict(zip(fills, counts, strict=True)),
        }

    async def _fill(
        self, service: str, fill: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> dict[str, int]:
        connection = await self._connect(service)
        await fill(connection)
        await self._messages(connection)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        tables = await connection.fetch(
            "SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE n_live_tup >= $1 "
            "ORDER BY 2 DESC",
            self._count // 100,
        )
        size = await connection.fetchval("SELECT pg_database_size(current_database()) / 1048576")
        await connection.close()
        self._say(f"(f) {service} holds {size} MiB")
        return {row["relname"]: row["n_live_tup"] for row in tables} | {"MiB": size}

    async def _connect(self, service: str) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._system.superuser(service), command_timeout=1800)
        await connection.execute(
            # Without triggers: foreign keys hold by construction. No fsync per chunk.
            "SET session_replication_role = replica; SET synchronous_commit = off; SET jit = off"
        )
        until = await connection.fetchval("SELECT date_trunc('hour', now()) - interval '30 days'")
        await connection.execute(
            _FUNCTIONS.format(
                until=until.isoformat(), count=self._count, spacing=_SPACING, slots=_SLOTS
            )
        )
        return connection

    async def _booking(self, connection: asyncpg.Connection) -> None:
        tables = await connection.fetch(
            "SELECT id FROM resources WHERE status = 'active' ORDER BY number"
        )
        ids = ", ".join(f"'{row['id']}'" for row in tables)
        resource = f"(ARRAY[{ids}]::uuid[])[1 + n % {len(tables)}]"
        night = f"pg_temp.past_id('night', 1 + n / {len(tables)})"
        night_at = f"pg_temp.night_at(1 + n / {len(tables)})"
        of_class = "session_id IN (SELECT id FROM sessions WHERE capacity IS NOT NULL)"
        of_night = "session_id IN (SELECT id FROM sessions WHERE capacity IS NULL)"
        classes = self._count * 3 // 4

        one_class = "capacity IS NOT NULL"
        await self._copy(
            connection, "sessions", one_class,
            {
                "id": "pg_temp.past_id('class', n)",
                "starts_at": "pg_temp.past_at(n)",
                "ends_at": "pg_temp.past_at(n) + interval '1 hour'",
                "taken": str(_PER_CLASS),
            },
            1, 1 + classes // _PER_CLASS,
        )  # fmt: skip
        await self._copy(
            connection, "sessions", "capacity IS NULL",
            {
                "id": "pg_temp.past_id('night', n)",
                "starts_at": "pg_temp.night_at(n)",
                "ends_at": "pg_temp.night_at(n) + interval '2 hours'",
            },
            1, 1 + self._count // len(tables),
        )  # fmt: skip
        kinds = (
            (of_class, 1, classes, {"session_id": _CLASS}, _CLASS_DURING, {}),
            (
                of_night, classes + 1, self._count,
                {"session_id": night, "resource_ids": f"ARRAY[{resource}]"}, night_at,
                {"resource_id": resource},
            ),
        )  # fmt: skip
        for kind, first, last, place, starts_at, allocated in kinds:
            confirmed = f"status = 'confirmed' AND {kind}"
            span = {"starts_at": starts_at, "ends_at": f"{starts_at} + interval '2 hours'"}
            await self._copy(
                connection, "bookings", confirmed, _BOOKINGS | place | span, first, last
            )
            await self._copy(
                connection, "allocations", kind,
                {
                    "booking_id": _BOOKING,
                    "session_id": place["session_id"],
                    "during": f"tstzrange({starts_at}, {starts_at} + interval '2 hours')",
                    "released_at": _RELEASED,
                    **allocated,
                },
                first, last,
            )  # fmt: skip
        for action in ("booking.created", "booking.confirmed"):
            await self._copy(
                connection, "audit", f"action = '{action}'",
                {"entity_id": _BOOKING, "id": f"pg_temp.past_id('{action}', n)", "at": _AT},
                1, self._count,
            )  # fmt: skip
        await self._copy(
            connection, "receipts", "true",
            {
                "payment_id": "pg_temp.past_id('payment', n)",
                "booking_id": _BOOKING,
                "received_at": _AT,
            },
            1, self._count,
        )  # fmt: skip

    async def _payments(self, connection: asyncpg.Connection) -> None:
        await self._copy(
            connection, "payments", "status = 'succeeded'",
            {
                "id": "pg_temp.past_id('payment', n)",
                "booking_id": _BOOKING,
                "provider_ref": "'pi_past_' || n",
                "created_at": _AT,
                "updated_at": _AT,
                "expires_at": f"{_AT} + interval '15 minutes'",
            },
            1, self._count,
        )  # fmt: skip
        await self._copy(
            connection, "attempts", "state = 'done' AND kind = 'create'",
            {
                "id": "pg_temp.past_id('attempt', n)",
                "payment_id": "pg_temp.past_id('payment', n)",
                "created_at": _AT,
                "finished_at": _AT,
            },
            1, self._count,
        )  # fmt: skip
        await self._copy(
            connection, "messaging.provider_events", "settled_at IS NOT NULL",
            {"event_id": "'evt_past_' || n", "booking_id": _BOOKING},
            1, self._count // _KEPT,
        )  # fmt: skip

    async def _customers(self, connection: asyncpg.Connection) -> None:
        everyone = self._count // 3
        await self._copy(
            connection, "customers", "true",
            {"id": "pg_temp.past_id('customer', n)", "total_bookings": "3", "created_at": _AT},
            0, everyone,
        )  # fmt: skip
        for kind in ("email", "phone"):
            await self._copy(
                connection, "identifiers", f"kind = '{kind}'",
                {
                    "hash": f"pg_temp.past_hash('{kind}', n)",
                    "customer_id": "pg_temp.past_id('customer', n)",
                },
                0, everyone,
            )  # fmt: skip
        await self._copy(
            connection, "bookings_seen", "customer_id IS NOT NULL",
            {
                "booking_id": _BOOKING,
                "customer_id": "pg_temp.past_id('customer', n / 3)",
                "confirmed_at": _AT,
            },
            1, self._count,
        )  # fmt: skip

    async def _notifications(self, connection: asyncpg.Connection) -> None:
        await self._copy(
            connection, "messages", "state = 'sent'",
            {
                "id": "pg_temp.past_id('message', n)",
                "booking_id": _BOOKING,
                "message_id": "'<past-' || n || '@holdfast.example>'",
                "planned_at": _AT,
                "settled_at": _AT,
            },
            1, self._count,
        )  # fmt: skip

    async def _messages(self, connection: asyncpg.Connection) -> None:
        """Thirty days of what was sent and what was handled."""
        kept = self._count // _KEPT
        types = await connection.fetch("SELECT DISTINCT type FROM messaging.archive")
        for row in types:
            await self._copy(
                connection, "messaging.archive", f"type = '{row['type']}'",
                {
                    "message_id": f"pg_temp.past_id('{row['type']}', n)",
                    "ordering_key": f"{_BOOKING}::text",
                },
                self._count - kept + 1, self._count,
            )  # fmt: skip
            await self._copy(
                connection, "messaging.inbox", "true",
                {"message_id": f"pg_temp.past_id('inbox {row['type']}', n)"},
                self._count - kept + 1, self._count,
            )  # fmt: skip

    async def _copy(
        self,
        connection: asyncpg.Connection,
        table: str,
        template: str,
        differing: Mapping[str, str],
        *numbers: int,
    ) -> None:
        """Rows from the first to the last number of a table, like one that matches `template`."""
        first, last = numbers
        schema, _, name = table.rpartition(".")
        columns = [
            row["column_name"]
            for row in await connection.fetch(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = $1 AND table_name = $2 AND is_identity = 'NO' "
                "ORDER BY ordinal_position",
                schema or "public",
                name,
            )
        ]
        if unknown := set(differing) - set(columns):
            raise RuntimeError(f"{table} has no column {', '.join(unknown)}")
        values = ", ".join(differing.get(column, f"t.{column}") for column in columns)
        statement = (
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {values} FROM (SELECT * FROM {table} WHERE {template} LIMIT 1) t, "
            "generate_series($1::bigint, $2::bigint) AS n"
        )
        for start in range(first, last + 1, _CHUNK):
            tag = await connection.execute(statement, start, min(last, start + _CHUNK - 1))
            if tag == "INSERT 0 0":
                raise RuntimeError(f"{table} holds no row where {template}")
            await asyncio.sleep(0)
