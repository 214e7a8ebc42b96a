"""`/v1`: from raw request to answer, the same steps for every operation.

Plain ASGI, because other parts are measured against this process: a request costs a fraction of a
millisecond, most of it SQLite.
"""

import asyncio
import hashlib
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.stripe import (
    accounts,
    charges,
    events,
    payment_intents,
    payment_methods,
    refunds,
    webhook_endpoints,
)
from sandbox.stripe.accounts import Account
from sandbox.stripe.call import Call, Operation, new_id
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.expand import expand
from sandbox.stripe.faults import Fault, Faults
from sandbox.stripe.form import Form, decode, from_values
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.store import Answered, Store

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OPERATIONS: tuple[Operation, ...] = (
    *payment_intents.OPERATIONS,
    *refunds.OPERATIONS,
    *charges.OPERATIONS,
    *payment_methods.OPERATIONS,
    *events.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)
KEYS_KEPT = 24 * 3600
_LARGEST_BODY = 1024 * 1024
_LONGEST_KEY = 255
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. `form` is its query string and body together."""

    method: str
    path: str
    form: bytes
    key: str | None
    idempotency_key: str | None
    base_url: str
    id: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A request kept for tests that want to look at what was asked of Stripe."""

    at: float
    tenant: str
    request: Request
    status: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


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
        self._by_route = {_route_key(one): one for one in OPERATIONS}
        self.seen: deque[Seen] = deque(maxlen=2000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _send(send, Answer(204, b"", _PREFLIGHT), "")
            return
        request_id = "req_" + new_id("r")[2:16]
        fault: Fault | None = None
        try:
            request = self._read(scope, await _body(receive), request_id)
            fault = self._faults.take(request.method, request.path)
            answer = await self._answer(request, fault)
        except Refusal as refusal:
            answer = _refused(refusal)
        await _send(send, answer, request_id, cut=fault is not None and fault.drop)

    def perform(
        self, tenant: str, name: str, identifier: str, values: Json, *, base_url: str
    ) -> Answer:
        """Carry out an operation as an account, for the sandbox's own pages."""
        operation = self._by_name[name]
        request = Request(operation.method, operation.path, b"", None, None, base_url, "")
        try:
            return self._carry_out(
                Account(tenant, publishable=False),
                operation,
                identifier,
                from_values(values),
                request,
            )
        except Refusal as refusal:
            return _refused(refusal)

    def do(self, tenant: str, work: Callable[[Call], Json]) -> Json:
        """What only the sandbox can do to an account: one transaction, then its events are sent."""
        call = Call(
            store=self._store,
            tenant=tenant,
            publishable=False,
            params={},
            base_url="",
            request_id="",
        )
        with self._store.transaction():
            answer = work(call)
        self._deliveries.push(call.emitted)
        return answer

    def _read(self, scope: Scope, body: bytes, request_id: str) -> Request:
        authorization = idempotency_key = content_type = version = account = None
        host = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"idempotency-key":
                idempotency_key = value.decode("latin-1")
            elif name == b"content-type":
                content_type = value
            elif name == b"host":
                host = value.decode("latin-1")
            elif name == b"stripe-version":
                version = value.decode("latin-1")
            elif name == b"stripe-account":
                account = value.decode("latin-1")
        if body and content_type and not content_type.startswith(b"application/x-www-form-url"):
            raise bad_parameter(
                "Invalid request (check that your POST content type is "
                "application/x-www-form-urlencoded)."
            )
        if version is not None and not _VERSION.match(version):
            raise bad_parameter(f"Invalid Stripe API version: {version}")
        query = scope["query_string"]
        key = accounts.sent_key(authorization)
        if account is not None:
            # Connect is not modelled: an unknown connected account is the honest answer.
            raise Refusal(
                403,
                f"The provided key does not have access to account '{account}' (or that account "
                "does not exist). Application access may have been revoked.",
                code="account_invalid",
                stored=False,
            )
        return Request(
            method=scope["method"],
            path=scope["path"],
            form=b"&".join((query, body)) if query and body else query or body,
            key=key,
            idempotency_key=idempotency_key if scope["method"] == "POST" else None,
            base_url=self._public_url or f"{scope['scheme']}://{host}",
            id=request_id,
        )

    async def _answer(self, request: Request, fault: Fault | None) -> Answer:
        form = decode(request.form)
        sent = form.pop("key", None)
        key = request.key or (sent if isinstance(sent, str) else None)
        account = accounts.account(key)
        operation, identifier = self._route(request)
        if account.publishable and not operation.publishable:
            raise Refusal(
                403,
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key.",
                code="secret_key_required",
                stored=False,
            )
        status = 500
        try:
            answer = await self._once(account, operation, identifier, form, request, fault)
            status = answer.status
        except Refusal as refusal:
            status = refusal.status
            raise
        finally:
            self.seen.append(Seen(time.time(), account.tenant, request, status))
        return answer

    async def _once(
        self,
        account: Account,
        operation: Operation,
        identifier: str,
        form: Form,
        request: Request,
        fault: Fault | None,
    ) -> Answer:
        """Hold the idempotency key while the request is carried out."""
        key = request.idempotency_key
        if key is None:
            return await self._with_trouble(account, operation, identifier, form, request, fault)
        if len(key) > _LONGEST_KEY:
            raise bad_parameter(
                f"Idempotency keys must be at most {_LONGEST_KEY} characters; yours has {len(key)}."
            )
        held = (account.tenant, key)
        if held in self._in_flight:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that "
                f"probably means you submitted twice, and the other request is still going through): "
                f"{key}. Please try again later.",
                code="idempotency_key_in_use",
                stored=False,
            )
        known = self._store.answered(account.tenant, key, since=int(time.time()) - KEYS_KEPT)
        if known is not None:
            return _replay(known, key, request, form)
        self._in_flight.add(held)
        try:
            return await self._with_trouble(account, operation, identifier, form, request, fault)
        finally:
            self._in_flight.discard(held)

    async def _with_trouble(
        self,
        account: Account,
        operation: Operation,
        identifier: str,
        form: Form,
        request: Request,
        fault: Fault | None,
    ) -> Answer:
        if fault is None:
            return self._carry_out(account, operation, identifier, form, request)
        if fault.delay and not fault.after:
            await asyncio.sleep(fault.delay)
        if fault.status is not None and not fault.after:
            broken = _broken(fault.status)
            # Stripe remembers its own failures, not that it was too busy to begin.
            if request.idempotency_key is not None and fault.status == 500:
                self._remember(account, request, form, broken)
            return broken
        answer = self._carry_out(
            account,
            operation,
            identifier,
            form,
            request,
            instead=_broken(fault.status) if fault.status is not None else None,
        )
        if fault.delay and fault.after:
            await asyncio.sleep(fault.delay)
        return answer

    def _carry_out(
        self,
        account: Account,
        operation: Operation,
        identifier: str,
        form: Form,
        request: Request,
        *,
        instead: Answer | None = None,
    ) -> Answer:
        """One transaction: the effect, its events and the remembered answer.

        `instead` is answered and remembered in place of the truth.
        """
        call = Call(
            store=self._store,
            tenant=account.tenant,
            publishable=account.publishable,
            params=operation.params.read_all(form),
            base_url=request.base_url,
            request_id=request.id,
            idempotency_key=request.idempotency_key,
            id=identifier,
            search_lag=self._search_lag,
        )
        if operation.method == "GET":
            return Answer(200, _dumps(_run(operation, call)))
        try:
            with self._store.transaction():
                try:
                    answer = Answer(200, _dumps(_run(operation, call)))
                except Refusal as refusal:
                    if not refusal.stands:
                        raise
                    answer = _refused(refusal)
                answer = instead or answer
                if request.idempotency_key is not None:
                    self._remember(account, request, form, answer)
        except Refusal as refusal:
            answer = _refused(refusal)
            if refusal.stored and request.idempotency_key is not None:
                self._remember(account, request, form, answer)
            return answer
        self._deliveries.push(call.emitted)
        return answer

    def _remember(self, account: Account, request: Request, form: Form, answer: Answer) -> None:
        if request.idempotency_key is None:
            return
        answered = Answered(
            _fingerprint(form), request.path, answer.status, answer.body.decode(), request.id
        )
        self._store.remember(account.tenant, request.idempotency_key, answered, int(time.time()))

    def _route(self, request: Request) -> tuple[Operation, str]:
        parts = request.path.split("/")[2:]
        whole = self._by_route.get((request.method, *parts))
        if whole is not None:
            return whole, ""
        if 2 <= len(parts) <= 3 and parts[1]:
            found = self._by_route.get((request.method, parts[0], "{id}", *parts[2:]))
            if found is not None:
                return found, parts[1]
        raise Refusal(
            404,
            f"Unrecognized request URL ({request.method}: {request.path}). If you are trying to "
            "list objects, remove the trailing slash. If you are trying to retrieve an object, make "
            "sure you passed a valid (non-empty) identifier in your code.",
            stored=False,
        )


