"""Nonsense on every public route: a clear 4xx that names the field, never a 5xx, nothing stored."""

import copy
import gzip
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest_asyncio

from .calls import Answer, problem, until
from .doors import (
    Door,
    about_a_booking,
    of_codes,
    of_connections,
    of_the_desk,
    of_the_menu,
    on_the_day,
)
from .outside import event, signature
from .people import SCOPES, City, Place, Session, new_key
from .system import SERVICES, Tables

LARGEST_BODY = 256 * 1024
SQL = "'; DROP TABLE bookings; --"


@dataclass(frozen=True)
class Ground:
    """An organisation with a booking, for requests that must change nothing of it."""

    club: Place
    session: Session
    booking_id: str
    doors: list[Door]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(city: City) -> Ground:
    # No hold ends while requests are counted that must change nothing.
    policy = {"hold_minutes": 24 * 60}
    club = await city.nightclub({7: (2, 6), 8: (2, 6), 9: (2, 6)}, policy=policy)
    session = await club.session()
    guest = city.guest(phone="+447700900123")
    booking = await guest.book(session, tables=[club.tables[8]], party=4)
    await booking.payment()
    regular = city.guest()
    taken = regular.wish(session, tables=[club.tables[9]], party=4, payment="at_venue")
    await club.staff.post("/v1/bookings", taken, key=new_key())
    account = await club.staff.post(
        "/v1/payment-accounts", {"provider": "stripe", "secret_key": f"sk_test_{uuid4().hex}"}
    )
    secret = f"/v1/payment-accounts/{account['id']}/webhook-secret"
    connection = await club.staff.post(
        "/v1/payment-accounts/connect", {"country": "GB"}, expect=(202,)
    )
    starts = session.starts_at + timedelta(days=1)
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=3)).isoformat()}
    wish = guest.wish(
        session,
        tables=[club.tables[7]],
        party=4,
        locale="en",
        special_requests="by the window",
        drinks_package="two bottles",
        source="web",
    )
    ids = {
        "venue": club.venue_id,
        "offering": club.offering_id,
        "resource": club.tables[7],
        "session": session.id,
    }
    staff = [await city.staff(club.id, *SCOPES) for _ in range(8)]
    guests, operators = [city.anybody], [city.operator]
    doors = [
        Door("POST /v1/bookings", "/v1/bookings", guests, wish),
        Door(
            "POST /v1/bookings/{booking_id}/cancel",
            f"{booking.path}/cancel",
            staff,
            {
                "reason": "a reason",
                "refund": {"amount_minor": 1},
            },
        ),
        *on_the_day(booking.path, staff),
        *about_a_booking(booking.path, guests, staff, wish),
        *await of_the_menu(club, staff),
        *await of_codes(club, staff),
        *await of_the_desk(club, regular, staff),
        Door(
            "POST /v1/organisations",
            "/v1/organisations",
            operators,
            {
                "slug": f"bad-{uuid4().hex[:8]}",
                "name": "Another place",
                "default_country": "GB",
                "locale": "en",
                "reference_template": "BK-XXXXXX-XXXX",
            },
        ),
        Door(
            "PATCH /v1/organisations/{id}",
            f"/v1/organisations/{club.id}",
            operators,
            {"name": "Renamed place"},
        ),
        Door(
            "POST /v1/venues",
            "/v1/venues",
            staff,
            {
                "slug": f"bad-{uuid4().hex[:8]}",
                "name": "Another hall",
                "timezone": "Europe/London",
                "currency": "GBP",
                "locale": "en",
                "contact_email": "hall@example.com",
                "contact_phone": "+447700900123",
                "statement_descriptor": "ANOTHER HALL",
            },
        ),
        Door("PATCH /v1/venues/{id}", f"/v1/venues/{ids['venue']}", staff, {"name": "New name"}),
        Door(
            "POST /v1/offerings",
            "/v1/offerings",
            staff,
            {
                "venue_id": ids["venue"],
                "preset": "class",
                "title": "Another class",
                "description": "A class",
                "inventory": {"capacity": 10},
                "pricing": {"amount_minor": 1000},
                "policy": {
                    "hold_minutes": 10,
                    "refund_tiers": [{"hours": 24, "percent": 50}],
                    "no_show": {"fee_minor": 2500, "per": "head", "pay_hours": 72},
                },
            },
        ),
        Door(
            "PATCH /v1/offerings/{id}",
            f"/v1/offerings/{ids['offering']}",
            staff,
            {"title": "New title", "policy": {"hold_minutes": 10}},
        ),
        Door(
            "POST /v1/resources",
            "/v1/resources",
            staff,
            {
                "venue_id": ids["venue"],
                "number": 99,
                "label": "Table 99",
                "floor": "Main floor",
                "seats_min": 2,
                "seats_max": 6,
                "features": ["window"],
                "vip": False,
            },
        ),
        Door(
            "PATCH /v1/resources/{id}",
            f"/v1/resources/{ids['resource']}",
            staff,
            {"label": "Table seven", "seats_min": 2, "seats_max": 6},
        ),
        Door(
            "POST /v1/sessions",
            "/v1/sessions",
            staff,
            {
                "offering_id": ids["offering"],
                "title": "Another night",
                "resource_ids": [ids["resource"]],
                **times,
            },
        ),
        Door(
            "PATCH /v1/sessions/{id}", f"/v1/sessions/{ids['session']}", staff, {"title": "Title"}
        ),
        Door(
            "POST /v1/payment-accounts",
            "/v1/payment-accounts",
            staff,
            {
                "provider": "stripe",
                "secret_key": f"sk_test_{uuid4().hex}",
                "publishable_key": "pk_test_123",
                "webhook_secret": "whsec_0123456789",
            },
        ),
        Door(
            "POST /v1/payment-accounts/{id}/webhook-secret",
            secret,
            staff,
            {"secret": "whsec_0123456789"},
        ),
        *of_connections(club, connection["id"], staff, operators),
        Door(
            "POST /v1/reconciliations",
            "/v1/reconciliations",
            staff,
            {"since": starts.isoformat(), "until": starts.isoformat()},
        ),
        Door(
            "POST /v1/api-keys",
            "/v1/api-keys",
            operators,
            {
                "organisation_id": club.id,
                "name": "another",
                "scopes": ["read:bookings"],
                "expires_in_days": 30,
            },
        ),
    ]
    return Ground(club, session, booking.id, doors)


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_stored(ground: Ground, tables: Tables) -> AsyncIterator[None]:
    """Rows of every business table, before and after."""
    before = await rows_of(tables, ground.club)
    yield
    assert await rows_of(tables, ground.club) == before


