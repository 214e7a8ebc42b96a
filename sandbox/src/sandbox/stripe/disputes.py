"""Disputes: what an account can do about one. What becomes of it is `dispute_course`."""

from sandbox.stripe import dispute_course
from sandbox.stripe.call import Call, listing, operation, window
from sandbox.stripe.dispute_course import KIND
from sandbox.stripe.intent_rules import merged
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.shapes import EXPAND, PAGE, Fields, Flag, Metadata, Text
from sandbox.stripe.store import Stored

_MOST_EVIDENCE = 150_000


def retrieve(call: Call) -> Json:
    return _get(call).body


def list_(call: Call) -> Json:
    parent = call.params.get("payment_intent")
    if "charge" in call.params:
        charge = call.store.get(call.tenant, "charge", call.params["charge"], param="charge")
        parent = charge.body["payment_intent"]
    return listing(
        "/v1/disputes", call.store.page(call.tenant, KIND, window(call.params), parent=parent)
    )


def update(call: Call) -> Json:
    """Evidence is sent to the bank at once, or kept back with `submit=false`."""
    stored, params = _get(call), call.params
    body = stored.body
    if "metadata" in params:
        body["metadata"] = merged(body["metadata"], params["metadata"])
    if "evidence" not in params and not params.get("submit"):
        call.store.save(stored)
        call.emit("charge.dispute.updated", body)
        return body
    if not dispute_course.awaits_evidence(body):
        raise Refusal(
            400,
            f"This dispute has a status of {body['status']}: evidence can no longer be submitted.",
            param="evidence",
        )
    evidence = {**body["evidence"], **params.get("evidence", {})}
    if sum(len(text) for text in evidence.values() if isinstance(text, str)) > _MOST_EVIDENCE:
        raise bad_parameter(
            f"The combined character count of all evidence is limited to {_MOST_EVIDENCE:,}.",
            param="evidence",
        )
    body["evidence"] = evidence
    body["evidence_details"]["has_evidence"] = any(evidence.values())
    if params.get("submit", True):
        dispute_course.submit(call, stored)
    else:
        call.store.save(stored)
        call.emit("charge.dispute.updated", body)
    return body


def close(call: Call) -> Json:
    """The account gives in."""
    stored = _get(call)
    if not dispute_course.is_open(stored.body):
        raise Refusal(400, "This dispute is already closed.")
    return dispute_course.settle(call, stored, "lost")


def _get(call: Call) -> Stored:
    return call.store.get(call.tenant, KIND, call.id, param="dispute")


OPERATIONS = (
    operation("disputes.retrieve", "GET /v1/disputes/{id}", retrieve, {"expand": EXPAND}),
    operation(
        "disputes.list",
        "GET /v1/disputes",
        list_,
        {**PAGE, "charge": Text(), "payment_intent": Text()},
    ),
    operation(
        "disputes.update",
        "POST /v1/disputes/{id}",
        update,
        {
            "evidence": Fields(
                {name: Text(longest=20_000, clears=True) for name in dispute_course.WRITTEN}
            ),
            "metadata": Metadata(),
            "submit": Flag(),
            "expand": EXPAND,
        },
    ),
    operation("disputes.close", "POST /v1/disputes/{id}/close", close, {"expand": EXPAND}),
)
