"""API keys: asked of customers, remembered for a minute, honoured for longer while it is down."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

import orjson
import structlog
from pydantic import AwareDatetime, BaseModel, ValidationError

from chassis.auth import Principal
from chassis.problems import Problem, Unauthenticated, Unavailable
from gateway.routes import Upstream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.upstream import Services
    from gateway.wire import Trail

log = structlog.get_logger(__name__)

_FORM = re.compile(r"hf_[A-Za-z0-9]{4,32}_[A-Za-z0-9]{16,90}\Z")
_MOST_REMEMBERED = 10_000
_ASK_AGAIN_AFTER: Final = 5.0
_VERIFY_PATH = "/internal/api-keys/verify"
_GATEWAY = Principal(kind="system", id="gateway")


class UnknownKey(Unauthenticated):
    """The API key is not one of ours, or it was revoked, or its time is over."""

    code = "API_KEY_INVALID"
    title = "The API key is not valid"


class KeyAnswer(BaseModel):
    """What customers says about a key that is valid now."""

    key_id: UUID
    org_id: UUID | None
    kind: Literal["key", "operator"]
    permissions: frozenset[str] = frozenset()
    expires_at: AwareDatetime | None = None


@dataclass(slots=True)
class _Known:
    principal: Principal | None  # None: asked about, and not valid
    asked_at: float
    ask_again_at: float
    good_until: float = math.inf


class ApiKeys:
    """Turns a presented key into a principal.

    A revoked key is refused after `fresh` seconds at the latest; while customers does not answer,
    a key that was valid stays so for `stale` seconds after it last said so, and no longer. Keys are
    remembered by digest, so a memory dump holds none.
    """

    def __init__(
        self,
        services: Services,
        *,
        fresh: float = 60.0,
        stale: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._fresh = fresh
        self._stale = stale
        self._clock = clock
        self._valid: OrderedDict[bytes, _Known] = OrderedDict()
        # Apart from the valid ones: a flood of guesses must not push those out.
        self._invalid: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Principal | None]] = {}

    async def principal(
        self, key: str, trail: Trail, before_asking: Callable[[], Awaitable[None]]
    ) -> Principal:
        """Whose key it is.

        `before_asking` runs before customers is asked about a key that was never valid here, and
        may refuse: guessing keys must cost the guesser more than it costs us.

        Raises:
            UnknownKey: not a key of ours, or not any more.
            Unavailable: customers does not answer, and nothing recent enough is remembered.
        """
        if not _FORM.match(key):
            raise UnknownKey
        digest = hashlib.sha256(key.encode()).digest()
        now = self._clock()
        known = self._valid.get(digest) or self._invalid.get(digest)
        if known is None or (known.principal is None and now >= known.ask_again_at):
            await before_asking()
        elif now < known.ask_again_at:
            return _or_refuse(known.principal)
        try:
            return _or_refuse(await self._ask_once(digest, key, trail))
        except UnknownKey:
            raise
        except Problem:
            if known is None or known.principal is None or now >= known.good_until:
                raise Unavailable("Keys cannot be checked just now. Please try again.") from None
            known.ask_again_at = min(now + _ASK_AGAIN_AFTER, known.good_until)
            log.warning("keys.stale", key_id=known.principal.id, age=round(now - known.asked_at))
            return known.principal

    async def _ask_once(self, digest: bytes, key: str, trail: Trail) -> Principal | None:
        # Requests that meet here share one question; none of them, leaving, cancels it.
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest, key, trail))
            self._asking[digest] = task
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes, key: str, trail: Trail) -> Principal | None:
        answer = await self._services.call(
            Upstream.CUSTOMERS,
            "POST",
            _VERIFY_PATH,
            _GATEWAY,
            trail,
            headers={"Content-Type": "application/json"},
            body=orjson.dumps({"key": key}),
            repeatable=True,
        )
        now = self._clock()
        if answer.status == 200:
            found = _read(answer.body)
            good_until = now + min(self._stale, _seconds_until(found.expires_at))
            principal = Principal(
                kind=found.kind,
                id=str(found.key_id),
                org_id=found.org_id,
                permissions=found.permissions,
            )
            self._invalid.pop(digest, None)
            ask_again_at = min(now + self._fresh, good_until)
            _remember(self._valid, digest, _Known(principal, now, ask_again_at, good_until))
            return principal
        if answer.status == 404:
            self._valid.pop(digest, None)
            _remember(self._invalid, digest, _Known(None, now, now + self._fresh))
            return None
        log.error("keys.unexpected_answer", status=answer.status, request_id=trail.request_id)
        raise Unavailable


def _read(body: bytes) -> KeyAnswer:
    try:
        return KeyAnswer.model_validate_json(body)
    except ValidationError as exc:
        log.exception("keys.unreadable_answer")
        raise Unavailable from exc


def _seconds_until(instant: datetime | None) -> float:
    return math.inf if instant is None else (instant - datetime.now(UTC)).total_seconds()


def _or_refuse(principal: Principal | None) -> Principal:
    if principal is None:
        raise UnknownKey(headers={"WWW-Authenticate": "Bearer"})
    return principal


def _remember(among: OrderedDict[bytes, _Known], digest: bytes, known: _Known) -> None:
    among[digest] = known
    among.move_to_end(digest)
    if len(among) > _MOST_REMEMBERED:
        among.popitem(last=False)
