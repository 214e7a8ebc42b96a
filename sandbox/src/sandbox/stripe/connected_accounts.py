"""Connected accounts: those a platform takes money for, once Stripe has been told who they are."""

import secrets
from typing import Any

from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter, no_such
from sandbox.stripe.shapes import EXPAND, PAGE, Choice, Fields, Flag, Metadata, Shape, Text
from sandbox.stripe.store import Stored

KIND = "account"
APPLICATION = "ca_sandbox"
LINK_SECONDS = 300

_CURRENCIES = {
    **dict.fromkeys(("AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PT"), "eur"),
    "AU": "aud",
    "CA": "cad",
    "CH": "chf",
    "DK": "dkk",
    "GB": "gbp",
    "JP": "jpy",
    "NO": "nok",
    "NZ": "nzd",
    "PL": "pln",
    "SE": "sek",
    "SG": "sgd",
    "US": "usd",
}
_ASKED = ["business_profile.url", "external_account", "individual.verification.document"]
_CAPABILITIES = ("bacs_debit_payments", "card_payments", "transfers")


def create(call: Call) -> Json:
    params = call.params
    country = params.get("country", "US")
    if country not in _CURRENCIES:
        raise bad_parameter(
            f"Country '{country}' is not supported by Stripe.",
            param="country",
            code="country_unsupported",
        )
    wanted = params.get("capabilities", {})
    controller = params.get("controller", {})
    body: Json = {
        "id": new_id("acct"),
        "object": KIND,
        "business_profile": None,
        "business_type": None,
        "capabilities": {
            name: "inactive" for name, asked in wanted.items() if asked.get("requested")
        },
        "charges_enabled": False,
        "controller": {
            "fees": {"payer": "account", **controller.get("fees", {})},
            "is_controller": True,
            "losses": {"payments": "stripe", **controller.get("losses", {})},
            "requirement_collection": controller.get("requirement_collection", "stripe"),
            "stripe_dashboard": {"type": "full", **controller.get("stripe_dashboard", {})},
            "type": "application",
        },
        "country": country,
        "created": call.now,
        "default_currency": _CURRENCIES[country],
        "details_submitted": False,
        "email": None,
        "metadata": {key: value for key, value in (params.get("metadata") or {}).items() if value},
        "payouts_enabled": False,
        "requirements": _requirements(_ASKED, "requirements.past_due"),
        "type": "none",
    }
    return call.store.add(call.tenant, body).body


def retrieve(call: Call) -> Json:
    return accessible(call, call.id).body


def list_(call: Call) -> Json:
    rows, more = call.store.page(call.tenant, KIND, window(call.params))
    return listing("/v1/accounts", (rows, more))


def link(call: Call) -> Json:
    """A page for the business itself; it opens once, and within minutes."""
    params = call.params
    stored = accessible(call, params["account"], param="account")
    for name in ("refresh_url", "return_url"):
        if name not in params:
            raise bad_parameter(
                f"Missing required param: {name}.", param=name, code="parameter_missing"
            )
    token, expires_at = secrets.token_urlsafe(16), call.now + LINK_SECONDS
    stored.hidden["link"] = {
        "token": token,
        "expires_at": expires_at,
        **{name: params[name] for name in ("refresh_url", "return_url")},
    }
    call.store.save(stored)
    return {
        "object": "account_link",
        "created": call.now,
        "expires_at": expires_at,
        "url": f"{call.base_url}/_sandbox/onboarding/{stored.body['id']}/{token}",
    }


def accessible(call: Call, identifier: str, *, param: str = "account") -> Stored:
    """The platform's connected account; raises Refusal(403) once it has left, (404) for others'."""
    stored = call.store.find(call.tenant, KIND, identifier)
    if stored is None:
        raise no_such(KIND, identifier, param=param)
    if stored.hidden.get("left"):
        raise Refusal(
            403,
            f"The provided key does not have access to account '{identifier}' (or that account "
            "does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
    return stored


def onboard(call: Call, stored: Stored) -> Json:
    """The business told all that Stripe asks: it can be paid."""
    return _become(call, stored, enabled=True, requirements=_requirements([], None))


def restrict(call: Call, stored: Stored) -> Json:
    """Stripe asks for more and takes nothing until then."""
    asked = ["individual.verification.document"]
    return _become(
        call, stored, enabled=False, requirements=_requirements(asked, "requirements.past_due")
    )


def leave(call: Call, stored: Stored) -> Json:
    """The business takes back the platform's access."""
    stored.hidden["left"] = True
    call.store.save(stored)
    application = {"id": APPLICATION, "object": "application", "name": "Sandbox platform"}
    call.emit("account.application.deauthorized", application, connected=stored.body["id"])
    return application


def _become(call: Call, stored: Stored, *, enabled: bool, requirements: Json) -> Json:
    body = stored.body
    names = ("charges_enabled", "payouts_enabled", "requirements")
    before = {name: body[name] for name in names}
    body["charges_enabled"] = body["payouts_enabled"] = enabled
    body["details_submitted"] = True
    body["requirements"] = requirements
    state = "active" if enabled else "inactive"
    body["capabilities"] = dict.fromkeys(body["capabilities"], state)
    call.store.save(stored)
    call.emit("account.updated", body, before=before, connected=body["id"])
    return body


def _requirements(due: list[str], reason: str | None) -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }


_REQUESTED: Shape = Fields({"requested": Flag()})
_CONTROLLER: dict[str, Any] = {
    "fees": Fields({"payer": Choice(("account", "application"))}),
    "losses": Fields({"payments": Choice(("application", "stripe"))}),
    "requirement_collection": Choice(("application", "stripe")),
    "stripe_dashboard": Fields({"type": Choice(("express", "full", "none"))}),
}
OPERATIONS = (
    operation(
        "accounts.create",
        "POST /v1/accounts",
        create,
        {
            "capabilities": Fields(dict.fromkeys(_CAPABILITIES, _REQUESTED)),
            "controller": Fields(_CONTROLLER),
            "country": Text(longest=2),
            "metadata": Metadata(),
            "expand": EXPAND,
        },
    ),
    operation("accounts.list", "GET /v1/accounts", list_, PAGE),
    operation("accounts.retrieve", "GET /v1/accounts/{id}", retrieve, {"expand": EXPAND}),
    operation(
        "account_links.create",
        "POST /v1/account_links",
        link,
        {
            "account": Text(),
            "refresh_url": Text(),
            "return_url": Text(),
            "type": Choice(("account_onboarding", "account_update")),
            "expand": EXPAND,
        },
        required=("account", "type"),
    ),
)
