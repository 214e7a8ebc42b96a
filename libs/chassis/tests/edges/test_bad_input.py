"""Whatever a stranger sends is answered with a clear 4xx that names the field, never a 5xx."""

import pytest

from .conftest import SESSION, client, order

LIMIT = 256 * 1024
JSON = {"Content-Type": "application/json"}


async def refused(reply, status, code):
    document = await reply.json(content_type="application/problem+json")
    assert (reply.status, document["code"]) == (status, code), document
    assert document["status"] == status
    assert document["request_id"] == reply.headers["X-Request-ID"]
    assert {"type", "title", "detail", "errors"} <= document.keys()
    return document


async def test_a_good_order_is_taken(http):
    for party_size in (2, 2.0):
        sent = order(party_size=party_size, at="2026-01-01T10:00:00Z")
        async with http.post("/orders", json=sent) as reply:
            assert reply.status == 201
            assert await reply.json() == {"id": SESSION, "party_size": 2}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"party_size": "2"}, "party_size"),
        ({"party_size": 1.5}, "party_size"),
        ({"party_size": True}, "party_size"),
        ({"party_size": -1}, "party_size"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": 2**63}, "party_size"),
        ({"party_size": 10**40}, "party_size"),
        ({"amount": -(2**60)}, "amount"),
        ({"amount": "12"}, "amount"),
        ({"vip": 1}, "vip"),
        ({"vip": "yes"}, "vip"),
        ({"at": 1700000000}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"session_id": 7}, "session_id"),
        ({"session_id": "'; DROP TABLE bookings; --"}, "session_id"),
        ({"session_id": None}, "session_id"),
        ({"colour": "red"}, "colour"),
        ({"customer": []}, "customer"),
        ({"customer": {"name": "Test Guest"}}, "customer.email"),
        ({"customer": {"name": "Test\x00Guest", "email": "a@b.example"}}, "customer.name"),
        ({"customer": {"name": "T", "email": "a@b.example"}}, "customer.name"),
        ({"customer": {"name": 5, "email": "a@b.example"}}, "customer.name"),
        ({"customer": {"name": "Test Guest", "email": "a", "age": 3}}, "customer.age"),
        ({"customer": {"name": "Test Guest", "email": "x" * 2001}}, "customer.email"),
        ({"tags": ["fine", "no\x00t"]}, "tags.1"),
        ({"tags": {"a": 1}}, "tags"),
    ],
)
async def test_a_wrong_value_is_refused_and_named(http, change, field):
    async with http.post("/orders", json=order(**change)) as reply:
        document = await refused(reply, 422, "VALIDATION_ERROR")
    assert field in {error["field"] for error in document["errors"]}


async def test_a_refusal_does_not_repeat_what_was_sent(http):
    sent = order(customer={"name": "T", "email": 5, "secret@example.org": 1})
    async with http.post("/orders", json=sent) as reply:
        text = await reply.text()
    assert "Test Guest" not in text
    assert '"T"' not in text


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"not json",
        b'{"session_id": "\xff\xfe"}',
        b"\xc3\x28",
        b"[" * 100_000,
        b'{"party_size": ' + b"9" * 5000 + b"}",
        b'{"party_size": NaN}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
    ],
)
async def test_a_body_that_cannot_be_read_is_malformed(http, body):
    async with http.post("/orders", data=body, headers=JSON) as reply:
        await refused(reply, 400, "MALFORMED")


async def test_a_lone_surrogate_is_refused_and_named(http):
    body = b'{"session_id":"%s","customer":{"name":"Test \\ud800","email":"a"}}' % SESSION.encode()
    async with http.post("/orders", data=body, headers=JSON) as reply:
        document = await refused(reply, 422, "VALIDATION_ERROR")
    assert document["errors"][0]["field"] == "customer.name"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"5"])
async def test_json_that_is_no_object_is_refused(http, body):
    async with http.post("/orders", data=body, headers=JSON) as reply:
        await refused(reply, 422, "VALIDATION_ERROR")


