"""Guests, staff and the places they meet in: the words that stories are told with."""

import asyncio
import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from .calls import Answer, Caller, Http, answered, until
from .outside import CARD, Json, PayPalAccount, StripeAccount, instant
from .system import Clock, Endpoints

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
EVERY_HOUR = {
    "operating_days": [*WEEKDAYS, "saturday", "sunday"],
    "start_time": "09:00",
    "end_time": "21:00",
    "interval_minutes": 60,
}
TIERS = [
    {"key": "adult", "label": "Adult", "amount_minor": 3500},
    {"key": "child", "label": "Child", "amount_minor": 2500},
]
SCOPES = ("manage:bookings", "manage:catalogue", "manage:customers", "manage:payments")

_numbers = itertools.count(secrets.randbelow(100) * 1000)


def new_email() -> str:
    """An address that nobody else has."""
    return f"guest-{secrets.token_hex(6)}@example.com"


def new_phone() -> str:
    """A British mobile number of the range that is set aside for fiction."""
    return f"+447700900{next(_numbers) % 1000:03d}"


def new_key() -> str:
    """An idempotency key."""
    return f"e2e-{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Session:
    """A dated session of an offering."""

    id: str
    starts_at: datetime
    ends_at: datetime


@dataclass
class Guest:
    """Somebody without an account who wants a place."""

    caller: Caller
    email: str = field(default_factory=new_email)
    phone: str | None = field(default_factory=new_phone)
    name: str = "Test Guest"

    def wish(
        self, session: Session, *, tables: Sequence[str] = (), party: int | None = None, **more: Any
    ) -> Json:
        """The body of a booking request; `more` is added to it."""
        customer = {"name": self.name, "email": self.email, "phone": self.phone}
        return {
            "session_id": session.id,
            **({"resource_ids": list(tables)} if tables else {}),
            **({"party_size": party} if party else {}),
            "customer": {name: value for name, value in customer.items() if value is not None},
            **more,
        }

    async def ask_for(self, body: object, *, key: str | None = None) -> Answer:
        """The answer to a booking request."""
        headers = {"Idempotency-Key": key or new_key()}
        return await answered(
            lambda: self.caller.ask("POST", "/v1/bookings", json=body, headers=headers)
        )

    async def tries(
        self,
        session: Session,
        *,
        tables: Sequence[str] = (),
        party: int | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Answer:
        """Any answer to the wish for a place."""
        return await self.ask_for(self.wish(session, tables=tables, party=party, **more), key=key)

    async def book(
        self,
        session: Session,
        *,
        tables: Sequence[str] = (),
        party: int | None = None,
        key: str | None = None,
        **more: Any,
    ) -> "Booking":
        """A place held for this guest."""
        answer = await self.tries(session, tables=tables, party=party, key=key, **more)
        assert answer.status in (201, 202), str(answer)
        return Booking(self, answer.json(), self.holding(answer.json()["manage_token"]))

    def holding(self, manage_token: str) -> Caller:
        """This guest with a manage token."""
        return Caller(self.caller.http, self.caller.base, {"X-Manage-Token": manage_token})


@dataclass
class Booking:
    """A booking in the hands of its guest; `held` is the answer to the request that made it."""

    guest: Guest
    held: Json
    holder: Caller

    @property
    def id(self) -> str:
        return str(self.held["id"])

    @property
    def path(self) -> str:
        return f"/v1/bookings/{self.id}"

    @property
    def reference(self) -> str:
        return str(self.held["reference"])

    @property
    def email(self) -> str:
        return self.guest.email

    async def read(self) -> Json:
        """What the guest sees."""
        seen: Json = await self.holder.get(self.path)
        return seen

    async def payment(self) -> Json:
        """How to pay: at once with a 201, soon after a 202."""
        if self.held["payment"]:
            payment: Json = self.held["payment"]
            return payment

        async def look() -> Json | None:
            answer = await answered(lambda: self.holder.ask("GET", f"{self.path}/payment"))
            assert answer.status in (200, 404), str(answer)
            found: Json = answer.json()
            means = (found.get(name) for name in ("client_secret", "redirect_url", "transfer"))
            return found if any(means) else None

        return await until(f"payment of {self.reference}", look)

    async def pay(self, stripe: StripeAccount, card: str = CARD) -> Json:
        """Pay as Stripe.js would; the intent, or Stripe's error."""
        secret = (await self.payment())["client_secret"]
        answer = await stripe.confirm(secret, card)
        assert answer.status in (200, 402), str(answer)
        said: Json = answer.json()
        return said

    async def becomes(self, status: str, *, seconds: float = 120) -> Json:
        """The booking once it has this status."""
        seen: Json = {}

        async def look() -> bool:
            seen.update(await self.read())
            return bool(seen["status"] == status)

        try:
            await until(f"{self.reference} {status}", look, seconds=seconds)
        except AssertionError as error:
            error.add_note(f"last seen: {seen}")
            raise
        return seen

    async def pays(self, amount_minor: int, *, refunded: int = 0) -> Json:
        """The booking once so much of it is paid and refunded."""

        async def look() -> Json | None:
            seen = await self.read()
            paid, back = seen["amount_paid"], seen["amount_refunded"]
            done = (paid["amount_minor"], back["amount_minor"]) == (amount_minor, refunded)
            return seen if done else None

        return await until(f"{self.reference} paid {amount_minor}, refunded {refunded}", look)

    async def cancel(self, **body: Any) -> Json:
        """Cancel it as its guest; the answer."""
        answer: Json = await self.holder.post(f"{self.path}/cancel", body, key=new_key())
        return answer

    async def confirmed(self, stripe: StripeAccount) -> "Booking":
        """The same booking, paid and confirmed."""
        await self.pay(stripe)
        await self.becomes("confirmed")
        return self


@dataclass(frozen=True)
class Place:
    """An organisation with one venue and one offering, and its staff."""

    id: str
    slug: str
    venue_id: str
    offering_id: str
    staff: Caller
    stripe: StripeAccount
    clock: Clock
    tables: Mapping[int, str] = field(default_factory=dict)  # ids by number

    async def session(
        self,
        starts_in: timedelta = timedelta(days=10),
        *,
        lasts: timedelta = timedelta(hours=2),
        **more: Any,
    ) -> Session:
        """A session so long from now, in the system's own time."""
        starts_at = (await self.clock.now() + starts_in).replace(microsecond=0)
        return await self.session_at(
            starts_at=starts_at.isoformat(), ends_at=(starts_at + lasts).isoformat(), **more
        )

    async def session_at(self, **when: Any) -> Session:
        """A session with the times as the API takes them."""
        body = {"offering_id": self.offering_id, **when}
        if self.tables:
            body.setdefault("resource_ids", list(self.tables.values()))
        made = await self.staff.post("/v1/sessions", body)
        return Session(made["id"], instant(made["starts_at"]), instant(made["ends_at"]))

    async def listed(self, caller: Caller) -> list[Session]:
        """Every session on sale, as anybody sees them, by start."""
        found: list[Session] = []
        path, cursor = f"/v1/offerings/{self.offering_id}/sessions?limit=100", ""
        while cursor is not None:
            page = await caller.get(path + (f"&cursor={cursor}" if cursor else ""))
            found += [
                Session(one["id"], instant(one["starts_at"]), instant(one["ends_at"]))
                for one in page["items"]
            ]
            cursor = page["next_cursor"]
        return found

    async def table_status(self, caller: Caller, session: Session, number: int) -> str:
        """`available`, `pending` or `booked`, as anybody sees it."""
        seen = await caller.get(f"/v1/sessions/{session.id}/availability")
        return next(str(one["status"]) for one in seen["tables"] if one["number"] == number)

    async def remaining(self, caller: Caller, session: Session) -> int:
        """Places left, as anybody sees it."""
        seen = await caller.get(f"/v1/sessions/{session.id}/availability")
        return int(seen["remaining"])

    async def cancel(self, booking: Booking, reason: str) -> Json:
        """Cancel a booking as staff; the answer."""
        answer: Json = await self.staff.post(
            f"{booking.path}/cancel", {"reason": reason}, key=new_key()
        )
        return answer

    async def whole(self, path: str) -> Json:
        """What is put together from several services, once none of them is missing from it.

        A service that takes longer than the gateway waits is left out and named.
        """

        async def look() -> Json | None:
            found: Json = await self.staff.get(path)
            return None if found["incomplete"] else found

        return await until(f"all of {path}", look)

    async def timeline(self, booking: Booking) -> list[Json]:
        """Everything that happened to a booking."""
        entries: list[Json] = (await self.whole(f"{booking.path}/timeline"))["entries"]
        return entries

    async def customers(self, **search: str) -> list[Json]:
        """Customers by phone or e-mail."""
        query = urlencode(search)
        found: list[Json] = (await self.staff.get(f"/v1/customers?{query}"))["items"]
        return found

    async def customer(self, **search: str) -> Json:
        """The customer found by phone or e-mail, as soon as there is one."""

        async def look() -> Json | None:
            return next(iter(await self.customers(**search)), None)

        return await until(f"customer {search}", look)


@dataclass(frozen=True)
class City:
    """Everybody and everything a story starts from."""

    http: Http
    endpoints: Endpoints
    clock: Clock

    @property
    def anybody(self) -> Caller:
        """Somebody without credentials."""
        return Caller(self.http, self.endpoints.gateway, {})

    @property
    def operator(self) -> Caller:
        return self.with_key(self.endpoints.operator_key)

    def with_key(self, key: str) -> Caller:
        """The holder of an API key."""
        return Caller(self.http, self.endpoints.gateway, {"Authorization": f"Bearer {key}"})

    def guest(self, **facts: Any) -> Guest:
        """A guest; each has an address, e-mail and phone of their own."""
        return Guest(self.anybody, **facts)

    async def nightclub(
        self, tables: Mapping[int, tuple[int, int]] | None = None, **settings: Any
    ) -> Place:
        """A club in Leeds with tables (number → fewest and most seats) at a deposit of 50.00 GBP."""
        place = await self._place(
            organisation={
                "default_country": "GB",
                "locale": "en",
                "reference_template": "BRL-{YYYY}-XXXXX",
            },
            venue={
                "name": "The Backroom",
                "timezone": "Europe/London",
                "currency": "GBP",
                "locale": "en",
                "statement_descriptor": "BACKROOM LEEDS",
            },
            offering={"preset": "event_table", "title": "Club night", **settings},
        )
        for number, (fewest, most) in (tables or {7: (2, 6)}).items():
            made = await place.staff.post(
                "/v1/resources",
                {
                    "venue_id": place.venue_id,
                    "number": number,
                    "label": f"Table {number}",
                    "floor": "Main floor",
                    "seats_min": fewest,
                    "seats_max": most,
                },
            )
            place.tables[number] = made["id"]  # type: ignore[index]
        return place

    async def studio(self, *, price: int = 18000, capacity: int = 20, **settings: Any) -> Place:
        """A studio in Stockholm that sells places in classes; the price is in öre."""
        return await self._place(
            organisation={
                "default_country": "SE",
                "locale": "sv",
                "reference_template": "BK-XXXXXX-XXXX",
            },
            venue={
                "name": "Studio Södermalm",
                "timezone": "Europe/Stockholm",
                "currency": "SEK",
                "locale": "sv",
            },
            offering={
                "preset": "class",
                "title": "Pilates",
                "inventory": {"capacity": capacity},
                "pricing": {"amount_minor": price},
                **settings,
            },
        )

    async def escape_room(
        self,
        *,
        capacity: int = 8,
        schedule: Json | None = None,
        own_keys: bool = True,
        **settings: Any,
    ) -> Place:
        """Rooms in New York: every day 09:00 to 21:00 by the hour, 35.00 and 25.00 USD a head.

        Without `own_keys` their money goes through the platform's account.
        """
        return await self._place(
            organisation={
                "default_country": "US",
                "locale": "en",
                "reference_template": "BK-XXXXXX-XXXX",
            },
            venue={
                "name": "Lockbox Downtown",
                "timezone": "America/New_York",
                "currency": "USD",
                "locale": "en",
            },
            offering={
                "preset": "activity",
                "title": "The Vault",
                "inventory": {"capacity": capacity},
                "schedule": EVERY_HOUR | (schedule or {}),
                "pricing": {"tiers": TIERS},
                **settings,
            },
            own_keys=own_keys,
        )

    async def pub(self, tables: Mapping[int, tuple[int, int]] | None = None, **offer: Any) -> Place:
        """A pub in London with tables that it assigns itself; its kitchen is open 12:00-22:00."""
        place = await self._place(
            organisation={
                "default_country": "GB",
                "locale": "en",
                "reference_template": "BK-XXXXXX-XXXX",
            },
            venue={
                "name": "The Anchor",
                "timezone": "Europe/London",
                "currency": "GBP",
                "locale": "en",
            },
            offering={"preset": "dining", "title": "A table", **offer},
        )
        for number, (fewest, most) in (tables or {1: (1, 4), 2: (2, 6)}).items():
            made = await place.staff.post(
                "/v1/resources",
                {
                    "venue_id": place.venue_id,
                    "number": number,
                    "label": f"Table {number}",
                    "floor": "Dining room",
                    "seats_min": fewest,
                    "seats_max": most,
                },
            )
            place.tables[number] = made["id"]  # type: ignore[index]
        return place

    async def _place(
        self, organisation: Json, venue: Json, offering: Json, *, own_keys: bool = True
    ) -> Place:
        slug = f"e2e-{secrets.token_hex(5)}"
        org = await self.operator.post(
            "/v1/organisations", {"slug": slug, "name": f"Place {slug}", **organisation}
        )
        staff = await self.staff(org["id"], *SCOPES)
        stripe = await self._stripe_account(staff) if own_keys else self._platform_account()
        made = await staff.post("/v1/venues", {"slug": slug, **venue})
        offered = await staff.post("/v1/offerings", {"venue_id": made["id"], **offering})
        return Place(
            id=org["id"],
            slug=slug,
            venue_id=made["id"],
            offering_id=offered["id"],
            staff=staff,
            stripe=stripe,
            clock=self.clock,
        )

    async def staff(self, org_id: str, *scopes: str) -> Caller:
        """Somebody with an API key of an organisation."""
        made = await self.operator.post(
            "/v1/api-keys", {"organisation_id": org_id, "name": "e2e", "scopes": list(scopes)}
        )
        return self.with_key(made["key"])

    async def swish_number(self, place: Place) -> str:
        """A number that guests of a place pay to, connected."""
        number = f"123{secrets.randbelow(10**7):07d}"
        account = {"provider": "swish", "publishable_key": number}
        await place.staff.post("/v1/payment-accounts", account)
        return number

    async def paypal_account(self, place: Place) -> PayPalAccount:
        """An account at PayPal, connected to a place whose offerings take it."""
        client_id, webhook_id = f"client-{secrets.token_hex(10)}", secrets.token_hex(8).upper()
        made = await place.staff.post(
            "/v1/payment-accounts",
            {
                "provider": "paypal",
                "publishable_key": client_id,
                "secret_key": secrets.token_hex(16),
                "webhook_secret": webhook_id,
            },
        )
        listener = {
            "client_id": client_id,
            "url": self.endpoints.webhooks_for_sandbox + made["webhook_path"],
            "webhook_id": webhook_id,
            "event_types": made["webhook_events"],
        }
        account = PayPalAccount(self.http, self.endpoints.paypal, listener)
        await account.heard()
        return account

    def _platform_account(self) -> StripeAccount:
        return StripeAccount(
            http=self.http,
            base=self.endpoints.stripe,
            suffix=self.endpoints.platform_key.removeprefix("pk_test_"),
            webhook_secret="",
            webhook_url=f"{self.endpoints.webhooks}/webhooks/stripe/platform",
        )

    async def _stripe_account(self, staff: Caller) -> StripeAccount:
        suffix, secret = f"e2e{secrets.token_hex(10)}", f"whsec_{secrets.token_hex(16)}"
        made = await staff.post(
            "/v1/payment-accounts",
            {
                "provider": "stripe",
                "secret_key": f"sk_test_{suffix}",
                "publishable_key": f"pk_test_{suffix}",
                "webhook_secret": secret,
            },
        )
        account = StripeAccount(
            http=self.http,
            base=self.endpoints.stripe,
            suffix=suffix,
            webhook_secret=secret,
            webhook_url=self.endpoints.webhooks + made["webhook_path"],
        )
        answer = await self.http.ask(
            "PUT",
            f"{account.base}/_sandbox/webhook_endpoints",
            json={
                "key": account.secret_key,
                "url": self.endpoints.webhooks_for_sandbox + made["webhook_path"],
                "secret": secret,
            },
        )
        assert answer.status == 200, str(answer)
        return account


async def at_once(*wishes: Any, clients: int | None = None) -> list[Any]:
    """All of them at the same time, at most `clients` in flight."""
    if clients is None:
        return list(await asyncio.gather(*wishes))
    turn = asyncio.Semaphore(clients)

    async def one(wish: Any) -> Any:
        async with turn:
            return await wish

    return list(await asyncio.gather(*map(one, wishes)))
