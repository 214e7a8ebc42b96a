"""The service's database: a small pool, and transactions that carry their messages.

SQLAlchemy opens the connections and compiles ordinary statements; statements that matter for speed
go to asyncpg directly, on the same connection and in the same transaction (decision 0002).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

import asyncpg
import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import failpoints, telemetry
from chassis.ids import uuid7
from chassis.messaging import outbox
from chassis.pool import DatabaseAway, Pool, Pooled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import CursorResult, Executable
    from sqlalchemy.ext.asyncio import AsyncConnection

    from chassis.messaging.meta import Meta
    from contracts import Message

log = structlog.get_logger(__name__)
T = TypeVar("T")

CONNECTION_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",  # every statement here is short; compiling one costs more than running it
    "lock_timeout": "2s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}

# The winner of a deadlock is only now being woken; without a pause we could take its lock again,
# and on a busy machine a short one may not be enough.
_PAUSES = (0.03, 0.1, 0.3)  # seconds

_SOON = timedelta(seconds=60)  # far longer than a transaction and a worker's pause together


class Written(NamedTuple):
    """What a committed transaction left for the workers, so that the right ones wake."""

    messages: bool
    timers: bool
    intents: bool


class Transaction:
    """One open transaction of one organisation, and the messages that will commit with it.

    Reads and writes go to the database at once. Messages, timers and intents are collected and
    written together just before the commit, after every row lock has been taken.
    """

    def __init__(
        self,
        driver: asyncpg.Connection,
        connection: AsyncConnection,
        org_id: UUID | None,
        cause: Meta | None,
    ) -> None:
        self.org_id = org_id
        self.cause = cause
        self._driver = driver
        self._connection = connection
        self._now: datetime | None = None
        self._rows: list[outbox.NewRow] = []
        self._intents: list[outbox.NewIntent] = []
        self._unscheduled: list[str] = []

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        return await self._driver.fetch(sql, *args)  # type: ignore[no-any-return]

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        return await self._driver.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._driver.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement and return its command tag, such as ``UPDATE 1``."""
        return await self._driver.execute(sql, *args)  # type: ignore[no-any-return]

    async def core(self, statement: Executable) -> CursorResult[Any]:
        """Run a SQLAlchemy Core statement in this transaction."""
        return await self._connection.execute(statement)

    async def now(self) -> datetime:
        """The database's clock plus the test offset, in UTC; the same all through a transaction."""
        if self._now is None:
            self._now = await self._driver.fetchval("SELECT messaging.now()")
        return self._now

    def observe_now(self, now: datetime) -> None:
        """Take ``messaging.now()`` from a statement that already returned it, sparing a query."""
        self._now = now

    def publish(self, message: Message, *, key: str, sequence: int) -> UUID:
        """Send a fact to every service that listens to its type, if this transaction commits.

        Messages of one ``key`` (the aggregate's id) leave in commit order; ``sequence`` is the
        aggregate's version, by which projections ignore stale ones. Returns the message id.
        """
        message_id = uuid7()
        self._rows.append(
            outbox.NewRow(
                message_id=message_id,
                type=message.TYPE,
                key=key,
                sequence=sequence,
                payload=message.to_json().decode(),
                due_at=None,
                timer_key=None,
            )
        )
        return message_id

    def schedule(self, message: Message, *, due_at: datetime, key: str) -> UUID:
        """Hand ``message`` to this service's own handler at ``due_at``; the same key replaces.

        Timers never touch the broker, so they fire while it is down. The id is minted for the due
        instant, because the inbox forgets ids by their age.
        """
        message_id = uuid7(due_at)
        self._rows = [row for row in self._rows if row.timer_key != key]
        self._rows.append(
            outbox.NewRow(
                message_id=message_id,
                type=message.TYPE,
                key=key,
                sequence=0,
                payload=message.to_json().decode(),
                due_at=due_at,
                timer_key=key,
            )
        )
        return message_id

    def unschedule(self, key: str) -> None:
        """Drop the timer with this key, if there is one: its reason is gone."""
        self._rows = [row for row in self._rows if row.timer_key != key]
        self._unscheduled.append(key)

    def intend(self, kind: str, *, subject: str, lane: str, payload: dict[str, Any]) -> UUID:
        """Record that an outside call must happen; a worker makes it after the commit.

        ``subject`` is unique per ``kind``, so the same intent recorded twice is one call. ``lane``
        bounds how many calls to one outside account run at once.
        """
        intent = outbox.NewIntent(uuid7(), kind, subject, lane, payload)
        self._intents.append(intent)
        return intent.id

    async def flush(self) -> Written:
        """Write what was collected. Called once, by ``Database``, right before the commit."""
        if self._unscheduled:
            await outbox.unschedule(self._driver, self._unscheduled)
        if self._rows:
            await outbox.insert(self._driver, self._rows, self.org_id, telemetry.traceparent())
        if self._intents:
            await outbox.insert_intents(
                self._driver, self._intents, self.org_id, telemetry.traceparent()
            )
        return Written(
            messages=any(row.due_at is None for row in self._rows),
            timers=any(self._is_soon(row.due_at) for row in self._rows if row.due_at is not None),
            intents=bool(self._intents),
        )

    def _is_soon(self, due_at: datetime) -> bool:
        """Whether a timer is due before the workers look by themselves, which they often do."""
        return self._now is None or due_at < self._now + _SOON


