"""Organisations and venues: their settings, their look, and what the public sees of them."""

from uuid import UUID, uuid4

import pytest
from booking_client import GUEST, OPERATOR, staff

from booking.domain.catalogue import OrganisationStatus
from booking.domain.refusals import NotOnSale
from booking.messages import build
from booking.timers import VenuesDue
from booking.usecases.edit_organisation import EditOrganisation, edit_organisation
from chassis import migrations
from chassis.ids import uuid7
from chassis.messaging.dispatch import Delivery, Dispatcher
from chassis.messaging.meta import Meta
from contracts.booking import VenueChanged

THEME = {
    "mode": "dark",
    "light": {"primary": "#aa0011", "text": "#000000"},
    "dark": {"background": "#101010"},
    "font_family": "Open Sans",
    "spacing": 24,
    "radius": 0,
}
STAFF_ONLY = ("manager_email", "kitchen_email", "review_url", "statement_descriptor", "embed_key")


@pytest.fixture
def editor(world):
    return staff(world.org_id, "catalogue:manage")


@pytest.fixture
def change(client, world, editor):
    async def patch(**fields):
        return await client("PATCH", f"/venues/{world.venue_id}", editor, json=fields)

    return patch


async def test_a_venue_has_contacts_a_look_and_a_key(client, world, editor):
    """TEN-03, TEN-10."""
    venue = {
        "slug": "kitchen",
        "name": "Example Kitchen",
        "timezone": "Europe/Stockholm",
        "currency": "SEK",
        "contact_email": "Hello@Example.com",
        "contact_phone": "+46 8 123 456 78",
        "address": "1 Example Street, Example Town",
        "manager_email": "manager@example.com",
        "kitchen_email": "kitchen@example.com",
        "review_url": "https://example.com/review?of=kitchen",
        "statement_descriptor": "EXAMPLE KITCHEN",
        "theme": THEME,
    }
    status, made = await client("POST", "/venues", editor, json=venue)
    assert status == 201, made
    assert made["contact_email"] == "hello@example.com"
    assert made["contact_phone"] == "+46812345678"
    assert made["theme"]["dark"]["background"] == "#101010"
    assert made["theme"]["font_size"] == 16
    assert (made["version"], made["status"]) == (1, "active")
    assert made["embed_key"].isalnum()
    status, seen = await client("GET", f"/venues/{made['id']}", editor)
    assert (status, seen) == (200, made)


async def test_a_website_finds_its_venue_by_key_without_what_is_for_staff(
    client, world, change, editor
):
    """S3-14, CAT-20."""
    _, venue = await change(
        manager_email="manager@example.com",
        kitchen_email="kitchen@example.com",
        review_url="https://example.com/review",
        theme=THEME,
    )
    titles = []
    for order in (30, 10, 20):
        offering = {
            "venue_id": venue["id"],
            "preset": "class",
            "title": f"Class {order}",
            "sort_order": order,
            "image_url": "https://example.com/class.jpg",
            "pricing": {"amount_minor": 18000},
        }
        status, made = await client("POST", "/offerings", editor, json=offering)
        assert status == 201, made
        titles.append(made["title"])
    path = f"/venues/by-key/{venue['embed_key']}"
    status, shown = await client("GET", path)
    assert status == 200
    assert (shown["name"], shown["theme"]["mode"]) == ("Example Hall", "dark")
    assert [offering["title"] for offering in shown["offerings"]] == sorted(titles)
    assert shown["offerings"][0]["price"] == {"amount_minor": 18000, "currency": "GBP"}
    assert not [name for name in STAFF_ONLY if name in shown]
    assert "manager@example.com" not in str(shown)

    _, first = await client("GET", f"{path}?limit=2")
    _, rest = await client("GET", f"{path}?limit=2&cursor={first['next_cursor']}")
    seen = [offering["title"] for page in (first, rest) for offering in page["offerings"]]
    assert (seen, rest["next_cursor"]) == (sorted(titles), None)


async def test_an_unknown_key_leads_nowhere(client, world):
    for key in ("a" * 24, "x", str(uuid4()), "'; DROP TABLE venues; --"):
        assert (await client("GET", f"/venues/by-key/{key}"))[0] == 404


