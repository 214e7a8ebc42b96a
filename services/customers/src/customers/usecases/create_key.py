"""Make an API key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chassis.auth import Principal
from chassis.db import Transaction
from chassis.ids import uuid7
from customers.domain.keys import ApiKey, generate, permissions
from customers.problems import ForeignOrganisation, NoOrganisation, ScopeTooWide
from customers.store import api_keys

MAX_DAYS = 730


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and, for the only time, its text."""

    key: ApiKey
    text: str


async def create_key(
    tx: Transaction,
    maker: Principal,
    *,
    name: str,
    scopes: Sequence[str],
    days: int,
    organisation_id: UUID | None = None,
) -> MadeKey:
    """A key of an organisation, good for `days` (1 to 730) days (AUT-10, F-58).

    Raises:
        NoOrganisation: an operator did not say whose key it is.
        ForeignOrganisation: anybody else named an organisation that is not theirs.
        ScopeTooWide: the scopes allow something that the maker may not do.
    """
    org_id = organisation_id or maker.org_id
    if org_id is None:
        raise NoOrganisation
    if maker.kind != "operator":
        if org_id != maker.org_id:
            raise ForeignOrganisation
        if not all(maker.has(permission) for permission in permissions(scopes)):
            raise ScopeTooWide
    return await _make(tx, org_id, name=name, scopes=scopes, days=days, created_by=maker.id)


async def create_operator_key(tx: Transaction, *, name: str, days: int) -> MadeKey:
    """A key that may do everything in every organisation; made on the command line only."""
    return await _make(tx, None, name=name, scopes=(), days=days, created_by="command line")


async def _make(
    tx: Transaction,
    org_id: UUID | None,
    *,
    name: str,
    scopes: Sequence[str],
    days: int,
    created_by: str,
) -> MadeKey:
    new = generate()
    key = ApiKey(
        id=uuid7(),
        org_id=org_id,
        kind="operator" if org_id is None else "key",
        name=name,
        prefix=new.prefix,
        digest=new.digest,
        scopes=tuple(sorted(set(scopes))),
        expires_at=await tx.now() + timedelta(days=days),
        revoked_at=None,
    )
    await api_keys.add(tx, key, created_by=created_by)
    return MadeKey(key=key, text=new.text)
