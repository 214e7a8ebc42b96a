"""Prices: an amount that never changes; a lookup key names the one that holds now."""

from sandbox.stripe import intent_rules, money, products
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, Refusal, bad_parameter
from sandbox.stripe.shapes import EXPAND, PAGE, Flag, Integer, Many, Metadata, Shape, Text
from sandbox.stripe.store import Stored
from sandbox.stripe.windows import Window

KIND = "price"


def create(call: Call) -> Json:
    params = call.params
    if "unit_amount" not in params:
        raise bad_parameter(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            param="unit_amount",
            code="parameter_missing",
        )
    if "product" not in params:
        raise bad_parameter(
            "You must specify either `product` or `product_data` when creating a price.",
            param="product",
            code="parameter_missing",
        )
    code = money.currency(params["currency"])
    product = call.store.get(call.tenant, products.KIND, params["product"], param="product")
    key = params.get("lookup_key")
    if key is not None:
        _take(call, key, transfer=params.get("transfer_lookup_key", False))
    return add(call, product.body["id"], code, params).body


def add(call: Call, product: str, currency: str, params: Json) -> Stored:
    """Make a price of a product; a price made for one session only is not `active`."""
    amount: int = params["unit_amount"]
    body: Json = {
        "id": new_id("price"),
        "object": KIND,
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": call.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    stored = call.store.add(call.tenant, body, parent=product)
    call.emit("price.created", body)
    return stored


def retrieve(call: Call) -> Json:
    return call.store.get(call.tenant, KIND, call.id, param="price").body


def update(call: Call) -> Json:
    stored = call.store.get(call.tenant, KIND, call.id, param="price")
    params, body = call.params, stored.body
    key = params.get("lookup_key")
    if key is not None and key != body["lookup_key"]:
        _take(call, key, transfer=params.get("transfer_lookup_key", False))
    changed: Json = {
        name: params[name] for name in ("active", "nickname", "lookup_key") if name in params
    }
    if "metadata" in params:
        changed["metadata"] = intent_rules.merged(body["metadata"], params["metadata"])
    _change(call, stored, changed)
    return body


def list_(call: Call) -> Json:
    params = call.params
    keys = params.get("lookup_keys")
    if keys is not None:
        found = [one for key in keys if (one := _holder(call, key)) is not None]
        rows, more = [one.body for one in found], False
    else:
        rows, more = call.store.page(
            call.tenant, KIND, window(params), parent=params.get("product")
        )
    for name in ("active", "currency"):
        if name in params:
            rows = [row for row in rows if row[name] == params[name]]
    return listing("/v1/prices", (rows, more))


def _take(call: Call, key: str, *, transfer: bool) -> None:
    """Free a lookup key; raises Refusal(400) while another price has it and it may not move."""
    holder = _holder(call, key)
    if holder is None:
        return
    if not transfer:
        raise Refusal(
            400,
            f"A price (`{holder.body['id']}`) already uses that lookup key.",
            param="lookup_key",
        )
    _change(call, holder, {"lookup_key": None})


def _change(call: Call, stored: Stored, changed: Json) -> None:
    body = stored.body
    before = {name: body[name] for name, value in changed.items() if body[name] != value}
    if before:
        body.update(changed)
        call.store.save(stored)
        call.emit("price.updated", body, before=before)


def _holder(call: Call, key: str) -> Stored | None:
    cursor = None
    while True:
        page, more = call.store.page(call.tenant, KIND, Window(limit=100, starting_after=cursor))
        for body in page:
            if body["lookup_key"] == key:
                return call.store.get(call.tenant, KIND, body["id"])
        if not more:
            return None
        cursor = page[-1]["id"]


_CHANGEABLE: dict[str, Shape] = {
    "active": Flag(),
    "expand": EXPAND,
    "lookup_key": Text(longest=200),
    "metadata": Metadata(),
    "nickname": Text(),
    "transfer_lookup_key": Flag(),
}
OPERATIONS = (
    operation(
        "prices.create",
        "POST /v1/prices",
        create,
        {
            **_CHANGEABLE,
            "currency": Text(longest=10),
            "product": Text(),
            "unit_amount": Integer(least=0, most=money.LARGEST),
        },
        required=("currency",),
    ),
    operation("prices.retrieve", "GET /v1/prices/{id}", retrieve, {"expand": EXPAND}),
    operation("prices.update", "POST /v1/prices/{id}", update, _CHANGEABLE),
    operation(
        "prices.list",
        "GET /v1/prices",
        list_,
        {
            **PAGE,
            "active": Flag(),
            "currency": Text(longest=10),
            "lookup_keys": Many(Text(longest=200), most=10),
            "product": Text(),
        },
    ),
)
