"""Which tenant a public id or slug belongs to. That never changes, so each process remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking.domain.refusals import Unknown

if TYPE_CHECKING:
    from uuid import UUID

    from chassis.db import Database

_MOST = 50_000


class TenantLookup:
    """Answers by functions of the tables' owner: before there is a tenant, no row is visible."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[tuple[str, object], UUID] = {}

    async def of_slug(self, slug: str) -> UUID:
        """The organisation with this slug.

        Raises:
            Unknown: there is none.
        """
        return await self._ask("SELECT org_of_slug($1)", slug)

    async def of_embed_key(self, embed_key: str) -> UUID:
        """The organisation of the venue with this embed key, now or at some time before.

        Raises:
            Unknown: there is none.
        """
        return await self._ask("SELECT org_of_embed_key($1)", embed_key)

    async def of_offering(self, offering_id: UUID) -> UUID:
        """The organisation of an offering.

        Raises:
            Unknown: there is no such offering.
        """
        return await self._ask("SELECT org_of_offering($1)", offering_id)

    async def of_session(self, session_id: UUID) -> UUID:
        """The organisation of a session.

        Raises:
            Unknown: there is no such session.
        """
        return await self._ask("SELECT org_of_session($1)", session_id)

    async def _ask(self, question: str, about: object) -> UUID:
        known = self._known.get((question, about))
        if known is not None:
            return known
        async with self._db.transaction(None) as tx:
            org_id: UUID | None = await tx.fetchval(question, about)
        if org_id is None:
            raise Unknown
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[question, about] = org_id
        return org_id
