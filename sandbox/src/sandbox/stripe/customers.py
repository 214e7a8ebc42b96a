"""Customers: what saved payment methods hang on, and as little else as possible."""

from sandbox.stripe import intent_rules
from sandbox.stripe.call import Call, listing, new_id, operation, window
from sandbox.stripe.refusal import Json, no_such
from sandbox.stripe.shapes import EXPAND, PAGE, Metadata, Shape, Text
from sandbox.stripe.store import Stored

KIND = "customer"

_COPIED = ("description", "email", "name", "phone")


def create(call: Call) -> Json:
    params = call.params
    body: Json = {
        "id": new_id("cus"),
        "object": KIND,
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": intent_rules.merged({}, params.get("metadata")),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **{name: params.get(name) for name in _COPIED},
    }
    call.store.add(call.tenant, body)
    call.emit("customer.created", body)
    return body


def retrieve(call: Call) -> Json:
    """A deleted customer is still known to have been there."""
    return call.store.get(call.tenant, KIND, call.id).body


def update(call: Call) -> Json:
    stored = present(call, call.id, param="id")
    body, params = stored.body, call.params
    changed = {name: params[name] for name in _COPIED if name in params}
    if "metadata" in params:
        changed["metadata"] = intent_rules.merged(body["metadata"], params["metadata"])
    before = {name: body[name] for name, value in changed.items() if body[name] != value}
    if before:
        body.update(changed)
        call.store.save(stored)
        call.emit("customer.updated", body, before=before)
    return body


def delete(call: Call) -> Json:
    """Gone for good, and every payment method that was saved on it can't be charged any more."""
    stored = present(call, call.id, param="id")
    before = stored.body
    for saved in call.store.children(call.id, "payment_method"):
        saved.body["customer"] = None
        saved.hidden["used"] = True
        call.store.save(saved, parent=None)
    stored.body = {"id": call.id, "object": KIND, "deleted": True}
    call.store.save(stored)
    call.emit("customer.deleted", before)
    return stored.body


def list_(call: Call) -> Json:
    rows, more = call.store.page(call.tenant, KIND, window(call.params))
    return listing("/v1/customers", ([row for row in rows if not row.get("deleted")], more))


def present(call: Call, identifier: str, *, param: str = "customer") -> Stored:
    """A customer who is still there. Raises Refusal(404), or 400 where a parameter names it."""
    stored = call.store.find(call.tenant, KIND, identifier)
    if stored is None or stored.body.get("deleted"):
        missing = no_such("customer", identifier, param=param)
        missing.status = 404 if param == "id" else 400
        raise missing
    return stored


_CHANGEABLE: dict[str, Shape] = {
    "description": Text(clears=True),
    "email": Text(longest=512, clears=True),
    "expand": EXPAND,
    "metadata": Metadata(),
    "name": Text(longest=256, clears=True),
    "phone": Text(longest=20, clears=True),
}
OPERATIONS = (
    operation("customers.create", "POST /v1/customers", create, _CHANGEABLE),
    operation("customers.retrieve", "GET /v1/customers/{id}", retrieve, {"expand": EXPAND}),
    operation("customers.update", "POST /v1/customers/{id}", update, _CHANGEABLE),
    operation("customers.delete", "DELETE /v1/customers/{id}", delete, {}),
    operation("customers.list", "GET /v1/customers", list_, PAGE),
)
