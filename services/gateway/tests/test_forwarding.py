"""What passes the gateway, in which form, and what does not."""

import asyncio
from uuid import uuid4

import aiohttp
import pytest

from chassis.problems import Conflict, Unavailable

ORGANISATION = "/v1/organisations/sample-studio"


async def test_a_request_reaches_its_service_without_the_version(gateway, services):
    services.booking.answers("GET", "/organisations/sample-studio", {"name": "S"})
    client = await gateway()
    got = await client.get(ORGANISATION)
    assert (got.status, got.json) == (200, {"name": "S"})
    seen = services.booking.seen[0]
    assert seen.principal is not None
    assert seen.principal.kind == "guest"
    assert seen.headers["x-request-id"] == got.headers["x-request-id"]
    assert seen.headers["traceparent"].startswith("00-")


async def test_the_query_passes_unchanged(gateway, services):
    services.booking.answers("GET", "/offerings", [])
    client = await gateway()
    await client.get("/v1/offerings?organisation=a&limit=5&x=%C3%A9+b")
    assert services.booking.seen[0].query == "organisation=a&limit=5&x=%C3%A9+b"


async def test_body_and_idempotency_key_pass(gateway, services):
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()
    await client.post("/v1/bookings", {"session_id": "s"}, Idempotency_Key="k" * 20)
    seen = services.booking.seen[0]
    assert seen.body == b'{"session_id":"s"}'
    assert seen.headers["idempotency-key"] == "k" * 20
    assert seen.headers["content-type"] == "application/json"


async def test_headers_that_only_the_gateway_may_set_do_not_pass(gateway, services):
    services.booking.answers("GET", "/organisations/sample-studio", {})
    client = await gateway()
    await client.get(
        ORGANISATION,
        X_Internal_Token="forged",
        X_Forwarded_For="192.0.2.1",
        X_Forwarded_Host="elsewhere",
        Forwarded="for=192.0.2.1",
        Cookie="a=b",
        Connection="x-request-id, keep-alive",
        Te="trailers",
    )
    names = set(services.booking.seen[0].headers)
    assert names <= {
        "host",
        "accept",
        "content-type",
        "x-internal-token",
        "x-request-id",
        "traceparent",
    }
    assert services.booking.seen[0].headers["x-internal-token"] != "forged"


async def test_a_sane_request_id_and_trace_are_continued(gateway, services):
    services.booking.answers("GET", "/organisations/sample-studio", {})
    client = await gateway()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    got = await client.get(
        ORGANISATION, X_Request_Id="caller-id-0001", traceparent=f"00-{trace}-00f067aa0ba902b7-01"
    )
    assert got.headers["x-request-id"] == "caller-id-0001"
    assert services.booking.seen[0].headers["traceparent"].split("-")[1] == trace
    got = await client.get(ORGANISATION, X_Request_Id="<script>alert(1)</script>")
    assert len(got.headers["x-request-id"]) == 32


async def test_refusals_of_a_service_pass_with_status_and_body(gateway, services):
    refusal = Conflict("Taken.").document("r")
    services.booking.answers(
        "GET",
        "/organisations/sample-studio",
        refusal,
        409,
        {"content-type": "application/problem+json"},
    )
    client = await gateway()
    got = await client.get(ORGANISATION)
    assert (got.status, got.json) == (409, refusal)
    assert got.headers["content-type"] == "application/problem+json"


async def test_what_a_failing_service_says_stays_inside(gateway, services, capfd):
    secret = "Traceback: password=hunter2 at 10.0.0.7"
    for status in (500, 502, 504, 503):
        services.booking.answers("GET", "/organisations/sample-studio", {"detail": secret}, status)
        client = await gateway()
        got = await client.get(ORGANISATION)
        assert got.status == 500
        assert got.code == "INTERNAL"
        assert b"hunter2" not in got.body
        assert got.json["request_id"] == got.headers["x-request-id"]