async def test_a_rotated_key_leads_nowhere_from_then_on(client, world, change, editor):
    _, venue = await change(address="Example Street")
    old = venue["embed_key"]
    assert (await client("GET", f"/venues/by-key/{old}"))[0] == 200
    path = f"/venues/{world.venue_id}/embed-key"
    assert (await client("POST", path))[0] == 401
    assert (await client("POST", path, staff(world.org_id, "catalogue:view")))[0] == 403
    assert (await client("POST", path, staff(uuid7(), "catalogue:manage")))[0] == 404
    status, rotated = await client("POST", path, editor)
    assert status == 200
    assert rotated["embed_key"] != old
    assert (await client("GET", f"/venues/by-key/{old}"))[0] == 404
    assert (await client("GET", f"/venues/by-key/{rotated['embed_key']}"))[0] == 200


async def test_a_key_of_an_archived_venue_leads_nowhere(client, world, change):
    _, venue = await change(status="archived")
    assert (await client("GET", f"/venues/by-key/{venue['embed_key']}"))[0] == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"theme": {"light": {"primary": "red;x"}}}, "theme.light.primary"),
        ({"theme": {"light": {"primary": "#12345"}}}, "theme.light.primary"),
        ({"theme": {"light": {"primary": "#1234567"}}}, "theme.light.primary"),
        ({"theme": {"light": {"primary": "#12345\n"}}}, "theme.light.primary"),
        ({"theme": {"dark": {"link": "#123456"}}}, "theme.dark.link"),
        ({"theme": {"font_family": "x;} body{display:none"}}, "theme.font_family"),
        ({"theme": {"spacing": -1}}, "theme.spacing"),
        ({"theme": {"spacing": "1px"}}, "theme.spacing"),
        ({"theme": {"radius": 65}}, "theme.radius"),
        ({"theme": {"mode": "neon"}}, "theme.mode"),
        ({"theme": None}, "theme"),
        ({"theme": "dark"}, "theme"),
        ({"review_url": "javascript:alert(1)"}, "review_url"),
        ({"review_url": "https://user@example.com/"}, "review_url"),
        ({"review_url": "https://"}, "review_url"),
        ({"review_url": "https://example.com/a b"}, "review_url"),
        ({"review_url": "https://example.com/" + "x" * 500}, "review_url"),
        ({"contact_email": "nowhere"}, "contact_email"),
        ({"manager_email": "nowhere"}, "manager_email"),
        ({"kitchen_email": "nowhere@"}, "kitchen_email"),
        ({"contact_phone": "12"}, "contact_phone"),
        ({"address": ""}, "address"),
        ({"address": "x" * 501}, "address"),
        ({"address": "a\u0000b"}, "address"),
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"currency": "pounds"}, "currency"),
        ({"locale": "EN"}, "locale"),
        ({"statement_descriptor": "***"}, "statement_descriptor"),
        ({"billing_countries": "GB"}, "billing_countries"),
        ({"billing_countries": ["uk"]}, "billing_countries.0"),
        ({"billing_countries": None}, "billing_countries"),
        ({"status": "gone"}, "status"),
        ({"version": "1"}, "version"),
        ({"version": 0}, "version"),
        ({"embed_key": "mine"}, "embed_key"),
        ({"org_id": str(uuid4())}, "org_id"),
    ],
)
async def test_bad_settings_name_their_field_and_store_nothing(
    client, world, editor, fields, field
):
    path = f"/venues/{world.venue_id}"
    _, before = await client("GET", path, editor)
    status, refused = await client("PATCH", path, editor, json=fields)
    assert status == 422, refused
    assert field in [error["field"] for error in refused["errors"]]
    assert (await client("GET", path, editor))[1] == before
    if "status" in fields or "version" in fields:
        return
    venue = {"slug": "new", "name": "New", "timezone": "Europe/London", "currency": "GBP"}
    status, refused = await client("POST", "/venues", editor, json={**venue, **fields})
    assert (status, field in [error["field"] for error in refused["errors"]]) == (422, True)
    assert len((await client("GET", "/venues", editor))[1]["items"]) == 1


