"""The composition root: the only file that sees everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from booking import messages
from booking.api import (
    attendance,
    availability,
    bookings,
    cancellations,
    corrections,
    failures,
    front_desk,
    gift_cards,
    integrity,
    menus,
    moves,
    offerings,
    orders,
    organisations,
    problems,
    promo_codes,
    public,
    replays,
    reports,
    resources,
    schedules,
    seating,
    sessions,
    venues,
    waitlist,
)
from booking.api.exporting import Exports
from booking.shop import Shop
from booking.store.board import Board
from booking.store.contacts import ContactVault
from booking.store.listings import Listings
from booking.store.lookups import TenantLookup
from booking.usecases.forget_idempotency_keys import forget_idempotency_keys
from chassis import metrics
from chassis.db import Database
from chassis.jobs import hourly
from chassis.manage_token import ManageTokens
from chassis.sealing import Sealer
from chassis.service import Service

if TYPE_CHECKING:
    from fastapi import FastAPI

    from booking.settings import Settings


def build(settings: Settings) -> Service:
    """The service, assembled but not started."""
    for kind in ("unfulfillable", "refund_failed"):
        metrics.ALARMS.labels(kind)  # from nothing to one is no increase to Prometheus
    db = Database(settings.DATABASE_URL, pool_size=settings.POOL_SIZE, application_name="booking")
    vault = ContactVault(
        columns=Sealer(settings.COLUMN_KEYS),
        bus=Sealer(settings.CONTACT_KEYS),
        hash_key=settings.HASH_KEY,
    )
    shop = Shop(
        vault=vault,
        listings=Listings(),
        tenants=TenantLookup(db),
        manage_tokens=ManageTokens(settings.MANAGE_TOKEN_KEYS),
        payments_enabled=settings.PAYMENTS_ENABLED,
    )
    return Service(
        name="booking",
        settings=settings,
        db=db,
        routers=[
            availability.board_router,  # first: it is asked for most, and routes are tried in order
            availability.router,
            front_desk.router,  # before a booking's own: its paths are no ids
            failures.router,
            reports.router,
            integrity.router,
            bookings.router,
            moves.router,
            attendance.router,
            corrections.router,
            cancellations.router,
            waitlist.router,
            public.router,
            organisations.router,
            venues.router,
            resources.router,
            offerings.router,
            schedules.router,
            seating.router,
            menus.router,
            orders.router,
            promo_codes.router,
            gift_cards.router,
            sessions.router,
        ],
        handlers=messages.build(shop),
        jobs=[hourly(db, forget_idempotency_keys)],
        parts=[shop, Board(db), Exports()],
        extend=_extend,
        on_stop=[db.close],
    )


def _extend(app: FastAPI) -> None:
    problems.install(app)
    app.add_middleware(replays.MarkReplays)
