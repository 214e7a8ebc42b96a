"""Scenarios about the edges of the source system that sold tables (S0): forgery, limits, settings."""

import time

import pytest

from .calls import Caller, new_address, problem, until
from .outside import event, signature
from .people import City, new_key
from .system import System, Tables

SECRET_OF_31 = "x" * 31


async def test_s0_15_only_what_stripe_signed_changes_anything(city: City, tables: Tables) -> None:
    """No signature: 400. A changed body: 401. No change. An unknown type, well signed: 200."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=2)
    await booking.payment()
    intent = await club.stripe.intent_of(booking.id)
    paid = event("payment_intent.succeeded", {**intent, "status": "succeeded"})
    body = b'{"id": "evt_1", "object": "event", "type": "payment_intent.succeeded"}'
    changed = body.replace(b"evt_1", b"evt_2")

    problem(await club.stripe.send(paid, signed=False), 400, "SIGNATURE_MISSING")
    problem(
        await club.stripe.send_raw(
            changed, {"Stripe-Signature": signature(body, club.stripe.webhook_secret)}
        ),
        401,
        "SIGNATURE_WRONG",
    )
    problem(await club.stripe.send(paid, secret="whsec_somebody-else"), 401)
    old = signature(body, club.stripe.webhook_secret, at=1_000_000_000)
    problem(await club.stripe.send_raw(body, {"Stripe-Signature": old}), 401)
    assert await events_of(tables, paid["id"]) == 0
    assert (await booking.read())["status"] == "pending_payment"

    strange = event("galaxy.exploded", {"id": "gal_1", "object": "galaxy"})
    assert (await club.stripe.send(strange)).status == 200
    assert await events_of(tables, strange["id"]) == 1
    assert (await booking.read())["status"] == "pending_payment"


async def test_s0_15_a_signed_lie_is_checked_against_stripe(city: City, tables: Tables) -> None:
    """An event that says `succeeded` about an unpaid intent is taken (200) and changes nothing."""
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=2)
    await booking.payment()
    intent = await club.stripe.intent_of(booking.id)
    lie = event("payment_intent.succeeded", {**intent, "status": "succeeded"})

    assert (await club.stripe.send(lie)).status == 200

    await until_settled(tables, lie["id"])
    assert (await booking.read())["status"] == "pending_payment"


async def test_s0_17_the_sixth_attempt_within_a_minute_is_refused(city: City) -> None:
    """5 booking attempts in 60 s from one caller; the 6th: 429 with Retry-After and RateLimit."""
    club = await city.nightclub()
    session = await club.session()
    wish = city.guest().wish(session, tables=[club.tables[7]], party=2)

    async def attempt(who: Caller) -> int:
        answer = await who.ask(
            "POST", "/v1/bookings", json=wish, headers={"Idempotency-Key": new_key()}
        )
        if answer.status == 429:
            problem(answer, 429, "RATE_LIMIT_EXCEEDED")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.headers["ratelimit-limit"] == "5"
            assert answer.headers["ratelimit-remaining"] == "0"
            assert 1 <= int(answer.headers["ratelimit-reset"]) <= 60
        return answer.status

    assert await attempt(city.anybody.at(new_address())) in (201, 202)
    for _ in range(5):
        caller, began = city.anybody.at(new_address()), time.monotonic()
        statuses = [await attempt(caller) for _ in range(6)]
        if time.monotonic() - began < 60:
            break  # else the minute may have ended before the sixth
    assert statuses == [409] * 5 + [429]
    assert await attempt(city.anybody.at(new_address())) == 409  # others are not in its way
    assert (await caller.ask("GET", f"/v1/sessions/{session.id}/availability")).status == 200


@pytest.mark.parametrize(
    ("service", "variable", "value"),
    [
        ("gateway", "MANAGE_TOKEN_KEYS", f'{{"k1": "{SECRET_OF_31}"}}'),
        ("booking", "MANAGE_TOKEN_KEYS", f'{{"k1": "{SECRET_OF_31}"}}'),
        ("customers", "HASH_KEY", SECRET_OF_31),
        ("payments", "STRIPE_SECRET_KEY", None),
        ("notifications", "SMTP_URL", "mail.example"),
    ],
)
def test_s0_19_a_wrong_setting_ends_the_start_and_is_named(
    system: System, service: str, variable: str, value: str | None
) -> None:
    """A secret of 31 characters, or no Stripe key: exit code 1, naming the variable."""
    done = system.run(service, "api", env={variable: value})

    assert done.code == 1, done.output
    assert variable in done.output
    assert SECRET_OF_31 not in done.output


async def events_of(tables: Tables, event_id: str) -> int:
    count: int = await tables.value(
        "payments", "SELECT count(*) FROM messaging.provider_events WHERE event_id = $1", event_id
    )
    return count


async def until_settled(tables: Tables, event_id: str) -> None:
    await until(
        f"{event_id} worked on",
        lambda: tables.value(
            "payments",
            "SELECT outcome FROM messaging.provider_events"
            " WHERE event_id = $1 AND settled_at IS NOT NULL",
            event_id,
        ),
    )
