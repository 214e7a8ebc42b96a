"""Time passes: what was due happens, each at its own moment and in order."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

import structlog

from sandbox.stripe import (
    checkout_sessions,
    direct_debits,
    dispute_course,
    payment_intents,
    refunds,
)
from sandbox.stripe.api import Api
from sandbox.stripe.appointments import Appointment
from sandbox.stripe.call import Call
from sandbox.stripe.refusal import Json
from sandbox.stripe.store import Store

WORK: Mapping[str, Callable[[Call, str], None]] = {
    "checkout_session.expire": checkout_sessions.lapse,
    "dispute.answer_due": dispute_course.answer_due,
    "dispute.inquiry_ends": dispute_course.inquiry_ends,
    "payment_intent.clear": direct_debits.clear,
    "payment_intent.authorisation_ends": payment_intents.authorisation_ends,
    "refund.settle": refunds.settle_by_card,
}

log = structlog.get_logger()


class Passing:
    """`run` keeps the appointments until cancelled."""

    def __init__(self, store: Store, api: Api) -> None:
        self._store = store
        self._api = api

    async def run(self) -> NoReturn:
        clock = self._store.clock
        while True:
            clock.changed.clear()
            self.catch_up()
            coming = self._store.appointments.next()
            pause = max(coming.due - clock.now(), 0.0) if coming is not None else None
            try:
                async with asyncio.timeout(pause):
                    await clock.changed.wait()
            except TimeoutError:
                continue

    def catch_up(self) -> int:
        """Do all that is due by now; returns how much that was."""
        done = 0
        while (one := self._store.appointments.next()) and one.due <= self._store.clock.now():
            self._keep(one)
            done += 1
        return done

    def _keep(self, appointment: Appointment) -> None:
        def work(call: Call) -> Json:
            self._store.appointments.remove(appointment)
            WORK[appointment.work](call, appointment.id)
            return {}

        try:
            self._api.do(appointment.tenant, work, now=appointment.due)
        except Exception as error:
            # Others wait behind it.
            self._store.appointments.remove(appointment)
            log.exception("appointment.broken", work=appointment.work, error=repr(error))
