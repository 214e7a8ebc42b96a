"""The world outside the system: Stripe, PayPal, Swish and mailboxes, as the sandbox plays them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from .calls import Answer, Http, until

CARD = "4242424242424242"
DECLINED = "4000000000000002"
INSUFFICIENT_FUNDS = "4000000000009995"
EXPIRED_CARD = "4000000000000069"
AUTHENTICATION = "4000002500003155"
# Of bank accounts that answer after three minutes.
CLEARS_LATER = "90012345"
REFUSES_LATER = "93333335"

Json = dict[str, Any]


@dataclass(frozen=True)
class StripeAccount:
    """One organisation's account at Stripe, through the eyes of its owner and of its customers."""

    http: Http
    base: str
    suffix: str  # of its keys
    webhook_secret: str
    webhook_url: str  # where our system takes its events, from the tests' point of view

    @property
    def secret_key(self) -> str:
        return f"sk_test_{self.suffix}"

    @property
    def publishable_key(self) -> str:
        return f"pk_test_{self.suffix}"

    async def intents(self, booking_id: str | None = None) -> list[Json]:
        """PaymentIntents, of one booking or of all."""
        found = await self._list("/v1/payment_intents")
        return [
            intent for intent in found if booking_id in (None, intent["metadata"].get("booking_id"))
        ]

    async def live_intents(self) -> list[Json]:
        """PaymentIntents that somebody could still pay, or has paid."""
        return [intent for intent in await self.intents() if intent["status"] != "canceled"]

    async def intent_of(self, booking_id: str) -> Json:
        """The one PaymentIntent of a booking."""
        (intent,) = await self.intents(booking_id)
        return intent

    async def refunds(self, booking_id: str) -> list[Json]:
        """Refunds of a booking's payments."""
        intents = {intent["id"] for intent in await self.intents(booking_id)}
        return [one for one in await self._list("/v1/refunds") if one["payment_intent"] in intents]

    async def setup_intent(self, intent: str) -> Json:
        """A SetupIntent, by which a card is saved."""
        return await self._one(f"/v1/setup_intents/{intent}")

    async def confirm(self, client_secret: str, card: str) -> Answer:
        """What Stripe.js does in the customer's browser: pay, or save a card for later."""
        intent = client_secret.partition("_secret_")[0]
        return await self.http.ask(
            "POST",
            f"{self.base}/v1/{_collection(intent)}/{intent}/confirm",
            form={
                "client_secret": client_secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": str(time.gmtime().tm_year + 2),
                "payment_method_data[card][cvc]": "123",
            },
            headers={"Authorization": f"Bearer {self.publishable_key}"},
        )

    async def checkouts(self) -> list[Json]:
        """Checkout Sessions of all bookings."""
        return await self._list("/v1/checkout/sessions")

    async def checkout_of(self, booking_id: str) -> Json:
        """The one Checkout Session of a booking."""
        (session,) = [
            one for one in await self.checkouts() if one["metadata"]["booking_id"] == booking_id
        ]
        return session

    async def bought(self, session: str) -> list[Json]:
        """The lines of a Checkout Session."""
        return await self._list(f"/v1/checkout/sessions/{session}/line_items")

    async def prices(self, product: str) -> list[Json]:
        """The prices that a product is sold at now."""
        found = await self._list("/v1/prices")
        return [one for one in found if one["product"] == product and one["active"]]

    async def charge_of(self, intent: str) -> Json:
        """What a PaymentIntent charged, with its transfer and the platform's fee."""
        intents = await self._list("/v1/payment_intents")
        (charge,) = [one["latest_charge"] for one in intents if one["id"] == intent]
        return await self._one(f"/v1/charges/{charge}?expand[]=transfer&expand[]=application_fee")

    async def _one(self, path: str) -> Json:
        answer = await self.http.ask(
            "GET", self.base + path, headers={"Authorization": f"Bearer {self.secret_key}"}
        )
        assert answer.status == 200, str(answer)
        found: Json = answer.json()
        return found

    async def answer_onboarding(self, link: str) -> Answer:
        """What the business does on the page that asks who it is: it tells all."""
        page = await self.http.ask("GET", link)
        assert page.status == 200, str(page)
        action = page.body.decode().partition('action="')[2].partition('"')[0]
        return await self.http.ask("POST", self.base + action, form={"answer": "all"}, follow=False)

    async def restrict(self, account: str) -> None:
        """Stripe wants to know more of a connected account, and takes nothing until then."""
        await self._control(f"accounts/{account}/restrict", None)

    async def pay_on_page(self, page: str, card: str) -> Answer:
        """What the customer does on the page of a Checkout Session."""
        form = {"by": "card", "number": card, "expires": "12/34", "cvc": "123"}
        return await self.http.ask("POST", page, form=form, follow=False)

    async def debit(self, client_secret: str, account: str) -> Json:
        """What Stripe.js does when the customer pays by Bacs Direct Debit; the intent."""
        intent = client_secret.partition("_secret_")[0]
        answer = await self.http.ask(
            "POST",
            f"{self.base}/v1/payment_intents/{intent}/confirm",
            form={
                "client_secret": client_secret,
                "payment_method_data[type]": "bacs_debit",
                "payment_method_data[bacs_debit][sort_code]": "108800",
                "payment_method_data[bacs_debit][account_number]": account,
                "payment_method_data[billing_details][name]": "Test Guest",
                "payment_method_data[billing_details][email]": "guest@example.com",
            },
            headers={"Authorization": f"Bearer {self.publishable_key}"},
        )
        assert answer.status == 200, str(answer)
        said: Json = answer.json()
        return said

    async def time_passes(self, duration: timedelta) -> None:
        """Stripe's and the banks' time moves on; ours does not."""
        await self._control("clock", {"advance": duration.total_seconds()})

    async def authenticate(self, intent: str, *, approve: bool = True) -> None:
        """The customer's answer on the page of their bank."""
        await self._control(f"{_collection(intent)}/{intent}/authenticate", {"approve": approve})

    async def customers(self, booking_id: str) -> list[Json]:
        """Customers that were made to save a booking's card on, and are still there."""
        found = await self._list("/v1/customers")
        return [one for one in found if one["metadata"].get("booking_id") == booking_id]

    async def deliver_again(self, intent: str, times: int) -> list[Json]:
        """Every event about a payment and its refunds once more, `times` times, in random order."""
        body = {"payment_intent": intent, "count": times, "shuffle": True}
        attempts: list[Json] = (await self._control("events/deliver", body))["attempts"]
        return attempts

    async def pause_events(self) -> None:
        """Events of all accounts are held back."""
        await self._control("webhooks/pause", None)

    async def resume_events(self) -> None:
        """What was held back is sent."""
        await self._control("webhooks/resume", None)

    async def send(
        self, event: Mapping[str, Any], *, secret: str | None = None, signed: bool = True
    ) -> Answer:
        """An event of our own making, posted as Stripe would post it."""
        body = json.dumps(event).encode()
        headers = {"Content-Type": "application/json"}
        if signed:
            headers["Stripe-Signature"] = signature(body, secret or self.webhook_secret)
        return await self.http.ask("POST", self.webhook_url, content=body, headers=headers)

    async def send_raw(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Anything at all."""
        return await self.http.ask("POST", self.webhook_url, content=body, headers=dict(headers))

    async def _list(self, path: str) -> list[Json]:
        found: list[Json] = []
        after = ""
        while True:
            answer = await self.http.ask(
                "GET",
                f"{self.base}{path}?limit=100{after}",
                headers={"Authorization": f"Bearer {self.secret_key}"},
            )
            assert answer.status == 200, str(answer)
            page = answer.json()
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&starting_after={found[-1]['id']}"

    async def _control(self, path: str, body: object) -> Any:
        answer = await self.http.ask("POST", f"{self.base}/_sandbox/{path}", json=body)
        assert answer.status == 200, str(answer)
        return answer.json()


@dataclass(frozen=True)
class PayPalAccount:
    """One organisation's account at PayPal, and its payers."""

    http: Http
    base: str
    listener: Json = field(default_factory=dict)
    """Our webhook there, as the sandbox is told of it."""

    async def unheard(self) -> None:
        """What happens from now on is told to nobody."""
        await self.control("PUT", "webhooks", {**self.listener, "event_types": ["NONE"]})

    async def heard(self) -> None:
        """What happens from now on is told to us."""
        await self.control("PUT", "webhooks", self.listener)

    async def approve(self, redirect_url: str) -> str:
        """A payer agrees, and closes the page that this leads to; the order's id."""
        [order] = parse_qs(urlsplit(redirect_url).query)["token"]
        await self.control("POST", f"orders/{order}/approve")
        return order

    async def captures(self, order: str) -> list[Json]:
        """What was taken of an order."""
        [unit] = (await self.control("GET", f"orders/{order}"))["purchase_units"]
        return list(unit.get("payments", {}).get("captures", []))

    async def deliver(self, order: str, **how: Any) -> list[str]:
        """Every event about an order again, in random order; what each was answered with."""
        sent = await self.control(
            "POST", "events/deliver", {"order": order, "shuffle": True, **how}
        )
        return [one["answer"] for one in sent["attempts"]]

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Something that PayPal does not offer and its sandbox does."""
        answer = await self.http.ask(method, f"{self.base}/_sandbox/{path}", json=body)
        assert answer.status == 200, str(answer)
        return answer.json()


@dataclass(frozen=True)
class Swish:
    """Phones that pay by Swish, and what a business's app shows; our system is told of neither."""

    http: Http
    base: str

    async def pay(self, payer: str, payee: str, amount: str, message: str) -> None:
        """What a guest types into their phone; the amount in kronor."""
        typed = {"payer": payer, "payee": payee, "amount": amount, "message": message}
        answer = await self.http.ask("POST", f"{self.base}/1/p/sw/", form=typed)
        assert answer.status == 200, str(answer)

    async def received(self, number: str) -> list[Json]:
        """What came to a business's number, newest first."""
        answer = await self.http.ask("GET", f"{self.base}/payments?payee={number}")
        assert answer.status == 200, str(answer)
        return list(answer.json())

    async def send_back(self, payment: str, amount: str) -> Json:
        """The business sends back of a payment; the transfer that did it."""
        answer = await self.http.ask(
            "POST", f"{self.base}/payments/{payment}/returns", json={"amount": amount}
        )
        assert answer.status == 201, str(answer)
        sent: Json = answer.json()
        return sent


def _collection(intent: str) -> str:
    return "setup_intents" if intent.startswith("seti_") else "payment_intents"


def signature(body: bytes, secret: str, at: float | None = None) -> str:
    """The `Stripe-Signature` header of a body."""
    moment = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def event(kind: str, about: Mapping[str, Any]) -> Json:
    """An event in Stripe's envelope."""
    return {
        "id": f"evt_{time.time_ns()}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": dict(about)},
    }


