"""`/v1`: from raw request to answer, the same steps for every operation.

Plain ASGI, because other parts are measured against this process: a request costs a fraction of a
millisecond, most of it SQLite.
"""

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import structlog

from sandbox.faults import Fault, Faults, until_gone
from sandbox.stripe import (
    accounts,
    answer,
    balance_transactions,
    charges,
    checkout_sessions,
    connected_accounts,
    customers,
    destinations,
    disputes,
    events,
    payment_intents,
    payment_methods,
    prices,
    products,
    refunds,
    saving,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.accounts import Account
from sandbox.stripe.answer import Answer
from sandbox.stripe.call import Call, Operation
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.expand import expand
from sandbox.stripe.form import Form, decode, from_values
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.request import Receive, Request, Scope, Send, read
from sandbox.stripe.store import Answered, Store

OPERATIONS: tuple[Operation, ...] = (
    *payment_intents.OPERATIONS,
    *refunds.OPERATIONS,
    *charges.OPERATIONS,
    *balance_transactions.OPERATIONS,
    *disputes.OPERATIONS,
    *payment_methods.OPERATIONS,
    *saving.OPERATIONS,
    *customers.OPERATIONS,
    *setup_intents.OPERATIONS,
    *products.OPERATIONS,
    *prices.OPERATIONS,
    *checkout_sessions.OPERATIONS,
    *connected_accounts.OPERATIONS,
    *destinations.OPERATIONS,
    *events.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)
KEYS_KEPT = 24 * 3600
_LONGEST_KEY = 255

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """A request kept for tests that want to look at what was asked of Stripe."""

    at: float
    tenant: str
    request: Request
    status: int


@dataclass(frozen=True, slots=True)
class Task:
    """A request that was understood: who wants which operation on what."""

    account: Account
    operation: Operation
    id: str
    form: Form
    request: Request


class Api:
    """The ASGI application for `/v1`. `seen` holds the latest requests, newest last."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        faults: Faults,
        *,
        public_url: str | None = None,
        search_lag: float = 0.0,
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._faults = faults
        self._public_url = public_url.rstrip("/") if public_url else None
        self._search_lag = search_lag
        self._in_flight: set[tuple[str, str]] = set()
        self._by_name = {one.name: one for one in OPERATIONS}
        self._by_route = {(one.method, *one.path.split("/")[2:]): one for one in OPERATIONS}
        self.seen: deque[Seen] = deque(maxlen=2000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await answer.send(send, answer.PREFLIGHT, "")
            return
        request_id = "req_" + secrets.token_hex(7)
        fault: Fault | None = None
        try:
            request = await read(scope, receive, request_id, self._public_url)
            fault = self._faults.take(request.method, request.path)
            answered = await self._answer(request, fault)
        except Refusal as refusal:
            answered = answer.refused(refusal)
        except Exception as error:
            log.exception("request.broken", request_id=request_id, error=repr(error))
            answered = answer.broken(500)
        if fault is not None and fault.silent:
            await until_gone(receive)
        await answer.send(send, answered, request_id, cut=fault is not None and fault.drop)

    def perform(
        self, tenant: str, name: str, identifier: str, values: Json, *, base_url: str
    ) -> Answer:
        """Carry out an operation as an account, for the sandbox's own pages."""
        operation = self._by_name[name]
        request = Request(
            method=operation.method,
            path=operation.path,
            form=b"",
            key=None,
            idempotency_key=None,
            base_url=self._public_url or base_url,
            id="",
        )
        account = Account(tenant, publishable=False)
        try:
            return self._carry_out(
                Task(account, operation, identifier, from_values(values), request)
            )
        except Refusal as refusal:
            return answer.refused(refusal)

    def do(self, tenant: str, work: Callable[[Call], Json], *, now: int | None = None) -> Json:
        """What only the sandbox can do to an account: one transaction, then its events go out.

        `now` is the moment it happens at, when that isn't the sandbox's present.
        """
        call = Call(
            store=self._store,
            tenant=tenant,
            publishable=False,
            params={},
            base_url="",
            request_id="",
            now=self._now() if now is None else now,
        )
        with self._store.transaction():
            done = work(call)
        self._deliveries.push(call.emitted)
        return done

    async def _answer(self, request: Request, fault: Fault | None) -> Answer:
        form = decode(request.form)
        sent = form.pop("key", None)
        account = accounts.account(request.key or (sent if isinstance(sent, str) else None))
        operation, identifier = self._route(request)
        if account.publishable and not operation.publishable:
            raise Refusal(
                403,
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key.",
                code="secret_key_required",
                stored=False,
            )
        task = Task(account, operation, identifier, form, request)
        status = 500
        try:
            answered = await self._once(task, fault)
            status = answered.status
        except Refusal as refusal:
            status = refusal.status
            raise
        finally:
            self.seen.append(Seen(time.time(), account.tenant, request, status))
        return answered

    def _route(self, request: Request) -> tuple[Operation, str]:
        parts = request.path.split("/")[2:]
        whole = self._by_route.get((request.method, *parts))
        if whole is not None:
            return whole, ""
        for position in (1, 2):
            if position < len(parts) <= position + 2 and parts[position]:
                before, after = parts[:position], parts[position + 1 :]
                found = self._by_route.get((request.method, *before, "{id}", *after))
                if found is not None:
                    return found, parts[position]
        raise Refusal(
            404,
            f"Unrecognized request URL ({request.method}: {request.path}). If you are trying to "
            "list objects, remove the trailing slash. If you are trying to retrieve an object, "
            "make sure you passed a valid (non-empty) identifier in your code.",
            stored=False,
        )

    async def _once(self, task: Task, fault: Fault | None) -> Answer:
        """Hold the idempotency key while the request is carried out."""
        key = task.request.idempotency_key
        if key is None:
            return await self._with_trouble(task, fault)
        if len(key) > _LONGEST_KEY:
            raise bad_parameter(
                f"Idempotency keys must be at most {_LONGEST_KEY} characters; yours has {len(key)}."
            )
        held = (task.account.tenant, key)
        if held in self._in_flight:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                code="idempotency_key_in_use",
                stored=False,
            )
        known = self._store.answered(*held, since=self._now() - KEYS_KEPT)
        if known is not None:
            return _replay(known, task)
        self._in_flight.add(held)
        try:
            return await self._with_trouble(task, fault)
        finally:
            self._in_flight.discard(held)

    async def _with_trouble(self, task: Task, fault: Fault | None) -> Answer:
        if fault is None:
            return self._carry_out(task)
        if fault.silent and not fault.after:
            return answer.broken(503)
        instead = None
        if fault.status is not None:
            instead = answer.broken(fault.status, fault.retry_after)
        if fault.after:
            answered = self._carry_out(task, instead=instead)
            await asyncio.sleep(fault.delay)
            return answered
        await asyncio.sleep(fault.delay)
        if instead is None:
            return self._carry_out(task)
        # Stripe remembers its own failures, not that it was too busy to begin.
        if instead.status == 500:
            self._remember(task, instead)
        return instead

    def _carry_out(self, task: Task, *, instead: Answer | None = None) -> Answer:
        """One transaction: the effect, its events and the remembered answer.

        `instead` is answered and remembered in place of the truth.
        """
        request = task.request
        call = Call(
            store=self._store,
            tenant=task.account.tenant,
            publishable=task.account.publishable,
            params=task.operation.params.read_all(task.form),
            base_url=request.base_url,
            request_id=request.id,
            now=self._now(),
            idempotency_key=request.idempotency_key,
            id=task.id,
            search_lag=self._search_lag,
        )
        if task.operation.method == "GET":
            return instead or answer.done(_run(task.operation, call))
        try:
            with self._store.transaction():
                answered = _run_unless_it_stands(task.operation, call)
                answered = instead or answered
                self._remember(task, answered)
        except Refusal as refusal:
            answered = answer.refused(refusal)
            if refusal.stored:
                self._remember(task, answered)
            return answered
        self._deliveries.push(call.emitted)
        return answered

    def _remember(self, task: Task, answered: Answer) -> None:
        request = task.request
        if request.idempotency_key is None:
            return
        self._store.remember(
            task.account.tenant,
            request.idempotency_key,
            Answered(
                request=_fingerprint(task.form),
                path=request.path,
                status=answered.status,
                body=answered.body.decode(),
                request_id=request.id,
            ),
            self._now(),
        )

    def _now(self) -> int:
        return int(self._store.clock.now())


def _run(operation: Operation, call: Call) -> Json:
    body = operation.run(call)
    paths = call.params.get("expand")
    return expand(call.store, call.tenant, body, paths) if paths else body


def _run_unless_it_stands(operation: Operation, call: Call) -> Answer:
    """The answer; a refusal that leaves its traces is one, any other undoes the transaction."""
    try:
        return answer.done(_run(operation, call))
    except Refusal as refusal:
        if not refusal.stands:
            raise
        return answer.refused(refusal)


def _fingerprint(form: Form) -> bytes:
    return hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).digest()


def _replay(known: Answered, task: Task) -> Answer:
    request = task.request
    if known.path != request.path:
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{request.path}' vs '{known.path}'). Try using a key other than "
            f"'{request.idempotency_key}' if you meant to execute a different request.",
            kind="idempotency_error",
            stored=False,
        )
    if known.request != _fingerprint(task.form):
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{request.idempotency_key}' if you meant "
            "to execute a different request.",
            kind="idempotency_error",
            stored=False,
        )
    return answer.replayed(known.status, known.body.encode(), known.request_id)
