"""Who has the money: Stripe, PayPal, and people's hands; each shows what it holds in one form."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import aiohttp

from payments.providers.paypal.requests import payment_ids, refund_ids

_LATEST = 40
"""How far back one history's objects can be among those of a lane."""


@dataclass(frozen=True, slots=True)
class Back:
    """Money on its way back, or returned. `attempt`: ours; None: somebody made it by hand there."""

    ref: str
    amount: int
    status: str
    attempt: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A dispute. `taken` and `reinstated`: what it moved so far; `fee`: what it cost besides."""

    ref: str
    status: str
    taken: int
    reinstated: int
    fee: int


@dataclass(frozen=True, slots=True)
class Share:
    """How a charge was shared: whose it is, and the platform's fee."""

    destination: str
    fee: int
    fee_returned: int
    reversed: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one payment, as its holder tells it.

    `names`: what it was told whose payment it is. `open`: it could still be paid, or money is on
    its way in.
    """

    ref: str
    names: Mapping[str, str]
    received: int
    open: bool
    succeeded: bool
    backs: Sequence[Back] = ()
    claims: Sequence[Claim] = ()
    share: Share | None = None

    @property
    def returned(self) -> int:
        return sum(back.amount for back in self.backs if back.status == "succeeded")

    @property
    def lost(self) -> int:
        """What the guest's bank took for them."""
        return sum(claim.taken - claim.reinstated for claim in self.claims)


class Teller(Protocol):
    """A provider that notifies of what happens."""

    async def control(self, method: str, path: str, body: Any = None) -> Any: ...

    async def deliver(self, event: str) -> bool:
        """Send a notification, signed now; whether it was acknowledged."""


@dataclass
class Stripe:
    """The sandbox: as the guest's browser, as the account's owner, and as its operator."""

    url: str
    key: str
    http: aiohttp.ClientSession
    seen: str | None = None  # the newest event that was listed

    async def call(self, method: str, path: str, body: Any = None, form: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.http.request(
            method, self.url + path, json=body, data=form, headers=headers
        ) as answer:
            return await answer.json()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        return await self.call(method, f"/_sandbox/{path}", body)

    async def news(self) -> list[str]:
        """Events that happened since this was asked last, oldest first."""
        found: list[str] = []
        while True:
            after = f"&ending_before={self.seen}" if self.seen else ""
            page = await self.call("GET", f"/v1/events?limit=100{after}")
            found += [event["id"] for event in reversed(page["data"])]
            if page["data"]:
                self.seen = page["data"][0]["id"]
            if not (page["has_more"] and after):
                return found

    async def deliver(self, event: str) -> bool:
        sent = await self.control("POST", f"events/{event}/deliver", {})
        return any(200 <= (one["status"] or 0) < 300 for one in sent["attempts"])

    async def latest(self, kind: str, of: Collection[str]) -> list[Any]:
        """Objects of a kind that name one of these bookings."""
        page = await self.call("GET", f"/v1/{kind}?limit={_LATEST}")
        return [one for one in page["data"] if one["metadata"].get("booking_id") in of]

    async def holdings(self, bookings: list[UUID]) -> list[Holding]:
        """Every PaymentIntent of these bookings: the truth about the money."""
        intents = await self.latest("payment_intents", {str(one) for one in bookings})
        disputes = []
        if any(one["amount_received"] for one in intents):
            disputes = (await self.call("GET", f"/v1/disputes?limit={_LATEST}"))["data"]
        return [await self._holding(one, disputes) for one in intents]

    async def cards(self, bookings: list[UUID]) -> list[Holding]:
        """Every SetupIntent of these bookings: no money, but what it may be taken from."""
        return [
            Holding(
                ref=one["id"],
                names=one["metadata"],
                received=0,
                open=one["status"] not in {"succeeded", "canceled"},
                succeeded=one["status"] == "succeeded",
            )
            for one in await self.latest("setup_intents", {str(one) for one in bookings})
        ]

    async def _holding(self, intent: Any, disputes: Sequence[Any]) -> Holding:
        backs, share = [], None
        if intent["amount_received"]:
            page = await self.call("GET", f"/v1/refunds?payment_intent={intent['id']}&limit=100")
            backs = page["data"]
            if intent.get("transfer_data"):
                share = await self._share(intent)
        return Holding(
            ref=intent["id"],
            names=intent["metadata"],
            received=intent["amount_received"],
            open=intent["status"] not in {"succeeded", "canceled"},
            succeeded=intent["status"] == "succeeded",
            backs=[
                Back(one["id"], one["amount"], one["status"], one["metadata"].get("attempt_id"))
                for one in backs
            ],
            claims=[_claim(one) for one in disputes if one["payment_intent"] == intent["id"]],
            share=share,
        )

    async def _share(self, intent: Any) -> Share:
        expand = "expand[]=transfer&expand[]=application_fee"
        charge = await self.call("GET", f"/v1/charges/{intent['latest_charge']}?{expand}")
        fee, transfer = charge["application_fee"], charge["transfer"]
        return Share(
            destination=transfer["destination"],
            fee=fee["amount"],
            fee_returned=fee["amount_refunded"],
            reversed=transfer["amount_reversed"],
        )

    async def open_pages(self, bookings: list[UUID]) -> int:
        """How many Checkout pages of these bookings could still be paid at."""
        found = await self.latest("checkout/sessions", {str(one) for one in bookings})
        return sum(one["status"] == "open" for one in found)


def _claim(dispute: Any) -> Claim:
    moved = dispute["balance_transactions"]
    return Claim(
        ref=dispute["id"],
        status=dispute["status"],
        taken=-sum(one["amount"] for one in moved if one["amount"] < 0),
        reinstated=sum(one["amount"] for one in moved if one["amount"] > 0),
        fee=sum(one["fee"] for one in moved),
    )


_PAYPAL_REFUNDS = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed"}
_TAKEN = {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}


@dataclass
class PayPal:
    """The sandbox, as the payer and as its operator."""

    url: str
    http: aiohttp.ClientSession
    client_id: str
    seen: set[str] = field(default_factory=set)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, f"{self.url}/_sandbox/{path}", json=body) as answer:
            return await answer.json()

    async def news(self, orders: Collection[str]) -> list[str]:
        """Events about these orders that were not listed before, oldest first."""
        found: list[str] = []
        for order in orders:
            found += await self.control("GET", f"events?order={order}")
        new = [event for event in found if event not in self.seen]
        self.seen.update(new)
        return new

    async def deliver(self, event: str) -> bool:
        sent = await self.control("POST", "events/deliver", {"ids": [event]})
        return any(one["answer"].startswith("2") for one in sent["attempts"])

    async def orders(self, bookings: list[UUID]) -> list[Any]:
        """All orders of these bookings."""
        names = {str(booking) for booking in bookings}
        found = await self.control("GET", f"orders?limit={_LATEST}")
        return [one for one in found if _whose(one).get("booking_id") in names]

    async def holdings(self, bookings: list[UUID]) -> list[Holding]:
        """Those of them that were captured: of any other, only our capture could take money."""
        return [_order(one) for one in await self.orders(bookings) if _captures(one)]