async def rows_of(tables: Tables, club: Place) -> dict[str, int]:
    """Rows by table, once nothing is under way: the club's own, as time passes for others too."""
    await tables.at_rest()
    return {
        f"{service}.{row['table']}": row["rows"]
        for service in SERVICES
        for row in await tables.rows(service, _ROWS, club.id)
    }


# Organisations are all counted: a new one would not be the club's.
_ROWS = """
    SELECT t.table_name AS table, (xpath('//n/text()', query_to_xml(
        format('SELECT count(*) AS n FROM public.%I', t.table_name)
            || CASE WHEN c.column_name IS NULL OR t.table_name = 'organisations' THEN ''
               ELSE format(' WHERE org_id = %L', $1::text) END,
        false, true, ''
    )))[1]::text::bigint AS rows
    FROM information_schema.tables t LEFT JOIN information_schema.columns c
        ON (c.table_schema, c.table_name, c.column_name) = ('public', t.table_name, 'org_id')
    WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""


def refused(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert 400 <= answer.status < 500, str(answer)
    if statuses:
        assert answer.status in statuses, str(answer)
    return problem(answer, answer.status)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of a body with its path, containers included."""
    if path:
        yield path, node
    entries = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for name, value in entries:
        yield from leaves(value, (*path, name))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The body with one value replaced."""
    made = copy.deepcopy(body)
    node: Any = made
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return made


def names(document: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Whether a refusal names the field at `path`, or what is around or inside it."""
    dotted = ".".join(map(str, path))
    plain = ".".join(str(name) for name in path if not isinstance(name, int))
    told = {error["field"] for error in document["errors"]}
    return any(
        field in (dotted, plain)
        or dotted.startswith(f"{field}.")
        or field.startswith((f"{dotted}.", f"{plain}."))
        for field in told
    )


