"""Menus, quotes, orders, promo codes and gift cards over HTTP: who may, what is refused, and how."""

from uuid import UUID

import pytest
import pytest_asyncio
from booking_client import GUEST, manage, staff
from booking_menus import lunch

from booking.api.problems import problem_of
from booking.domain.gift_card import GiftCardRefused
from booking.domain.presets import Preset
from booking.domain.promo import PromoRefused
from chassis.ids import uuid7

CUSTOMER = {"name": "Test Guest", "email": "guest@example.com"}
KEY = "a-key-of-sixteen-characters"


@pytest_asyncio.fixture
async def editor(world):
    return staff(world.org_id, "catalogue:manage", "payments:manage")


async def family(world):
    """Two prices in dollars, as in S3's example."""
    await world.admin.execute("UPDATE venues SET currency = 'USD' WHERE id = $1", world.venue_id)
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 20, "units": "person", "party_max": 8},
        pricing={
            "kind": "per_head",
            "tiers": [
                {"key": "adult", "label": "Adult", "amount_minor": 3500},
                {"key": "child", "label": "Child", "amount_minor": 2500},
            ],
        },
    )
    return await world.open(offering)


def fields(problem):
    return [error["field"] for error in problem["errors"]]


async def counts(world):
    """How many rows of each kind the organisation has."""
    names = ("bookings", "menu_sections", "menu_items", "promo_codes", "gift_cards", "idempotency")
    return {
        name: await world.admin.fetchval(
            f"SELECT count(*) FROM {name} WHERE org_id = $1", world.org_id
        )
        for name in names
    }


async def test_s3_10_two_adults_and_a_child_are_two_lines_of_95_dollars(client, world):
    session = await family(world)
    wish = {"session_id": str(session.id), "quantities": {"adult": 2, "child": 1}}
    status, quote = await client("POST", "/quotes", json=wish)
    assert status == 200, quote
    assert quote["amount_total"] == {"amount_minor": 9500, "currency": "USD"}
    assert [(line["key"], line["quantity"], line["amount_minor"]) for line in quote["lines"]] == [
        ("adult", 2, 7000),
        ("child", 1, 2500),
    ]
    assert quote["party_size"] == 3
    status, made = await client(
        "POST", "/bookings", key=uuid7().hex, json={**wish, "customer": CUSTOMER}
    )
    assert status == 201
    assert made["amount_due_now"] == quote["amount_due_now"] == quote["amount_total"]
    booking = (
        await client("GET", f"/bookings/{made['id']}", manage(world.org_id, UUID(made["id"])))
    )[1]
    assert booking["lines"] == quote["lines"]


async def test_s3_12_another_activitys_price_and_a_party_of_another_size_are_refused(client, world):
    session = await family(world)
    for quantities, party, field in (
        ({"vip": 1}, None, "quantities.vip"),
        ({"adult": 2, "child": 1}, 6, "party_size"),
    ):
        wish = {"session_id": str(session.id), "quantities": quantities, "party_size": party}
        quoted = await client("POST", "/quotes", json=wish)
        booked = await client(
            "POST", "/bookings", key=uuid7().hex, json={**wish, "customer": CUSTOMER}
        )
        for status, problem in (quoted, booked):
            assert status == 422
            assert fields(problem) == [field]
    assert (await counts(world))["bookings"] == 0
    assert await world.taken(session) == 0


async def test_f29_a_price_that_the_client_sends_is_no_field_of_ours(client, world):
    session = await family(world)
    wish = {"session_id": str(session.id), "quantities": {"adult": 1}, "amount_total": 1}
    status, problem = await client("POST", "/quotes", json=wish)
    assert (status, fields(problem)) == (422, ["amount_total"])


