"""What staff do with gift cards."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from booking.api import bodies, paging, views
from booking.api.callers import IdempotencyKey, ShopPart, actor_of, org_of, required_key
from booking.domain.gift_card import card_key
from booking.domain.money import Money
from booking.store import gift_cards
from booking.usecases.adjust_gift_card import AdjustGiftCard, adjust_gift_card
from booking.usecases.edit_gift_card import EditGiftCard, edit_gift_card
from booking.usecases.issue_gift_card import IssueGiftCard, issue_gift_card
from booking.usecases.once import once
from booking.usecases.read_codes import entries_of, read_gift_card
from chassis.auth import Principal
from chassis.db import Transaction
from chassis.http import DB, require
from chassis.problems import Conflict, Forbidden, NotFound, Unauthenticated, responses

router = APIRouter(
    tags=["staff"], responses=responses(Unauthenticated, Forbidden, NotFound, Conflict)
)

CardsManager = Annotated[Principal, Depends(require("payments:manage"))]
CardsViewer = Annotated[Principal, Depends(require("payments:view", "payments:manage"))]
Last4 = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9]{4}$", description="How the card's code ends")
]


@router.post("/gift-cards", status_code=201)
async def post_gift_card(
    body: bodies.IssueGiftCard,
    caller: CardsManager,
    db: DB,
    shop: ShopPart,
    idempotency_key: IdempotencyKey = None,
) -> views.IssuedGiftCard:
    """Issue a card. Its code is shown only here; it is stored nowhere."""
    key = required_key(caller, "POST /gift-cards", idempotency_key, body)
    org_id = org_of(caller)
    command = IssueGiftCard(
        org_id=org_id,
        value=Money(body.amount_minor, body.currency),
        expires_at=body.expires_at,
        note=body.note,
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        card = await issue_gift_card(tx, command, vault=shop.vault)
        return views.GiftCard.of(card).model_dump(mode="json")

    # The stored answer holds no secret: the code is derived once more for a repeated request.
    answer = await db.run(org_id, lambda tx: once(tx, key, lambda: work(tx)))
    return views.IssuedGiftCard(**answer, code=shop.vault.card_code(UUID(answer["id"])))


@router.get("/gift-cards")
async def list_gift_cards(
    *,
    caller: CardsViewer,
    db: DB,
    last4: Last4 = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.GiftCard]:
    """Cards in the order of their issue, or those whose code ends in four letters."""
    after = paging.after_id(cursor)
    ending = None if last4 is None else card_key(last4)
    found = await db.run(
        org_of(caller), lambda tx: gift_cards.page(tx, last4=ending, after=after, limit=limit)
    )
    return views.Page(
        items=[views.GiftCard.of(card) for card in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


@router.get("/gift-cards/{card_id}")
async def get_gift_card(card_id: UUID, caller: CardsViewer, db: DB) -> views.GiftCard:
    """One card with its balance."""
    return views.GiftCard.of(await db.run(org_of(caller), lambda tx: read_gift_card(tx, card_id)))


@router.get("/gift-cards/{card_id}/entries")
async def list_gift_card_entries(
    *,
    card_id: UUID,
    caller: CardsViewer,
    db: DB,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> views.Page[views.GiftCardEntry]:
    """What moved a card's balance, oldest first: the entries add up to it."""
    after = paging.after_id(cursor)
    found = await db.run(
        org_of(caller), lambda tx: entries_of(tx, card_id, after=after, limit=limit)
    )
    return views.Page(
        items=[views.GiftCardEntry.of(entry) for entry in found],
        next_cursor=paging.encode(found[-1].id) if len(found) == limit else None,
    )


@router.patch("/gift-cards/{card_id}")
async def patch_gift_card(
    card_id: UUID, body: bodies.EditGiftCard, caller: CardsManager, db: DB
) -> views.GiftCard:
    """Block a card, let it pay again, or change until when it does."""
    command = EditGiftCard(**body.sent(), card_id=card_id, actor=actor_of(caller))
    return views.GiftCard.of(await db.run(org_of(caller), lambda tx: edit_gift_card(tx, command)))


@router.post("/gift-cards/{card_id}/adjust")
async def post_adjustment(
    *,
    card_id: UUID,
    body: bodies.AdjustGiftCard,
    caller: CardsManager,
    db: DB,
    idempotency_key: IdempotencyKey = None,
) -> views.GiftCard:
    """Add to a card or take from it, and say why."""
    key = required_key(caller, f"POST /gift-cards/{card_id}/adjust", idempotency_key, body)
    command = AdjustGiftCard(
        card_id=card_id,
        amount_minor=body.amount_minor,
        reason=body.reason,
        actor=actor_of(caller),
    )

    async def work(tx: Transaction) -> dict[str, Any]:
        return views.GiftCard.of(await adjust_gift_card(tx, command)).model_dump(mode="json")

    answer = await db.run(org_of(caller), lambda tx: once(tx, key, lambda: work(tx)))
    return views.GiftCard.model_validate(answer)
