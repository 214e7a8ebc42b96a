"""Organisations that are paid through the platform, which keeps its fee (S4)."""

from datetime import timedelta

from .calls import until
from .outside import CARD, Json
from .people import TIERS, City, Place, Session
from .system import Clock, Tables

FAMILY = {"adult": 2, "child": 1}


async def first_in(place: Place, city: City, clock: Clock, days: float) -> Session:
    """The first session at least so many days ahead."""
    wanted = await clock.now() + timedelta(days=days)
    return next(one for one in await place.listed(city.anybody) if one.starts_at >= wanted)


async def becomes(place: Place, connection: str, standing: str) -> Json:
    """The organisation's connection once it stands so."""

    async def look() -> Json | None:
        seen: Json = await place.staff.get(f"/v1/payment-accounts/{connection}/connection")
        return seen if seen["standing"] == standing else None

    return await until(f"connection {standing}", look)


async def connected(place: Place) -> str:
    """Over Stripe's page to an account that can be paid; our name of it."""
    asked = await place.staff.post(
        "/v1/payment-accounts/connect", {"country": "US"}, expect=(200, 202)
    )
    await becomes(place, asked["id"], "onboarding")
    link = await place.staff.post(
        f"/v1/payment-accounts/{asked['id']}/onboarding-link",
        {"return_url": "https://lockbox.example/payments"},
    )
    told = await place.stripe.answer_onboarding(link["url"])
    assert told.headers["location"] == "https://lockbox.example/payments"
    await becomes(place, asked["id"], "ready")
    return str(asked["id"])


async def test_s4_09_five_percent_of_95_dollars_are_475_cents(
    city: City, clock: Clock, tables: Tables
) -> None:
    """Fee 5 %, 95.00 charged: 475 cents to the platform, metadata all strings; refunded, all is back."""
    rooms = await city.escape_room(
        own_keys=False, pricing={"tiers": TIERS, "payment_methods": ["card", "checkout"]}
    )
    connection = await connected(rooms)
    await city.operator.patch(f"/v1/organisations/{rooms.id}/platform-fee", {"percent": "5"})
    session = await first_in(rooms, city, clock, 6)

    by_card = await (await city.guest().book(session, quantities=FAMILY)).confirmed(rooms.stripe)
    on_page = await city.guest().book(session, quantities=FAMILY, payment_method="checkout")
    paid = await rooms.stripe.pay_on_page((await on_page.payment())["redirect_url"], CARD)
    assert paid.status == 303, str(paid)
    await on_page.becomes("confirmed")

    destinations = set()
    for booking in (by_card, on_page):
        intent = await rooms.stripe.intent_of(booking.id)
        assert intent["metadata"]["platform_fee_percent"] == "5"
        assert all(isinstance(value, str) for value in intent["metadata"].values())
        charge = await rooms.stripe.charge_of(intent["id"])
        assert (charge["application_fee"]["amount"], charge["transfer"]["amount"]) == (475, 9500)
        destinations.add(charge["transfer"]["destination"])
    (account,) = destinations
    for name, value in (await rooms.stripe.checkout_of(on_page.id))["metadata"].items():
        assert isinstance(value, str), name

    await rooms.cancel(on_page, "The guest asked")
    await on_page.pays(9500, refunded=9500)
    await tables.at_rest()
    charge = await rooms.stripe.charge_of((await rooms.stripe.intent_of(on_page.id))["id"])
    assert charge["application_fee"]["amount_refunded"] == 475
    assert charge["transfer"]["amount_reversed"] == 9500

    today = (await clock.now()).date()
    days = f"from={today - timedelta(days=1)}&to={today + timedelta(days=2)}&format=json"
    report = await city.operator.get(f"/v1/payouts/platform-report?{days}")
    kept = [line for line in report if line["organisation_id"] == rooms.id]
    # Of one charge the fee stays; Stripe's own for both is the platform's, and not the venue's.
    assert sum(line["platform_fees_minor"] for line in kept) == 475
    assert sum(line["costs_minor"] for line in kept) == 2 * 172
    earned = await rooms.staff.get(f"/v1/payouts/report?{days}")
    assert sum(line["net_minor"] for line in earned) == 9500 - 475
    refused = await rooms.staff.ask("GET", f"/v1/payouts/platform-report?{days}")
    assert refused.status == 403, str(refused)

    await rooms.stripe.restrict(account)
    await becomes(rooms, connection, "restricted")
    turned_away = await city.guest().book(session, quantities={"adult": 1})
    failed = await turned_away.becomes("payment_failed")
    assert failed["payment_status"] == "failed"
    assert await rooms.stripe.intents(turned_away.id) == []