@pytest.mark.parametrize(
    ("pricing", "field"),
    [
        ({"amount_minor": -1}, "pricing.amount_minor"),
        ({"amount_minor": 10}, "pricing.amount_minor"),
        ({"amount_minor": 1.5}, "pricing.amount_minor"),
        ({"kind": "per_head", "tiers": []}, "pricing.tiers"),
        ({"kind": "items"}, "pricing.menu"),
        ({"kind": "items", "menu": {"section_ids": []}}, "pricing.menu.section_ids"),
        ({"amount_minor": 500, "due": {"kind": "fixed", "amount_minor": 10}}, "pricing.amount_minor"),
        ({"amount_minor": 500, "due": {"kind": "percent", "percent": 101}}, "pricing.due.percent"),
        ({"amount_minor": 500, "menu": {"section_ids": [str(uuid7())]}},
         "pricing.menu.section_ids.0"),
    ],
)  # fmt: skip
async def test_s2_15_a_price_that_cannot_be_is_refused(client, world, editor, pricing, field):
    wish = {
        "venue_id": str(world.venue_id),
        "preset": "class",
        "title": "Class",
        "pricing": pricing,
    }
    status, problem = await client("POST", "/offerings", editor, json=wish)
    assert (status, fields(problem)) == (422, [field])
    stranger = staff(world.org_id, "catalogue:view")
    assert (await client("POST", "/offerings", stranger, json=wish))[0] == 403


async def test_s2_15_a_class_that_costs_nothing_is_booked_with_no_payment(client, world):
    session = await world.class_session(price=0)
    wish = {"session_id": str(session.id), "customer": CUSTOMER}
    status, made = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, made["status"], made["payment_status"]) == (201, "confirmed", "not_required")


async def test_a_menu_is_kept_by_version_and_seen_by_anybody(client, world, editor):
    status, section = await client(
        "POST",
        f"/venues/{world.venue_id}/menu-sections",
        editor,
        key=KEY,
        json={"name": "Lunch"},
    )
    assert status == 201, section
    status, item = await client(
        "POST",
        f"/menu-sections/{section['id']}/items",
        editor,
        json={"name": "Roast", "price_minor": 2100, "allergens": ["milk"]},
    )
    assert status == 201, item
    offering = await world.offering(
        Preset.CLASS, pricing={"kind": "items", "menu": {"section_ids": [section["id"]]}}
    )
    path = f"/offerings/{offering.id}/menu"
    status, menu = await client("GET", path)
    assert menu["items"] == [
        {
            "menu_item_id": item["id"],
            "section_id": section["id"],
            "name": "Roast",
            "description": None,
            "price": {"amount_minor": 2100, "currency": "GBP"},
            "dietary": [],
            "allergens": ["milk"],
        }
    ]
    edited = f"/menu-items/{item['id']}"
    status, item = await client("PATCH", edited, editor, json={"is_available": False, "version": 1})
    assert (status, item["version"]) == (200, 2)
    assert (await client("GET", path))[1]["items"] == []
    status, problem = await client("PATCH", edited, editor, json={"name": "X", "version": 1})
    assert (status, problem["code"]) == (409, "STALE_VERSION")
    assert (await client("DELETE", edited, editor))[1]["status"] == "archived"
    gone = f"/menu-sections/{section['id']}"
    assert (await client("DELETE", gone, editor))[1]["status"] == "archived"
    listed = await client("GET", f"{gone}/items?limit=1", editor)
    assert [one["status"] for one in listed[1]["items"]] == ["archived"]
    rest = await client("GET", f"{gone}/items?limit=1&cursor={listed[1]['next_cursor']}", editor)
    assert rest[1] == {"items": [], "next_cursor": None}
    actions = await world.admin.fetch(
        "SELECT action FROM audit WHERE org_id = $1 AND entity LIKE 'menu%' ORDER BY id",
        world.org_id,
    )
    assert [row["action"] for row in actions] == [
        "menu_section.added",
        "menu_item.added",
        "menu_item.edited",
        "menu_item.edited",
        "menu_section.edited",
    ]


