"""`POST /v1/bookings`: the place from booking, the way to pay from payments, in one answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
import structlog

from chassis.manage_token import ManageTokens
from chassis.problems import Problem, Unauthenticated
from gateway.authentication import holder
from gateway.forwarding import Forward
from gateway.routes import Upstream
from gateway.waiting import ReadyPayments
from gateway.wire import Answer

if TYPE_CHECKING:
    from chassis.auth import Principal
    from gateway.routes import Match
    from gateway.wire import Request

log = structlog.get_logger(__name__)

# Seconds for one look at the payment; it comes on top of the wait when payments hangs.
_READ_WITHIN: Final = 0.5
_PENDING: Final = "pending_payment"
_PREPARING: Final = "preparing"
_REPLAYED: Final = b"idempotent-replayed"


@dataclass(frozen=True, slots=True)
class Book:
    """Holds the place, then waits briefly for the payment that booking's message makes.

    201 with the payment when it can be paid, or when nothing is due; 202 with `payment_url` when it
    is not ready in time or nobody can tell. The place is held either way. `wait` is in seconds, 0 =
    not at all; `head_start` of it passes before payments is asked without an announcement.
    """

    forward: Forward
    ready: ReadyPayments
    manage_tokens: ManageTokens
    wait: float = 2.0
    head_start: float = 0.15

    async def __call__(
        self, request: Request, match: Match, principal: Principal, body: bytes | None
    ) -> Answer:
        """The answer to the client."""
        answer = await self.forward(request, match, principal, body)
        if answer.status != 201 or answer.rest is not None:
            return answer
        booking: dict[str, Any] = orjson.loads(answer.body)
        payment: dict[str, Any] | None = None
        status = 201
        if _is_due(booking):
            replayed = any(name == _REPLAYED for name, _ in answer.headers)
            payment = await self._payment(request, booking, principal, replayed=replayed)
            if payment is None:
                status = 202
                booking["payment_url"] = f"{match.route.path}/{booking['id']}/payment"
        booking["payment"] = payment
        return Answer(status, answer.headers, orjson.dumps(booking))

    async def _payment(
        self, request: Request, booking: dict[str, Any], principal: Principal, *, replayed: bool
    ) -> dict[str, Any] | None:
        if self.wait <= 0:
            return None
        booking_id = UUID(booking["id"])
        reader = self._reader(booking, principal)
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.wait
        with self.ready.expecting(booking_id) as expected:
            if not replayed:
                # Nothing is there yet but for a miracle: asking at once is a call for nothing.
                await expected.wait(min(self.head_start, self.wait))
            payment = await self._read(request, booking_id, reader)
            if payment is None and not expected.over:
                await expected.wait(deadline - clock())
                payment = await self._read(request, booking_id, reader)
        return payment

    def _reader(self, booking: dict[str, Any], principal: Principal) -> Principal:
        # A guest may not read bookings, but the one who just made this one may read this one.
        token = booking.get("manage_token")
        if not isinstance(token, str):
            return principal
        try:
            claims = self.manage_tokens.verify(token, datetime.now(UTC))
        except Unauthenticated:
            log.error("book.foreign_manage_token")  # noqa: TRY400 - a difference in settings
            return principal
        return holder(claims.org_id, claims.booking_id, claims.epoch)

    async def _read(
        self, request: Request, booking_id: UUID, reader: Principal
    ) -> dict[str, Any] | None:
        """The payment if it is past its preparation."""
        try:
            answer = await self.forward.services.call(
                Upstream.PAYMENTS,
                "GET",
                f"/bookings/{booking_id}/payment",
                reader,
                request.trail,
                within=_READ_WITHIN,
            )
        except Problem:
            return None
        if answer.status != 200:
            return None
        payment: dict[str, Any] = orjson.loads(answer.body)
        return payment if is_ready(payment) else None


def _is_due(booking: dict[str, Any]) -> bool:
    """Whether something is to be paid, or a card to be saved."""
    return booking.get("status") == _PENDING


def is_ready(payment: dict[str, Any]) -> bool:
    """Whether the client can go on with it: pay it, or see how it ended."""
    return bool(payment.get("status", _PREPARING) != _PREPARING)
