"""Over real HTTP, as the gateway calls it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from chassis import auth
from chassis.http import create_app
from chassis.serving import listen, serve
from chassis.settings import BadSettings, load
from chassis.testing import DatabaseUrls, eventually
from contracts.payments import PaymentDisputed
from notifications.app import build
from notifications.settings import Settings

from .conftest import CONTACT_KEYS, Desk, MailHost, contact

PRIVATE, PUBLIC = auth.new_key_pair()
MINTER = auth.TokenMinter({"a": auth.decode_key(PRIVATE)})


def values(**more: Any) -> dict[str, Any]:
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": "postgresql://notifications:test@127.0.0.1:1/none",
        "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
        "INTERNAL_TOKEN_PUBLIC_KEYS": {"a": auth.decode_key(PUBLIC)},
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "bookings@holdfast.example",
        "PUBLIC_URL": "https://book.example",
        "CONTACT_KEYS": CONTACT_KEYS,
        "COLUMN_KEYS": {"test": b"c" * 32},
        "MANAGE_TOKEN_KEYS": {"k1": "m" * 32},
        **more,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(urls: DatabaseUrls) -> AsyncIterator[str]:
    service = build(Settings(**values(DATABASE_URL=urls.url)))
    stop = asyncio.Event()
    door = listen("127.0.0.1", 0)
    running = asyncio.create_task(serve(create_app(service), door, stop, drain_seconds=5))
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    stop.set()
    await running
    assert service.db is not None
    await service.db.close()


async def read(address: str, path: str, caller: auth.Principal) -> tuple[int, Any]:
    headers = {auth.HEADER: MINTER.mint(caller, "notifications")}
    async with (
        aiohttp.ClientSession() as session,
        session.get(address + path, headers=headers) as response,
    ):
        return response.status, await response.json()


async def test_staff_see_what_the_guest_was_told(
    address: str, sending: Desk, mail_host: MailHost
) -> None:
    """NTF-22."""
    confirmed = sending.confirmed(contact=contact())
    await sending.hear(confirmed)
    await eventually(sending.told)
    clerk = auth.Principal("key", "k", sending.org_id, frozenset({"bookings:view"}))
    path = f"/bookings/{confirmed.booking_id}"
    status, answer = await read(address, f"{path}/messages", clerk)
    assert status == 200
    [message] = answer["items"]
    assert (message["kind"], message["state"], message["channel"]) == (
        "confirmation",
        "sent",
        "email",
    )
    assert (message["to"], message["recipient"]) == ("guest", "guest@example.com")
    assert message["message_id"] == mail_host.taken[0]["Message-ID"]
    assert message["sent_at"] is not None

    status, timeline = await read(address, f"{path}/timeline", clerk)
    assert status == 200
    assert [entry["type"] for entry in timeline["entries"]] == [
        "notification.planned",
        "notification.sent.v1",
    ]
    assert all(entry["message_id"] for entry in timeline["entries"])
    assert "guest@example.com" not in str(timeline)


async def test_staff_see_which_messages_were_for_the_venue(address: str, sending: Desk) -> None:
    disputed = sending.of(PaymentDisputed)
    await sending.hear(sending.confirmed(booking_id=disputed.booking_id, contact=contact()))
    await sending.hear(disputed, sequence=4)
    clerk = auth.Principal("key", "k", sending.org_id, frozenset({"bookings:view"}))
    _, answer = await read(address, f"/bookings/{disputed.booking_id}/messages", clerk)
    assert [(message["kind"], message["to"]) for message in answer["items"]] == [
        ("confirmation", "guest"),
        ("payment_disputed", "venue"),
    ]


async def test_other_organisations_see_nothing(address: str, sending: Desk) -> None:
    confirmed = sending.confirmed()
    await sending.hear(confirmed)
    stranger = auth.Principal("key", "k", uuid4(), frozenset({"bookings:manage"}))
    for part, empty in (("messages", {"items": []}), ("timeline", {"entries": []})):
        path = f"/bookings/{confirmed.booking_id}/{part}"
        assert await read(address, path, stranger) == (200, empty)


async def test_only_those_who_may_see_bookings_see_their_messages(address: str) -> None:
    for part in ("messages", "timeline"):
        path = f"/bookings/{uuid4()}/{part}"
        assert (await read(address, path, auth.Principal("guest", "g")))[0] == 401
        other = auth.Principal("key", "k", uuid4(), frozenset({"customers:manage"}))
        assert (await read(address, path, other))[0] == 403


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"SMTP_URL": "http://mail.example"}, "SMTP_URL"),
        ({"SMTP_URL": "smtp://"}, "SMTP_URL"),
        ({"SMTP_URL": "smtp://user:hunter2@mail.example"}, "SMTP_URL"),
        ({"MAIL_FROM": "Bookings <b@example.com>"}, "MAIL_FROM"),
        ({"PUBLIC_URL": "book.example"}, "PUBLIC_URL"),
        ({"MANAGE_TOKEN_KEYS": {"k1": "m" * 31}}, "MANAGE_TOKEN_KEYS"),
    ],
)
def test_bad_settings_name_the_variable_and_show_no_value(
    change: dict[str, Any], variable: str
) -> None:
    """S0-19."""
    with pytest.raises(BadSettings) as refused:
        load(Settings, values(**change))
    [line] = refused.value.lines
    assert line.startswith(f"{variable}: ")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "url",
    ["smtps://u:p@mail.example", "smtp+starttls://u:p@mail.example:2587", "smtp://127.0.0.1:25"],
)
def test_good_mail_servers_are_taken(url: str) -> None:
    assert url == load(Settings, values(SMTP_URL=url)).SMTP_URL
