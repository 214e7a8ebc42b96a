"""Who may see and do what over HTTP, and what never crosses from one organisation to another."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments_webhooks import event, post, signed
from payments_world import Stripe, World

from chassis.auth import Principal

OPERATOR = Principal("operator", "op")


async def test_the_holder_and_staff_see_the_payment_and_nobody_else(world: World):
    booking = world.booking()
    await booking.ready()
    path = f"/bookings/{booking.id}/payment"

    async def status(principal: Principal) -> int:
        return (await world.request("GET", path, principal))[0]

    holder = Principal("manage", "guest", world.org_id, booking_id=booking.id)
    other_holder = Principal("manage", "guest", world.org_id, booking_id=uuid4())
    foreign_holder = Principal("manage", "guest", uuid4(), booking_id=booking.id)
    assert await status(holder) == 200
    assert await status(world.staff("bookings:view")) == 200
    assert await status(other_holder) == 404
    assert await status(foreign_holder) == 404
    assert await status(world.staff("catalogue:view")) == 403
    assert await status(Principal("key", "k", uuid4(), frozenset({"bookings:view"}))) == 404
    assert await status(Principal("guest", "guest")) == 401
    async with world.http.get(world.url + path) as answer:
        assert answer.status == 401


async def test_an_unknown_booking_and_a_bad_id(world: World):
    staff = world.staff("bookings:view")
    assert (await world.request("GET", f"/bookings/{uuid4()}/payment", staff))[0] == 404
    assert (await world.request("GET", "/bookings/nonsense/payment", staff))[0] == 422


async def test_the_timeline_shows_the_whole_path(world: World, stripe: Stripe):
    booking = world.booking()
    payment = await booking.paid()
    await world.hand(booking.unfulfillable(payment["id"], 1000))
    await world.quiet()
    path = f"/bookings/{booking.id}/timeline"
    status, body = await world.request("GET", path, world.staff("bookings:view"))
    assert status == 200
    types = [entry["type"] for entry in body["entries"]]
    for step in (
        "payment.wanted",
        "provider.create",
        "payment.ready.v1",
        "provider_event.payment_intent.succeeded",
        "payment.succeeded.v1",
        "refund.requested",
        "provider.refund",
        "payment.refunded.v1",
    ):
        assert types.count(step) == 1, step
    assert types[0] == "payment.wanted"
    assert all(entry["at"] and entry["summary"] for entry in body["entries"])
    told = next(e for e in body["entries"] if e["type"] == "payment.succeeded.v1")
    assert UUID(told["message_id"])
    assert "secret" not in json.dumps(body)
    stranger = Principal("key", "k", uuid4(), frozenset({"bookings:view"}))
    assert (await world.request("GET", path, stranger))[1]["entries"] == []


async def _account(world: World, stripe: Stripe, suffix: str, **more: Any) -> dict[str, Any]:
    """An account of the organisation's own, connected as staff and seed do it."""
    key = f"sk_test_{suffix}"
    manager = world.staff("payments:manage")
    status, account = await world.request(
        "POST",
        "/payment-accounts",
        manager,
        {"secret_key": key, "publishable_key": f"pk_test_{suffix}", **more},
    )
    assert status == 201, account
    assert key not in json.dumps(account)
    url = world.url + account["webhook_path"]
    assert account["webhook_url"] == url
    events = {f"enabled_events[{n}]": name for n, name in enumerate(account["webhook_events"])}
    endpoint = await stripe.call(
        "POST", "/v1/webhook_endpoints", form={"url": url, **events}, key=key
    )
    status, _ = await world.request(
        "POST",
        f"/payment-accounts/{account['id']}/webhook-secret",
        manager,
        {"secret": endpoint["secret"]},
    )
    assert status == 200
    return dict(account)


async def test_an_organisation_is_paid_through_its_own_account(world: World, stripe: Stripe):
    suffix = uuid4().hex
    account = await _account(world, stripe, suffix)
    booking = world.booking()
    payment = await booking.ready()
    assert payment["publishable_key"] == f"pk_test_{suffix}"
    assert await stripe.intents_of(booking.id) == []
    await stripe.pay(payment)
    await booking.becomes("succeeded")
    [row] = await world.rows("SELECT * FROM payment_accounts WHERE id = $1", account["id"])
    assert suffix not in row["secret_key"]
    assert "whsec" not in row["webhook_secret"]


