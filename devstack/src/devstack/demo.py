"""One booking per organisation, the way a guest makes it: book, pay, read the e-mail."""

import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from devstack import web
from devstack.client import Client, wait_for
from devstack.errors import StackError

Endpoints = Mapping[str, Any]  # endpoints.json

_ALL_BOOKED = "everything is booked; `make down` and `make up` start afresh"
_CARD = "4242424242424242"
_PHONE = "+46701740605"  # set aside for fiction


@dataclass(frozen=True)
class Choice:
    """What to book: for people, and as the body of a request."""

    title: str
    when: str
    said: str
    body: Mapping[str, Any]


def run(endpoints: Endpoints) -> int:
    """Book at each organisation, to the confirmation e-mail; 0 when all of it arrived.

    Raises:
        StackError: something was refused or did not arrive.
    """
    organisations = endpoints["demo"]["organisations"]
    if not organisations:
        raise StackError("there are no demo organisations; `make up` creates them")
    for slug, organisation in organisations.items():
        title, offering = next(iter(organisation["offerings"].items()))
        began = time.monotonic()
        print(f"\n=== {slug}: {title} ({offering['preset']})")
        _book(endpoints, slug, organisation, offering)
        print(f"--- done in {time.monotonic() - began:.1f} s")
    print("\nEvery booking is confirmed, paid and announced.")
    return 0


def _step(text: str) -> None:
    print(f"  * {text}", file=sys.stdout, flush=True)


def _book(
    endpoints: Endpoints, slug: str, organisation: Mapping[str, Any], offering: Mapping[str, Any]
) -> None:
    guest = Client(endpoints["gateway"])
    email = f"guest-{secrets.token_hex(4)}@example.com"
    country = guest.get(f"/v1/organisations/{slug}")
    staff = Client(guest.base, api_key=organisation["api_key"])
    settings = guest.get(f"/v1/offerings/{offering['id']}")
    choice = _something_free(guest, settings)
    by_swish = "swish" in settings["pricing"].get("payment_methods", [])
    method = {"payment_method": "swish"} if by_swish else {}
    customer = {"name": "Demo Guest", "email": email, "phone": _PHONE}
    _step(f"{country['name']}: {choice.title}, {choice.when}; {choice.said}")

    held = guest.patiently(
        "/v1/bookings",
        {**choice.body, **method, "customer": customer},
        idempotency_key=f"demo-{secrets.token_hex(12)}",
        say=_step,
    )
    token = held["manage_token"]
    holder = Client(guest.base, manage_token=token)
    due = held["amount_due_now"]
    _step(
        f"held {held['reference']} for {held['seconds_left']} s; "
        f"{due['amount_minor'] / 100:.2f} {due['currency']} to pay"
    )

    if by_swish:
        _swish(endpoints, holder, staff, held, email)
    else:
        payment = wait_for("the payment", lambda: _payable(holder, held))
        _pay(endpoints, payment)
        _step(f"paid with a test card at {payment['provider']}")

    booking = wait_for("the confirmation", lambda: _settled(holder, held["id"]))
    if booking["status"] != "confirmed":
        raise StackError(f"the booking ended as {booking['status']}: {booking}")
    _step("confirmed")

    mail = wait_for(
        "the confirmation e-mail",
        lambda: _mail(endpoints, email, held["reference"], attached=by_swish),
    )
    names = ", ".join(part["filename"] for part in mail["attachments"]) or "nothing"
    _step(f"e-mail {mail['subject']!r} to {email}, with {names}")

    path = f"/v1/bookings/{held['id']}/timeline"
    entries = wait_for(
        "the complete timeline",
        lambda: _complete(staff.get(path)["entries"]),
    )
    _print_timeline(entries)


def _swish(
    endpoints: Endpoints, holder: Client, staff: Client, held: Mapping[str, Any], email: str
) -> None:
    """Nobody tells us of this money: the guest pays on a phone, staff find it in their list."""
    path = f"/v1/bookings/{held['id']}"
    transfer = wait_for("the payment", lambda: _transfer(holder, path))
    kronor = f"{transfer['amount']['amount_minor'] / 100:.2f}"
    mail = wait_for("the mail that says how", lambda: _mail(endpoints, email, held["reference"]))
    _step(f"e-mail {mail['subject']!r}")

    phone = {"payer": _PHONE, "amount": kronor}
    words = {"payee": transfer["payee"], "message": transfer["message"]}
    _at_swish(endpoints, "POST", "/payments", phone | words)
    _step(f"the guest swished {kronor} kr to {words['payee']}: {words['message']!r}")
    listed = _at_swish(endpoints, "GET", f"/payments?payee={quote(words['payee'])}")
    found = next(one for one in listed if one["message"] == words["message"])
    staff.post(f"{path}/mark-paid", {"reference": found["id"]}, idempotency_key=found["id"])
    _step(f"staff found it in their list and marked it paid: {found['id']}")


