"""The provider's catalogue follows the offerings that are sold on its page, by messages alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from payments_checkout import CARD, at_checkout
from payments_world import Stripe, World

from contracts.offerings import OfferedPrice, OfferingChanged
from contracts.testing import example

ADULT = OfferedPrice(key="adult", label="Adult", amount_minor=3500)
CHILD = OfferedPrice(key="child", label="Child", amount_minor=2500)
VIP = OfferedPrice(key="vip_pass", label="VIP Pass", amount_minor=5000)


@dataclass
class Activity:
    """An offering, as the booking service tells of it."""

    world: World
    id: UUID = field(default_factory=uuid4)

    async def tell(
        self, sequence: int, prices: Sequence[OfferedPrice] = (ADULT, CHILD, VIP), **changes: Any
    ) -> None:
        message = example(OfferingChanged).model_copy(
            update={
                "offering_id": self.id,
                "org_id": self.world.org_id,
                "prices": tuple(prices),
                **changes,
            }
        )
        await self.world.hand(message, sequence=sequence)

    async def told(self, sequence: int, *prices: OfferedPrice, **changes: Any) -> None:
        await self.tell(sequence, prices or (ADULT, CHILD, VIP), **changes)
        await self.world.quiet()

    async def product(self) -> Any:
        return await self.world.stripe.call("GET", f"/v1/products/activity_{self.id}")

    async def prices(self) -> list[Any]:
        page = await self.world.stripe.call(
            "GET", f"/v1/prices?product=activity_{self.id}&limit=100"
        )
        return list(page["data"])

    async def active(self) -> dict[str, int]:
        """Lookup key, without what all have in common, to amount."""
        return {
            one["lookup_key"].removeprefix(f"activity_{self.id}_"): one["unit_amount"]
            for one in await self.prices()
            if one["active"]
        }


@pytest.fixture
def activity(world: World) -> Activity:
    return Activity(world)


async def test_pay16_and_prc05_a_product_and_a_price_for_each_tier(activity: Activity):
    await activity.told(1)
    product = await activity.product()
    assert (product["name"], product["active"]) == ("Harbour Kayaking", True)
    assert product["metadata"] == {
        "activity_id": str(activity.id),
        "venue_id": str(example(OfferingChanged).venue_id),
        "organization_id": str(activity.world.org_id),
    }
    assert await activity.active() == {"adult": 3500, "child": 2500, "custom_vip_pass": 5000}
    kinds = {
        one["metadata"]["display_name"]: one["metadata"]["tier_type"]
        for one in await activity.prices()
    }
    assert kinds == {"Adult": "adult", "Child": "child", "VIP Pass": "custom"}


async def test_f37_a_dearer_tier_is_a_new_price_that_takes_the_key_over(activity: Activity):
    await activity.told(1)
    dearer = ADULT.model_copy(update={"amount_minor": 4000})
    await activity.told(2, dearer, CHILD, VIP)
    assert await activity.active() == {"adult": 4000, "child": 2500, "custom_vip_pass": 5000}
    [old] = [one for one in await activity.prices() if not one["active"]]
    assert (old["unit_amount"], old["lookup_key"]) == (3500, None)


async def test_a_tier_that_goes_an_offering_that_ends_and_one_that_comes_back(activity: Activity):
    await activity.told(1)
    await activity.told(2, ADULT, CHILD)
    assert set(await activity.active()) == {"adult", "child"}
    await activity.told(3, status="archived")
    assert (await activity.product())["active"] is False
    assert await activity.active() == {}
    await activity.told(4, ADULT)
    assert (await activity.product())["active"] is True
    assert await activity.active() == {"adult": 3500}


async def test_another_title_and_another_label_change_no_price(activity: Activity):
    await activity.told(1)
    before = {one["id"] for one in await activity.prices()}
    grown = ADULT.model_copy(update={"label": "Grown-up"})
    await activity.told(2, grown, CHILD, VIP, title="Kayaking at dusk")
    assert (await activity.product())["name"] == "Kayaking at dusk"
    prices = await activity.prices()
    assert {one["id"] for one in prices} == before
    assert "Grown-up" in {one["metadata"]["display_name"] for one in prices}


async def test_an_older_message_that_comes_late_or_again_changes_nothing(activity: Activity):
    dearer = ADULT.model_copy(update={"amount_minor": 4000})
    await activity.told(2, dearer)
    for sequence in (1, 2):
        await activity.told(sequence)
    assert await activity.active() == {"adult": 4000}


async def test_what_is_sold_in_other_ways_is_in_no_catalogue(activity: Activity):
    await activity.told(1, payment_methods=("card",))
    assert (await activity.product())["error"]["code"] == "resource_missing"


@pytest.mark.parametrize("path", ["/v1/products", "/v1/prices"])
@pytest.mark.parametrize(
    "trouble",
    [
        {"drop": True, "after": True},
        {"status": 503},
        {"status": 500},
        {"status": 500, "after": True},
        {"status": 429},
    ],
    ids="-".join,
)
async def test_whatever_gets_lost_each_price_is_made_once(
    activity: Activity, path: str, trouble: dict[str, Any]
):
    await activity.world.stripe.fault(method="POST", path=path, **trouble)
    await activity.tell(1)
    for _ in range(4):
        await activity.world.hurry()
    assert await activity.active() == {"adult": 3500, "child": 2500, "custom_vip_pass": 5000}
    assert len(await activity.prices()) == 3


async def test_changes_told_at_once_end_as_the_last_says(activity: Activity):
    for sequence, amount in enumerate(range(3500, 4500, 100), 1):
        await activity.tell(sequence, [ADULT.model_copy(update={"amount_minor": amount})])
    await activity.world.quiet()
    assert await activity.active() == {"adult": 4400}
    rows = await activity.world.rows("SELECT amount_minor FROM prices")
    assert [row["amount_minor"] for row in rows] == [4400]


async def _bought_by(stripe: Stripe, booking_id: UUID) -> list[tuple[str | None, int, int]]:
    [session] = await stripe.sessions_of(booking_id)
    items = await stripe.call("GET", f"/v1/checkout/sessions/{session['id']}/line_items")
    return [
        (one["price"]["lookup_key"], one["quantity"], one["amount_total"]) for one in items["data"]
    ]


async def test_s4_1_the_page_sells_by_the_catalogues_prices(
    world: World, stripe: Stripe, activity: Activity
):
    await activity.told(1)
    booking = at_checkout(world, offering_id=activity.id)
    await booking.ready()
    assert await _bought_by(stripe, booking.id) == [
        (f"activity_{activity.id}_adult", 2, 7000),
        (f"activity_{activity.id}_child", 1, 2500),
    ]
    await stripe.at_checkout(await booking.ref(), "pay", card=CARD)
    await booking.becomes("succeeded")


async def test_s4_2_a_quote_from_before_the_price_changed_is_paid_as_it_was_frozen(
    world: World, stripe: Stripe, activity: Activity
):
    await activity.told(1)
    await activity.told(2, ADULT.model_copy(update={"amount_minor": 4000}), CHILD, VIP)
    booking = at_checkout(world, offering_id=activity.id)
    await booking.ready()
    assert await _bought_by(stripe, booking.id) == [
        (None, 2, 7000),
        (f"activity_{activity.id}_child", 1, 2500),
    ]


async def test_a_price_that_is_gone_by_then_is_sold_at_its_frozen_amount(
    world: World, stripe: Stripe, activity: Activity
):
    await activity.told(1)
    for price in await activity.prices():
        await stripe.call("POST", f"/v1/prices/{price['id']}", form={"active": "false"})
    booking = at_checkout(world, offering_id=activity.id)
    await booking.ready()
    assert [bought[1:] for bought in await _bought_by(stripe, booking.id)] == [(2, 7000), (1, 2500)]


async def test_f29_another_offerings_prices_are_never_used(
    world: World, stripe: Stripe, activity: Activity
):
    cheap = Activity(world)
    await cheap.told(1, ADULT.model_copy(update={"amount_minor": 100}))
    await activity.told(1)
    booking = at_checkout(world, offering_id=activity.id)
    await booking.ready()
    assert sum(bought[2] for bought in await _bought_by(stripe, booking.id)) == 9500


async def test_an_account_connected_later_gets_what_is_sold_already(
    world: World, stripe: Stripe, activity: Activity
):
    ended = Activity(world)
    await ended.told(1, status="archived")
    await activity.told(1)
    key = f"sk_test_{uuid4().hex}"
    status, _ = await world.request(
        "POST", "/payment-accounts", world.staff("payments:manage"), {"secret_key": key}
    )
    assert status == 201
    await world.quiet()
    theirs = await stripe.call("GET", "/v1/prices?limit=100", key=key)
    assert {one["lookup_key"]: one["unit_amount"] for one in theirs["data"]} == {
        f"activity_{activity.id}_adult": 3500,
        f"activity_{activity.id}_child": 2500,
        f"activity_{activity.id}_custom_vip_pass": 5000,
    }
    await activity.told(2, ADULT)
    now_sold = await stripe.call("GET", "/v1/prices?active=true&limit=100", key=key)
    assert [one["unit_amount"] for one in now_sold["data"]] == [3500]
