"""Who may see and do what: a token opens one booking, a key one organisation, an id nothing."""

import base64
from datetime import timedelta
from uuid import uuid4

from .calls import Answer, problem, until
from .people import Booking, City, Place

NOBODY = str(uuid4())


async def test_a_manage_token_opens_its_own_booking_only(city: City) -> None:
    """Guest B with B's token reads, pays or cancels A's booking: 404, as for one that is not."""
    club = await city.nightclub({7: (2, 6), 8: (2, 6)})
    session = await club.session()
    mine = await city.guest().book(session, tables=[club.tables[7]], party=4)
    theirs = await city.guest().book(session, tables=[club.tables[8]], party=4)

    for booking_id in (mine.id, NOBODY):
        for method, path, body in _doors(booking_id):
            answer = await theirs.holder.ask(method, path, json=body)
            problem(answer, 404)
    assert (await mine.read())["status"] == "pending_payment"


async def test_an_id_alone_gives_nothing(city: City) -> None:
    """No credentials: 401. A token that was changed or made up: 401. Nothing is done."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    token = booking.held["manage_token"]
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    epoch = token.split(".")
    epoch[2] = base64.urlsafe_b64encode(b"7").decode().rstrip("=") if epoch[2].isalpha() else "7"

    for method, path, body in _doors(booking.id):
        problem(await city.anybody.ask(method, path, json=body), 401)
        for wrong in (flipped, ".".join(epoch), "x", token * 20):
            answer = await booking.guest.holding(wrong).ask(method, path, json=body)
            problem(answer, 401)
    assert (await booking.read())["status"] == "pending_payment"
    by_link = await city.anybody.get(f"{booking.path}?token={token}")
    assert by_link["reference"] == booking.reference


async def test_staff_see_their_own_organisation_only(city: City) -> None:
    """A key of another organisation: 404 for bookings, sessions, customers; their lists are empty."""
    club, rival = await city.nightclub(), await city.nightclub()
    session = await club.session()
    booking = await (await city.guest().book(session, tables=[club.tables[7]], party=4)).confirmed(
        club.stripe
    )
    customer = await club.customer(email=booking.email)

    for path in (
        booking.path,
        f"{booking.path}/payment",
        f"/v1/sessions/{session.id}",
        f"/v1/venues/{club.venue_id}",
        f"/v1/resources/{club.tables[7]}",
        f"/v1/customers/{customer['id']}",
    ):
        await club.staff.get(path)
        problem(await rival.staff.ask("GET", path), 404)
    assert await club.timeline(booking)

    async def theirs() -> Answer | None:
        answer = await rival.staff.ask("GET", f"{booking.path}/timeline")
        slow = answer.status == 200 and "booking" in answer.json()["incomplete"]
        return None if slow else answer

    problem(await until("booking was asked", theirs), 404)
    assert (await rival.staff.get(f"{booking.path}/messages"))["items"] == []
    assert await rival.customers(email=booking.email) == []
    for path, change in (
        (f"/v1/offerings/{club.offering_id}", {"title": "Ours now"}),
        (f"/v1/sessions/{session.id}", {"title": "Ours now"}),
        (f"/v1/venues/{club.venue_id}", {"name": "Ours now"}),
    ):
        problem(await rival.staff.ask("PATCH", path, json=change), 404)
    answer = await rival.staff.ask("POST", f"{booking.path}/cancel", json={"reason": "spite"})
    problem(answer, 404)
    assert (await booking.read())["status"] == "confirmed"


async def test_scopes_open_their_own_module_only(city: City) -> None:
    """read: may not create; no key, an unknown or a revoked key: 401."""
    studio = await city.studio()
    session = await studio.session(timedelta(days=1))
    reader = await city.staff(studio.id, "read:bookings")
    writer = await city.staff(studio.id, "write:bookings")
    wish = city.guest().wish(session)
    key = {"Idempotency-Key": f"scopes-{uuid4()}"}

    problem(await reader.ask("POST", "/v1/bookings", json=wish, headers=key), 403)
    assert (await writer.ask("POST", "/v1/bookings", json=wish, headers=key)).status in (201, 202)
    problem(await writer.ask("GET", "/v1/customers?email=a@example.com"), 403)
    problem(await writer.ask("POST", "/v1/venues", json={}), 403)
    problem(await studio.staff.ask("POST", "/v1/organisations", json={}), 403)
    problem(await city.anybody.ask("GET", "/v1/venues"), 401)
    for made_up in ("hf_0123456789ab_secret", "nonsense", "hf_", "x" * 5000):
        problem(await city.with_key(made_up).ask("GET", "/v1/venues"), 401)


async def test_a_revoked_key_stops_working(city: City) -> None:
    """Revoked before its first use at the gateway: 401 at once (cached ones within 60 s)."""
    studio = await city.studio()
    made = await city.operator.post(
        "/v1/api-keys",
        {"organisation_id": studio.id, "name": "short", "scopes": ["read:bookings"]},
    )
    revoked = await city.operator.ask("POST", f"/v1/api-keys/{made['prefix']}/revoke", json={})
    assert revoked.status == 204, str(revoked)
    problem(await city.with_key(made["key"]).ask("GET", f"/v1/bookings/{NOBODY}"), 401)


async def test_no_answer_to_a_guest_names_the_provider(city: City) -> None:
    """What a guest reads holds no provider ids but the client secret, and nothing of others."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=4)
    await booking.confirmed(club.stripe)
    text = str(await booking.read())
    for provider_id in ("pi_", "ch_", "_secret_", "acct_", "evt_"):
        assert provider_id not in text
    payment = await booking.holder.get(f"{booking.path}/payment")
    assert payment["client_secret"] is None  # there is nothing left to pay


async def test_metadata_at_the_provider_names_nobody(city: City) -> None:
    """At Stripe there are ids only: no name, phone or free text in metadata or description."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest(name="Unmistakable Guest").book(
        session, tables=[club.tables[7]], party=4, special_requests="Unmistakable wish"
    )
    await booking.payment()
    intent = await club.stripe.intent_of(booking.id)
    told = f"{intent['metadata']} {intent['description']}"
    for personal in ("Unmistakable", booking.email, str(booking.guest.phone)):
        assert personal not in told


def _doors(booking_id: str) -> list[tuple[str, str, object]]:
    """Every way into a booking that a guest has."""
    path = f"/v1/bookings/{booking_id}"
    return [("GET", path, None), ("GET", f"{path}/payment", None), ("POST", f"{path}/cancel", {})]


async def test_the_timeline_is_for_staff(city: City) -> None:
    """Timeline and messages are for staff: a guest's token opens neither."""
    club = await city.nightclub()
    booking = await _held(city, club)
    for caller in (booking.holder, city.anybody, city.operator):
        for part in ("timeline", "messages"):
            answer = await caller.ask("GET", f"{booking.path}/{part}")
            assert answer.status in (401, 403), str(answer)


async def _held(city: City, club: Place) -> Booking:
    session = await club.session()
    return await city.guest().book(session, tables=[club.tables[7]], party=4)
