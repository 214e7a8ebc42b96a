"""Routes that take a body, each with a body that it would take, for nonsense to be tried on."""

import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from .calls import Answer, Caller, answered
from .people import Guest, Place, new_key


@dataclass(frozen=True)
class Door:
    """A route that takes a body, somebody who may use it, and a body that it would take."""

    name: str  # as in the OpenAPI document
    path: str
    callers: Sequence[Caller]
    body: dict[str, Any]
    signed: frozenset[str] = frozenset()  # numbers that may well be negative

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]

    async def ask(self, body: object) -> Answer:
        return await self.send(orjson.dumps(body))

    async def send(self, content: bytes | AsyncIterator[bytes], **headers: str) -> Answer:
        # One key may ask 600 times a minute, and this is about what it asks.
        caller = random.choice(self.callers)
        sent = {"Idempotency-Key": new_key(), **headers}

        def ask() -> Awaitable[Answer]:
            return caller.ask(self.method, self.path, content=content, headers=sent)

        return await (answered(ask) if isinstance(content, bytes) else ask())


def on_the_day(path: str, staff: Sequence[Caller]) -> list[Door]:
    """What staff do with a booking; its place is held and unpaid, so that nothing of it succeeds."""
    steps: dict[str, dict[str, Any]] = {
        "check-in": {"override": {"reason": "a reason"}},
        "complete": {"reason": "a reason"},
        "no-show": {"reason": "a reason"},
        "no-show-fee": {"reason": "a reason"},
        "undo": {"reason": "a reason"},
        "waiver": {"signed_name": "Test Guest"},
        "revoke-links": {"reason": "a reason"},
        "refund-approval": {"decision": "approve", "reason": "a reason"},
    }
    doors = [
        Door(f"POST /v1/bookings/{{booking_id}}/{step}", f"{path}/{step}", staff, body)
        for step, body in steps.items()
    ]
    doors.append(
        Door(
            "POST /v1/payments/{payment_id}/refunds",
            f"/v1/payments/{uuid4()}/refunds",
            staff,
            {"amount": {"amount_minor": 1}, "reason": "a reason", "release_place": False},
        )
    )
    correction = {
        "customer": {"name": "Test Guest", "email": "guest@example.com", "phone": "+447700900123"},
        "special_requests": "by the window",
        "allergies": ["nuts"],
        "arrival_time": "23:00",
        "notes": "a note",
        "reason": "a reason",
        "version": 1,
    }
    return [*doors, Door("PATCH /v1/bookings/{booking_id}", path, staff, correction)]


def about_a_booking(
    path: str, guests: Sequence[Caller], staff: Sequence[Caller], wish: dict[str, Any]
) -> list[Door]:
    """Asking for a price, and changing what was booked; the booking is unpaid, so nothing moves."""
    asked = {name: value for name, value in wish.items() if name not in ("customer", "locale")}
    order = [{"menu_item_id": str(uuid4()), "quantity": 2, "note": "no salt", "whom": "Guest"}]
    in_line = {
        "party_size": 2,
        "customer": wish["customer"],
        "locale": "en",
        "minimum_age_attested": True,
    }
    return [
        Door(
            "POST /v1/quotes",
            "/v1/quotes",
            staff,
            {name: asked[name] for name in ("session_id", "resource_ids", "party_size")}
            | {"promo_code": "SUMMER-10"},
        ),
        Door(
            "PATCH /v1/bookings/{booking_id}/order",
            f"{path}/order",
            staff,
            {"items": order, "allergies": ["nuts"], "version": 1},
        ),
        Door(
            "POST /v1/bookings/{booking_id}/reschedule",
            f"{path}/reschedule",
            staff,
            {
                "session_id": wish["session_id"],
                "party_size": 4,
                "resource_ids": wish["resource_ids"],
                "arrival_time": "23:00",
                "reason": "a reason",
            },
        ),
        Door(
            "POST /v1/bookings/{booking_id}/tables",
            f"{path}/tables",
            staff,
            {"resource_ids": wish["resource_ids"], "reason": "a reason", "version": 1},
        ),
        Door(
            "POST /v1/sessions/{session_id}/waitlist",
            f"/v1/sessions/{wish['session_id']}/waitlist",
            guests,
            in_line,
        ),
        Door(
            "POST /v1/bookings/{booking_id}/mark-paid",
            f"{path}/mark-paid",
            staff,
            {"payment_id": str(uuid4()), "reference": "as the bank shows it"},
        ),
        Door(
            "POST /v1/refunds/{refund_id}/mark-returned",
            f"/v1/refunds/{uuid4()}/mark-returned",
            staff,
            {"reference": "as the bank shows it"},
        ),
        Door(
            "POST /v1/bookings/{booking_id}/recover",
            f"{path}/recover",
            staff,
            {"action": "rebook", "reason": "a reason"},
        ),
    ]