SECTION = {"name": "Lunch"}
ITEM = {"name": "Roast", "price_minor": 2100}
PROMO = {"code": "SUMMER", "percent": 10}
CARD = {"amount_minor": 5000, "currency": "GBP"}


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("section", {}, "name"),
        ("section", {**SECTION, "name": " "}, "name"),
        ("section", {**SECTION, "sort_order": -1}, "sort_order"),
        ("section", {**SECTION, "price": 1}, "price"),
        ("item", {**ITEM, "price_minor": -1}, "price_minor"),
        ("item", {**ITEM, "price_minor": 21.5}, "price_minor"),
        ("item", {**ITEM, "price_minor": 100_000_000}, "price_minor"),
        ("item", {"price_minor": 1}, "name"),
        ("item", {**ITEM, "allergens": [""]}, "allergens.0"),
        ("item", {**ITEM, "available_from": "tomorrow"}, "available_from"),
        ("item", {**ITEM, "available_from": "2031-02-02", "available_until": "2031-02-01"},
         "available_until"),
        ("promo", {**PROMO, "code": "a code"}, "code"),
        ("promo", {**PROMO, "percent": 0}, "percent"),
        ("promo", {**PROMO, "percent": 101}, "percent"),
        ("promo", {**PROMO, "amount_minor": 500}, "percent"),
        ("promo", {"code": "SUMMER"}, "percent"),
        ("promo", {"code": "SUMMER", "amount_minor": 500}, "currency"),
        ("promo", {**PROMO, "minimum_minor": 500}, "currency"),
        ("promo", {**PROMO, "currency": "gbp"}, "currency"),
        ("promo", {**PROMO, "max_uses": 0}, "max_uses"),
        ("promo", {**PROMO, "max_per_customer": 0}, "max_per_customer"),
        ("promo", {**PROMO, "offering_ids": [str(uuid7())]}, "offering_ids.0"),
        ("promo", {**PROMO, "valid_from": "2031-01-01"}, "valid_from"),
        ("promo", {**PROMO, "valid_from": "2031-01-01T00:00:00Z",
                   "valid_until": "2031-01-01T00:00:00Z"}, "valid_until"),
        ("card", {**CARD, "amount_minor": 0}, "amount_minor"),
        ("card", {**CARD, "amount_minor": -5}, "amount_minor"),
        ("card", {**CARD, "currency": "pounds"}, "currency"),
        ("card", {"amount_minor": 5000}, "currency"),
        ("card", {**CARD, "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ("card", {**CARD, "code": "MY-OWN"}, "code"),
    ],
)  # fmt: skip
async def test_bad_input_names_its_field_and_leaves_nothing(
    client, world, editor, what, body, field
):
    _, dishes = await lunch(world)
    section_id = dishes["Lamb"].section_id
    path = {
        "section": f"/venues/{world.venue_id}/menu-sections",
        "item": f"/menu-sections/{section_id}/items",
        "promo": "/promo-codes",
        "card": "/gift-cards",
    }[what]
    before = await counts(world)
    status, problem = await client("POST", path, editor, key=KEY, json=body)
    assert (status, fields(problem)) == (422, [field])
    assert await counts(world) == before


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"items": [{}]}, "items.0.menu_item_id"),
        ({"items": [{"menu_item_id": str(uuid7())}]}, "items.0.menu_item_id"),
        ({"items": [{"menu_item_id": str(uuid7()), "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"menu_item_id": str(uuid7()), "note": "x" * 201}]}, "items.0.note"),
        ({"items": [{"menu_item_id": str(uuid7()), "price_minor": 1}]}, "items.0.price_minor"),
        ({"allergies": ["x" * 101]}, "allergies.0"),
        ({"allergies": ["x"] * 21}, "allergies"),
        ({"promo_code": ""}, "promo_code"),
        ({"promo_code": "NOBODY"}, "promo_code"),
        ({"gift_card": "x" * 41}, "gift_card"),
        ({"gift_card": "AAAA-AAAA-AAAA-AAAA"}, "gift_card"),
    ],
)
async def test_a_bad_order_is_refused_by_quote_and_hold_alike(client, world, part, field):
    session, _ = await lunch(world)
    wish = {"session_id": str(session.id), **part}
    for path, body in (("/quotes", wish), ("/bookings", {**wish, "customer": CUSTOMER})):
        status, problem = await client("POST", path, key=uuid7().hex, json=body)
        assert (status, fields(problem)) == (422, [field])
    assert (await counts(world))["bookings"] == (await counts(world))["idempotency"] == 0
    assert await world.taken(session) == 0


async def test_a_gift_card_tells_its_code_to_who_issues_it_and_stores_it_nowhere(
    client, world, editor
):
    status, made = await client("POST", "/gift-cards", editor, key=KEY, json=CARD)
    assert status == 201, made
    again = (await client("POST", "/gift-cards", editor, key=KEY, json=CARD))[1]
    assert again == made
    assert (await counts(world))["gift_cards"] == 1
    code, card_id = made["code"], made["id"]
    assert made["last4"] == code.replace("-", "")[-4:]
    assert "code" not in (await client("GET", f"/gift-cards/{card_id}", editor))[1]
    for table in ("gift_cards", "gift_entries", "idempotency", "audit"):
        rows = await world.admin.fetch(f"SELECT t::text AS row FROM {table} t")
        assert not any(code in row["row"] for row in rows)
        assert not any(code.replace("-", "") in row["row"] for row in rows)
    found = (await client("GET", f"/gift-cards?last4={made['last4'].lower()}", editor))[1]
    assert [one["id"] for one in found["items"]] == [card_id]


async def test_a_gift_card_is_adjusted_blocked_and_accounted_for(client, world, editor):
    made = (await client("POST", "/gift-cards", editor, key=KEY, json=CARD))[1]
    path = f"/gift-cards/{made['id']}"
    adjust = {"amount_minor": 500, "reason": "Sorry for the wait"}
    for _ in range(2):  # told twice, done once
        status, card = await client("POST", f"{path}/adjust", editor, key=KEY, json=adjust)
        assert (status, card["balance"]["amount_minor"]) == (200, 5500)
    for bad, field in (
        ({"amount_minor": -5501, "reason": "x"}, "amount_minor"),
        ({"amount_minor": 0, "reason": "x"}, "amount_minor"),
        ({"amount_minor": 5}, "reason"),
    ):
        status, problem = await client("POST", f"{path}/adjust", editor, key=uuid7().hex, json=bad)
        assert (status, fields(problem)) == (422, [field])
    status, problem = await client("POST", f"{path}/adjust", editor, json=adjust)
    assert (status, problem["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    session = await world.class_session(price=3000)
    wish = {"session_id": str(session.id), "gift_card": made["code"], "customer": CUSTOMER}
    status, booked = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, booked["status"]) == (201, "confirmed")
    entries = (await client("GET", f"{path}/entries", editor))[1]["items"]
    assert [(one["kind"], one["amount_minor"], one["balance_minor"]) for one in entries] == [
        ("issued", 5000, 5000),
        ("adjusted", 500, 5500),
        ("redeemed", -3000, 2500),
    ]
    assert entries[-1]["booking_id"] == booked["id"]
    status, card = await client("PATCH", path, editor, json={"status": "blocked", "version": 1})
    assert (status, card["status"]) == (200, "blocked")
    status, problem = await client("POST", "/bookings", key=uuid7().hex, json=wish)
    assert (status, problem["code"]) == (422, "GIFT_CARD_UNKNOWN")


async def test_a_promo_code_is_unique_whatever_its_case_and_kept_by_version(client, world, editor):
    status, made = await client("POST", "/promo-codes", editor, json=PROMO)
    assert (status, made["used"]) == (201, 0)
    status, problem = await client("POST", "/promo-codes", editor, json={**PROMO, "code": "summer"})
    assert (status, problem["code"]) == (409, "ALREADY_EXISTS")
    path = f"/promo-codes/{made['id']}"
    assert (await client("PATCH", path, editor, json={"max_uses": 5}))[1]["version"] == 2
    status, problem = await client("DELETE", f"{path}?version=1", editor)
    assert (status, problem["code"]) == (409, "STALE_VERSION")
    assert (await client("DELETE", f"{path}?version=2", editor))[1]["status"] == "archived"
    listed = (await client("GET", "/promo-codes", editor))[1]
    assert [one["id"] for one in listed["items"]] == [made["id"]]


async def test_an_order_is_changed_by_its_guest_and_read_with_the_booking(client, world):
    session, dishes = await lunch(world, pricing={"kind": "free"})
    held = await world.hold(session)
    holder = manage(world.org_id, held.booking_id)
    order = {
        "items": [{"menu_item_id": str(dishes["Nut roast"].id), "quantity": 2, "whom": "Both"}],
        "allergies": ["Milk"],
    }
    path = f"/bookings/{held.booking_id}/order"
    status, changed = await client("PATCH", path, holder, json=order)
    assert status == 200, changed
    booking = (await client("GET", f"/bookings/{held.booking_id}", holder))[1]
    assert booking["items"] == changed["items"]
    assert booking["allergies"] == ["Milk"]
    assert booking["amount_total"]["amount_minor"] == 3400
    assert (await client("PATCH", path, GUEST, json=order))[0] == 401
    stranger = manage(world.org_id, uuid7())
    assert (await client("PATCH", path, stranger, json=order))[0] == 404
    viewer = staff(world.org_id, "bookings:view")
    assert (await client("PATCH", path, viewer, json=order))[0] == 403
    kitchen = (await client("GET", f"/sessions/{session.id}/kitchen", viewer))[1]
    assert kitchen["totals"][0]["quantity"] == 2
    assert kitchen["items"][0]["allergies"] == ["Milk"]
    assert (await client("GET", f"/sessions/{session.id}/kitchen", GUEST))[0] in {401, 403}


async def test_only_staff_with_the_permission_keep_prices(client, world):
    viewer = staff(world.org_id, "catalogue:view", "payments:view")
    venue = f"/venues/{world.venue_id}/menu-sections"
    for path, body in ((venue, SECTION), ("/promo-codes", PROMO), ("/gift-cards", CARD)):
        assert (await client("POST", path, viewer, key=KEY, json=body))[0] == 403
        assert (await client("GET", path, viewer))[0] == 200
    outsider = staff(uuid7(), "catalogue:manage", "payments:manage")
    assert (await client("POST", venue, outsider, json=SECTION))[0] == 404
    assert (await client("GET", "/promo-codes", outsider))[1]["items"] == []


def kinds_of(refusal):
    return {kind for part in refusal.__subclasses__() for kind in (part, *kinds_of(part))}


def test_guests_are_told_in_their_language_why_a_code_is_refused():
    for kind in kinds_of(PromoRefused) | kinds_of(GiftCardRefused):
        problem = problem_of(kind(), "sv")
        assert problem.code == kind.code
        assert problem.detail not in {"", str(kind())}
        assert problem.headers["Content-Language"] == "sv"


async def test_a_quote_tells_the_terms_in_the_guests_language(client, world):
    session = await world.class_session(
        policy={"refund_tiers": [{"hours": 24, "percent": 50}, {"hours": 48, "percent": 100}]}
    )
    wish = {"session_id": str(session.id), "locale": "sv-SE"}
    quote = (await client("POST", "/quotes", json=wish))[1]
    assert [(one["hours"], one["percent"]) for one in quote["refund_terms"]] == [
        (48, 100),
        (24, 50),
    ]
    assert (
        quote["refund_terms"][0]["text"] == "Avboka med mer än 48 timmar kvar: 100 % återbetalas."
    )
    status, _ = await client("POST", "/quotes", json={"session_id": str(uuid7())})
    assert status == 404
