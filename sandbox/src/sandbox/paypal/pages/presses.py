"""What the buttons of the overview do."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import get_args

from fastapi import Request

from sandbox.faults import TOO_OLD, Wrong
from sandbox.paypal import disputes
from sandbox.paypal.api import Api, Work
from sandbox.paypal.refusal import Refusal, not_found

_AGAIN: Mapping[str, tuple[int, Wrong]] = {
    "deliver": (1, Wrong()),
    "deliver-twice": (2, Wrong()),
    "deliver-forged": (1, Wrong(forged=True)),
    "deliver-stale": (1, Wrong(age=TOO_OLD)),
}


_STEPS: Sequence[disputes.Step] = get_args(disputes.Step)
_OUTCOMES: Sequence[disputes.Outcome] = get_args(disputes.Outcome)


async def press(api: Api, request: Request, action: str, identifier: str) -> str:
    """Do it; what came of it, for a person. Raises Refusal(404) for what there isn't."""
    if action == "webhooks":
        if identifier == "pause":
            api.deliveries.pause()
        else:
            api.deliveries.resume()
        return f"webhooks: {identifier}"
    if action in _AGAIN:
        count, wrong = _AGAIN[action]
        sent = await api.deliveries.deliver([identifier], count=count, shuffle=False, wrong=wrong)
        return f"{identifier}: " + (", ".join(one["answer"] for one in sent) or "nobody listens")
    work = _money(api, identifier).get(action)
    if work is None:
        raise not_found()
    try:
        return f"{identifier}: {api.write(request, work)['status']}"
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return f"{identifier}: {refusal.issue}"


def _money(api: Api, identifier: str) -> Mapping[str, Work]:
    """What can be done with a capture, a refund or a dispute."""
    reason = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
    return {
        "completes": lambda ledger: ledger.settle(identifier, completes=True),
        "denied": lambda ledger: ledger.settle(identifier, completes=False),
        "reverse": lambda ledger: ledger.reverse(identifier),
        "refund": lambda ledger: ledger.refund(
            api.store.get("capture", identifier).tenant, identifier, {}, "COMPLETED"
        ),
        "arrives": lambda ledger: ledger.settle_refund(identifier, completes=True),
        "fails": lambda ledger: ledger.settle_refund(identifier, completes=False),
        "dispute": lambda ledger: disputes.begin(ledger, identifier, reason, inquiry=False),
        "inquire": lambda ledger: disputes.begin(ledger, identifier, reason, inquiry=True),
        **{step: partial(disputes.go_on, identifier=identifier, step=step) for step in _STEPS},
        **{
            outcome: partial(disputes.settle, identifier=identifier, outcome=outcome)
            for outcome in _OUTCOMES
        },
    }
