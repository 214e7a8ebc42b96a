"""Time that is moved, in a sandbox of this module's own, for time does not go back."""

import contextlib
import datetime as dt
import secrets
import time

import aiohttp
import pytest

from sandbox import conformance, processes

DAY = 24 * 3600


class Party:
    """A sandbox, its control API and an account of one's own."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.key = "sk_test_" + secrets.token_hex(8)

    async def call(self, method: str, path: str, json=None, **data: object):
        headers = {"Authorization": f"Bearer {self.key}"}
        if "key" in data:
            headers["Idempotency-Key"] = str(data.pop("key"))
        sent = {"json": json} if json is not None else {"data": data} if data else {}
        async with self.http.request(method, path, headers=headers, **sent) as answer:
            return answer.status, await answer.json()

    async def ok(self, method: str, path: str, json=None, **data: object):
        status, body = await self.call(method, path, json, **data)
        assert status == 200, body
        return body

    async def advance(self, by: int | str):
        return await self.ok("POST", "/_sandbox/clock", json={"advance": by})

    async def instant(self) -> int:
        now = (await self.ok("GET", "/_sandbox/clock"))["now"]
        return int(dt.datetime.fromisoformat(now).timestamp())

    async def pay(self, card: str = "pm_card_visa", **more: object):
        order = {"amount": 5000, "currency": "gbp", "payment_method": card, "confirm": "true"}
        return await self.ok("POST", "/v1/payment_intents", **order, **more)

    async def told(self) -> list[str]:
        """Types of the events so far, oldest first."""
        events = await self.ok("GET", "/v1/events?limit=100")
        for event in events["data"]:
            assert conformance.check_answer(event) == []
        return [event["type"] for event in reversed(events["data"])]


@contextlib.asynccontextmanager
async def party(state):
    with processes.stripe(state) as running:
        async with aiohttp.ClientSession(running.url) as http:
            yield Party(http)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with processes.stripe(tmp_path_factory.mktemp("clock")) as started:
        yield started


@pytest.fixture
async def world(running):
    async with aiohttp.ClientSession(running.url) as http:
        yield Party(http)


# First of all: nobody has moved it yet.
async def test_time_is_real_until_it_is_moved_and_never_goes_back(world):
    clock = await world.ok("GET", "/_sandbox/clock")
    assert clock["ahead"] == 0
    moved = await world.advance("P7D")
    assert (moved["ahead"], moved["happened"]) == (7 * DAY, 0)
    intent = await world.pay()
    assert 7 * DAY - 1 <= intent["created"] - time.time() <= 7 * DAY + 60
    there = await world.ok("POST", "/_sandbox/clock", json={"set": intent["created"] + 9 * DAY})
    assert 16 * DAY - 60 <= there["ahead"] <= 16 * DAY + 60
    for wrong, status in (
        ({"set": intent["created"]}, 409),
        ({"set": "3000-01-01T00:00:00Z"}, 422),
        ({"set": "2026-01-01T00:00:00"}, 422),
        ({"advance": -1}, 422),
        ({"advance": "P99999D"}, 422),
        ({"advance": 1, "set": intent["created"]}, 422),
        ({}, 422),
        ({"adnavce": 1}, 422),
    ):
        assert (await world.call("POST", "/_sandbox/clock", json=wrong))[0] == status, wrong
    assert (await world.ok("GET", "/_sandbox/clock"))["ahead"] == there["ahead"]


async def test_a_moved_clock_and_what_is_due_outlive_the_process(state):
    async with party(state) as before:
        await before.advance(3 * DAY)
        held = await before.pay(capture_method="manual")
    async with party(state) as after:
        after.key = before.key
        assert (await after.ok("GET", "/_sandbox/clock"))["ahead"] == 3 * DAY
        assert (await after.advance(7 * DAY))["happened"] == 1
        intent = await after.ok("GET", f"/v1/payment_intents/{held['id']}")
        assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "automatic")


async def test_refunds_arrive_or_fail_in_their_time(world):
    slow, failing = await world.pay("pm_card_pendingRefund"), await world.pay("pm_card_refundFail")
    refunds = [
        await world.ok("POST", "/v1/refunds", payment_intent=intent["id"], amount=2000)
        for intent in (slow, failing)
    ]
    assert [refund["status"] for refund in refunds] == ["pending", "succeeded"]
    before = await world.told()
    assert (await world.advance(60))["happened"] >= 2
    now = [await world.ok("GET", f"/v1/refunds/{refund['id']}") for refund in refunds]
    assert [refund["status"] for refund in now] == ["succeeded", "failed"]
    assert now[1]["failure_reason"] == "unknown"
    assert conformance.check_answer(now[1]) == []
    assert (await world.told())[len(before) :] == [
        "refund.updated",
        "charge.refund.updated",
        "refund.updated",
        "charge.refund.updated",
        "refund.failed",
    ]
    charge = await world.ok("GET", f"/v1/charges/{failing['latest_charge']}")
    assert charge["amount_refunded"] == 0
    again = await world.ok("POST", "/v1/refunds", payment_intent=failing["id"])
    assert again["amount"] == 5000


async def test_a_refund_settled_by_hand_is_not_settled_again(world):
    intent = await world.pay("pm_card_pendingRefund")
    refund = await world.ok("POST", "/v1/refunds", payment_intent=intent["id"])
    path = f"/_sandbox/refunds/{refund['id']}/settle"
    assert (await world.ok("POST", path, json={"succeeds": True}))["status"] == "succeeded"
    assert (await world.call("POST", path, json={"succeeds": True}))[0] == 409
    told = await world.told()
    await world.advance(DAY)
    assert await world.told() == told
    # What has arrived may still come back.
    assert (await world.ok("POST", path, json={"succeeds": False}))["status"] == "failed"
    assert (await world.call("POST", path, json={"succeeds": False}))[0] == 409
    unknown = "/_sandbox/refunds/re_none/settle"
    assert (await world.call("POST", unknown, json={"succeeds": True}))[0] == 404


async def test_a_checkout_that_nobody_pays_expires_and_says_so(world):
    session = await world.ok(
        "POST",
        "/v1/checkout/sessions",
        **{
            "mode": "payment",
            "success_url": "https://venue.example/success",
            "expires_at": (await world.instant()) + 3600,
            "line_items[0][price_data][currency]": "gbp",
            "line_items[0][price_data][unit_amount]": 2500,
            "line_items[0][price_data][product_data][name]": "Child",
        },
    )
    await world.advance(1800)
    assert "checkout.session.expired" not in await world.told()
    await world.advance(1800)
    assert (await world.told())[-1] == "checkout.session.expired"
    now = await world.ok("GET", f"/v1/checkout/sessions/{session['id']}")
    assert now["status"] == "expired"


async def test_what_is_authorised_is_released_after_a_week(world):
    held = await world.pay(capture_method="manual")
    charge = await world.ok("GET", f"/v1/charges/{held['latest_charge']}")
    assert conformance.check_answer(charge) == []
    ends = charge["payment_method_details"]["card"]["capture_before"]
    assert ends == charge["created"] + 7 * DAY
    captured = await world.pay(capture_method="manual")
    await world.ok("POST", f"/v1/payment_intents/{captured['id']}/capture")
    await world.ok("POST", "/_sandbox/clock", json={"set": ends + 60})
    assert (await world.told())[-2:] == ["payment_intent.canceled", "charge.expired"]
    status, refused = await world.call("POST", f"/v1/payment_intents/{held['id']}/capture")
    assert (status, refused["error"]["code"]) == (400, "payment_intent_unexpected_state")
    kept = await world.ok("GET", f"/v1/payment_intents/{captured['id']}")
    assert kept["status"] == "succeeded"


async def test_a_dispute_that_nobody_answers_is_lost_and_an_inquiry_closed(world):
    for card in ("pm_card_createDispute", "pm_card_createDispute", "pm_card_createDisputeInquiry"):
        await world.pay(card)
    inquiry, answered, silent = (await world.ok("GET", "/v1/disputes"))["data"]
    await world.ok("POST", f"/v1/disputes/{answered['id']}", **{"evidence[customer_name]": "Ada"})
    await world.advance(7 * DAY)

    async def now(dispute):
        found = await world.ok("GET", f"/v1/disputes/{dispute['id']}")
        return found["status"], found["evidence_details"]["past_due"]

    assert await now(silent) == ("lost", True)
    assert await now(answered) == ("under_review", False)
    assert await now(inquiry) == ("warning_needs_response", True)
    await world.advance(113 * DAY)
    assert await now(inquiry) == ("warning_closed", True)
    assert (await world.told())[-1] == "charge.dispute.closed"


async def test_an_escalated_inquiry_has_its_own_time_for_an_answer(world):
    await world.pay("pm_card_createDisputeInquiry")
    (inquiry,) = (await world.ok("GET", "/v1/disputes"))["data"]
    await world.advance(6 * DAY)
    path = f"/_sandbox/disputes/{inquiry['id']}/settle"
    await world.ok("POST", path, json={"outcome": "escalated"})
    await world.advance(6 * DAY)
    (dispute,) = (await world.ok("GET", "/v1/disputes"))["data"]
    assert dispute["status"] == "needs_response"
    await world.advance(DAY)
    (dispute,) = (await world.ok("GET", "/v1/disputes"))["data"]
    assert dispute["status"] == "lost"


async def test_events_happen_at_their_own_time_not_when_it_was_moved(world):
    await world.pay("pm_card_createDispute")
    (dispute,) = (await world.ok("GET", "/v1/disputes"))["data"]
    await world.advance(30 * DAY)
    newest = (await world.ok("GET", "/v1/events?limit=1"))["data"][0]
    assert newest["created"] == dispute["evidence_details"]["due_by"]


async def test_an_idempotency_key_is_forgotten_after_a_day(world):
    order = {"amount": 5000, "currency": "gbp"}
    first = await world.ok("POST", "/v1/payment_intents", **order, key="k")
    await world.advance(DAY - 60)
    assert (await world.ok("POST", "/v1/payment_intents", **order, key="k"))["id"] == first["id"]
    await world.advance(120)
    assert (await world.ok("POST", "/v1/payment_intents", **order, key="k"))["id"] != first["id"]


async def test_what_is_due_happens_without_anybody_moving_the_time(world, until):
    """Time passes by itself too: moved to just before, the rest is waited for."""
    intent = await world.pay("pm_card_refundFail")
    refund = await world.ok("POST", "/v1/refunds", payment_intent=intent["id"])
    due = refund["created"] + 60
    await world.ok("POST", "/_sandbox/clock", json={"set": due - 1})

    async def failed():
        return (await world.ok("GET", f"/v1/refunds/{refund['id']}"))["status"] == "failed"

    await until(failed)