async def test_null_clears_what_may_be_empty_and_what_is_left_out_stays(client, change):
    _, full = await change(
        address="Example Street",
        manager_email="manager@example.com",
        kitchen_email="kitchen@example.com",
        review_url="https://example.com/review",
    )
    _, less = await change(address=None, manager_email=None, contact_phone=None)
    assert (less["address"], less["manager_email"], less["contact_phone"]) == (None, None, None)
    kept = ("kitchen_email", "review_url", "contact_email", "statement_descriptor", "name")
    assert [less[name] for name in kept] == [full[name] for name in kept]
    assert None not in [less[name] for name in kept]


async def test_pay09_a_venue_says_whose_cards_it_asks_for(change):
    _, asking = await change(billing_countries=["GB", "IE"])
    assert asking["billing_countries"] == ["GB", "IE"]
    _, other = await change(name="Another Hall")
    assert other["billing_countries"] == ["GB", "IE"]
    _, any_country = await change(billing_countries=[])
    assert any_country["billing_countries"] == []


async def test_time_zone_and_currency_are_fixed_once_there_are_bookings(world, change):
    status, seen = await change(timezone="Europe/Stockholm", currency="SEK")
    assert (status, seen["timezone"], seen["currency"]) == (200, "Europe/Stockholm", "SEK")
    session = await world.class_session()
    status, refused = await change(timezone="Europe/London")
    assert (status, refused["code"]) == (409, "HAS_SESSIONS")
    assert (await change(currency="GBP"))[0] == 200
    held = await world.hold(session)
    assert held.due_now.currency == "GBP"
    await world.cancel(held)
    status, refused = await change(currency="SEK")
    assert (status, refused["code"]) == (409, "HAS_BOOKINGS")


async def test_a_currency_in_which_a_price_is_too_small_is_refused(world, change):
    await world.offering("class", pricing={"amount_minor": 100})
    status, refused = await change(currency="SEK")
    assert (status, refused["errors"][0]["field"]) == (422, "pricing.amount_minor")


async def test_an_edit_of_an_old_version_is_refused(client, world, change):
    _, first = await change(address="1 Example Street")
    _, second = await change(address="2 Example Street", version=first["version"])
    assert second["version"] == first["version"] + 1
    status, refused = await change(address="3 Example Street", version=first["version"])
    assert (status, refused["code"]) == (409, "STALE_VERSION")
    _, unchanged = await change(address="2 Example Street", version=second["version"])
    assert unchanged == second, "an edit that changes nothing makes no new version"


async def test_every_edit_is_on_record_without_anybodys_address(world, change):
    await change(manager_email="manager@example.com", name="Other Hall")
    await change(manager_email=None)
    notes = await world.admin.fetch(
        "SELECT before, after FROM audit WHERE entity_id = $1 AND action = 'venue.edited' "
        "ORDER BY id",
        world.venue_id,
    )
    assert '"Example Hall"' in notes[0]["before"]
    assert '"Other Hall"' in notes[0]["after"]
    assert '"manager_email": true' in notes[0]["after"]
    assert '"manager_email": false' in notes[1]["after"]
    assert "manager@example.com" not in str(notes)
    assert len(await world.published("venue.changed.v1")) == 3


async def test_staff_change_their_organisations_settings_and_operators_its_status(client, world):
    path = f"/organisations/{world.org_id}"
    editor = staff(world.org_id, "catalogue:manage")
    settings = {
        "reference_template": "EV-{YYYY}-XXXXXX",
        "default_country": "SE",
        "locale": "sv",
        "name": "Example Days",
    }
    status, seen = await client("PATCH", path, editor, json=settings)
    assert status == 200
    assert {name: seen[name] for name in settings} == settings
    session = await world.class_session()
    held = await world.hold(session, phone="070 123 45 67")
    assert held.reference.startswith("EV-")
    assert (await client("PATCH", path, editor, json={"status": "suspended"}))[0] == 403
    assert (await client("PATCH", path, GUEST, json={"name": "Mine"}))[0] == 401
    stranger = staff(uuid7(), "catalogue:manage")
    assert (await client("PATCH", path, stranger, json={"name": "Mine"}))[0] == 403
    status, seen = await client(
        "PATCH", path, OPERATOR, json={"status": "suspended", "version": seen["version"]}
    )
    assert (status, seen["status"], seen["name"]) == (200, "suspended", "Example Days")
    slug = seen["slug"]
    _, public = await client("GET", f"/organisations/{slug}")
    assert "reference_template" not in public


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reference_template": "x"}, "reference_template"),
        ({"reference_template": "AB-XXXX"}, "reference_template"),
        ({"default_country": "Sweden"}, "default_country"),
        ({"locale": "swedish"}, "locale"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"status": "asleep"}, "status"),
        ({"slug": "other"}, "slug"),
        ({"version": -1}, "version"),
    ],
)
async def test_bad_organisation_settings_name_their_field(client, world, fields, field):
    path = f"/organisations/{world.org_id}"
    before = await world.admin.fetchrow(
        "SELECT * FROM organisations WHERE org_id = $1", world.org_id
    )
    status, refused = await client("PATCH", path, OPERATOR, json=fields)
    assert (status, refused["errors"][0]["field"]) == (422, field)
    assert before == await world.admin.fetchrow(
        "SELECT * FROM organisations WHERE org_id = $1", world.org_id
    )


