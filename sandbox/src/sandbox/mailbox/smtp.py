"""SMTP in. What a real server may do to a sender can be asked for: refuse, dawdle, fall silent."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mailbox.post import Post


@dataclass(slots=True)
class Temper:
    """How the next senders fare.

    `reject` messages are refused with 451; `drop` are taken, but the connection is cut before the
    answer; every answer waits `delay` seconds.
    """

    reject: int = 0
    drop: int = 0
    delay: float = 0.0


class Inbox:
    """aiosmtpd's handler: what happens at the end of DATA."""

    def __init__(self, post: Post, temper: Temper) -> None:
        self._post = post
        self._temper = temper

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del session
        temper = self._temper
        if temper.delay:
            await asyncio.sleep(temper.delay)
        if temper.reject > 0:
            temper.reject -= 1
            return "451 4.3.0 Try again later"
        content: Any = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        letter = self._post.take_in(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw)
        if temper.drop > 0:
            temper.drop -= 1
            transport: Any = server.transport
            transport.abort()
        return f"250 2.0.0 Kept as {letter.id}"


def protocol(inbox: Inbox, largest: int) -> SMTP:
    """One connection; a message above `largest` bytes is refused with 552."""
    return SMTP(
        inbox,
        data_size_limit=largest,
        enable_SMTPUTF8=True,
        hostname="mailbox.localhost",
        ident="mailbox",
        timeout=60,
        loop=asyncio.get_running_loop(),
    )