async def test_every_door_is_tried(city: City, ground: Ground) -> None:
    """All public routes with a body are in the list of this module."""
    document = await until("a description of each service's part", lambda: whole(city))
    described = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    shapes = {_shape(door.name) for door in ground.doors}
    assert {_shape(name) for name in described} == shapes


async def whole(city: City) -> dict[str, Any] | None:
    """The merged document, once every service that takes bodies has told its part."""
    document = await city.anybody.get("/openapi.json")
    of_each = ("/v1/bookings", "/v1/payment-accounts", "/v1/api-keys")
    told = all("requestBody" in document["paths"][path]["post"] for path in of_each)
    return document if told else None


def _shape(name: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in name.split("/"))


async def test_wrong_types_are_named(ground: Ground) -> None:
    """Each value in turn as text, number, list, object, bool: 422 naming it."""
    for door in ground.doors:
        for path, value in leaves(door.body):
            for wrong in wrong_types(value):
                answer = await door.ask(changed(door.body, path, wrong))
                document = refused(answer, 422)
                assert names(document, path), (door.name, path, wrong, str(answer))


def wrong_types(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return ["perhaps", 7, [], {}]
    if isinstance(value, int):
        return ["many", 1.5, [], {}, [1]]
    if isinstance(value, str):
        return [12345, True, [], {}, ["text"], 1.5]
    if isinstance(value, list):
        return ["text", 7, {"0": 1}, True, [None], [[]]]
    return ["text", 7, True, ["text"]]


async def test_unknown_fields_are_named(ground: Ground) -> None:
    """A field that nobody asked for, at every level: 422 naming it."""
    for door in ground.doors:
        places = [()] + [path for path, value in leaves(door.body) if isinstance(value, dict)]
        for path in places:
            for surprise in ("surprise", "org_id", "amount_total", "status_code", "__proto__"):
                answer = await door.ask(changed(door.body, (*path, surprise), "x"))
                assert names(refused(answer, 422), (*path, surprise)), (door.name, str(answer))


async def test_numbers_out_of_range_are_named(ground: Ground) -> None:
    """Negative and overflowing numbers: 422 naming the field."""
    for door in ground.doors:
        for path, value in leaves(door.body):
            if isinstance(value, bool) or not isinstance(value, int):
                continue
            for number in (
                b"-1",
                b"2147483648",
                b"9223372036854775808",
                b"1e400",
                b"-1e9",
                b"1" * 400,
            ):
                if number == b"-1" and path[-1] in door.signed:
                    continue
                marked = orjson.dumps(changed(door.body, path, "MARK"))
                answer = await door.send(marked.replace(b'"MARK"', number))
                document = refused(answer, 400, 422)
                assert answer.status == 400 or names(document, path), (door.name, str(answer))


async def test_strings_that_no_column_holds_are_named(ground: Ground) -> None:
    """NUL, lone surrogates and endless text: 4xx, naming the field where the text can be read."""
    for door in ground.doors:
        for path, value in leaves(door.body):
            if not isinstance(value, str):
                continue
            for text in (
                rb"a\u0000b",
                rb"a\ud800b",
                b"\xff",
                b"\xed\xa0\x80",
                b"\xc0\xaf",
                b"x" * 20_000,
                rb"\u202e" * 3000,
            ):
                marked = orjson.dumps(changed(door.body, path, "MARK"))
                answer = await door.send(marked.replace(b"MARK", text))
                document = refused(answer, 400, 422)
                assert answer.status == 400 or names(document, path), (door.name, path, str(answer))


async def test_sql_is_text(city: City, ground: Ground) -> None:
    """SQL in fields with a form: 422 naming them. In search and paths: 4xx."""
    for door in ground.doors:
        for path, value in leaves(door.body):
            if isinstance(value, str) and _has_a_form(path):
                answer = await door.ask(changed(door.body, path, SQL))
                assert names(refused(answer, 422), path), (door.name, path, str(answer))
    injected = "%27%3B%20DROP%20TABLE%20bookings%3B%20--"
    for path in (
        f"/v1/organisations/{injected}",
        f"/v1/offerings?organisation={injected}",
        f"/v1/offerings/{injected}",
        f"/v1/sessions/{injected}/availability",
        f"/v1/bookings/{injected}",
    ):
        refused(await city.anybody.ask("GET", path), 401, 404, 422)


def _has_a_form(path: tuple[Any, ...]) -> bool:
    free_text = {"name", "title", "description", "label", "reason", "floor", "features"}
    free_text |= {"special_requests", "drinks_package", "signed_name", "allergies", "notes"}
    free_text |= {"note", "whom", "dietary", "allergens", "reference"}
    return not free_text & set(path)


async def test_bodies_that_are_not_json_are_malformed(ground: Ground) -> None:
    """Half a document, other encodings, other roots, endless nesting: 400 or 422."""
    for door in ground.doors:
        whole = orjson.dumps(door.body)
        text = whole.decode()
        for content in (
            b"{",
            whole[:-1],
            whole + whole,
            b"\xff\xfe\xfd",
            whole.replace(b'"', b"'"),
            whole[:-1] + b',"\xc3\x28":1}',
            b"\xef\xbb\xbf" + whole,
            text.encode("utf-16"),
            text.encode("utf-16-le"),
            text.encode("utf-32"),
            b"[" * 100_000,
            b'{"a":' * 40_000,
            whole[:-1] + b',"n":NaN}',
            whole[:-1] + b',"n":Infinity}',
            b"\x00",
            gzip.compress(whole),
        ):
            refused(await door.send(content), 400)
        for content in (b"", b"null", b"[]", b'"text"', b"7", b"true", b"[" + whole + b"]"):
            refused(await door.send(content), 400, 422)


async def test_huge_bodies_are_refused_whether_their_size_is_told_or_not(ground: Ground) -> None:
    """More than 256 KiB, with and without Content-Length: 413; exactly as much is read."""

    async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 16 * 1024):
            yield content[start : start + 16 * 1024]

    for door in ground.doors:
        padding = b" " * LARGEST_BODY
        whole = orjson.dumps({**door.body, "surprise": "x"})
        too_much = (whole + padding)[: LARGEST_BODY + 1]
        refused(await door.send(too_much), 413)
        refused(await door.send(in_pieces(too_much)), 413)
        refused(await door.send(too_much[:-1]), 422)


