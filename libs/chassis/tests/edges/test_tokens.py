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


def signed(claims):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(auth.decode_key(PRIVATE))
    return jwt.encode(claims, key, "EdDSA", {"kid": "a"})


def good():
    return minter().mint(CLERK, "sample")


def fresh(**changes):
    """What a token of now says; a change to None leaves it out."""
    now = int(time.time())
    usual = {
        "iss": auth.ISSUER,
        "aud": "sample",
        "iat": now,
        "exp": now + 60,
        "sub": "x",
        "knd": "operator",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def with_other_signature():
    head, claims, mac = parts(good())
    return f"{head}.{claims}.{mac[:-6]}AAAAAA"


def with_other_claims():
    head, _, mac = parts(good())
    return f"{head}.{encoded(fresh())}.{mac}"


def by_a_stranger():
    return minter(auth.new_key_pair()[0]).mint(CLERK, "sample")


def of_an_unknown_key():
    return auth.TokenMinter({"zz": auth.decode_key(PRIVATE)}).mint(CLERK, "sample")


# Made when they are tried: some time later they would be refused for their age.
FORGERIES = {
    "garbage": lambda: "garbage",
    "empty": lambda: "",
    "two dots": lambda: "a.b.c",
    "not ascii": lambda: "å.ä.ö",
    "other signature": with_other_signature,
    "other claims": with_other_claims,
    "signed by a stranger": by_a_stranger,
    "unknown key id": of_an_unknown_key,
    "no algorithm": lambda: f"{encoded({'alg': 'none', 'kid': 'a'})}.{encoded(fresh())}.",
    "public key as a shared secret": lambda: jwt.encode(fresh(), PUBLIC, "HS256", {"kid": "a"}),
    "for another service": lambda: minter().mint(CLERK, "payments"),
    "expired": lambda: minter(clock=lambda: time.time() - 66).mint(CLERK, "sample"),
    "from the future": lambda: minter(clock=lambda: time.time() + 3000).mint(CLERK, "sample"),
    "without an expiry": lambda: signed(fresh(exp=None)),
    "of an unknown kind": lambda: signed(fresh(knd="root")),
    "by another issuer": lambda: signed(fresh(iss="someone")),
    "with a broken organisation": lambda: signed(fresh(org="7")),
}


def test_what_the_forgeries_are_made_of_is_good():
    verifier = auth.TokenVerifier({"a": auth.decode_key(PUBLIC)}, "sample")
    assert verifier.verify(good()) == CLERK
    assert verifier.verify(signed(fresh())) == auth.Principal("operator", "x")


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_refused(forged):
    verifier = auth.TokenVerifier({"a": auth.decode_key(PUBLIC)}, "sample")
    with pytest.raises(auth.BadInternalToken):
        verifier.verify(forged())


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