class Database:
    """The pool of one process, and the only way to open a transaction.

    Args:
        url: ``postgresql://role:password@host:port/name`` of the service role.
        pool_size: connections held at most; a caller waits up to 10 s for one.
        application_name: shown in ``pg_stat_activity``.
    """

    def __init__(self, url: str, *, pool_size: int = 5, application_name: str = "holdfast") -> None:
        self.dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._application_name = application_name
        self.instance = uuid4().hex  # tells this process's notifications from the others'
        self.alone = False  # whether this process is the service's only worker, as far as known
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            # Transactions are opened by hand, together with the tenant, in one round trip.
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            connect_args={
                "timeout": 5,
                "server_settings": {"application_name": application_name, **CONNECTION_SETTINGS},
            },
        )
        self._pool = Pool(engine, pool_size)
        self._listeners: list[Callable[[Written], None]] = []

    def on_commit(self, listener: Callable[[Written], None]) -> None:
        """Call ``listener`` after every commit that left work for workers. It must not block."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def transaction(
        self, org_id: UUID | None, *, cause: Meta | None = None, plan_once: bool = False
    ) -> AsyncIterator[Transaction]:
        """Open a transaction that sees one organisation's rows only.

        Leaving the block normally commits state and messages together; any exception rolls both
        back. ``org_id`` None sees no business row at all, only the messaging schema.

        ``plan_once``: each connection plans each statement once, whatever its arguments. For
        transactions that always look things up in the same way; else the planner may prefer to
        plan for the arguments, each time, which costs more than to run them.

        Raises:
            chassis.pool.DatabaseAway: no connection to be had.
            asyncpg.PostgresError, sqlalchemy.exc.DBAPIError: a statement was refused.
        """
        pooled = await self._begin(org_id, plan_once=plan_once)
        driver = pooled.driver
        try:
            tx = Transaction(driver, pooled.connection, org_id, cause)
            yield tx
            written = await tx.flush()
            await driver.execute("COMMIT")
        except BaseException as error:
            await self._abandon(pooled, error)
            raise
        finally:
            await self._pool.give_back(pooled)
        if any(written):
            failpoints.reach("db.after_commit")
            for listener in self._listeners:
                listener(written)

    async def _begin(self, org_id: UUID | None, *, plan_once: bool) -> Pooled:
        """A connection with a transaction open in it.

        A connection that the server has ended may look open until it is used. Nothing has happened
        yet when BEGIN fails, so another one is taken, until a new one fails as well.
        """
        begin = "BEGIN" if org_id is None else f"BEGIN; SET LOCAL app.org_id = '{org_id!s}'"
        if plan_once:
            begin += "; SET LOCAL plan_cache_mode = force_generic_plan"
        for _ in range(self._pool.size + 1):
            pooled = await self._pool.take()
            try:
                await pooled.driver.execute(begin)
            except BaseException as error:
                pooled.driver.terminate()
                await self._pool.give_back(pooled)
                if not is_outage(error):
                    raise
                log.warning("database.connection_replaced", error=type(error).__name__)
            else:
                return pooled
        raise DatabaseAway("no connection took a BEGIN")

    @staticmethod
    async def _abandon(pooled: Pooled, error: BaseException) -> None:
        """Roll back, or throw the connection away when its state is not certain."""
        driver = pooled.driver
        try:
            if isinstance(error, Exception) and not driver.is_closed():
                await asyncio.wait_for(driver.execute("ROLLBACK"), timeout=5)
                return
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            pass
        driver.terminate()

    async def run(
        self,
        org_id: UUID | None,
        work: Callable[[Transaction], Awaitable[T]],
        *,
        cause: Meta | None = None,
        plan_once: bool = False,
    ) -> T:
        """Run ``work`` in a ``transaction``, and again after a deadlock or the like."""
        for pause in _PAUSES:
            try:
                async with self.transaction(org_id, cause=cause, plan_once=plan_once) as tx:
                    return await work(tx)
            except (asyncpg.PostgresError, DBAPIError) as error:
                if sqlstate_of(error) not in {"40P01", "40001"}:
                    raise
                log.warning("transaction.retried", sqlstate=sqlstate_of(error))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        async with self.transaction(org_id, cause=cause, plan_once=plan_once) as tx:
            return await work(tx)

    async def statement(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement by itself: atomic, in one round trip, seeing no tenant's rows."""
        pooled = await self._pool.take()
        try:
            return await pooled.driver.fetch(sql, *args)  # type: ignore[no-any-return]
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError):
                pooled.driver.terminate()
            raise
        finally:
            await self._pool.give_back(pooled)

    async def connect(self) -> asyncpg.Connection:
        """A connection outside the pool, for LISTEN, NOTIFY and leases. The caller closes it."""
        return await asyncpg.connect(
            self.dsn,
            timeout=5,
            command_timeout=10,
            server_settings={
                "application_name": self._application_name,
                **CONNECTION_SETTINGS,
                "idle_in_transaction_session_timeout": "10s",
            },
        )

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.transaction(None) as tx:
            await tx.fetchval("SELECT 1")

    async def close(self) -> None:
        await self._pool.close()