async def test_a_service_that_calls_itself_unavailable_is_believed(gateway, services):
    refusal = Unavailable("Payments are off.").document("r")
    services.booking.answers(
        "GET",
        "/organisations/sample-studio",
        refusal,
        503,
        {"content-type": "application/problem+json", "retry-after": "7"},
    )
    client = await gateway()
    got = await client.get(ORGANISATION)
    assert (got.status, got.json, got.headers["retry-after"]) == (503, refusal, "7")


async def test_a_service_that_is_down_is_503_with_retry_after(gateway, services):
    await services.booking.stop()
    client = await gateway()
    got = await client.get(ORGANISATION)
    assert (got.status, got.code) == (503, "DEPENDENCY_UNAVAILABLE")
    assert int(got.headers["retry-after"]) >= 1
    assert b"127.0.0.1" not in got.body
    await services.booking.start()
    services.booking.answers("GET", "/organisations/sample-studio", {})
    assert (await client.get(ORGANISATION)).status == 200


async def test_a_service_that_does_not_answer_in_time_is_503(gateway, services):
    services.booking.answers("GET", "/organisations/sample-studio", {}, after=5)
    client = await gateway(UPSTREAM_TIMEOUT=0.3)
    got = await client.get(ORGANISATION)
    assert (got.status, got.code) == (503, "DEPENDENCY_UNAVAILABLE")


async def test_a_restarted_service_costs_no_request(gateway, services):
    services.booking.answers("GET", "/organisations/sample-studio", {})
    services.booking.answers("POST", "/bookings", {}, 422)
    client = await gateway()
    assert (await client.get(ORGANISATION)).status == 200
    await services.booking.stop()
    await services.booking.start()
    got = await client.post("/v1/bookings", {}, Idempotency_Key="k" * 20)
    assert got.status == 422
    await services.booking.stop()
    await services.booking.start()
    assert (await client.get(ORGANISATION)).status == 200


async def test_location_becomes_public(gateway, services, keys):
    services.booking.answers("POST", "/venues", {}, 201, {"location": "/venues/1"})
    client = await gateway()
    got = await client.post("/v1/venues", {}, Authorization=f"Bearer {keys.make('catalogue:edit')}")
    assert (got.status, got.headers["location"]) == (201, "/v1/venues/1")


async def test_a_refusal_to_delete_passes_in_the_readers_language(gateway, services, keys):
    path = "/sessions/0190a0b0-0000-7000-8000-000000000001"
    services.booking.answers("DELETE", path, {"detail": "Nej"}, 409, {"content-language": "sv"})
    client = await gateway()
    headers = {
        "Authorization": f"Bearer {keys.make('catalogue:edit')}",
        "Accept_Language": "sv-SE, en;q=0.5",
    }
    got = await client.ask("DELETE", f"/v1{path}?version=3", headers=headers)
    assert (got.status, got.json["detail"], got.headers["content-language"]) == (409, "Nej", "sv")
    seen = services.booking.seen[0]
    assert (seen.query, seen.headers["accept-language"]) == ("version=3", "sv-SE, en;q=0.5")
    refused = await client.ask("DELETE", f"/v1{path}")
    assert refused.status == 401


async def test_bodiless_answers_stay_without_body(gateway, services):
    services.booking.answers("GET", "/offerings", b"", 304, {"etag": '"1"'})
    client = await gateway()
    got = await client.get("/v1/offerings", If_None_Match='"1"')
    assert (got.status, got.body, got.headers["etag"]) == (304, b"", '"1"')
    assert services.booking.seen[0].headers["if-none-match"] == '"1"'


async def test_long_answers_are_streamed_whole(gateway, services):
    long = b"x" * (3 * 1024 * 1024)
    services.booking.answers("GET", "/offerings", long)
    client = await gateway()
    assert (await client.get("/v1/offerings")).body == long


