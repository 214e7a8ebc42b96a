"""Only the gateway's tokens open a service, for a minute, for that service alone."""

import time
from base64 import urlsafe_b64encode

import aiohttp
import jwt
import orjson
import pytest

from chassis import auth

from .conftest import CLERK, GUEST, PRIVATE, PUBLIC, SESSION, minter, order, token


async def status(url, headers, path="/orders", method="POST"):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + path, json=order(), headers=headers) as reply,
    ):
        if reply.status == 401:
            document = await reply.json(content_type="application/problem+json")
            assert document["code"] == "UNAUTHENTICATED"
        return reply.status


def parts(text):
    return text.split(".")


def encoded(value):
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def forgeries():
    good = minter().mint(CLERK, "sample")
    head, claims, mac = parts(good)
    other, _ = auth.new_key_pair()
    now = int(time.time())
    fresh = {
        "iss": auth.ISSUER,
        "aud": "sample",
        "iat": now,
        "exp": now + 60,
        "sub": "x",
        "knd": "operator",
    }
    yield "garbage", "garbage"
    yield "empty", ""
    yield "two dots", "a.b.c"
    yield "not ascii", "å.ä.ö"
    yield "other signature", f"{head}.{claims}.{mac[:-6]}AAAAAA"
    yield "other claims", f"{head}.{encoded(fresh)}.{mac}"
    yield "signed by a stranger", minter(other).mint(CLERK, "sample")
    yield "unknown key id", auth.TokenMinter({"zz": auth.decode_key(PRIVATE)}).mint(CLERK, "sample")
    yield "no algorithm", f"{encoded({'alg': 'none', 'kid': 'a'})}.{encoded(fresh)}."
    yield "public key as a shared secret", jwt.encode(fresh, PUBLIC, "HS256", {"kid": "a"})
    yield "for another service", minter().mint(CLERK, "payments")
    yield "expired", minter(clock=lambda: time.time() - 66).mint(CLERK, "sample")
    yield "from the future", minter(clock=lambda: time.time() + 3000).mint(CLERK, "sample")
    yield "without an expiry", signed({k: v for k, v in fresh.items() if k != "exp"})
    yield "of an unknown kind", signed({**fresh, "knd": "root"})
    yield "by another issuer", signed({**fresh, "iss": "someone"})
    yield "with a broken organisation", signed({**fresh, "org": "7"})


def signed(claims):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(auth.decode_key(PRIVATE))
    return jwt.encode(claims, key, "EdDSA", {"kid": "a"})


@pytest.mark.parametrize("forged", [pytest.param(text, id=name) for name, text in forgeries()])
def test_a_forged_token_is_refused(forged):
    verifier = auth.TokenVerifier({"a": auth.decode_key(PUBLIC)}, "sample")
    with pytest.raises(auth.BadInternalToken):
        verifier.verify(forged)


async def test_the_service_refuses_missing_forged_expired_and_foreign_tokens(url):
    assert await status(url, {}) == 401
    assert await status(url, {auth.HEADER: "garbage"}) == 401
    assert await status(url, token(audience="payments")) == 401
    assert await status(url, token(clock=lambda: time.time() - 66)) == 401
    assert await status(url, token(private=auth.new_key_pair()[0])) == 401
    assert await status(url, token()) == 201


async def test_a_bad_token_is_refused_on_open_paths_too(url):
    assert await status(url, {}, "/webhooks/stripe") == 200
    assert await status(url, {auth.HEADER: "garbage"}, "/webhooks/stripe") == 401


async def test_only_declared_paths_are_open(url):
    assert await status(url, {}, "/odd/trace", "GET") == 200
    assert await status(url, {}, "/odd/trace/more", "GET") == 401
    assert await status(url, {}, "/livez", "GET") == 200
    assert await status(url, {}, "/readyz", "GET") == 200
    assert await status(url, {}, "/livez/../orders") in {401, 404, 405}
    assert await status(url, {}, "//webhooks/stripe") == 401
    assert await status(url, {}, "/nowhere", "GET") == 401


async def test_permissions_decide(url):
    path = "/odd/staff"
    assert await status(url, token(GUEST), path, "GET") == 401
    assert await status(url, token(auth.Principal("key", "k", CLERK.org_id)), path, "GET") == 403
    viewer = auth.Principal("key", "k", CLERK.org_id, frozenset({"bookings:view"}))
    assert await status(url, token(viewer), path, "GET") == 200
    assert await status(url, token(CLERK), path, "GET") == 200
    assert await status(url, token(auth.Principal("operator", "o")), path, "GET") == 200


def test_a_principal_survives_the_journey():
    verifier = auth.TokenVerifier({"a": auth.decode_key(PUBLIC)}, "sample")
    holder = auth.Principal("manage", "m", CLERK.org_id, frozenset(), auth.UUID(SESSION), 3)
    for principal in (GUEST, CLERK, holder):
        assert verifier.verify(minter().mint(principal, "sample")) == principal


def test_a_token_is_reused_for_half_its_life_and_leeway_is_five_seconds():
    now = [1000.0]
    mint = minter(clock=lambda: now[0])
    first = mint.mint(GUEST, "sample")
    verifier = auth.TokenVerifier({"a": auth.decode_key(PUBLIC)}, "sample", clock=lambda: now[0])
    assert verifier.verify(first) == GUEST
    now[0] += 29
    assert mint.mint(GUEST, "sample") == first
    now[0] += 2
    assert mint.mint(GUEST, "sample") != first
    now[0] = 1064.9
    assert verifier.verify(first) == GUEST
    now[0] = 1065.0
    with pytest.raises(auth.BadInternalToken):
        verifier.verify(first)


def test_two_keys_are_valid_while_they_rotate():
    old, old_public = auth.new_key_pair()
    new, new_public = auth.new_key_pair()
    verifier = auth.TokenVerifier(
        {"new": auth.decode_key(new_public), "old": auth.decode_key(old_public)}, "sample"
    )
    for kid, private in (("new", new), ("old", old)):
        assert verifier.verify(
            auth.TokenMinter({kid: auth.decode_key(private)}).mint(GUEST, "sample")
        )
