"""Guests: holds of given places over a number of connections, each asking when it was answered.

Told a base address and places, it answers with seconds, statuses and latencies. Guests may pay too.
"""

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from bench.programs.http import Connection
from bench.programs.talk import Listen, run, say, settle

_run = secrets.token_hex(6)
_numbers = itertools.count()


def a_guest() -> tuple[str, dict[str, str]]:
    """Headers of a caller nobody saw before, and who they are."""
    number = next(_numbers)
    headers = (
        "Content-Type: application/json\r\n"
        f"Idempotency-Key: {_run}-{number:012d}\r\n"
        f"X-Forwarded-For: {_address(number)}\r\n"
    )
    customer = {
        "name": "Test Guest",
        "email": f"guest-{_run}-{number}@example.com",
        "phone": f"+4670{number % 10_000_000:07d}",
    }
    return headers, customer


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def wish(place: list[Any], customer: dict[str, str]) -> bytes:
    if place[4]:
        return orjson.dumps({**place[4], "customer": customer})
    body: dict[str, Any] = {"session_id": place[0], "customer": customer, "party_size": 1}
    if place[3]:
        body["resource_ids"] = [place[3]]
    return orjson.dumps(body)


@dataclass
class Seen:
    """What guests met with."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds
    repeated: int = 0  # requests that were sent again, as the system had no time for them


async def hold(gateway: Connection, path: str, place: list[str | None], seen: Seen) -> bytes:
    headers, customer = a_guest()
    began = time.perf_counter()
    status, body, repeated = await gateway.insist("POST", path, headers, wish(place, customer))
    seen.latencies.append(time.perf_counter() - began)
    seen.statuses[status] += 1
    seen.repeated += repeated
    return body


async def payable(gateway: Connection, held: bytes) -> dict[str, Any]:
    """The payment: in the answer, or where a 202 says that it will be."""
    booking = orjson.loads(held)
    payment: dict[str, Any] | None = booking["payment"]
    while payment is None:
        await asyncio.sleep(0.1)
        number = next(_numbers)
        headers = (
            f"X-Manage-Token: {booking['manage_token']}\r\nX-Forwarded-For: {_address(number)}\r\n"
        )
        status, body = await gateway.request("GET", booking["payment_url"], headers)
        if status == 200 and orjson.loads(body).get("client_secret"):
            payment = orjson.loads(body)
    return payment


async def pay(gateway: Connection, sandbox: Connection, held: bytes) -> None:
    """What Stripe.js does in a browser."""
    payment = await payable(gateway, held)
    secret = payment["client_secret"]
    intent = secret.partition("_secret_")[0]
    headers = (
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Authorization: Bearer {payment['publishable_key']}\r\n"
    )
    form = urlencode(
        {
            "client_secret": secret,
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": "4242424242424242",
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": str(time.gmtime().tm_year + 2),
            "payment_method_data[card][cvc]": "123",
        }
    )
    path = f"/v1/payment_intents/{intent}/confirm"
    status, body = await sandbox.request("POST", path, headers, form.encode())
    if status != 200:
        raise RuntimeError(f"the payment was refused: {body!r}")


async def guests(arguments: dict[str, Any], listen: Listen) -> None:  # noqa: ARG001
    """An order names `base`, `path`, `connections`, `places`, and `pay_at` for those who pay."""
    say("ready")
    while (order := await listen()) is not None:
        seen, places = Seen(), iter(order["places"])
        count = order["connections"]
        gateways = [await Connection.open(order["base"]) for _ in range(count)]
        sandboxes: list[Connection | None] = [None] * count
        if order.get("pay_at"):
            sandboxes = [await Connection.open(order["pay_at"]) for _ in range(count)]

        async def guest(
            gateway: Connection,
            sandbox: Connection | None,
            path: str = order["path"],
            places: Iterator[list[str | None]] = places,
            seen: Seen = seen,
        ) -> None:
            for place in places:
                held = await hold(gateway, path, place, seen)
                if sandbox:
                    await pay(gateway, sandbox, held)

        settle()
        began = time.perf_counter()
        await asyncio.gather(*map(guest, gateways, sandboxes))
        seconds = time.perf_counter() - began
        for connection in (*gateways, *sandboxes):
            if connection:
                connection.close()
        say({"seconds": seconds, **vars(seen)})


if __name__ == "__main__":
    run(guests)
