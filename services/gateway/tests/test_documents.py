"""The public document and the page that shows it."""

import re
from typing import Annotated
from uuid import UUID

import orjson
import pytest
from fastapi import APIRouter, Header
from pydantic import BaseModel

from chassis.http import Body, create_app
from chassis.problems import Conflict, responses
from chassis.service import Service
from gateway.openapi import merge
from gateway.routes import ROUTES, Upstream
from gateway.settings import DEFAULT_LIMITS, Settings


class Money(BaseModel):
    amount_minor: int
    currency: str


class Booking(BaseModel):
    """As booking sees it."""

    id: UUID
    amount: Money


class Hold(Body):
    session_id: UUID
    party_size: int = 1


class Full(Conflict):
    code = "CAPACITY_EXCEEDED"
    title = "Full"


def booking_document() -> dict:
    router = APIRouter()

    @router.post("/bookings", status_code=201, responses=responses(Full))
    async def hold(
        body: Hold, idempotency_key: Annotated[str, Header(min_length=16)]
    ) -> Booking: ...

    @router.get("/bookings/{booking}")
    async def read(booking: UUID) -> Booking: ...

    @router.get("/offerings")
    async def offerings(organisation: str, limit: int = 20) -> list[Money]: ...

    @router.post("/secret/{key}")
    async def secret(key: UUID) -> dict[str, str]: ...

    return document("booking", router)


def payments_document() -> dict:
    # Of the same name as in booking, but another thing; and one that is the same.
    shape = type("Booking", (BaseModel,), {"__annotations__": {"paid": Money}})
    router = APIRouter()

    @router.get("/bookings/{booking_id}/payment")
    async def read(booking_id: UUID) -> shape: ...  # type: ignore[valid-type]

    return document("payments", router)


def document(name: str, router: APIRouter) -> dict:
    service = Service(name=name, settings=None, routers=[router], internal_tokens=False)
    return orjson.loads(orjson.dumps(create_app(service).openapi()))


@pytest.fixture(scope="module")
def merged() -> dict:
    parts = {Upstream.BOOKING: booking_document(), Upstream.PAYMENTS: payments_document()}
    return merge(ROUTES, parts, DEFAULT_LIMITS)


def test_every_route_is_in_it_and_nothing_else(merged):
    described = {
        (method.upper(), path) for path, item in merged["paths"].items() for method in item
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    assert "/v1/secret/{key}" not in merged["paths"]


def test_every_reference_leads_somewhere(merged):
    for ref in re.findall(r'"\$ref":"([^"]+)"', orjson.dumps(merged).decode()):
        node = merged
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]


def test_every_operation_has_an_id_of_its_own(merged):
    ids = [one["operationId"] for item in merged["paths"].values() for one in item.values()]
    assert len(ids) == len(set(ids))


def test_path_parameters_bear_the_names_in_the_path(merged):
    for path, item in merged["paths"].items():
        for operation in item.values():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_schemas_of_one_name_stay_apart_unless_they_are_the_same(merged):
    schemas = merged["components"]["schemas"]
    assert "Money" in schemas
    assert "BookingMoney" not in schemas
    assert set(schemas["PaymentsBooking"]["properties"]) == {"paid"}
    assert set(schemas["BookingBooking"]["properties"]) == {"id", "amount"}


def test_credentials_are_told(merged):
    paths = merged["paths"]
    assert paths["/v1/bookings"]["post"]["security"] == [{}, {"apiKey": []}]
    assert paths["/v1/bookings/{booking_id}"]["get"]["security"] == [
        {"manageToken": []},
        {"manageLink": []},
        {"apiKey": []},
    ]
    assert paths["/v1/venues"]["post"]["security"] == [{"apiKey": []}]
    assert set(merged["components"]["securitySchemes"]) == {"apiKey", "manageToken", "manageLink"}


def test_limits_and_refusals_are_told(merged):
    book = merged["paths"]["/v1/bookings"]["post"]
    assert "Limit: 5 in 60 s per address; 600 requests in 60 s per API key." in book["description"]
    assert {"400", "401", "403", "409", "413", "422", "429", "503"} <= set(book["responses"])
    assert "CAPACITY_EXCEEDED" in book["responses"]["409"]["description"]
    assert "RateLimit-Remaining" in book["responses"]["429"]["headers"]
    assert "413" not in merged["paths"]["/v1/offerings"]["get"]["responses"]


def test_the_composed_answers_are_described(merged):
    book = merged["paths"]["/v1/bookings"]["post"]["responses"]
    for status in ("201", "202"):
        schema = book[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/BookingAnswer"}
    answer = merged["components"]["schemas"]["BookingAnswer"]["properties"]
    assert {"id", "amount", "payment", "payment_url"} <= set(answer)
    assert answer["payment"]["anyOf"][0] == {"$ref": "#/components/schemas/PaymentsBooking"}
    timeline = merged["paths"]["/v1/bookings/{booking_id}/timeline"]["get"]["responses"]["200"]
    assert "incomplete" in orjson.dumps(timeline).decode()


def test_the_idempotency_key_is_told_where_it_is_taken(merged):
    names = [p["name"] for p in merged["paths"]["/v1/bookings"]["post"]["parameters"]]
    assert names.count("idempotency-key") + names.count("Idempotency-Key") == 1
    cancel = merged["paths"]["/v1/bookings/{booking_id}/cancel"]["post"]["parameters"]
    assert "Idempotency-Key" in [p["name"] for p in cancel]


async def test_it_is_served_and_a_missing_service_does_not_stop_it(gateway, services):
    services.booking.answers("GET", "/openapi.json", booking_document())
    await services.payments.stop()
    client = await gateway()
    got = await client.get("/openapi.json")
    assert got.status == 200
    assert got.json["openapi"].startswith("3.1")
    assert "party_size" in got.body.decode()
    assert len(got.json["paths"]) == len({route.path for route in ROUTES})
    assert services.booking.seen[0].principal is None
    await client.get("/openapi.json")
    assert len(services.booking.asked("GET", "/openapi.json")) == 1
    await services.payments.start()


async def test_the_page_needs_no_other_host(gateway):
    client = await gateway()
    page = await client.get("/docs")
    assert page.status == 200
    html = page.body.decode()
    assert "//" not in html.replace("<!doctype", "")
    for path in re.findall(r'(?:src|href)="(/docs/[^"]+)"', html):
        asset = await client.get(path)
        assert (asset.status, len(asset.body) > 100) == (200, True), path
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_limits_are_settings_with_the_inventory_as_default():
    """GTW-01."""
    assert DEFAULT_LIMITS["booking"] == DEFAULT_LIMITS["booking"].__class__(5, 60)
    assert DEFAULT_LIMITS["payment"].amount == 3
    assert DEFAULT_LIMITS["default"].amount == 10
    assert Settings.model_fields["RATE_LIMITS"].default == DEFAULT_LIMITS