def _transfer(holder: Client, path: str) -> Any:
    payment = holder.find(f"{path}/payment")
    return payment and payment["transfer"]


def _at_swish(endpoints: Endpoints, method: str, path: str, body: object = None) -> Any:
    reply = web.call(method, endpoints["sandbox"]["swish"] + path, body=body)
    if reply.status not in (200, 201):
        raise StackError(f"Swish answered {reply.status}: {reply.body}")
    return reply.body


def _something_free(guest: Client, offering: Mapping[str, Any]) -> Choice:
    """A place that is to be had, whatever kind of time and place the offering sells."""
    if offering["inventory"]["kind"] == "seating":
        return _a_table_at_a_time(guest, offering)
    for session in guest.items(f"/v1/offerings/{offering['id']}/sessions"):
        free = guest.get(f"/v1/sessions/{session['id']}/availability")
        if free.get("tables"):
            tables = [table for table in free["tables"] if table["status"] == "available"]
            if tables:
                body = {
                    "session_id": session["id"],
                    "resource_ids": [tables[0]["resource_id"]],
                    "party_size": tables[0]["seats_max"],
                }
                said = f"{len(tables)} tables, taking number {tables[0]['number']}"
                return Choice(session["title"], session["starts_at"], said, body)
        elif free.get("remaining"):
            said = f"{free['remaining']} of {free['capacity']} places"
            body = {"session_id": session["id"], **_people(offering["pricing"])}
            return Choice(session["title"], session["starts_at"], said, body)
    raise StackError(_ALL_BOOKED)


def _people(pricing: Mapping[str, Any]) -> dict[str, Any]:
    """One of each of the first two kinds of people that there are prices for."""
    tiers = pricing.get("tiers", [])[:2]
    return {"quantities": {tier["key"]: 1 for tier in tiers}} if tiers else {}


def _a_table_at_a_time(guest: Client, offering: Mapping[str, Any]) -> Choice:
    path = f"/v1/offerings/{offering['id']}"
    for day in guest.get(f"{path}/calendar")["days"][2:]:
        if not day["hours"]:
            continue
        free = guest.get(f"{path}/availability?date={day['date']}&party_size=2")["starts"]
        start = next((one["starts_at"] for one in free if one["available"]), None)
        if start is not None:
            dishes = guest.get(f"{path}/menu?date={day['date']}")["items"][:2]
            body = {
                "offering_id": offering["id"],
                "starts_at": start,
                "party_size": 2,
                "items": [{"menu_item_id": dish["menu_item_id"]} for dish in dishes],
            }
            said = ", ".join(dish["name"] for dish in dishes) or "nothing ordered ahead"
            return Choice(offering["title"], start, said, body)
    raise StackError(_ALL_BOOKED)


def _payable(holder: Client, held: Mapping[str, Any]) -> Any:
    """The payment once its secret is there: with the answer, or a moment later after a 202."""
    payment = held.get("payment") or holder.find(f"/v1/bookings/{held['id']}/payment")
    return payment if payment and payment.get("client_secret") else None


def _pay(endpoints: Endpoints, payment: Mapping[str, Any]) -> None:
    """What Stripe.js does in a browser: confirm with the client secret and a card."""
    secret = str(payment["client_secret"])
    intent = secret.partition("_secret_")[0]
    reply = web.call(
        "POST",
        f"{endpoints['sandbox']['stripe']}/v1/payment_intents/{quote(intent)}/confirm",
        form={
            "client_secret": secret,
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": _CARD,
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": str(time.gmtime().tm_year + 2),
            "payment_method_data[card][cvc]": "123",
        },
        headers={"Authorization": f"Bearer {payment['publishable_key']}"},
    )
    if reply.status != 200:
        raise StackError(f"the payment was refused: {reply.body}")


def _settled(holder: Client, booking_id: str) -> Any:
    booking = holder.get(f"/v1/bookings/{booking_id}")
    return (
        booking if booking["status"] not in ("pending_payment", "requires_authentication") else None
    )


def _mail(endpoints: Endpoints, address: str, reference: str, *, attached: bool = False) -> Any:
    """The first that names the booking, and brings something if it is to."""
    reply = web.call("GET", f"{endpoints['sandbox']['mailbox']}/messages?to={quote(address)}")
    told = (mail for mail in reply.body if reference in mail["subject"] + mail["text"])
    return next((mail for mail in told if mail["attachments"] or not attached), None)


def _complete(entries: list[Mapping[str, Any]]) -> list[Mapping[str, Any]] | None:
    told = {entry["service"] for entry in entries}
    return entries if {"booking", "payments", "notifications"} <= told else None


def _print_timeline(entries: list[Mapping[str, Any]]) -> None:
    _step("timeline")
    for entry in entries:
        at, service, summary = (entry[name] for name in ("at", "service", "summary"))
        print(f"      {at[11:23]}  {service:13}  {summary}")
        if entry["message_id"]:
            print(f"      {'':12}  {'':13}  message {entry['message_id']}")