async def test_availability_is_asked_for_anew_every_time_and_cheaply(gateway, services):
    """GTW-04: the service's own Cache-Control and ETag pass, and so does what a client has."""
    path = f"/sessions/{uuid4()}/availability"
    told = {"etag": '"t"', "cache-control": "no-cache"}
    services.booking.answers(
        "GET",
        path,
        lambda seen: (304 if seen.headers.get("if-none-match") == '"t"' else 200, {}, told),
    )
    client = await gateway()
    first = await client.get(f"/v1{path}")
    assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
    again = await client.get(f"/v1{path}", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == ('"t"', "no-cache")


async def test_caches_may_keep_what_guests_see_and_nothing_else(gateway, services, keys):
    offering = f"/offerings/{uuid4()}"
    for path in (offering, "/organisations/sample-studio", f"{offering}/sessions"):
        services.booking.answers("GET", path, {})
    client = await gateway()

    async def cached(path, **headers):
        return (await client.get(path, **headers)).headers["cache-control"]

    assert await cached(f"/v1{offering}") == "public, max-age=300"
    assert await cached(ORGANISATION) == "public, max-age=120"
    assert await cached(f"/v1{offering}/sessions") == "no-store"
    key = {"Authorization": f"Bearer {keys.make()}"}
    assert await cached(f"/v1{offering}", **key) == "no-store"
    assert await cached(f"/v1/offerings/{uuid4()}") == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1//organisations/a",
        "/v1/organisations/",
        "/v1/organisations/a/",
        "/v1/organisations/..%2Finternal",
        "/v1/organisations/%2e%2e",
        "/v1/offerings/not-a-uuid",
        "/v1/offerings/%00",
        "/v1/internal/api-keys/verify",
        "/internal/api-keys/verify",
        "/metrics",
        "/bookings",
    ],
)
async def test_only_what_is_in_the_table_exists(gateway, services, path):
    client = await gateway()
    got = await client.raw(f"GET {path} HTTP/1.1")
    assert got.startswith(b"HTTP/1.1 404 "), got
    assert b"application/problem+json" in got
    assert not any(one.seen for one in services)


async def test_a_known_path_with_another_method_is_405_and_names_those_there_are(gateway):
    client = await gateway()
    got = await client.ask("DELETE", "/v1/offerings")
    assert (got.status, got.code, got.headers["allow"]) == (
        405,
        "METHOD_NOT_ALLOWED",
        "GET, POST",
    )


async def test_probes_answer_at_the_public_port(gateway):
    client = await gateway()
    assert (await client.get("/livez")).status == 200
    assert (await client.get("/readyz")).status == 200


EXPORT = "/bookings/export"


async def ticking(count, pause):
    for number in range(count):
        await asyncio.sleep(pause)
        yield b"%d\n" % number


async def test_an_export_may_take_long_while_it_goes_on(gateway, services, keys):
    """OPN-12: longer in all than any service may pause."""
    services.booking.answers("GET", EXPORT, lambda _: (200, ticking(20, 0.2)))
    client = await gateway(UPSTREAM_TIMEOUT="3")
    key = {"Authorization": f"Bearer {keys.make('bookings:view')}"}
    got = await client.get(f"/v1{EXPORT}", **key)
    assert (got.status, got.body) == (200, b"".join(b"%d\n" % n for n in range(20)))


async def test_an_export_that_stops_or_never_ends_is_cut_off(gateway, services, keys):
    key = {"Authorization": f"Bearer {keys.make('bookings:view')}"}
    for chunks, bounds in (
        (lambda _: (200, ticking(2, 60.0)), {"UPSTREAM_TIMEOUT": "3"}),
        (lambda _: (200, ticking(10_000, 0.05)), {"UPSTREAM_LONG_TIMEOUT": "3"}),
    ):
        services.booking.answers("GET", EXPORT, chunks)
        client = await gateway(**bounds)
        with pytest.raises(aiohttp.ClientError):
            await client.get(f"/v1{EXPORT}", **key)
