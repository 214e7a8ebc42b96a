"""Products: what a price is a price of."""

from sandbox.stripe import intent_rules
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.shapes import EXPAND, PAGE, Flag, Metadata, Shape, Text
from sandbox.stripe.store import Stored

KIND = "product"

_COPIED = ("active", "description", "name", "statement_descriptor", "unit_label", "url")


def create(call: Call) -> Json:
    wanted = call.params.get("id")
    if wanted is not None and call.store.find(call.tenant, KIND, wanted) is not None:
        raise Refusal(
            400,
            f"Product already exists. Please use a different ID ({wanted}).",
            code="resource_already_exists",
            param="id",
        )
    return add(call, call.params).body


def add(call: Call, params: Json) -> Stored:
    """Make a product; its name is all it needs."""
    body: Json = {
        "id": params.get("id") or new_id("prod"),
        "object": KIND,
        "active": params.get("active", True),
        "created": call.now,
        "default_price": None,
        "description": params.get("description"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": None,
        "type": "service",
        "unit_label": params.get("unit_label"),
        "updated": call.now,
        "url": params.get("url"),
    }
    stored = call.store.add(call.tenant, body)
    call.emit("product.created", body)
    return stored


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id).body


def update(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id)
    body, params = stored.body, call.params
    changed = {name: params[name] for name in _COPIED if name in params}
    if "metadata" in params:
        changed["metadata"] = intent_rules.merged(body["metadata"], params["metadata"])
    before = {name: body[name] for name, value in changed.items() if body[name] != value}
    if before:
        before["updated"] = body["updated"]
        body.update(changed)
        body["updated"] = call.now
        call.store.save(stored)
        call.emit("product.updated", body, before=before)
    return body


def list_(call: Call) -> Json:
    rows, more = call.store.page(call.tenant, KIND, window(call.params))
    wanted = call.params.get("active")
    kept = [row for row in rows if wanted is None or row["active"] == wanted]
    return listing("/v1/products", (kept, more))


_CHANGEABLE: dict[str, Shape] = {
    "active": Flag(),
    "description": Text(longest=40_000, clears=True),
    "expand": EXPAND,
    "metadata": Metadata(),
    "name": Text(longest=5000),
    "statement_descriptor": Text(longest=22),
    "unit_label": Text(longest=12, clears=True),
    "url": Text(clears=True),
}
OPERATIONS = (
    operation(
        "products.create",
        "POST /v1/products",
        create,
        {**_CHANGEABLE, "id": Text(longest=255)},
        required=("name",),
    ),
    operation("products.retrieve", "GET /v1/products/{id}", retrieve, {"expand": EXPAND}),
    operation("products.update", "POST /v1/products/{id}", update, _CHANGEABLE),
    operation(
        "products.list",
        "GET /v1/products",
        list_,
        {**PAGE, "active": Flag()},
    ),
)
