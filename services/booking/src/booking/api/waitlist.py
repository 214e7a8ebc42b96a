"""The waitlist: join the line for a session, look, leave, and accept what is offered."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from booking.api import paging, views
from booking.api.bodies import JoinWaitlist
from booking.api.callers import (
    IdempotencyKey,
    ShopPart,
    Viewer,
    actor_of,
    check_guest_or,
    is_staff,
    org_of,
    org_of_booking,
    required_key,
)
from booking.api.problems import (
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
)
from booking.domain.guest import name_of
from booking.domain.refusals import Unknown
from booking.domain.waiting import EPOCH, EntryState
from booking.shop import Shop
from booking.usecases import join_waitlist as joining
from booking.usecases.accept import Accept, accept
from booking.usecases.leave_waitlist import LeaveWaitlist, leave_waitlist
from booking.usecases.once import once
from booking.usecases.read_waitlist import EntryView, read_entry, read_line
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, Caller, json_reply
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(tags=["waitlist"], responses=responses(NotFound))

_HELD = responses(Unauthenticated, Forbidden)


@router.post(
    "/sessions/{session_id}/waitlist",
    status_code=201,
    responses={
        201: {"model": views.WaitlistJoined, "description": "The group is in line"},
        **responses(
            Conflict,
            Forbidden,
            IdempotencyInProgress,
            IdempotencyKeyReused,
            IdempotencyKeyRequired,
        ),
    },
)
async def join_waitlist(
    *,
    session_id: UUID,
    body: JoinWaitlist,
    caller: Caller,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Wait for a place. When one is free that fits the group, it is held and an e-mail tells."""
    if caller.kind not in {"guest", "manage"} and not caller.has("bookings:create"):
        raise Forbidden("This needs the permission bookings:create.")
    key = required_key(caller, f"POST /sessions/{session_id}/waitlist", idempotency_key, body)
    org_id = await shop.tenants.of_session(session_id)
    if caller.org_id not in (None, org_id):
        raise Unknown
    customer = body.customer
    command = joining.JoinWaitlist(
        session_id=session_id,
        party_size=body.party_size,
        quantities=body.quantities,
        name=name_of(whole=customer.name, given=customer.given, family=customer.family),
        email=customer.email,
        phone=customer.phone,
        locale=body.locale,
        minimum_age_attested=body.minimum_age_attested,
        window=body.window(),
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        joined = await joining.join_waitlist(tx, command, shop=shop)
        return {"id": str(joined.entry.id), "position": joined.position}

    async def answer(tx: Transaction) -> dict[str, Any]:
        made = await once(tx, key, lambda: work(tx))
        view = await read_entry(tx, UUID(made["id"]), epoch=EPOCH)
        return {**made, "token": _token(view, shop)}

    made = await db.run(org_id, answer)
    return json_reply(made, 201, {"Location": f"/v1/waitlist/{made['id']}"})


def _token(view: EntryView, shop: Shop) -> str:
    entry = view.entry
    return shop.manage_tokens.mint(entry.org_id, entry.id, EPOCH, entry.token_expires_at)


@router.get("/sessions/{session_id}/waitlist", responses=_HELD)
async def list_waitlist(
    *,
    session_id: UUID,
    caller: Viewer,
    db: DB,
    state: Annotated[
        list[EntryState] | None, Query(max_length=len(EntryState), description="waiting, offered")
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.WaitlistRow]:
    """Who is in line for a session, in the order in which they came. For staff."""
    after = paging.after_instant(cursor)
    states = state or [EntryState.WAITING, EntryState.OFFERED]
    found = await db.run(
        org_of(caller),
        lambda tx: read_line(tx, session_id, states=states, after=after, limit=limit),
    )
    return views.Page(
        items=[views.WaitlistRow.of(entry) for entry in found],
        next_cursor=paging.encode(found[-1].joined_at, found[-1].id)
        if len(found) == limit
        else None,
    )


@router.get("/waitlist/{entry_id}", responses=_HELD)
async def get_entry(entry_id: UUID, caller: Caller, db: DB, shop: ShopPart) -> views.WaitlistEntry:
    """A group's place in the line, and its offer when there is one."""
    check_guest_or(caller, "bookings:view")
    view = await db.run(
        org_of_booking(caller, entry_id), lambda tx: read_entry(tx, entry_id, epoch=_epoch(caller))
    )
    offer, token = view.offer, None
    if offer is not None and not is_staff(caller):
        token = shop.manage_tokens.mint(
            offer.org_id, offer.id, offer.manage_epoch, offer.occasion.manage_expires_at
        )
    return views.WaitlistEntry.of(view, token)


@router.delete("/waitlist/{entry_id}", status_code=204, responses={**_HELD, **responses(Conflict)})
async def delete_entry(
    *,
    entry_id: UUID,
    caller: Caller,
    db: DB,
    shop: ShopPart,
    reason: Annotated[str | None, Query(max_length=500, description="Staff must give one")] = None,
) -> None:
    """Leave the line, giving up an offer if there is one. Staff take a group out of it."""
    check_guest_or(caller, "bookings:edit")
    command = LeaveWaitlist(
        entry_id=entry_id, actor=actor_of(caller), reason=reason, epoch=_epoch(caller)
    )
    await db.run(
        org_of_booking(caller, entry_id), lambda tx: leave_waitlist(tx, command, shop=shop)
    )


@router.post("/bookings/{booking_id}/accept", responses={**_HELD, **responses(Conflict)})
async def accept_offer(booking_id: UUID, caller: Caller, db: DB, shop: ShopPart) -> views.Accepted:
    """Accept an offer for which nothing is due; any other is taken by paying for it."""
    check_guest_or(caller, "bookings:edit")
    command = Accept(
        booking_id=booking_id,
        actor=actor_of(caller),
        manage_epoch=None if is_staff(caller) else caller.epoch,
    )
    booking = await db.run(
        org_of_booking(caller, booking_id), lambda tx: accept(tx, command, vault=shop.vault)
    )
    return views.Accepted(id=booking.id, reference=booking.reference, status=booking.status)


def _epoch(caller: Principal) -> int | None:
    return None if is_staff(caller) else caller.epoch
