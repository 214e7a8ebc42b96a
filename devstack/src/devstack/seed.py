"""The demo organisations, made through the public API as an operator would make them.

Safe to run again: what is there is found by its slug, number or title, and left as it is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from devstack import paypal_account, private, web
from devstack.client import Client
from devstack.errors import StackError
from devstack.keys import word
from devstack.organisations import DEMOS, Demo, Offer
from devstack.progress import Say

_SCOPES = ("bookings", "catalogue", "customers", "payments", "reports")


@dataclass(frozen=True)
class System:
    """A running system, however it was started."""

    endpoints: Mapping[str, Any]
    run_dir: Path
    create_operator_key: Callable[[], str]
    say: Say

    @property
    def gateway(self) -> str:
        return str(self.endpoints["gateway"])


def seed(system: System) -> dict[str, Any]:
    """Make what is missing; the `keys` and `demo` parts of `endpoints.json`.

    Raises:
        StackError: a call was refused.
    """
    memory = Memory.load(system.run_dir / "seed.json")
    if not memory.operator:
        memory.operator = system.create_operator_key()
        memory.save()
    operator = Client(system.gateway, api_key=memory.operator)
    seeded = {demo.slug: _organisation(system, memory, operator, demo) for demo in DEMOS}
    return {"keys": {"operator": memory.operator}, "demo": {"organisations": seeded}}


@dataclass
class Memory:
    """What the system won't tell twice: keys are shown once, then only their hashes are kept."""

    file: Path
    operator: str = ""
    organisations: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> "Memory":
        known = json.loads(file.read_text()) if file.exists() else {}
        return cls(file, known.get("operator", ""), known.get("organisations", {}))

    def save(self) -> None:
        private.write_json(
            self.file, {"operator": self.operator, "organisations": self.organisations}
        )


_Made = tuple[str, Mapping[str, str], Mapping[str, str]]  # venue, tables, sections of the menu


def _organisation(system: System, memory: Memory, operator: Client, demo: Demo) -> dict[str, Any]:
    noted = memory.organisations.setdefault(demo.slug, {})
    organisation = operator.find(f"/v1/organisations/{demo.slug}") or operator.post(
        "/v1/organisations", dict(demo.organisation)
    )
    if "api_key" not in noted:
        made = operator.post(
            "/v1/api-keys",
            {
                "organisation_id": organisation["id"],
                "name": "demo",
                "scopes": [f"manage:{module}" for module in _SCOPES],
            },
        )
        noted["api_key"] = made["key"]
        memory.save()
    staff = Client(operator.base, api_key=noted["api_key"])
    venue = _find(staff.items("/v1/venues"), "slug", demo.venue["slug"]) or staff.post(
        "/v1/venues", dict(demo.venue)
    )
    _payment_account(system, memory, staff, demo.slug)
    paypal_account.connect(system.endpoints, noted, staff, memory.save)
    if demo.swish and noted.get("swish") != demo.swish:
        staff.post("/v1/payment-accounts", {"provider": "swish", "publishable_key": demo.swish})
        noted["swish"] = demo.swish
        memory.save()
    resources = _tables(staff, demo, venue["id"])
    sections = _menu(staff, demo, venue["id"])
    offerings = {
        offer.title: _offering(staff, demo, offer, (venue["id"], resources, sections))
        for offer in demo.offers
    }
    for title, made in offerings.items():
        system.say(f"{demo.slug}: {title!r}, {len(made['sessions'])} sessions opened by hand")
    return {
        "id": organisation["id"],
        "venue_id": venue["id"],
        "api_key": noted["api_key"],
        "stripe_publishable_key": f"pk_test_{noted['stripe']}",
        "offerings": offerings,
    }


def _offering(staff: Client, demo: Demo, offer: Offer, made_before: _Made) -> dict[str, Any]:
    venue_id, resources, sections = made_before
    body = {"venue_id": venue_id, **offer.settings}
    if offer.section is not None:
        menu = {"section_ids": [sections[offer.section]], "preorder": "required"}
        body["pricing"] = {
            "kind": "items",
            "menu": {**menu, "cutoff_hours": 24},
            "payment_methods": ["card", "paypal"],
        }
    listed = staff.items(f"/v1/offerings?organisation={demo.slug}")
    made = _find(listed, "title", offer.title) or staff.post("/v1/offerings", body)
    sessions = _sessions(staff, demo, offer, made["id"], resources)
    return {
        "id": made["id"],
        "preset": offer.settings["preset"],
        "sessions": [session["id"] for session in sessions],
        "resources": resources,
    }


