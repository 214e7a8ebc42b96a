"""Where events are sent. A signing secret is shown once, when it is made."""

import re
import secrets

from sandbox.stripe import connected_accounts
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, bad_parameter
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.shapes import EXPAND, PAGE, Choice, Flag, Many, Metadata, Text
from sandbox.stripe.store import Stored

KIND = "webhook_endpoint"
_MOST = 16


def new_secret() -> str:
    return "whsec_" + secrets.token_hex(16)


def create(call: Call) -> Json:
    if len(call.store.endpoints(call.tenant)) >= _MOST:
        raise bad_parameter(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    return add(call, new_secret())


def add(call: Call, secret: str) -> Json:
    """Make an endpoint with a given secret; the answer shows it."""
    params = call.params
    _check_url(params["url"])
    body: Json = {
        "id": new_id("we"),
        "object": KIND,
        "api_version": params.get("api_version"),
        "application": connected_accounts.APPLICATION if params.get("connect") else None,
        "created": call.now,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": {key: value for key, value in (params.get("metadata") or {}).items() if value},
        "status": "enabled",
        "url": params["url"],
    }
    call.store.add(call.tenant, body, hidden={"secret": secret})
    call.store.endpoints_changed()
    return {**body, "secret": secret}


def retrieve(call: Call) -> Json:
    return _get(call).body


def update(call: Call) -> Json:
    stored, params = _get(call), call.params
    if "url" in params:
        _check_url(params["url"])
        stored.body["url"] = params["url"]
    if "disabled" in params:
        stored.body["status"] = "disabled" if params["disabled"] else "enabled"
    for name in ("description", "enabled_events"):
        if name in params:
            stored.body[name] = params[name]
    if "metadata" in params:
        changed = params["metadata"]
        merged = {**stored.body["metadata"], **changed} if changed is not None else {}
        stored.body["metadata"] = {key: value for key, value in merged.items() if value}
    call.store.save(stored)
    call.store.endpoints_changed()
    return stored.body


def delete(call: Call) -> Json:
    stored = _get(call)
    call.store.remove(stored)
    call.store.endpoints_changed()
    return {"id": stored.body["id"], "object": KIND, "deleted": True}


def list_(call: Call) -> Json:
    return listing("/v1/webhook_endpoints", call.store.page(call.tenant, KIND, window(call.params)))


def _get(call: Call) -> Stored:
    return call.store.get(call.tenant, KIND, call.id)


def _check_url(url: str) -> None:
    if not re.match(r"https?://[^\s/]+", url):
        raise bad_parameter(
            "Invalid URL: an explicit scheme (such as https) must be provided.",
            param="url",
            code="url_invalid",
        )


_EVENTS = Many(Text(longest=100))

OPERATIONS = (
    operation(
        "webhook_endpoints.create",
        "POST /v1/webhook_endpoints",
        create,
        {
            "url": Text(),
            "enabled_events": _EVENTS,
            "description": Text(clears=True),
            "metadata": Metadata(),
            "api_version": Choice((API_VERSION,)),
            "connect": Flag(),
            "expand": EXPAND,
        },
        required=("url", "enabled_events"),
    ),
    operation(
        "webhook_endpoints.list",
        "GET /v1/webhook_endpoints",
        list_,
        {name: shape for name, shape in PAGE.items() if name != "created"},
    ),
    operation(
        "webhook_endpoints.retrieve", "GET /v1/webhook_endpoints/{id}", retrieve, {"expand": EXPAND}
    ),
    operation(
        "webhook_endpoints.update",
        "POST /v1/webhook_endpoints/{id}",
        update,
        {
            "url": Text(),
            "enabled_events": _EVENTS,
            "description": Text(clears=True),
            "metadata": Metadata(),
            "disabled": Flag(),
            "expand": EXPAND,
        },
    ),
    operation("webhook_endpoints.delete", "DELETE /v1/webhook_endpoints/{id}", delete, {}),
)
