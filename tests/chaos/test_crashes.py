"""kill -9 of a real process at every step of a message's and a payment's way."""

import asyncio

import pytest

from tests.e2e.outside import Mailbox
from tests.e2e.people import City
from tests.e2e.system import System, Tables

from .story import check, set_scene, tell

# Where each role passes. A number: the process dies at that pass, so that some go well before.
CRASHES = [
    ("booking-api", "db.after_commit:2"),
    ("booking-worker", "db.after_commit:2"),
    ("booking-worker", "relay.after_publish:3"),
    ("booking-worker", "relay.after_confirm:3"),
    ("booking-worker", "relay.before_delete"),
    ("booking-worker", "consumer.before_ack:4"),
    ("booking-worker", "timer.after_commit"),
    ("payments-api", "webhook.after_store:3"),
    ("payments-worker", "db.after_commit:5"),
    ("payments-worker", "relay.after_publish:2"),
    ("payments-worker", "relay.after_confirm:5"),
    ("payments-worker", "relay.before_delete"),
    ("payments-worker", "consumer.before_ack:2"),
    ("payments-worker", "intent.before_call:3"),
    ("payments-worker", "intent.after_call:1"),
    ("payments-worker", "intent.after_call:7"),
    ("notifications-worker", "consumer.before_ack"),
    ("notifications-worker", "intent.before_call:2"),
    ("notifications-worker", "intent.after_call:1"),
    ("notifications-worker", "relay.after_publish"),
    ("customers-worker", "consumer.before_ack"),
    ("customers-worker", "relay.after_confirm"),
]


@pytest.mark.parametrize(("part", "point"), CRASHES, ids=[f"{p}-{f}" for p, f in CRASHES])
async def test_a_crash_loses_nothing_and_doubles_nothing(
    system: System, city: City, mailbox: Mailbox, tables: Tables, part: str, point: str
) -> None:
    scene = await set_scene(city, tables)
    system.stop(part)
    system.start(part, {"HOLDFAST_FAILPOINT": point})

    def bury_and_revive() -> int | None:
        code = system.wait_exit(part, 500)  # some die at the very end of the story
        system.start(part)
        return code

    reviving = asyncio.create_task(asyncio.to_thread(bury_and_revive))
    ends = await tell(city, scene)
    assert await reviving == -9, "the process did not pass its failpoint"
    await check(ends, mailbox, tables)