def _find(entries: list[Any], name: str, value: object) -> Any:
    return next((entry for entry in entries if entry[name] == value), None)


def _tables(staff: Client, demo: Demo, venue_id: str) -> dict[str, str]:
    """Ids of the venue's tables by their number."""
    if not demo.tables:
        return {}
    listed = staff.items(f"/v1/resources?venue_id={venue_id}")
    ids = {int(entry["number"]): str(entry["id"]) for entry in listed}
    for table in demo.tables:
        if table.number not in ids:
            made = staff.post(
                "/v1/resources",
                {
                    "venue_id": venue_id,
                    "number": table.number,
                    "label": f"Table {table.number}",
                    "floor": table.floor,
                    "seats_min": table.seats_min,
                    "seats_max": table.seats_max,
                    "vip": table.vip,
                    **({"join_group": table.group} if table.group else {}),
                },
            )
            ids[table.number] = made["id"]
    return {str(number): ids[number] for number in sorted(ids)}


def _menu(staff: Client, demo: Demo, venue_id: str) -> dict[str, str]:
    """Ids of the menu's sections by their name, with their dishes in them."""
    if not demo.menu:
        return {}
    path = f"/v1/venues/{venue_id}/menu-sections"
    listed = {section["name"]: section["id"] for section in staff.items(path)}
    for name, dishes in demo.menu.items():
        if name not in listed:
            listed[name] = staff.post(path, {"name": name})["id"]
        known = {item["name"] for item in staff.items(f"/v1/menu-sections/{listed[name]}/items")}
        for order, dish in enumerate(dishes):
            if dish.name not in known:
                staff.post(
                    f"/v1/menu-sections/{listed[name]}/items",
                    {
                        "name": dish.name,
                        "price_minor": dish.price_minor,
                        "allergens": list(dish.allergens),
                        "sort_order": order,
                    },
                )
    return listed


def _sessions(
    staff: Client, demo: Demo, offer: Offer, offering_id: str, resources: Mapping[str, str]
) -> list[Any]:
    """The sessions with dates of their own; rules make the others by themselves."""
    if not offer.sessions:
        return []
    listed = staff.items(f"/v1/offerings/{offering_id}/sessions")
    today = datetime.now(UTC).astimezone(ZoneInfo(str(demo.venue["timezone"]))).date()
    while len(listed) < len(offer.sessions):
        plan = offer.sessions[len(listed)]
        body = {
            "offering_id": offering_id,
            "title": plan["title"],
            "date": (today + timedelta(days=int(plan["days"]))).isoformat(),
            "start_time": plan["start_time"],
            "end_time": plan["end_time"],
        }
        if resources:
            body["resource_ids"] = list(resources.values())
        listed.append(staff.post("/v1/sessions", body))
    return listed


def _payment_account(system: System, memory: Memory, staff: Client, slug: str) -> None:
    """An account of the organisation's own at the sandbox, with a webhook address of its own."""
    noted = memory.organisations[slug]
    noted.setdefault("stripe", word())
    secret_key = f"sk_test_{noted['stripe']}"
    if "account" not in noted:
        memory.save()
        made = staff.post(
            "/v1/payment-accounts",
            {
                "provider": "stripe",
                "secret_key": secret_key,
                "publishable_key": f"pk_test_{noted['stripe']}",
            },
        )
        noted |= {"account": made["id"], "webhook_path": made["webhook_path"]}
        memory.save()
    url = str(system.endpoints["webhooks"]) + noted["webhook_path"]
    if noted.get("webhook_url") == url:
        return
    endpoint = web.call(
        "POST",
        f"{system.endpoints['sandbox']['stripe']}/v1/webhook_endpoints",
        form={"url": url, "enabled_events[0]": "*"},
        headers={"Authorization": f"Bearer {secret_key}"},
    )
    if endpoint.status != 200:
        raise StackError(f"the sandbox refused a webhook endpoint: {endpoint.body}")
    staff.post(
        f"/v1/payment-accounts/{noted['account']}/webhook-secret",
        {"secret": endpoint.body["secret"]},
    )
    noted["webhook_url"] = url
    memory.save()
