"""Webhooks on their way: each attempt signed anew, failures tried again with growing pauses."""

import asyncio
import random
import time
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

import aiohttp
import orjson
import structlog

from sandbox.faults import WRONG, Faults, WebhookFault, Wrong
from sandbox.paypal.certificate import Signer
from sandbox.paypal.refusal import Json
from sandbox.paypal.store import Delivery, Store, Webhook
from sandbox.reordering import Reordered
from sandbox.stripe.deliveries import Pace

ATTEMPTS = 25
"""PayPal gives up after so many."""

log = structlog.get_logger()


class Deliveries:
    """The queue. `run` works on it until cancelled; a restart picks up what was pending."""

    def __init__(
        self, store: Store, signer: Signer, pace: Pace, cert_url: str, faults: Faults
    ) -> None:
        self._store = store
        self._signer = signer
        self._pace = pace
        self._cert_url = cert_url
        self._faults = faults
        self._reordered: Reordered[tuple[Delivery, Webhook]] = Reordered(self._send_late)
        self._wake = asyncio.Event()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._http: aiohttp.ClientSession | None = None
        self.paused = store.flag("webhooks") == "paused"

    def wake(self) -> None:
        self._wake.set()

    def pause(self) -> None:
        """Hold everything back, over a restart too."""
        self._store.set_flag("webhooks", "paused")
        self.paused = True

    def resume(self) -> None:
        self._store.set_flag("webhooks", "running")
        self.paused = False
        self.wake()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._pace.timeout)
        async with aiohttp.ClientSession(timeout=timeout) as self._http:
            while True:
                self._wake.clear()
                pause = self._start_due()
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def deliver(
        self, events: Sequence[str], *, count: int, shuffle: bool, wrong: Wrong
    ) -> list[Json]:
        """Send events again, on top of what is queued; what each attempt met. Not retried."""
        plan = [
            (event, webhook)
            for event in events
            if (found := self._store.event(event)) is not None
            for webhook in self._store.webhooks(found[0])
        ] * count
        if shuffle:
            random.shuffle(plan)
        return [
            {
                "event": event,
                "webhook": webhook.id,
                "answer": await self._send(event, webhook, wrong),
            }
            for event, webhook in plan
        ]

    def _start_due(self) -> float | None:
        """Start what is due; returns seconds until the next, if any."""
        if self.paused:
            return None
        now, soonest = time.time(), None
        for delivery in self._store.pending():
            if delivery.seq in self._busy:
                continue
            if delivery.due > now:
                soonest = delivery.due - now
                break
            task = asyncio.create_task(self._attempt(delivery))
            self._busy[delivery.seq] = task
            task.add_done_callback(partial(self._done, delivery.seq))
        return soonest

    def _done(self, seq: int, _: asyncio.Task[None]) -> None:
        self._busy.pop(seq, None)
        self.wake()

    async def _attempt(self, delivery: Delivery) -> None:
        webhook = self._store.webhook(delivery.webhook)
        if webhook is None:
            self._store.attempted(delivery, "dropped", "webhook gone", delivery.due)
            return
        fault = self._fault(delivery)
        match fault and fault.mishap:
            case "drop":
                self._store.attempted(delivery, "failed", "lost on purpose", delivery.due)
                return
            case "reorder" if fault is not None:
                # As good as sent: the same queue would start it again.
                self._store.attempted(delivery, "held", "waits to be overtaken", delivery.due)
                self._reordered.hold((delivery, webhook), last=fault.count <= 0)
                return
            case "duplicate":
                await self._send(delivery.event, webhook, Wrong())
        wrong = WRONG.get(fault.mishap) if fault is not None else None
        await self._send_on(delivery, webhook, wrong or Wrong())

    def _fault(self, delivery: Delivery) -> WebhookFault | None:
        """What was planned for the first attempt of a delivery."""
        if delivery.attempts > 0 or not self._faults.webhooks:
            return None
        found = self._store.event(delivery.event)
        if found is None:
            return None
        return self._faults.take_for_webhook(orjson.loads(found[1])["event_type"])

    async def _send_late(self, held: tuple[Delivery, Webhook]) -> None:
        await self._send_on(*held, Wrong())
        self.wake()

    async def _send_on(self, delivery: Delivery, webhook: Webhook, wrong: Wrong) -> None:
        """One attempt, and what follows from its answer."""
        said = await self._send(delivery.event, webhook, wrong)
        if said.startswith("2"):
            self._store.attempted(delivery, "succeeded", said, delivery.due)
            return
        attempts = delivery.attempts + 1
        state = "failed" if attempts >= ATTEMPTS else "pending"
        due = time.time() + self._pace.pause(attempts)
        log.info("delivery.failed", event_id=delivery.event, attempt=attempts, answer=said)
        self._store.attempted(delivery, state, said, due)

    async def _send(self, event: str, webhook: Webhook, wrong: Wrong) -> str:
        found = self._store.event(event)
        if found is None or self._http is None:
            return "event gone"
        payload = found[1].encode()
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - wrong.age))
        transmission = str(uuid4())
        sign = self._signer.forge if wrong.forged else self._signer.sign
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHR-214.0-60245616",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-CERT-URL": self._cert_url,
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": sign(transmission, at, webhook.id, payload),
        }
        try:
            async with self._http.post(
                webhook.url, data=payload, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return type(error).__name__
