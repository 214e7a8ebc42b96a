"""What managers read: the audit log."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from booking.api import paging, views
from booking.api.callers import org_of
from booking.api.filters import FromQuery, ToQuery, instant
from booking.domain.refusals import Fault, InvalidRequest
from booking.store.audit_log import Asked, Change
from booking.usecases.read_audit import read_audit
from chassis.auth import Principal
from chassis.http import DB, require
from chassis.problems import Forbidden, Unauthenticated, responses

router = APIRouter(tags=["reports"], responses=responses(Unauthenticated, Forbidden))

Manager = Annotated[Principal, Depends(require("reports:view"))]
_WORD = r"^[a-z_]{1,40}$"


@router.get("/audit")
async def get_audit(
    *,
    caller: Manager,
    db: DB,
    entity: Annotated[str | None, Query(pattern=_WORD, examples=["booking"])] = None,
    entity_id: UUID | None = None,
    actor: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    since: FromQuery = None,
    until: ToQuery = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.AuditEntry]:
    """Who changed what, newest first. Days are of UTC here; `to` is not included."""
    first, last = instant("from", since), instant("to", until)
    if first is not None and last is not None and first > last:
        raise InvalidRequest(Fault("to", "must not be before from"))
    asked = Asked(entity=entity, entity_id=entity_id, actor=actor, since=first, until=last)
    after = paging.after_id(cursor)
    found = await db.run(org_of(caller), lambda tx: read_audit(tx, asked, after=after, limit=limit))
    return views.Page(
        items=[_entry(change) for change in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


def _entry(change: Change) -> views.AuditEntry:
    subject = change.booking
    return views.AuditEntry(
        id=change.id,
        at=change.at,
        entity=change.entity,
        entity_id=change.entity_id,
        action=change.action,
        actor=change.actor,
        reason=change.reason,
        message_id=change.message_id,
        before=change.before,
        after=change.after,
        booking=subject
        and views.BookingSubject(
            reference=subject.reference,
            type=subject.type,
            party_size=subject.party_size,
            starts_at=subject.starts_at,
        ),
    )