async def test_after_an_upgrade_the_other_services_hear_of_every_venue_again(world, urls, admin):
    """The migration sets a timer for each organisation, once; it tells all there is to know."""
    newest = await admin.fetchval("SELECT version_num FROM alembic_version")
    before = await admin.fetchrow(
        "UPDATE venues SET manager_email = 'manager@example.com' WHERE id = $1 RETURNING version",
        world.venue_id,
    )
    for _ in range(2):
        await admin.execute("UPDATE alembic_version SET version_num = '0015'")
        await migrations.upgrade("booking", urls.owner_url, "0016")
    await admin.execute("UPDATE alembic_version SET version_num = $1", newest)
    [timer] = await admin.fetch(
        "SELECT * FROM messaging.outbox WHERE type = $1 AND org_id = $2",
        VenuesDue.TYPE,
        world.org_id,
    )
    assert timer["due_at"] > await world.now()
    now = await world.now()
    meta = Meta(
        message_id=timer["message_id"], type=timer["type"], org_id=timer["org_id"],
        key=timer["ordering_key"], sequence=0, time=now, attempt=0, traceparent=None,
    )  # fmt: skip
    ring = Delivery(meta, timer["payload"], due=True)
    for outcome in ("done", "duplicate"):  # as after a crash
        assert await Dispatcher(world.db, build(world.shop))._attempt(ring) == outcome
    told = [
        row
        for row in await admin.fetch(
            "SELECT sequence, payload FROM messaging.outbox WHERE type = $1 AND ordering_key = $2",
            VenueChanged.TYPE,
            str(world.venue_id),
        )
        if row["sequence"] > before["version"]
    ]
    assert [row["sequence"] for row in told] == [before["version"] + 1]
    heard = VenueChanged.from_json(told[0]["payload"].encode())
    assert heard.manager_email == "manager@example.com"


@pytest.mark.parametrize("status", [OrganisationStatus.SUSPENDED, OrganisationStatus.CLOSED])
async def test_a_suspended_organisation_honours_what_it_sold_and_sells_nothing(world, status):
    """OPN-10."""
    session = await world.class_session()
    held = await world.hold(session)

    async def become(status):
        command = EditOrganisation(status=status, actor="test")
        await world.run(lambda tx: edit_organisation(tx, command))

    await become(status)
    with pytest.raises(NotOnSale):
        await world.hold(session)
    await world.pay(held)
    assert (await world.booking(held)).status == "confirmed"
    await become(OrganisationStatus.ACTIVE)
    assert await world.hold(session)


async def test_venues_of_one_organisation_are_nothing_to_another(
    client, world, make_world, db, admin
):
    """TEN-07."""
    other = await make_world(db, admin)
    editor = staff(world.org_id, "catalogue:manage")
    path = f"/venues/{other.venue_id}"
    assert (await client("GET", path, editor))[0] == 404
    assert (await client("PATCH", path, editor, json={"name": "Mine"}))[0] == 404
    assert (await client("DELETE", path, editor))[0] == 404
    assert (await client("GET", f"{path}/offerings", editor))[0] == 404
    listed = (await client("GET", "/venues", editor))[1]["items"]
    assert [UUID(venue["id"]) for venue in listed] == [world.venue_id]