def sqlstate_of(error: BaseException) -> str | None:
    """The five-character SQLSTATE of an asyncpg or SQLAlchemy error, if it has one."""
    origin = getattr(error, "orig", error) or error
    state = getattr(origin, "sqlstate", None) or getattr(origin.__cause__, "sqlstate", None)
    return state if isinstance(state, str) else None


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint that an asyncpg or SQLAlchemy error violated, if any."""
    origin = getattr(error, "orig", error) or error
    for candidate in (origin, origin.__cause__):
        name = getattr(candidate, "constraint_name", None)
        if isinstance(name, str):
            return name
    return None


def is_outage(error: BaseException) -> bool:
    """Whether an error means that the database is away, rather than that a statement is wrong."""
    if isinstance(
        error,
        # The last: used between the server's parting words and the end of the connection.
        (
            OSError,
            asyncpg.InterfaceError,
            asyncpg.PostgresConnectionError,
            asyncpg.InternalClientError,
        ),
    ):
        return True
    state = sqlstate_of(error)
    if state is not None:
        # 08 connection, 57P0x shutdown, 53300 too many connections, 55000 not accepting
        return state.startswith(("08", "57P")) or state == "53300"
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, OSError)
    return type(error).__module__.startswith("sqlalchemy.exc") and "Timeout" in type(error).__name__
