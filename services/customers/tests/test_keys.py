"""API keys, from their text to what they allow."""

import asyncio
import os
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.auth import Principal, new_key_pair
from chassis.db import Database
from chassis.testing import DatabaseUrls
from customers.domain.keys import SCOPES, ApiKey, digest, generate, permissions, split
from customers.problems import (
    ForeignOrganisation,
    NoOrganisation,
    ScopeTooWide,
    UnknownKey,
)
from customers.usecases.create_key import create_key, create_operator_key
from customers.usecases.revoke_key import revoke_key
from customers.usecases.verify_key import verify_key

_, PUBLIC = new_key_pair()
OPERATOR = Principal("operator", "op")
ORG = uuid4()
OWNER = Principal("key", "owner", ORG, frozenset({"keys:manage", "bookings:manage"}))


def stored(secret: str, **more: object) -> ApiKey:
    facts: dict[str, object] = {
        "id": uuid4(), "org_id": ORG, "kind": "key", "name": "k", "prefix": "p",
        "digest": digest(secret), "scopes": (), "revoked_at": None,
        "expires_at": datetime(2030, 1, 2, tzinfo=UTC), **more,
    }  # fmt: skip
    return ApiKey(**facts)  # type: ignore[arg-type]


def test_a_key_opens_until_it_expires_or_is_revoked() -> None:
    """F-58."""
    before, after = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)
    assert stored("secret").opens_with("secret", before)
    assert not stored("secret").opens_with("secret", after)
    assert not stored("secret").opens_with("secre", before)
    assert not stored("secret", revoked_at=before).opens_with("secret", before)


def test_new_keys_are_long_random_and_kept_as_a_hash() -> None:
    keys = [generate() for _ in range(50)]
    assert len({key.text for key in keys} | {key.prefix for key in keys}) == 100
    for key in keys:
        parts = split(key.text)
        assert parts is not None
        assert parts[0] == key.prefix
        assert digest(parts[1]) == key.digest
        assert len(parts[1]) == 64


@given(st.text(max_size=300))
def test_any_text_is_a_key_or_is_not(text: str) -> None:
    parts = split(text)
    assert parts is None or f"hf_{parts[0]}_{parts[1]}" == text


def test_scopes_allow_what_they_say() -> None:
    """AUT-10; S1-1: reading does not allow creating, writing and managing do."""
    assert permissions(["read:bookings"]) == {"bookings:view"}
    assert permissions(["write:bookings"]) == {
        "bookings:view", "bookings:create", "bookings:edit", "bookings:cancel",
    }  # fmt: skip
    manager = Principal("key", "k", ORG, permissions(["manage:bookings"]))
    assert manager.has("bookings:create")
    assert not manager.has("customers:view")
    assert all(permissions([scope]) for scope in SCOPES)


async def make(db: Database, maker: Principal, **more: object) -> str:
    facts = {"name": "Front desk", "scopes": ["read:bookings"], "days": 30, **more}
    async with db.transaction(None) as tx:
        return (await create_key(tx, maker, **facts)).text  # type: ignore[arg-type]


async def verify(db: Database, text: str) -> ApiKey:
    async with db.transaction(None) as tx:
        return await verify_key(tx, text)


async def test_a_key_made_is_verified(db: Database) -> None:
    key = await verify(db, await make(db, OWNER))
    assert (key.org_id, key.kind, key.scopes) == (ORG, "key", ("read:bookings",))
    assert key.expires_at - datetime.now(UTC) > timedelta(days=29)


async def test_an_operator_key_has_no_organisation(db: Database) -> None:
    async with db.transaction(None) as tx:
        made = await create_operator_key(tx, name="first", days=1)
    key = await verify(db, made.text)
    assert (key.org_id, key.kind) == (None, "operator")


@pytest.mark.parametrize("spoil", ["x", "", "0" * 64])
async def test_a_key_with_another_secret_is_unknown(db: Database, spoil: str) -> None:
    text = await make(db, OWNER)
    with pytest.raises(UnknownKey):
        await verify(db, text[:16] + spoil)
    with pytest.raises(UnknownKey):
        await verify(db, f"hf_unknown_{'0' * 64}")


async def test_a_revoked_key_is_unknown(db: Database) -> None:
    text = await make(db, OWNER)
    prefix = text.split("_")[1]
    with pytest.raises(UnknownKey):
        async with db.transaction(None) as tx:
            await revoke_key(tx, prefix, org_id=uuid4())  # another organisation's
    async with db.transaction(None) as tx:
        await revoke_key(tx, prefix, org_id=ORG)
    with pytest.raises(UnknownKey):
        await verify(db, text)


async def test_nobody_gives_away_more_than_they_hold(db: Database) -> None:
    assert await make(db, OWNER, scopes=["manage:bookings"])
    with pytest.raises(ScopeTooWide):
        await make(db, OWNER, scopes=["manage:payments"])
    with pytest.raises(ForeignOrganisation):
        await make(db, OWNER, organisation_id=uuid4())
    with pytest.raises(NoOrganisation):
        await make(db, OPERATOR)
    assert (await verify(db, await make(db, OPERATOR, organisation_id=ORG))).org_id == ORG


async def test_the_database_holds_no_secret(db: Database) -> None:
    text = await make(db, OWNER)
    [row] = await db.statement(
        "SELECT k::text AS row FROM messaging.api_keys k WHERE prefix = $1", text.split("_")[1]
    )
    assert text.split("_")[2] not in row["row"]


async def run(urls: DatabaseUrls, *arguments: str) -> tuple[int, str, str]:
    """The command line, as an operator runs it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "customers", *arguments,
        env={
            **os.environ,
            "ENVIRONMENT": "test",
            "DATABASE_URL": urls.url,
            "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
            "INTERNAL_TOKEN_PUBLIC_KEYS": f'{{"a": "{PUBLIC}"}}',
            "CONTACT_KEYS": f'{{"k": "{b64encode(bytes(32)).decode()}"}}',
            "COLUMN_KEYS": f'{{"k": "{b64encode(bytes(32)).decode()}"}}',
            "HASH_KEY": "h" * 32,
        },
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_first_key_is_made_on_the_command_line(db: Database, urls: DatabaseUrls) -> None:
    code, out, _ = await run(urls, "create-key", "--operator")
    assert code == 0
    [text] = out.splitlines()
    assert (await verify(db, text)).kind == "operator"
    prefix = text.split("_")[1]
    assert (await run(urls, "revoke-key", prefix))[0] == 0
    with pytest.raises(UnknownKey):
        await verify(db, text)
    code, _, err = await run(urls, "revoke-key", prefix)
    assert (code, prefix in err) == (1, True)


async def test_a_key_that_is_not_for_operators_needs_http(urls: DatabaseUrls) -> None:
    code, out, err = await run(urls, "create-key")
    assert (code, out) == (2, "")
    assert "--operator" in err
