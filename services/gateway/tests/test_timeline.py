"""A booking's timeline, put together from four services."""

import asyncio
from uuid import uuid4

import pytest

BOOKING = uuid4()
PATH = f"/bookings/{BOOKING}/timeline"


def entry(at: str, service: str, kind: str = "x") -> dict:
    return {
        "at": at,
        "service": service,
        "type": kind,
        "message_id": None,
        "summary": "",
        "data": {},
    }


@pytest.fixture
async def client(gateway, services, keys):
    made = await gateway()
    made.key = {"Authorization": f"Bearer {keys.make('bookings:view')}"}
    services.booking.answers(
        "GET",
        PATH,
        {
            "entries": [
                entry("2026-01-01T10:00:00Z", "booking"),
                entry("2026-01-01T10:00:03.5Z", "booking"),
            ]
        },
    )
    services.payments.answers(
        "GET", PATH, {"entries": [entry("2026-01-01T11:00:02+01:00", "payments")]}
    )
    services.notifications.answers(
        "GET", PATH, {"entries": [entry("2026-01-01T10:00:04Z", "notifications")]}
    )
    return made


async def test_entries_of_all_services_are_sorted_by_time(client, services):
    got = await client.get(f"/v1{PATH}", **client.key)
    assert got.status == 200
    assert [one["service"] for one in got.json["entries"]] == [
        "booking",
        "payments",
        "booking",
        "notifications",
    ]
    # customers knows nothing of it yet: that is no entry, and nothing missing
    assert got.json["incomplete"] == []
    assert all(
        one.seen[-1].principal.permissions == frozenset({"bookings:view"})
        for one in (services.booking, services.payments, services.notifications)
    )


async def test_a_service_that_is_down_is_named(client, services):
    await services.payments.stop()
    services.notifications.answers("GET", PATH, {"detail": "broken"}, 500)
    got = await client.get(f"/v1{PATH}", **client.key)
    assert got.status == 200
    assert [one["service"] for one in got.json["entries"]] == ["booking", "booking"]
    assert got.json["incomplete"] == ["payments", "notifications"]
    await services.payments.start()


async def test_services_are_asked_at_the_same_time(client, services):
    """None answers before all have been asked; asked in turn, they would be missing."""
    asked = [one for one in services if one.name != "customers"]
    together = asyncio.Barrier(len(asked))
    for one in asked:
        one.answers("GET", PATH, {"entries": []}, after=together.wait)
    got = await client.get(f"/v1{PATH}", **client.key)
    assert (got.status, got.json["incomplete"]) == (200, [])


async def test_what_booking_does_not_know_is_404(client, services):
    services.booking.answers("GET", PATH, {"code": "NOT_FOUND"}, 404)
    got = await client.get(f"/v1{PATH}", **client.key)
    assert (got.status, got.code) == (404, "NOT_FOUND")


async def test_it_takes_a_key_with_permission(client, keys):
    other = keys.make("catalogue:view")
    assert (await client.get(f"/v1{PATH}", Authorization=f"Bearer {other}")).status == 403
    assert (await client.get(f"/v1{PATH}")).status == 401
