"""What a venue can show a bank about a dispute, put together from the services."""

from uuid import uuid4

import pytest

BOOKING, DISPUTE = uuid4(), uuid4()
PATH = f"/disputes/{DISPUTE}"
ABOUT = f"/bookings/{BOOKING}"


def entry(at: str, service: str) -> dict:
    return {
        "at": at,
        "service": service,
        "type": "x",
        "message_id": None,
        "summary": "",
        "data": {},
    }


@pytest.fixture
async def client(gateway, services, keys):
    made = await gateway()
    made.key = {"Authorization": f"Bearer {keys.make('payments:view', 'bookings:view')}"}
    services.payments.answers("GET", PATH, {"id": str(DISPUTE), "booking_id": str(BOOKING)})
    services.booking.answers("GET", ABOUT, {"reference": "BRL-2030-7KQ4M"})
    told = [{"kind": "x", "to": "guest"}, {"kind": "payment_disputed", "to": "venue"}]
    services.notifications.answers("GET", f"{ABOUT}/messages", {"items": told})
    for one, at in (
        (services.booking, "2026-01-01T10:00:02Z"),
        (services.payments, "2026-01-01T09:00:00Z"),
    ):
        one.answers("GET", f"{ABOUT}/timeline", {"entries": [entry(at, one.name)]})
    services.notifications.answers("GET", f"{ABOUT}/timeline", {"entries": []})
    return made


async def test_the_bundle_has_all_that_the_services_know(client):
    """Of the messages, those to the guest: a bank is not shown what the manager was told."""
    got = await client.get(f"/v1{PATH}/evidence", **client.key)
    assert got.status == 200
    assert got.json["dispute"]["id"] == str(DISPUTE)
    assert got.json["booking"] == {"reference": "BRL-2030-7KQ4M"}
    assert got.json["messages"] == [{"kind": "x", "to": "guest"}]
    assert [one["service"] for one in got.json["timeline"]] == ["payments", "booking"]
    assert got.json["incomplete"] == []


async def test_what_is_missing_is_named(client, services):
    services.notifications.answers("GET", f"{ABOUT}/messages", {"detail": "broken"}, 500)
    got = await client.get(f"/v1{PATH}/evidence", **client.key)
    assert (got.status, got.json["incomplete"]) == (200, ["notifications"])


async def test_a_dispute_that_payments_does_not_know_is_404(client, services):
    services.payments.answers("GET", PATH, {"code": "DISPUTE_NOT_FOUND"}, 404)
    got = await client.get(f"/v1{PATH}/evidence", **client.key)
    assert (got.status, got.code) == (404, "DISPUTE_NOT_FOUND")


async def test_it_takes_a_key_with_permission(client, keys):
    other = keys.make("catalogue:view")
    answer = await client.get(f"/v1{PATH}/evidence", Authorization=f"Bearer {other}")
    assert answer.status == 403