@dataclass(frozen=True)
class Letter:
    """One e-mail as it arrived."""

    message_id: str
    to: Sequence[str]
    subject: str
    text: str
    html: str
    attachments: Mapping[str, bytes] = field(repr=False)

    def says(self, *parts: str) -> bool:
        """Whether subject or text hold all parts."""
        return all(part in f"{self.subject}\n{self.text}" for part in parts)


@dataclass(frozen=True)
class Mailbox:
    """All e-mail that the system sent."""

    http: Http
    base: str

    async def letters(self, to: str) -> list[Letter]:
        """Everything sent to an address, oldest first."""
        answer = await self.http.ask("GET", f"{self.base}/messages?to={quote(to)}")
        assert answer.status == 200, str(answer)
        return [_letter(one) for one in answer.json()]

    async def wait_for(self, to: str, *parts: str, seconds: float = 120) -> Letter:
        """The first e-mail to an address whose subject or text hold all parts."""

        async def look() -> Letter | None:
            return next((one for one in await self.letters(to) if one.says(*parts)), None)

        return await until(f"mail to {to} with {parts}", look, seconds=seconds)


def _letter(shown: Json) -> Letter:
    return Letter(
        message_id=shown["message_id"],
        to=shown["to"],
        subject=shown["subject"],
        text=shown["text"] or "",
        html=shown["html"] or "",
        attachments={
            part["filename"]: base64.b64decode(part["content"]) for part in shown["attachments"]
        },
    )


def instant(text: str) -> datetime:
    """An instant as the API writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