async def of_the_menu(place: Place, staff: Sequence[Caller]) -> list[Door]:
    """Sections and dishes."""
    sections = f"/v1/venues/{place.venue_id}/menu-sections"
    section = await place.staff.post(sections, {"name": "Lunch"})
    items = f"/v1/menu-sections/{section['id']}/items"
    item = await place.staff.post(items, {"name": "Soup", "price_minor": 700})
    dish = {
        "name": "Nut roast",
        "description": "A dish",
        "price_minor": 1700,
        "is_available": True,
        "sort_order": 10,
        "dietary": ["vegan"],
        "allergens": ["nuts"],
        "available_from": "2030-01-01",
        "available_until": "2030-12-31",
    }
    return [
        Door(
            "POST /v1/venues/{venue_id}/menu-sections",
            sections,
            staff,
            {"name": "Dinner", "description": "A part", "sort_order": 10},
        ),
        Door(
            "PATCH /v1/menu-sections/{section_id}",
            f"/v1/menu-sections/{section['id']}",
            staff,
            {"name": "Supper", "sort_order": 5, "version": 1},
        ),
        Door("POST /v1/menu-sections/{section_id}/items", items, staff, dish),
        Door(
            "PATCH /v1/menu-items/{item_id}",
            f"/v1/menu-items/{item['id']}",
            staff,
            {"name": "Broth", "price_minor": 800, "version": 1},
        ),
    ]


async def of_codes(place: Place, staff: Sequence[Caller]) -> list[Door]:
    """Promo codes and gift cards."""
    promo = await place.staff.post("/v1/promo-codes", {"code": "WINTER-10", "percent": 10})
    card = await place.staff.post(
        "/v1/gift-cards", {"amount_minor": 5000, "currency": "GBP"}, key=new_key()
    )
    return [
        Door(
            "POST /v1/promo-codes",
            "/v1/promo-codes",
            staff,
            {
                "code": "SUMMER-10",
                "amount_minor": 500,
                "currency": "GBP",
                "minimum_minor": 1000,
                "valid_from": "2030-01-01T00:00:00Z",
                "valid_until": "2030-12-31T00:00:00Z",
                "max_uses": 100,
                "max_per_customer": 1,
                "offering_ids": [place.offering_id],
            },
        ),
        Door(
            "PATCH /v1/promo-codes/{promo_id}",
            f"/v1/promo-codes/{promo['id']}",
            staff,
            {"max_uses": 50, "version": 1},
        ),
        Door(
            "POST /v1/gift-cards",
            "/v1/gift-cards",
            staff,
            {
                "amount_minor": 5000,
                "currency": "GBP",
                "expires_at": "2030-12-31T00:00:00Z",
                "note": "a note",
            },
        ),
        Door(
            "PATCH /v1/gift-cards/{card_id}",
            f"/v1/gift-cards/{card['id']}",
            staff,
            {"note": "another note", "version": 1},
        ),
        Door(
            "POST /v1/gift-cards/{card_id}/adjust",
            f"/v1/gift-cards/{card['id']}/adjust",
            staff,
            {"amount_minor": 100, "reason": "a reason"},
            signed=frozenset({"amount_minor"}),
        ),
    ]


def of_connections(
    place: Place, connection: str, staff: Sequence[Caller], operators: Sequence[Caller]
) -> list[Door]:
    """How an organisation is paid through the platform, and what that costs it."""
    path = f"/v1/payment-accounts/{connection}"
    return [
        Door(
            "POST /v1/payment-accounts/connect",
            "/v1/payment-accounts/connect",
            staff,
            {"country": "GB"},
        ),
        Door(
            "POST /v1/payment-accounts/{id}/onboarding-link",
            f"{path}/onboarding-link",
            staff,
            {
                "return_url": "https://hall.example/payments",
                "refresh_url": "https://hall.example/payments/again",
            },
        ),
        Door(
            "PATCH /v1/organisations/{id}/platform-fee",
            f"/v1/organisations/{place.id}/platform-fee",
            operators,
            {"percent": "5"},
        ),
    ]


async def of_the_desk(place: Place, guest: Guest, staff: Sequence[Caller]) -> list[Door]:
    """What the front desk and its manager do beside bookings; `guest` is a customer."""
    customer = await place.customer(email=guest.email)
    return [
        Door(
            "PATCH /v1/customers/{customer_id}",
            f"/v1/customers/{customer['id']}",
            staff,
            {"notes": "a note", "reason": "a reason", "version": 1},
        ),
        Door(
            "POST /v1/integrity/repair",
            "/v1/integrity/repair",
            staff,
            {"kind": "capacity_drift", "id": str(uuid4()), "reason": "a reason"},
        ),
        Door(
            "POST /v1/offerings/{offering_id}/explain",
            f"/v1/offerings/{place.offering_id}/explain",
            staff,
            {"date": "2030-01-01", "start_time": "19:00", "party_size": 4},
        ),
    ]
