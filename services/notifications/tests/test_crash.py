"""A worker killed between the server's acceptance and our record (kill -9, real process)."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from uuid import uuid4

from chassis.auth import new_key_pair
from chassis.testing import DatabaseUrls, Vhost, eventually

from .conftest import CONTACT_KEYS, Desk, MailHost


def environment(urls: DatabaseUrls, vhost: Vhost, mail_host: MailHost) -> dict[str, str]:
    def ring(key: bytes) -> str:
        return f'{{"test": "{b64encode(key).decode()}"}}'

    return {
        **os.environ,
        "ENVIRONMENT": "test",
        "DATABASE_URL": urls.url,
        "AMQP_URL": vhost.amqp_url,
        "INTERNAL_PORT": "0",
        "INTERNAL_TOKEN_PUBLIC_KEYS": f'{{"a": "{new_key_pair()[1]}"}}',
        "SMTP_URL": f"smtp://127.0.0.1:{mail_host.port}",
        "MAIL_FROM": "bookings@holdfast.example",
        "PUBLIC_URL": "https://book.example",
        "CONTACT_KEYS": ring(next(iter(CONTACT_KEYS.values()))).replace("test", "example"),
        "COLUMN_KEYS": ring(b"c" * 32),
        "MANAGE_TOKEN_KEYS": '{"k1": "' + "m" * 32 + '"}',
    }


async def test_a_mail_accepted_and_not_recorded_is_sent_again_under_its_message_id(
    desk: Desk, urls: DatabaseUrls, vhost: Vhost, mail_host: MailHost
) -> None:
    await desk.hear(desk.venue(venue_id=(venue_id := uuid4())))
    await desk.hear(desk.confirmed(booking_id=uuid4(), venue_id=venue_id))
    settings = environment(urls, vhost, mail_host)
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notifications", "worker",
        env={**settings, "HOLDFAST_FAILPOINT": "intent.after_call"},
    )  # fmt: skip
    assert await asyncio.wait_for(doomed.wait(), 90) == -signal.SIGKILL
    assert await desk.states() == ["sending"]
    # As after the claim's minute, in which the heir has time to send and to write it down.
    await desk.db.statement("UPDATE messaging.intents SET claim = NULL, next_at = now()")
    heir = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notifications", "worker", env=settings
    )
    try:
        await eventually(lambda: _sent(desk))
    finally:
        heir.terminate()
        assert await asyncio.wait_for(heir.wait(), 90) == 0
    assert len(mail_host.taken) == 2
    assert len({mail["Message-ID"] for mail in mail_host.taken}) == 1


async def _sent(desk: Desk) -> bool:
    return await desk.states() == ["sent"]
