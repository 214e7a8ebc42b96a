"""Tables that the house gives out, for staff: why not, and somewhere else."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from booking.api import bodies, views
from booking.api.callers import (
    Creation,
    ForOrganisation,
    FrontDesk,
    IdempotencyKey,
    ShopPart,
    Viewer,
    actor_of,
    org_of,
)
from booking.api.problems import IdempotencyKeyReused, ResourceTaken
from booking.usecases.change_tables import ChangeTables, change_tables
from booking.usecases.explain import Question, explain
from chassis.db import Transaction
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, responses

router = APIRouter(tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound))


@router.post("/offerings/{offering_id}/explain", responses=responses(Invalid))
async def explain_time(
    *,
    offering_id: UUID,
    body: bodies.ExplainTime,
    caller: Viewer,
    db: DB,
    shop: ShopPart,
    organisation_id: ForOrganisation = None,
) -> views.Explanation:
    """Whether a party could book a time now, by which rule not, and every table considered."""
    assert body.start is not None  # noqa: S101 - the body names a time
    question = Question(offering_id, body.start, body.party_size)
    found = await db.run(
        org_of(caller, organisation_id),
        lambda tx: explain(tx, question, listings=shop.listings),
    )
    return views.Explanation.of(found)


@router.post(
    "/bookings/{booking_id}/tables",
    responses=responses(Conflict, ResourceTaken, Invalid, IdempotencyKeyReused),
)
async def put_at_tables(
    *,
    booking_id: UUID,
    body: bodies.ChangeTables,
    caller: FrontDesk,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.TablesChanged:
    """Put a party at other tables: the new ones are taken before the old are free."""
    command = ChangeTables(
        booking_id=booking_id,
        resource_ids=body.resource_ids,
        actor=actor_of(caller),
        reason=body.reason,
        version=body.version,
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.TablesChanged.of(await change_tables(tx, command)).model_dump(mode="json")

    request = Creation.of(
        caller, None, f"POST /bookings/{booking_id}/tables", idempotency_key, body
    )
    return views.TablesChanged.model_validate(await request.run(db, work))
