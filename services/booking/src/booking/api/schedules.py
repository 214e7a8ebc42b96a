"""What an offering's schedule makes: its days for anybody, its sessions for staff."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from booking.api import views
from booking.api.callers import Editor, ForOrganisation, ShopPart, actor_of, org_of
from booking.usecases.calendar import calendar
from booking.usecases.generate_sessions import generate_sessions
from chassis.http import DB
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(responses=responses(NotFound))


@router.get("/offerings/{offering_id}/calendar", tags=["catalogue"])
async def get_calendar(
    offering_id: UUID,
    db: DB,
    shop: ShopPart,
    since: Annotated[dt.date | None, Query(alias="from", description="today unless said")] = None,
    until: Annotated[dt.date | None, Query(alias="to", description="at most 92 days")] = None,
) -> views.Calendar:
    """Each day at the venue: open, closed, blocked or custom, its hours and what can be booked."""
    org_id = await shop.tenants.of_offering(offering_id)
    days = await db.run(org_id, lambda tx: calendar(tx, offering_id, since=since, until=until))
    return views.Calendar(days=[views.CalendarDay.of(day) for day in days])


@router.post(
    "/offerings/{offering_id}/generate",
    tags=["staff"],
    responses=responses(Unauthenticated, Forbidden, Conflict),
)
async def post_generate(
    offering_id: UUID, caller: Editor, db: DB, organisation_id: ForOrganisation = None
) -> views.Generated:
    """Make the sessions that the schedule wants, to the horizon; again makes none twice."""
    actor = actor_of(caller)
    done = await db.run(
        org_of(caller, organisation_id),
        lambda tx: generate_sessions(tx, offering_id, actor=actor),
    )
    return views.Generated.of(done)
