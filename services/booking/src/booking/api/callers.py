"""From the verified caller to what use cases want to know of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import Depends, Header, Query

from booking.api.again import until_decided
from booking.domain.refusals import IdempotencyKeyMissing, Unknown
from booking.shop import Shop
from booking.store.idempotency import Key
from booking.usecases.once import once
from chassis.auth import Principal
from chassis.http import part, require
from chassis.problems import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from chassis.db import Database, Transaction

ShopPart = Annotated[Shop, Depends(part(Shop))]
_KEY = re.compile(r"[\x21-\x7e]{16,255}\Z")

IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="16 to 255 visible characters; the same key is answered once",
    ),
]

Viewer = Annotated[Principal, Depends(require("bookings:view"))]
Editor = Annotated[Principal, Depends(require("catalogue:edit"))]
FrontDesk = Annotated[Principal, Depends(require("bookings:edit"))]
Manager = Annotated[Principal, Depends(require("bookings:manage"))]
Refunder = Annotated[Principal, Depends(require("payments:refund"))]
CatalogueViewer = Annotated[Principal, Depends(require("catalogue:view", "catalogue:edit"))]
ForOrganisation = Annotated[
    UUID | None, Query(description="Operators name the organisation they act for")
]


SeenVersion = Annotated[
    int | None,
    Query(alias="version", ge=1, description="The version you read; refused if it has changed"),
]


def actor_of(caller: Principal) -> str:
    """Who it was, for the audit log."""
    return "guest" if caller.kind in {"guest", "manage"} else f"{caller.kind}:{caller.id}"


def org_of(caller: Principal, named: UUID | None = None) -> UUID:
    """The organisation that staff act for: their key's own, or the one an operator names.

    Raises:
        Forbidden: a key names another organisation, or an operator names none.
    """
    if caller.org_id is not None and named in (None, caller.org_id):
        return caller.org_id
    if caller.kind == "operator" and named is not None:
        return named
    raise Forbidden("Use a key of the organisation.")


def org_of_booking(caller: Principal, booking_id: UUID) -> UUID:
    """The organisation in which a caller may look for a booking.

    Raises:
        Unknown: a guest's token is for another booking; knowing an id gives nothing (F-41).
        Forbidden: see ``org_of``.
    """
    if caller.kind == "manage":
        if caller.booking_id != booking_id or caller.org_id is None:
            raise Unknown
        return caller.org_id
    return org_of(caller)


def check_guest_or(caller: Principal, permission: str) -> None:
    """Let the holder of a manage token pass, and staff with the permission.

    Raises:
        Unauthenticated: a guest without a token.
        Forbidden: staff without the permission.
    """
    if caller.kind == "guest":
        raise Unauthenticated
    if caller.kind != "manage" and not caller.has(permission):
        raise Forbidden(f"This needs the permission {permission}.")


def is_staff(caller: Principal) -> bool:
    """Whether the caller acts for the organisation rather than as a guest."""
    return caller.kind != "manage"


def required_key(caller: Principal, route: str, header: str | None, body: BaseModel) -> Key:
    """The idempotency key of a request that must have one.

    Raises:
        IdempotencyKeyMissing: absent, shorter than 16, longer than 255 or not visible ASCII.
    """
    if header is None or not _KEY.match(header):
        raise IdempotencyKeyMissing
    request = hashlib.sha256(body.__pydantic_serializer__.to_json(body)).digest()
    principal = "guest" if caller.kind == "guest" else f"{caller.kind}:{caller.id}"
    return Key(principal, route, header, request)


def optional_key(caller: Principal, route: str, header: str | None, body: BaseModel) -> Key | None:
    """The idempotency key of a request that may have one; raises IdempotencyKeyMissing if bad."""
    return None if header is None else required_key(caller, route, header, body)


@dataclass(frozen=True, slots=True)
class Creation:
    """One request to create something, and what makes it the same if it comes again."""

    org_id: UUID
    key: Key | None

    @classmethod
    def of(
        cls, caller: Principal, named: UUID | None, route: str, header: str | None, body: BaseModel
    ) -> Creation:
        return cls(org_of(caller, named), optional_key(caller, route, header, body))

    async def run(
        self, db: Database, work: Callable[[Transaction], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        return await until_decided(db, self.org_id, lambda tx: once(tx, self.key, lambda: work(tx)))
