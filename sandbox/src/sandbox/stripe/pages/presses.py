"""What the buttons of the overview do."""

from collections.abc import Awaitable, Mapping

import orjson
from fastapi import HTTPException

from sandbox.faults import TOO_OLD, Wrong
from sandbox.stripe import accounts, control, dispute_course
from sandbox.stripe.answer import Answer
from sandbox.stripe.control import World
from sandbox.stripe.refusal import Json, Refusal

Form = Mapping[str, str]

_ON_INTENTS = {
    "confirm": "payment_intents.confirm",
    "cancel": "payment_intents.cancel",
    "capture": "payment_intents.capture",
    "refund": "refunds.create",
}
_AGAIN: Mapping[str, tuple[int, Wrong]] = {
    "deliver": (1, Wrong()),
    "deliver-twice": (2, Wrong()),
    "deliver-forged": (1, Wrong(forged=True)),
    "deliver-stale": (1, Wrong(age=TOO_OLD)),
}


async def press(around: World, action: str, identifier: str, form: Form, base_url: str) -> str:
    """Do it; what came of it, for a person. Raises HTTPException(404) for what there isn't."""
    if action == "webhooks":
        return _webhooks(around, identifier)
    if action in _AGAIN:
        return await _again(around, action, identifier)
    settling = _settling(around, action, identifier)
    if settling is not None:
        return await _told(identifier, settling)
    if action == "create":
        return _create(around, form, base_url)
    return _on_intent(around, action, identifier, form, base_url)


def _webhooks(around: World, wanted: str) -> str:
    if wanted == "pause":
        around.deliveries.pause()
    else:
        around.deliveries.resume()
    return f"webhooks: {wanted}"


async def _again(around: World, action: str, event: str) -> str:
    count, wrong = _AGAIN[action]
    sent = await around.deliveries.deliver([event], count=count, shuffle=False, wrong=wrong)
    return f"{event}: " + (", ".join(one.said for one in sent) or "no endpoint listens")


def _settling(around: World, action: str, identifier: str) -> Awaitable[Json] | None:
    """The control call of a button that is about a refund or a dispute."""
    if action in {"arrives", "fails"}:
        settlement = control.Settlement(succeeds=action == "arrives")
        return control.settle_refund(identifier, settlement, around)
    if action == "dispute":
        return control.dispute(identifier, around)
    for outcome in dispute_course.OUTCOMES:
        if action == outcome:
            decision = control.Decision(outcome=outcome)
            return control.settle_dispute(identifier, decision, around)
    return None


async def _told(identifier: str, done: Awaitable[Json]) -> str:
    """What came of a control call."""
    try:
        body = await done
    except HTTPException as refused:
        if refused.status_code == 404:
            raise
        return f"{identifier}: {refused.detail}"
    return f"{body['id']}: {body['status']}"


def _create(around: World, form: Form, base_url: str) -> str:
    """A payment out of nothing, for whoever has no client at hand."""
    try:
        tenant = accounts.account(form.get("key")).tenant
    except Refusal as refusal:
        return refusal.message
    wanted = {name: form.get(name, "") for name in ("amount", "currency")}
    return _said(
        around.api.perform(tenant, "payment_intents.create", "", wanted, base_url=base_url)
    )


def _on_intent(around: World, action: str, identifier: str, form: Form, base_url: str) -> str:
    tenant = around.store.owner("payment_intent", identifier)
    if tenant is None or action not in _ON_INTENTS:
        raise HTTPException(404)
    wanted: Json = {}
    if action == "confirm":
        wanted = {"payment_method": form.get("card", "")}
    elif action == "refund":
        wanted = {"payment_intent": identifier, "amount": form.get("amount") or None}
    answer = around.api.perform(tenant, _ON_INTENTS[action], identifier, wanted, base_url=base_url)
    return f"{identifier}: {_said(answer)}"


def _said(answer: Answer) -> str:
    """What Stripe would have said, in short."""
    body = orjson.loads(answer.body)
    return str(body["error"]["message"] if "error" in body else f"{body['id']} {body['status']}")
