"""API keys: made by those who may, verified by the gateway."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field, field_validator

from chassis.auth import Principal
from chassis.http import DB, Body, Caller, require
from chassis.problems import Forbidden, responses
from customers.domain.keys import SCOPES, permissions
from customers.problems import ForeignOrganisation, ScopeTooWide, UnknownKey
from customers.usecases.create_key import MAX_DAYS, create_key
from customers.usecases.revoke_key import revoke_key
from customers.usecases.verify_key import verify_key

router = APIRouter(tags=["api-keys"])
internal = APIRouter(include_in_schema=False)

KeyMaker = Annotated[Principal, Depends(require("keys:manage"))]


class KeyRequest(Body):
    """A key to make. Scopes are `read:`, `write:` or `manage:` and a module."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["Front desk"])]
    scopes: Annotated[list[str], Field(min_length=1, max_length=20, examples=[["read:bookings"]])]
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 365
    organisation_id: UUID | None = None
    """Whose key it is; only an operator needs to say."""

    @field_validator("scopes")
    @classmethod
    def _known(cls, scopes: list[str]) -> list[str]:
        if not SCOPES.issuperset(scopes):
            raise ValueError(f"known scopes are {', '.join(sorted(SCOPES))}")
        return scopes


class KeyMade(BaseModel):
    """A new key; `key` is shown this once and stored nowhere."""

    id: UUID
    organisation_id: UUID | None
    name: str
    prefix: str
    key: str
    scopes: list[str]
    permissions: list[str]
    expires_at: datetime


class KeyToVerify(Body):
    """The text of a key, as somebody presented it."""

    key: Annotated[str, Field(max_length=200)]


class KeyHolder(BaseModel):
    """Whose key it is and what it allows."""

    key_id: UUID
    org_id: UUID | None
    kind: Literal["key", "operator"]
    permissions: list[str]
    expires_at: datetime


@router.post("/api-keys", status_code=201, responses=responses(ScopeTooWide, ForeignOrganisation))
async def create(request: KeyRequest, maker: KeyMaker, db: DB) -> KeyMade:
    """Make an API key. The answer is the only place where the whole key ever stands."""
    made = await db.run(
        None,  # keys belong to no tenant's tables: they are looked up before the tenant is known
        lambda tx: create_key(
            tx,
            maker,
            name=request.name,
            scopes=request.scopes,
            days=request.expires_in_days,
            organisation_id=request.organisation_id,
        ),
    )
    return KeyMade(
        id=made.key.id,
        organisation_id=made.key.org_id,
        name=made.key.name,
        prefix=made.key.prefix,
        key=made.text,
        scopes=list(made.key.scopes),
        permissions=sorted(permissions(made.key.scopes)),
        expires_at=made.key.expires_at,
    )


@router.post(
    "/api-keys/{prefix}/revoke",
    status_code=204,
    response_class=Response,
    responses=responses(UnknownKey),
)
async def revoke(
    prefix: Annotated[str, Path(pattern="^[0-9a-f]{12}$")], revoker: KeyMaker, db: DB
) -> None:
    """Revoke a key; it stops working within a minute."""
    if revoker.kind != "operator" and revoker.org_id is None:
        raise Forbidden
    await db.run(None, lambda tx: revoke_key(tx, prefix, org_id=revoker.org_id))


@internal.post("/internal/api-keys/verify", responses=responses(UnknownKey))
async def verify(request: KeyToVerify, caller: Caller, db: DB) -> KeyHolder:
    """Whose key it is; for the gateway itself, on nobody's behalf."""
    if caller.kind != "system":
        raise Forbidden
    key = await db.run(None, lambda tx: verify_key(tx, request.key))
    return KeyHolder(
        key_id=key.id,
        org_id=key.org_id,
        kind=key.kind,
        permissions=sorted(permissions(key.scopes)),
        expires_at=key.expires_at,
    )