async def test_webhook_secrets_rotate_without_a_gap(world: World, stripe: Stripe):
    account = await _account(world, stripe, uuid4().hex)
    manager = world.staff("payments:manage")
    secrets = [f"whsec_{name}{uuid4().hex}" for name in ("second", "third")]

    async def accepted(secret: str) -> bool:
        body = event("brand.new")
        return (await post(world, body, signed(body, secret), account["id"]))[0] == 200

    for secret in secrets:
        assert not await accepted(secret)
        path = f"/payment-accounts/{account['id']}/webhook-secret"
        assert (await world.request("POST", path, manager, {"secret": secret}))[0] == 200
        assert await accepted(secret)
    assert all([await accepted(secret) for secret in secrets])


async def test_another_accounts_event_cannot_move_a_payment(world: World, stripe: Stripe):
    """An organisation with a Stripe account of its own writes ids of ours into its metadata."""
    victim = world.booking()
    payment = await victim.ready()
    mallory = world.of_another_organisation()
    suffix = uuid4().hex
    await _account(mallory, stripe, suffix)
    made = await stripe.call(
        "POST",
        "/v1/payment_intents",
        form={
            "amount": "5000",
            "currency": "gbp",
            "confirm": "true",
            "payment_method": "pm_card_visa",
            "return_url": "https://venue.example/",
            "metadata[org_id]": str(world.org_id),
            "metadata[booking_id]": str(victim.id),
            "metadata[payment_id]": payment["id"],
        },
        key=f"sk_test_{suffix}",
    )
    assert made["status"] == "succeeded"
    await world.quiet()
    assert (await world.payment(victim.id))["status"] == "ready"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "secret_key"),
        ({"secret_key": "pk_test_publishable"}, "secret_key"),
        ({"secret_key": "sk_live_realmoney"}, "secret_key"),
        ({"secret_key": 1}, "secret_key"),
        ({"secret_key": "sk_test_good", "webhook_secret": "nonsense"}, "webhook_secret"),
        ({"secret_key": "sk_test_good", "publishable_key": "sk_test_x"}, "publishable_key"),
        ({"secret_key": "sk_test_good", "provider": "other"}, "provider"),
        ({"secret_key": "sk_test_good", "colour": "red"}, "colour"),
        ({"provider": "paypal", "secret_key": "secret-key"}, "publishable_key"),
        (
            {"provider": "paypal", "secret_key": "short", "publishable_key": "client-id"},
            "secret_key",
        ),
        (
            {"provider": "paypal", "secret_key": "secret-key", "publishable_key": "a client"},
            "publishable_key",
        ),
        (
            {
                "provider": "paypal",
                "secret_key": "secret-key",
                "publishable_key": "client-id",
                "webhook_secret": "whsec_stripes12",
            },
            "webhook_secret",
        ),
    ],
)
async def test_bad_accounts_are_refused_by_field(world: World, body: Any, field: str):
    status, problem = await world.request(
        "POST", "/payment-accounts", world.staff("payments:manage"), body
    )
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "realmoney" not in json.dumps(problem)


async def test_accounts_are_for_those_who_manage_payments(world: World):
    body = {"secret_key": f"sk_test_{uuid4().hex}"}

    async def status(principal: Principal, **more: Any) -> int:
        return (await world.request("POST", "/payment-accounts", principal, {**body, **more}))[0]

    assert await status(world.staff("bookings:manage")) == 403
    assert await status(Principal("guest", "guest")) == 401
    assert await status(world.staff("payments:manage"), organisation_id=str(uuid4())) == 403
    assert await status(OPERATOR) == 422
    assert await status(OPERATOR, organisation_id=str(world.org_id)) == 201


async def test_another_organisations_account_takes_no_secret(world: World, stripe: Stripe):
    account = await _account(world, stripe, uuid4().hex)
    path = f"/payment-accounts/{account['id']}/webhook-secret"
    body = {"secret": "whsec_intruder1"}
    intruder = world.of_another_organisation().staff("payments:manage")
    assert (await world.request("POST", path, intruder, body))[0] == 404
    assert (await world.request("POST", path, OPERATOR, body))[0] == 200


async def test_rows_of_other_organisations_are_invisible_to_the_service_role(world: World):
    booking = world.booking()
    await booking.ready()
    other = world.of_another_organisation()
    for table in (
        "payments", "attempts", "refunds", "payment_accounts", "closed_bookings", "closed_changes",
    ):  # fmt: skip
        assert await other.rows(f"SELECT * FROM {table} WHERE org_id = $1", world.org_id) == []
    async with world.db.transaction(None) as tx:
        assert await tx.fetchval("SELECT count(*) FROM payments") == 0
