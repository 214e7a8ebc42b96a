"""What may come in at the webhook address, and what may not."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from payments_webhooks import event, post, signed
from payments_world import Stripe, World


async def _stored(world: World) -> int:
    async with world.db.transaction(None) as tx:
        return int(await tx.fetchval("SELECT count(*) FROM messaging.provider_events"))


async def test_without_a_signature_it_is_malformed(world: World):
    before = await _stored(world)
    status, problem = await post(world, event(), None)
    assert (status, problem["code"]) == (400, "SIGNATURE_MISSING")
    assert await _stored(world) == before


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: (body, signed(body, "whsec_another")),
        lambda body: (body.replace(b"succeeded", b"cancelled"), signed(body)),
        lambda body: (body[:-1], signed(body)),
        lambda body: (body, signed(body, at=int(time.time()) - 301)),
        lambda body: (body, signed(body, at=int(time.time()) + 400)),
        lambda body: (body, signed(body).replace("v1=", "v0=")),
        lambda body: (body, "t=,v1="),
        lambda body: (body, "t=99999999999999999999999,v1=00"),
        lambda body: (body, "nonsense"),
        lambda body: (body, b"t=1,v1=\xff\xfe".decode("latin-1")),
        lambda body: (b"\xff" + body, signed(body)),
    ],
    ids=[
        "another secret",
        "changed body",
        "truncated body",
        "too old",
        "from the future",
        "old scheme only",
        "empty parts",
        "absurd time",
        "not a signature",
        "signature not in ASCII",
        "body not UTF-8",
    ],
)
async def test_a_wrong_signature_is_refused_and_nothing_is_kept(world: World, forge: Any):
    before = await _stored(world)
    body, signature = forge(event())
    status, problem = await post(world, body, signature)
    assert (status, problem["code"]) == (401, "SIGNATURE_WRONG")
    assert await _stored(world) == before


async def test_a_huge_body_is_refused_before_it_is_read(world: World):
    body = b"x" * (256 * 1024 + 1)
    status, _ = await post(world, body, "t=1,v1=00")
    assert status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b'{"id":1,"type":2}',
        b"[" * 100_000 + b"]" * 100_000,
        rb'{"id":"evt_\ud800","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1"}}}',
        rb'{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_\u0000"}}}',
        rb'{"id":"evt_1","type":"x","data":{"object":{"metadata":{"org_id":"\u0000"}}}}',
    ],
)
async def test_signed_nonsense_is_malformed_not_a_fault(world: World, body: bytes):
    status, problem = await post(world, body, signed(body))
    assert (status, problem["code"]) == (400, "EVENT_UNREADABLE")


async def test_an_unknown_account_is_not_found(world: World):
    for account in (str(uuid4()), "x" * 64, "%00", "..%2f"):
        body = event()
        status, _ = await post(world, body, signed(body), account)
        assert status in {400, 404}


@pytest.mark.parametrize("kind", ["invoice.paid", "payment_intent.created", "brand.new"])
async def test_kinds_that_are_none_of_our_business_are_kept_and_acknowledged(
    world: World, kind: str
):
    body = event(kind)
    assert await post(world, body, signed(body)) == (200, {"received": True})
    async with world.db.transaction(None) as tx:
        outcome = await tx.fetchval(
            "SELECT outcome FROM messaging.provider_events WHERE event_id = $1",
            json.loads(body)["id"],
        )
    assert outcome == "ignored"


async def test_the_same_event_is_kept_once_and_acknowledged_every_time(world: World):
    body = event()
    before = await _stored(world)
    for _ in range(3):
        assert (await post(world, body, signed(body)))[0] == 200
    assert await _stored(world) == before + 1


async def test_what_is_kept_of_an_event_holds_no_personal_data_and_no_secret(world: World):
    body = event(
        client_secret="pi_1_secret_2",
        receipt_email="guest@example.com",
        metadata={"booking_id": "b", "name": "Test Guest"},
        charges={"data": [{"billing_details": {"name": "Test Guest"}}]},
        description="Test Guest",
        status="succeeded",
    )
    await post(world, body, signed(body))
    async with world.db.transaction(None) as tx:
        digest = await tx.fetchval(
            "SELECT digest FROM messaging.provider_events WHERE event_id = $1",
            json.loads(body)["id"],
        )
    assert "succeeded" in digest
    for secret in ("Test Guest", "example.com", "secret"):
        assert secret not in digest


async def test_an_event_about_a_payment_that_stripe_does_not_know_changes_nothing(world: World):
    booking = world.booking()
    payment = await booking.ready()
    body = event(
        metadata={
            "org_id": str(world.org_id),
            "booking_id": str(booking.id),
            "payment_id": payment["id"],
        }
    )
    assert (await post(world, body, signed(body)))[0] == 200
    await world.quiet()
    assert (await world.payment(booking.id))["status"] == "ready"


async def test_an_event_that_lies_about_the_outcome_is_not_believed(world: World):
    """A leaked secret lets nobody pay with words: the payment is read from Stripe."""
    booking = world.booking()
    await booking.ready()
    ref = await booking.ref()
    body = event(
        id=ref,
        status="succeeded",
        amount_received=5000,
        metadata={"org_id": str(world.org_id), "booking_id": str(booking.id)},
    )
    assert (await post(world, body, signed(body)))[0] == 200
    await world.quiet()
    assert (await world.payment(booking.id))["status"] == "ready"


async def test_an_intent_with_ids_of_ours_that_we_did_not_make_pays_nothing(
    world: World, stripe: Stripe
):
    """F-27: a second intent, paid, cannot pass for the one that belongs to the booking."""
    booking = world.booking()
    payment = await booking.ready()
    made = await stripe.call(
        "POST",
        "/v1/payment_intents",
        form={
            "amount": "100",
            "currency": "gbp",
            "confirm": "true",
            "payment_method": "pm_card_visa",
            "return_url": "https://venue.example/",
            "metadata[org_id]": str(world.org_id),
            "metadata[booking_id]": str(booking.id),
            "metadata[payment_id]": payment["id"],
        },
    )
    assert made["status"] == "succeeded", made
    await world.quiet()
    assert (await world.payment(booking.id))["status"] == "ready"
    async with world.db.transaction(None) as tx:
        outcomes = await tx.fetch(
            "SELECT DISTINCT outcome FROM messaging.provider_events WHERE payment_ref = $1",
            made["id"],
        )
    assert [row["outcome"] for row in outcomes] == ["foreign"]