def _whose(order: Any) -> dict[str, str]:
    [unit] = order["purchase_units"]
    return {**payment_ids(unit["custom_id"]), "attempt_id": unit["reference_id"]}


def _captures(order: Any) -> Sequence[Any]:
    [unit] = order["purchase_units"]
    found: Sequence[Any] = unit.get("payments", {}).get("captures", [])
    return found


def _order(order: Any) -> Holding:
    [unit] = order["purchase_units"]
    captures = _captures(order)
    received = sum(_minor(one["amount"]) for one in captures if one["status"] in _TAKEN)
    return Holding(
        ref=order["id"],
        names=_whose(order),
        received=received,
        open=any(one["status"] == "PENDING" for one in captures),
        succeeded=received > 0,
        backs=[
            Back(
                one["id"],
                _minor(one["amount"]),
                _PAYPAL_REFUNDS[one["status"]],
                refund_ids(one.get("custom_id")).get("attempt_id"),
            )
            for one in unit.get("payments", {}).get("refunds", [])
        ],
    )


def _minor(amount: Any) -> int:
    whole, _, rest = amount["value"].partition(".")
    return int(whole) * 100 + int(rest)


@dataclass
class Hands:
    """Money that goes from hand to hand: what guests really sent, and what staff sent back."""

    sent: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)  # by payment: booking, amount
    returned: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)  # by refund: payment, ...

    def holdings(self, asked: Mapping[UUID, str]) -> list[Holding]:
        """`asked`: the attempts by which each payment was asked for."""
        return [
            Holding(
                ref=str(payment_id),
                names={
                    "payment_id": str(payment_id),
                    "booking_id": str(booking_id),
                    "attempt_id": asked.get(payment_id, ""),
                },
                received=amount,
                open=False,
                succeeded=True,
                backs=[
                    Back(str(refund_id), back, "succeeded", None)
                    for refund_id, (whose, back) in self.returned.items()
                    if whose == payment_id
                ],
            )
            for payment_id, (booking_id, amount) in self.sent.items()
        ]