async def test_nonsense_around_the_body_is_refused(city: City, ground: Ground) -> None:
    """Wrong methods, paths, queries and headers: 4xx, never 5xx."""
    offering = f"/v1/offerings/{ground.club.offering_id}/sessions"
    listing = f"/v1/offerings?organisation={ground.club.slug}"
    for path in (
        f"{offering}?limit=0",
        f"{offering}?limit=many",
        f"{offering}?limit=99999999999999999999",
        f"{offering}?limit=-1",
        f"{offering}?from=yesterday",
        f"{offering}?from=2026-01-01T00:00:00",
        f"{offering}?to=99999-01-01T00:00:00Z",
        f"{offering}?cursor=garbage",
        f"{offering}?cursor=W10",
        f"{offering}?cursor=WzEsMl0",
        f"{offering}?cursor=%00",
        f"{offering}?cursor=%ff",
        f"{offering}?cursor={'x' * 5000}",
        f"{listing}&cursor=bnVsbA",
        f"{listing}&limit=1e3",
        "/v1/offerings",
        "/v1/offerings?organisation=",
        "/v1/offerings?organisation=%00",
        "/v1/offerings?organisation=no-such-place",
        "/v1/organisations/%00",
        "/v1/organisations/..%2f..%2fmetrics",
        "/v1/organisations/" + "x" * 3000,
        "/v1/offerings/not-an-id",
        f"/v1/offerings/{uuid4()}",
        f"/v1/sessions/{uuid4()}/availability",
        "/v1/bookings/1",
        "/v1/internal/api-keys/verify",
        "/internal/api-keys/verify",
        "/v1/../metrics",
        "/v1//bookings",
        "/metrics",
        "/webhooks/stripe/platform",
    ):
        answer = await city.anybody.ask("GET", path)
        assert 400 <= answer.status < 500, str(answer)
        assert answer.json()["code"], str(answer)
    for method, path in (
        ("DELETE", "/v1/bookings"),
        ("PUT", f"/v1/bookings/{ground.booking_id}"),
        ("PATCH", "/v1/dashboard"),
        ("TRACE", "/v1/offerings"),
        ("BREW", "/v1/offerings"),
    ):
        refused(await city.anybody.ask(method, path), 400, 404, 405, 501)


