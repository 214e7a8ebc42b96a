"""The list of what happened; the way to catch up on webhooks that never came."""

from sandbox.stripe.call import Call, listing, operation, window
from sandbox.stripe.refusal import Json, bad_parameter, no_such
from sandbox.stripe.shapes import EXPAND, PAGE, Flag, Many, Text


def retrieve(call: Call) -> Json:
    found = call.store.events.find(call.id)
    if found is None or found[0] != call.tenant:
        raise no_such("event", call.id)
    return found[1]


def list_(call: Call) -> Json:
    params = call.params
    if "type" in params and "types" in params:
        raise bad_parameter(
            "You may only specify one of these parameters: type, types.",
            code="parameters_exclusive",
        )
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    page = call.store.events.page(
        call.tenant, window(params), types=types, delivered=params.get("delivery_success")
    )
    return listing("/v1/events", page)


OPERATIONS = (
    operation(
        "events.list",
        "GET /v1/events",
        list_,
        {**PAGE, "type": Text(), "types": Many(Text(), most=20), "delivery_success": Flag()},
    ),
    operation("events.retrieve", "GET /v1/events/{id}", retrieve, {"expand": EXPAND}),
)
