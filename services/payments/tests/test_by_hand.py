"""Paying by hand: nothing is called, staff say what they saw, and it counts once (PAY-32, F-13)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments_world import Booking, World, gbp

from chassis.auth import Principal
from contracts import Money

NUMBER = "1231234567"
SEK = {
    "payment_methods": ("card", "swish"),
    "payment_method": "swish",
    "reference": "BK-7K2M9Q-4TXZ",
}


def sek(amount: int) -> Money:
    return Money(amount_minor=amount, currency="SEK")


@pytest.fixture
def studio(world: World) -> World:
    """An organisation of its own."""
    return world.of_another_organisation()


async def connect_swish(world: World) -> None:
    status, made = await world.request(
        "POST",
        "/payment-accounts",
        world.staff("payments:manage"),
        {"provider": "swish", "publishable_key": NUMBER},
    )
    assert (status, made["provider"], made["publishable_key"]) == (201, "swish", NUMBER), made
    assert not [field for field in made if field.startswith("webhook")]


async def by_swish(world: World, **held: Any) -> tuple[Booking, dict[str, Any]]:
    """Held, and waiting for its guest to send the money."""
    booking = world.booking(**{**SEK, "amount_due_now": sek(18000), **held})
    await world.hand(booking.hold())
    return booking, await booking.becomes("ready")


async def mark(
    world: World,
    booking: Booking,
    principal: Principal | None = None,
    *,
    key: str | None = None,
    **said: Any,
) -> tuple[int, Any]:
    who = principal or world.staff("payments:manage")
    return await world.request("POST", f"/bookings/{booking.id}/mark-paid", who, said, key=key)


async def paid_by_swish(world: World) -> tuple[Booking, dict[str, Any]]:
    booking, payment = await by_swish(world)
    assert (await mark(world, booking))[0] == 200
    return booking, payment


async def owed(world: World) -> list[Any]:
    status, page = await world.request("GET", "/refunds-owed", world.staff("payments:view"))
    assert status == 200, page
    return list(page["items"])


async def mark_returned(
    world: World, refund_id: str, *, key: str | None = None, **said: Any
) -> tuple[int, Any]:
    who = world.staff("payments:manage")
    return await world.request("POST", f"/refunds/{refund_id}/mark-returned", who, said, key=key)


async def test_a_guest_is_told_where_to_send_how_much_with_which_words(studio: World):
    await connect_swish(studio)
    ends = (datetime.now(UTC) + timedelta(hours=20)).replace(microsecond=0)
    booking, payment = await by_swish(studio, expires_at=ends)
    assert (payment["provider"], payment["method"]) == ("swish", "swish")
    assert payment["client_secret"] is payment["redirect_url"] is None
    transfer = payment["transfer"]
    assert datetime.fromisoformat(transfer.pop("pay_by")) == ends
    assert transfer == {
        "payee": NUMBER,
        "message": "BK-7K2M9Q-4TXZ",
        "amount": {"amount_minor": 18000, "currency": "SEK"},
    }
    assert await studio.stripe.intents_of(UUID(payment["id"])) == []
    [told] = await booking.told()
    assert (told["type"], told["method_kind"]) == ("payment.ready.v1", "transfer")
    assert told["transfer"] == {"payee": NUMBER, "message": "BK-7K2M9Q-4TXZ"}


async def test_staff_say_that_it_was_paid_and_it_counts_once(studio: World):
    await connect_swish(studio)
    booking, payment = await by_swish(studio)
    for _ in range(3):
        status, answer = await mark(studio, booking, reference="SW-1")
        assert (status, answer["status"], answer["transfer"]) == (200, "succeeded", None)
    assert await booking.told_types() == ["payment.ready", "payment.succeeded"]
    told = (await booking.told())[-1]
    assert told["amount"] == {"amount_minor": 18000, "currency": "SEK"}
    assert (told["provider"], told["payment_id"]) == ("swish", payment["id"])
    [said] = await studio.rows("SELECT * FROM statements")
    assert (said["kind"], said["actor"], said["reference"]) == ("paid", "key:key-1", "SW-1")


async def test_of_many_who_say_so_at_once_one_is_kept(studio: World):
    booking, _ = await by_manual(studio)
    answers = await asyncio.gather(
        *(mark(studio, booking, reference=f"SW-{clerk}") for clerk in range(8))
    )
    assert {(status, answer["status"]) for status, answer in answers} == {(200, "succeeded")}
    assert len(await studio.rows("SELECT * FROM statements")) == 1
    assert (await booking.told_types()).count("payment.succeeded") == 1


async def test_the_deadline_and_the_money_at_once_lose_nothing(studio: World):
    """Whichever is first, the money is told once, and nothing is said to be over after it."""
    for _ in range(5):
        booking, _ = await by_manual(studio)
        _, (status, _) = await asyncio.gather(studio.hand(booking.expired()), mark(studio, booking))
        await studio.quiet()
        assert status == 200
        assert (await studio.payment(booking.id))["status"] == "succeeded"
        told = await booking.told_types()
        assert told.count("payment.succeeded") == 1
        assert told[-1] == "payment.succeeded"


async def test_s2_9_only_who_manages_payments_may_say_so(studio: World):
    await connect_swish(studio)
    booking, _ = await by_swish(studio)
    holder = Principal("manage", "guest", studio.org_id, booking_id=booking.id)
    clerk = studio.staff("bookings:manage", "payments:view")
    for nobody in (holder, clerk, Principal("guest", "guest")):
        status, _ = await mark(studio, booking, nobody)
        assert status in {401, 403}
    stranger = studio.of_another_organisation()
    assert (await mark(stranger, booking))[0] == 404
    assert (await studio.payment(booking.id))["status"] == "ready"
    assert await studio.rows("SELECT * FROM statements") == []


async def test_money_in_hand_is_paid_as_soon_as_it_is_booked(studio: World):
    booking = studio.booking(
        payment_methods=("manual",), payment_method="manual", received_by="key:front-desk"
    )
    for _ in range(2):
        await studio.hand(booking.hold())
    await booking.becomes("succeeded")
    await studio.quiet()
    assert await booking.told_types() == ["payment.succeeded"]
    [said] = await studio.rows("SELECT * FROM statements")
    assert (said["kind"], said["actor"]) == ("paid", "key:front-desk")


async def test_what_is_marked_before_it_was_prepared_stays_paid(studio: World):
    """The worker comes late: the payment is over by then."""
    booking = studio.booking(payment_methods=("manual",), payment_method="manual")
    await studio.hand(booking.hold())
    assert (await mark(studio, booking))[0] == 200
    await studio.quiet()
    assert (await studio.payment(booking.id))["status"] == "succeeded"
    assert (await booking.told_types())[-1] == "payment.succeeded"


async def test_after_the_deadline_it_is_withdrawn_and_money_is_late(studio: World):
    booking, _ = await by_manual(studio)
    await studio.hand(booking.expired())
    await studio.quiet()
    cancelled = await studio.payment(booking.id)
    assert (cancelled["status"], cancelled["transfer"]) == ("cancelled", None)
    assert (await mark(studio, booking))[0] == 200
    assert await booking.told_types() == [
        "payment.ready",
        "payment.cancelled",
        "payment.succeeded",
    ]


async def by_manual(world: World, **held: Any) -> tuple[Booking, dict[str, Any]]:
    return await by_swish(world, payment_methods=("manual",), payment_method="manual", **held)


async def test_a_manual_payment_needs_no_account_and_names_no_payee(studio: World):
    booking, payment = await by_manual(studio)
    assert payment["transfer"]["payee"] is None
    assert payment["transfer"]["message"] == "BK-7K2M9Q-4TXZ"
    assert payment["publishable_key"] is None
    [told] = await booking.told()
    assert told["transfer"] == {"payee": None, "message": "BK-7K2M9Q-4TXZ"}


async def test_without_a_swish_number_the_payment_fails_at_once(studio: World):
    booking = studio.booking(**SEK)
    await studio.hand(booking.hold())
    failed = await studio.payment(booking.id)
    assert (failed["status"], failed["transfer"]) == ("failed", None)
    status, refused = await mark(studio, booking)
    assert (status, refused["code"]) == (409, "CANNOT_MARK_PAID")


async def test_what_a_provider_tells_is_not_for_staff_to_say(studio: World):
    booking = studio.booking()
    await booking.ready()
    status, refused = await mark(studio, booking)
    assert (status, refused["code"]) == (409, "CANNOT_MARK_PAID")
    assert (await studio.payment(booking.id))["status"] == "ready"


async def test_a_change_has_words_of_its_own(studio: World):
    await connect_swish(studio)
    booking, _ = await paid_by_swish(studio)
    change = booking.change(
        payment_methods=("swish",), payment_method="swish", reference=SEK["reference"]
    )
    await studio.hand(change.held())
    waits = await change.becomes("ready")
    assert waits["transfer"]["message"] != SEK["reference"]
    assert waits["transfer"]["message"].startswith(str(SEK["reference"]))
    status, paid = await mark(studio, booking)
    assert (status, paid["change_id"]) == (200, str(change.id))


async def test_a_refund_is_owed_until_staff_have_sent_it(studio: World):
    booking, _ = await by_manual(studio)
    await mark(studio, booking)
    for part, cause in ((5000, "first"), (4000, "second")):
        await studio.hand(booking.refund_due(None, cause, sek(part)))
    await studio.quiet()
    first, second = await owed(studio)
    assert [one["amount"]["amount_minor"] for one in (first, second)] == [5000, 4000]
    assert (first["booking_id"], first["method"]) == (str(booking.id), "manual")
    assert (await studio.payment(booking.id))["refunded_total"]["amount_minor"] == 0

    for _ in range(2):
        status, answer = await mark_returned(studio, second["id"], reference="SW-R2")
        assert (status, answer["status"]) == (200, "succeeded")
    assert [one["id"] for one in await owed(studio)] == [first["id"]]
    assert (await mark_returned(studio, first["id"]))[0] == 200
    assert await owed(studio) == []
    refunded = [one for one in await booking.told() if one["type"].startswith("payment.refunded")]
    assert [one["refunded_total"]["amount_minor"] for one in refunded] == [4000, 9000]
    booked = await studio.rows("SELECT kind, amount_minor FROM ledger ORDER BY amount_minor")
    assert [(one["kind"], one["amount_minor"]) for one in booked] == [
        ("refunded", 4000),
        ("refunded", 5000),
        ("captured", 18000),
    ]


async def test_no_more_is_owed_than_was_paid(studio: World):
    booking, _ = await by_manual(studio)
    await mark(studio, booking)
    await studio.hand(booking.refund_due(None, "all", sek(18000)))
    await studio.hand(booking.refund_due(None, "more", sek(1)))
    await studio.quiet()
    assert [one["amount"]["amount_minor"] for one in await owed(studio)] == [18000]


async def test_a_refund_that_a_provider_sends_is_not_for_staff_to_say(studio: World):
    booking = studio.booking()
    payment = await booking.paid()
    await studio.hand(booking.refund_due(payment["id"], "asked", gbp(100)))
    await studio.quiet()
    [refund] = await studio.rows("SELECT id FROM refunds")
    status, refused = await mark_returned(studio, str(refund["id"]))
    assert (status, refused["code"]) == (409, "CANNOT_MARK_RETURNED")
    assert (await mark_returned(studio, str(uuid4())))[0] == 404
    stranger = studio.of_another_organisation()
    assert (await mark_returned(stranger, str(refund["id"])))[0] == 404


KEY = "clerk-with-a-slip-1"


async def test_the_same_request_again_is_about_the_same_payment(studio: World):
    """A change waits for its money by then: that is another payment."""
    booking, payment = await by_manual(studio)
    assert (await mark(studio, booking, key=KEY, reference="SW-1"))[0] == 200
    change = booking.change(payment_methods=("manual",), payment_method="manual")
    await studio.hand(change.held())
    await change.becomes("ready")
    status, answer = await mark(studio, booking, key=KEY, reference="SW-1")
    assert (status, answer["id"], answer["status"]) == (200, payment["id"], "succeeded")
    assert (await studio.payment(booking.id, change.id))["status"] == "ready"
    assert (await mark(studio, booking, key=KEY + "2", reference="SW-1"))[0] == 200
    assert (await studio.payment(booking.id, change.id))["status"] == "succeeded"


async def test_a_key_is_for_one_request(studio: World):
    """Also where it had changed nothing; what was refused may be repaired."""
    booking, _ = await by_manual(studio)
    other, _ = await by_manual(studio)
    wrong = {"payment_id": str(uuid4())}
    assert (await mark(studio, booking, key=KEY, **wrong))[0] == 404
    assert (await mark(studio, booking, key=KEY, reference="SW-1"))[0] == 200
    assert (await mark(studio, booking, key=KEY + "2"))[0] == 200
    for key in (KEY, KEY + "2"):
        status, refused = await mark(studio, booking, key=key, reference="SW-2")
        assert (status, refused["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await mark(studio, other, key=KEY, reference="SW-2"))[0] == 200
    till = Principal("key", "till", studio.org_id, frozenset({"payments:manage"}))
    assert (await mark(studio, booking, till, key=KEY, reference="SW-2"))[0] == 200
    said = await studio.rows("SELECT reference FROM statements ORDER BY said_at")
    assert [one["reference"] for one in said] == ["SW-1", "SW-2"]


async def test_a_key_of_a_refund_that_was_sent_is_for_one_request(studio: World):
    booking, _ = await by_manual(studio)
    await mark(studio, booking)
    await studio.hand(booking.refund_due(None, "all", sek(18000)))
    await studio.quiet()
    [refund] = await owed(studio)
    for _ in range(2):
        status, answer = await mark_returned(studio, refund["id"], key=KEY, reference="SW-R1")
        assert (status, answer["status"]) == (200, "succeeded")
    status, refused = await mark_returned(studio, refund["id"], key=KEY)
    assert (status, refused["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await studio.rows("SELECT 1 FROM statements WHERE kind = 'returned'")) == 1


async def test_of_one_request_sent_many_times_at_once_one_says_something(studio: World):
    booking, _ = await by_manual(studio)
    answers = await asyncio.gather(
        *(mark(studio, booking, key=KEY, reference="SW-1") for _ in range(8))
    )
    assert {(status, answer["status"]) for status, answer in answers} == {(200, "succeeded")}
    assert len(await studio.rows("SELECT 1 FROM statements")) == 1


@pytest.mark.parametrize("key", ["short", "k" * 256, "with a blank inside", "k" * 15 + "ö"])
async def test_a_key_that_is_none_is_refused(studio: World, key: str):
    booking, _ = await by_manual(studio)
    status, refused = await mark(studio, booking, key=key)
    assert (status, refused["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    status, refused = await mark_returned(studio, str(uuid4()), key=key)
    assert (status, refused["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await studio.payment(booking.id))["status"] == "ready"


async def test_an_organisation_may_say_where_money_is_sent_by_hand(studio: World):
    bank = "Bankgiro 5050-1055, Example Studio"
    manager = studio.staff("payments:manage")
    account = {"provider": "manual", "publishable_key": bank}
    status, made = await studio.request("POST", "/payment-accounts", manager, account)
    assert (status, made["publishable_key"]) == (201, bank), made
    assert not [field for field in made if field.startswith("webhook")]
    booking, payment = await by_manual(studio)
    assert payment["transfer"]["payee"] == bank
    assert (await mark(studio, booking))[0] == 200


async def test_the_timeline_tells_who_said_what(studio: World):
    booking, _ = await by_manual(studio)
    await mark(studio, booking, reference="cash")
    path = f"/bookings/{booking.id}/timeline"
    _, page = await studio.request("GET", path, studio.staff("bookings:view"))
    [said] = [one for one in page["entries"] if one["type"] == "statement.paid"]
    assert said["data"]["actor"] == "key:key-1"
    assert said["data"]["reference"] == "cash"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "swish"}, "publishable_key"),
        ({"provider": "swish", "publishable_key": "12345"}, "publishable_key"),
        ({"provider": "swish", "publishable_key": NUMBER, "secret_key": "s" * 20}, "secret_key"),
        (
            {"provider": "swish", "publishable_key": NUMBER, "webhook_secret": "w" * 20},
            "webhook_secret",
        ),
        ({"provider": "stripe"}, "secret_key"),
        ({"provider": "manual"}, "publishable_key"),
        ({"provider": "manual", "publishable_key": "IBAN\nDE00"}, "publishable_key"),
        ({"provider": "manual", "publishable_key": "x" * 121}, "publishable_key"),
    ],
)
async def test_an_account_that_does_not_fit_is_refused_by_its_field(
    studio: World, body: dict[str, str], field: str
):
    manager = studio.staff("payments:manage")
    status, refused = await studio.request("POST", "/payment-accounts", manager, body)
    assert status == 422
    assert [error["field"] for error in refused["errors"]] == [field]
    assert await studio.rows("SELECT 1 FROM payment_accounts") == []


async def test_nobody_sends_notifications_of_payments_by_hand(studio: World):
    async with studio.http.post(f"{studio.url}/webhooks/manual/manual", data=b"{}") as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "SIGNATURE_MISSING"