async def test_bounds_of_instants_are_no_trap(city: City, ground: Ground) -> None:
    """The first and last instants there are, in queries and bodies: an answer or 4xx, not 5xx."""
    offering = f"/v1/offerings/{ground.club.offering_id}/sessions"
    for instant in (
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00%2B23:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999-23:59",
    ):
        for name in ("from", "to"):
            answer = await city.anybody.ask("GET", f"{offering}?{name}={instant}")
            assert answer.status in (200, 422), str(answer)
    door = next(door for door in ground.doors if door.name == "POST /v1/sessions")
    for starts, ends in (
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
        ("9999-12-31T23:00:00-23:59", "9999-12-31T23:30:00-23:59"),
        ("0001-01-01T00:00:00Z", "0001-01-01T01:00:00Z"),
    ):
        body = {**door.body, "starts_at": starts, "ends_at": ends}
        refused(await door.ask(body), 409, 422)


async def test_headers_of_nonsense_are_refused(city: City, ground: Ground) -> None:
    """Odd idempotency keys, tokens, content types and addresses: 4xx, never 5xx."""
    door = ground.doors[0]
    whole = orjson.dumps(door.body)
    for headers in (
        {"Idempotency-Key": "é" * 20},
        {"Idempotency-Key": " " * 20},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic Og=="},
    ):
        answer = await door.send(whole, **headers)
        assert 400 <= answer.status < 500, (headers, str(answer))


async def test_well_signed_nonsense_is_refused(ground: Ground) -> None:
    """Events that Stripe never sent, signed all the same: 4xx, never 5xx; too large: 413."""
    stripe = ground.club.stripe
    whole = orjson.dumps(event("payment_intent.succeeded", {"id": "pi_1"}))
    for content in (
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"id": 7, "type": "x"}',
        b'{"id": "evt_1", "type": null}',
        whole[:-1],
        whole.replace(b"pi_1", b"\xff"),
        whole.replace(b"evt_", rb"evt_\u0000"),
        whole.decode().encode("utf-16"),
        b"[" * 100_000,
    ):
        headers = {"Stripe-Signature": signature(content, stripe.webhook_secret)}
        refused(await stripe.send_raw(content, headers), 400, 401, 422)
    for header in ("", "t=,v1=", "t=1,v1=x", "v1=abc", f"t={'9' * 400},v1={'a' * 64}", "é" * 9):
        refused(await stripe.send_raw(whole, {"Stripe-Signature": header}), 400, 401)
    huge = whole + b" " * LARGEST_BODY
    headers = {"Stripe-Signature": signature(huge, stripe.webhook_secret)}
    refused(await stripe.send_raw(huge, headers), 413)
    nowhere = stripe.webhook_url.rpartition("/")[0]
    for account in ("platform2", str(uuid4()), "%00", "x" * 500):
        answer = await stripe.http.ask("POST", f"{nowhere}/{account}", content=whole)
        refused(answer, 400, 404, 422)