def _route_key(operation: Operation) -> tuple[str, ...]:
    return (operation.method, *operation.path.split("/")[2:])


def _run(operation: Operation, call: Call) -> Json:
    answer = operation.run(call)
    paths = call.params.get("expand")
    return expand(call.store, call.tenant, answer, paths) if paths else answer


def _fingerprint(form: Form) -> bytes:
    return hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).digest()


def _replay(known: Answered, key: str, request: Request, form: Form) -> Answer:
    if known.path != request.path:
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{request.path}' vs '{known.path}'). Try using a key other than '{key}' if "
            "you meant to execute a different request.",
            kind="idempotency_error",
            stored=False,
        )
    if known.request != _fingerprint(form):
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first "
            f"used with. Try using a key other than '{key}' if you meant to execute a different "
            "request.",
            kind="idempotency_error",
            stored=False,
        )
    headers = [
        (b"idempotent-replayed", b"true"),
        (b"original-request", known.request_id.encode()),
    ]
    if known.status >= 500:
        headers.append((b"stripe-should-retry", b"false"))
    return Answer(known.status, known.body.encode(), tuple(headers))


def _broken(status: int) -> Answer:
    if status == 429:
        refusal = Refusal(429, "Too many requests made too quickly.", code="rate_limit")
    else:
        refusal = Refusal(status, "An unknown error occurred", kind="api_error")
    answer = _refused(refusal)
    if status != 500:
        return answer
    # Trying again with the same key would only bring the same 500 back.
    return Answer(status, answer.body, (*answer.headers, (b"stripe-should-retry", b"false")))


def _refused(refusal: Refusal) -> Answer:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if refusal.status == 401:
        headers = ((b"www-authenticate", b'Bearer realm="Stripe"'),)
    return Answer(refusal.status, _dumps(refusal.envelope()), headers)


def _dumps(body: Json) -> bytes:
    return orjson.dumps(body)


_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, stripe-version",
    ),
    (b"access-control-max-age", b"300"),
)


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The client went away.", stored=False)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > _LARGEST_BODY:
            raise Refusal(413, "Request too large.", stored=False)
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, answer: Answer, request_id: str, *, cut: bool = False) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"request-id", request_id.encode()),
        (b"stripe-version", API_VERSION.encode()),
        (b"cache-control", b"no-cache, no-store"),
        (b"access-control-allow-origin", b"*"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if cut:
        # Half an answer, then nothing: the server closes the connection when the rest never comes.
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    await send({"type": "http.response.body", "body": answer.body})