async def test_a_body_that_does_not_say_it_is_json_is_refused(http):
    async with http.post("/orders", data=b"{}", headers={"Content-Type": "text/plain"}) as reply:
        await refused(reply, 422, "VALIDATION_ERROR")


async def test_a_thousand_unknown_fields_do_not_make_a_huge_answer(http):
    async with http.post("/orders", json=order(**{f"f{n}": n for n in range(1000)})) as reply:
        document = await refused(reply, 422, "VALIDATION_ERROR")
    assert len(document["errors"]) == 20


@pytest.mark.parametrize("path", ["/orders", "/odd/raw", "/webhooks/stripe"])
async def test_a_huge_announced_body_is_too_large(http, path):
    async with http.post(path, data=b"x" * (LIMIT + 1), headers=JSON) as reply:
        await refused(reply, 413, "TOO_LARGE")


async def in_chunks(size):
    sent = 0
    while sent < size:
        part = min(16 * 1024, size - sent)
        sent += part
        yield b"x" * part


@pytest.mark.parametrize("path", ["/orders", "/odd/raw", "/webhooks/stripe"])
async def test_a_huge_streamed_body_is_too_large(http, path):
    async with http.post(path, data=in_chunks(LIMIT + 1), headers=JSON) as reply:
        await refused(reply, 413, "TOO_LARGE")


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_largest_allowed_body_is_read(http, streamed):
    data = in_chunks(LIMIT) if streamed else b"x" * LIMIT
    async with http.post("/odd/raw", data=data) as reply:
        assert await reply.json() == {"bytes": LIMIT}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/orders/not-a-uuid", "order_id"),
        (f"/orders/{SESSION}?limit=0", "limit"),
        (f"/orders/{SESSION}?limit=101", "limit"),
        (f"/orders/{SESSION}?limit=99999999999999999999999", "limit"),
        (f"/orders/{SESSION}?limit=ten", "limit"),
        (f"/orders/{SESSION}?limit=%FF", "limit"),
    ],
)
async def test_a_wrong_parameter_is_refused_and_named(http, path, field):
    async with http.get(path) as reply:
        document = await refused(reply, 422, "VALIDATION_ERROR")
    assert document["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["/orders/%00", f"/orders/{SESSION}?limit=%00"])
async def test_nul_in_the_address_is_malformed(url, path):
    import yarl

    async with (
        client() as session,
        session.get(yarl.URL(url + path, encoded=True)) as reply,
    ):
        await refused(reply, 400, "MALFORMED")


async def test_unknown_paths_methods_and_things_are_problems_too(http):
    async with http.get("/nowhere") as reply:
        await refused(reply, 404, "NOT_FOUND")
    async with http.delete("/orders") as reply:
        await refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert reply.headers["Allow"] == "POST"
    async with http.get("/orders/00000000-0000-0000-0000-000000000000") as reply:
        await refused(reply, 404, "NOT_FOUND")
    async with http.post(f"/orders/{SESSION}/take") as reply:
        document = await refused(reply, 409, "TAKEN")
    assert document["detail"] == "The place is gone."


async def test_a_fault_of_ours_says_nothing_but_the_request_id(http):
    async with http.get("/odd/crash", headers={"X-Request-ID": "abc-12345"}) as reply:
        document = await refused(reply, 500, "INTERNAL")
    assert document["request_id"] == "abc-12345"
    assert "guest" not in str(document)


async def test_a_value_that_only_the_database_refuses_is_invalid(http):
    async with http.get("/odd/database", params={"value": 2**40}) as reply:
        await refused(reply, 422, "VALIDATION_ERROR")


async def test_the_document_describes_refusals_as_problems(http):
    async with http.get("/openapi.json") as reply:
        document = await reply.json()
    post = document["paths"]["/orders"]["post"]["responses"]
    assert "TAKEN" in post["409"]["description"]
    for status in ("404", "409", "422", "default"):
        assert list(post[status]["content"]) == ["application/problem+json"]
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert {"ProblemDocument", "FieldProblem"} <= schemas.keys()
    assert schemas["Order"]["additionalProperties"] is False
    assert schemas["Order"]["properties"]["party_size"]["minimum"] == 1
