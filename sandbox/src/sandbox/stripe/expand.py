"""`expand[]`: replacing an id in an answer by the object it names."""

from collections.abc import Sequence

from sandbox.stripe.refusal import Json, bad_parameter
from sandbox.stripe.store import Store

_EXPANDABLE = {
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("charge", "application_fee"): "application_fee",
    ("charge", "balance_transaction"): "balance_transaction",
    ("charge", "payment_intent"): "payment_intent",
    ("charge", "transfer"): "transfer",
    ("checkout.session", "payment_intent"): "payment_intent",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
    ("charge", "customer"): "customer",
    ("payment_intent", "customer"): "customer",
    ("payment_method", "customer"): "customer",
    ("price", "product"): "product",
    ("refund", "balance_transaction"): "balance_transaction",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("setup_intent", "customer"): "customer",
    ("setup_intent", "payment_method"): "payment_method",
}
_DEEPEST = 4


def expand(store: Store, tenant: str, answer: Json, paths: Sequence[str]) -> Json:
    """The answer with the paths filled in; raises Refusal(400) for what can't be expanded."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise bad_parameter(
                f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        _walk(store, tenant, answer, steps, path)
    return answer


def _walk(store: Store, tenant: str, body: Json, steps: Sequence[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if body["object"] in {"list", "search_result"} and step == "data" and rest:
        for item in body["data"]:
            _walk(store, tenant, item, rest, path)
        return
    kind = _EXPANDABLE.get((body["object"], step))
    if kind is None:
        raise bad_parameter(f"This property cannot be expanded ({path}).", param="expand")
    value = body.get(step)  # some are only there where they apply
    if isinstance(value, str):
        body[step] = value = store.get(tenant, kind, value).body
    if rest and value is not None:
        _walk(store, tenant, value, rest, path)
