"""Webhooks on their way: each attempt signed anew, failures tried again with growing pauses."""

import asyncio
import hashlib
import heapq
import hmac
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import structlog

from sandbox.faults import WRONG, Faults, WebhookFault, Wrong
from sandbox.reordering import Reordered
from sandbox.stripe.call import listens
from sandbox.stripe.event_log import Delivery
from sandbox.stripe.refusal import Json
from sandbox.stripe.store import Store, Target

_GIVEN_UP_AFTER = 3 * 24 * 3600.0
_AT_ONCE = 64
_STRANGERS = "whsec_of_somebody_else"

log = structlog.get_logger()


def signature(secret: str, payload: bytes, now: int) -> str:
    """The Stripe-Signature header for a body sent at `now` (Unix seconds)."""
    mac = hmac.new(secret.encode(), b"%d." % now + payload, hashlib.sha256).hexdigest()
    return f"t={now},v1={mac}"


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses between attempts and the receiver's time to answer, in seconds."""

    first: float
    longest: float
    timeout: float

    def pause(self, attempts: int) -> float:
        """After so many failed attempts; up to a fifth longer, so that retries spread out."""
        doubled = self.first * 2.0 ** min(attempts - 1, 30)
        return min(self.longest, doubled) * random.uniform(1.0, 1.2)  # noqa: S311 - not a secret


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt. `status` is the receiver's, or None when it could not be reached."""

    event: str
    endpoint: str
    status: int | None
    said: str

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Deliveries:
    """The queue. `run` works on it until cancelled; a restart picks up what was pending."""

    def __init__(self, store: Store, pace: Pace, faults: Faults) -> None:
        self._store = store
        self._pace = pace
        self._faults = faults
        self._reordered: Reordered[Delivery] = Reordered(self._send_on)
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._wake = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self.paused = store.flag("webhooks") == "paused"
        self.push(store.events.pending())

    def push(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            heapq.heappush(self._waiting, (delivery.due, delivery.seq, delivery))
        if deliveries:
            self._wake.set()

    def pause(self) -> None:
        """Hold everything back, over a restart too; what is already on its way still arrives."""
        self._store.set_flag("webhooks", "paused")
        self.paused = True

    def resume(self) -> None:
        """Send what was held back, at once."""
        self._store.set_flag("webhooks", "running")
        self.paused = False
        self._wake.set()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._pace.timeout)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._http:
            while True:
                pause = self._start_due()
                try:
                    await asyncio.wait_for(self._wake.wait(), pause)
                except TimeoutError:
                    continue
                self._wake.clear()

    async def deliver(
        self, events: Sequence[str], *, count: int, shuffle: bool, wrong: Wrong
    ) -> list[Sent]:
        """Send events again, on top of what is queued; returns what each attempt met.

        `count` times each, in order or shuffled. Not retried.
        """
        plan = [
            (event, endpoint["id"])
            for event in events
            if (found := self._store.events.find(event)) is not None
            for endpoint in self._store.endpoints(found[0])
            if endpoint["status"] == "enabled"
            and listens(endpoint["enabled_events"], found[1]["type"])
        ] * count
        if shuffle:
            random.shuffle(plan)
        return [await self._send(event, endpoint, wrong) for event, endpoint in plan]

    def _start_due(self) -> float | None:
        """Start what is due and there is room for; returns seconds until the next, if any."""
        while self._waiting and not self.paused and len(self._busy) < _AT_ONCE:
            due = self._waiting[0][0] - time.time()
            if due > 0:
                return due
            delivery = heapq.heappop(self._waiting)[2]
            task = asyncio.create_task(self._attempt(delivery))
            self._busy.add(task)
            task.add_done_callback(self._done)
        return None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        if self._waiting:
            self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery.broken", error=repr(error))

    async def _attempt(self, delivery: Delivery) -> None:
        if self._store.target(delivery.endpoint) is None:
            self._record(delivery, "dropped", "endpoint gone", delivery.due)
            return
        fault = self._fault(delivery)
        match fault and fault.mishap:
            case "drop":
                self._record(delivery, "failed", "lost on purpose", delivery.due)
                return
            case "reorder" if fault is not None:
                self._reordered.hold(delivery, last=fault.count <= 0)
                return
            case "duplicate":
                await self._send(delivery.event, delivery.endpoint, Wrong())
        await self._send_on(delivery, WRONG.get(fault.mishap) if fault is not None else None)

    def _fault(self, delivery: Delivery) -> WebhookFault | None:
        """What was planned for the first attempt of a delivery."""
        if delivery.attempts > 0 or not self._faults.webhooks:
            return None
        found = self._store.events.find(delivery.event)
        return self._faults.take_for_webhook(found[1]["type"]) if found is not None else None

    async def _send_on(self, delivery: Delivery, wrong: Wrong | None = None) -> None:
        """One attempt, and what follows from its answer."""
        sent = await self._send(delivery.event, delivery.endpoint, wrong or Wrong())
        if sent.arrived:
            self._record(delivery, "succeeded", sent.said, delivery.due)
            return
        attempts = delivery.attempts + 1
        found = self._store.events.find(delivery.event)
        born = found[1]["created"] if found else 0
        pause = self._pace.pause(attempts)
        due = time.time() + pause
        given_up = self._store.clock.now() + pause - born > _GIVEN_UP_AFTER
        state = "failed" if given_up else "pending"
        log.info(
            "delivery.failed",
            event_id=delivery.event,
            endpoint=delivery.endpoint,
            attempt=attempts,
            answer=sent.said,
        )
        self._record(delivery, state, sent.said, due)
        if state == "pending":
            self.push([Delivery(delivery.seq, delivery.event, delivery.endpoint, attempts, due)])

    def _record(self, delivery: Delivery, state: str, answer: str, due: float) -> None:
        with self._store.transaction():
            self._store.events.attempted(delivery, state, answer, due)

    async def _send(self, event: str, endpoint: str, wrong: Wrong) -> Sent:
        target, text = self._store.target(endpoint), self._store.events.text(event)
        if target is None or text is None:
            return Sent(event, endpoint, None, "endpoint or event gone")
        try:
            status = await self._post(target, text.encode(), wrong)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Sent(event, endpoint, None, type(error).__name__)
        return Sent(event, endpoint, status, str(status))

    async def _post(self, target: Target, payload: bytes, wrong: Wrong) -> int:
        if self._http is None:
            raise OSError("not running")
        secret = _STRANGERS if wrong.forged else target.secret
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, payload, int(time.time() - wrong.age)),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Cache-Control": "no-cache",
        }
        async with self._http.post(
            target.url, data=payload, headers=headers, allow_redirects=False
        ) as answer:
            await answer.read()
            return answer.status


def summary(sent: Sequence[Sent]) -> list[Json]:
    return [
        {"event": one.event, "endpoint": one.endpoint, "status": one.status, "answer": one.said}
        for one in sent
    ]
