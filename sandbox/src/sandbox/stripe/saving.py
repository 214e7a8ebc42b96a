"""Payment methods that a customer keeps: saved, charged again later, taken off."""

from sandbox.stripe import customers, payment_methods
from sandbox.stripe.call import Call, listing, operation, window
from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.shapes import EXPAND, PAGE, Choice, Text
from sandbox.stripe.store import Stored


def save(call: Call, method: Stored, customer: str | None) -> None:
    """Keep a method that its owner has just used, or set up: its bank need not ask again."""
    method.hidden["set_up"] = True
    if customer is None or method.body["customer"] == customer:
        call.store.save(method)
        return
    _hang(call, method, customer)


def check_owner(method: Stored, customer: str | None) -> None:
    """Raises Refusal(400) when a method is saved, and not on this customer."""
    owner = method.body["customer"]
    if owner is not None and owner != customer:
        raise Refusal(
            400,
            f"The provided PaymentMethod ({method.body['id']}) belongs to a Customer. You must "
            "supply the Customer that it belongs to when you use it.",
            param="payment_method",
        )


def needs_its_owner(method: Stored, *, off_session: bool) -> bool:
    """Whether the bank asks: some cards always, some not once they are set up for later."""
    card = payment_methods.card_of(method)
    return card.asks and not (off_session and card.asks_once and method.hidden.get("set_up"))


def attach(call: Call) -> Json:
    method = call.store.get(call.tenant, payment_methods.KIND, call.id, param="payment_method")
    customers.present(call, call.params["customer"])
    check_owner(method, call.params["customer"])
    if method.hidden.get("used"):
        raise payment_methods.used_before()
    card = payment_methods.card_of(method)
    if card.decline is not None and not card.attaches:
        raise payment_methods.refused(card.decline)
    _hang(call, method, call.params["customer"])
    return method.body


def detach(call: Call) -> Json:
    method = call.store.get(call.tenant, payment_methods.KIND, call.id, param="payment_method")
    if method.body["customer"] is None:
        raise Refusal(
            400,
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
        )
    before = {"customer": method.body["customer"]}
    method.body["customer"] = None
    method.hidden["used"] = True
    call.store.save(method, parent=None)
    call.emit("payment_method.detached", method.body, before=before)
    return method.body


def list_(call: Call) -> Json:
    customer = call.params.get("customer")
    if customer is not None:
        customers.present(call, customer)
    page = call.store.page(call.tenant, payment_methods.KIND, window(call.params), parent=customer)
    return listing("/v1/payment_methods", page)


def _hang(call: Call, method: Stored, customer: str) -> None:
    method.body["customer"] = customer
    call.store.save(method, parent=customer)
    call.emit("payment_method.attached", method.body)


_PAGE = {name: shape for name, shape in PAGE.items() if name != "created"}
OPERATIONS = (
    operation(
        "payment_methods.list",
        "GET /v1/payment_methods",
        list_,
        {**_PAGE, "customer": Text(), "type": Choice(("card",))},
    ),
    operation(
        "payment_methods.attach",
        "POST /v1/payment_methods/{id}/attach",
        attach,
        {"customer": Text(), "expand": EXPAND},
        required=("customer",),
    ),
    operation(
        "payment_methods.detach",
        "POST /v1/payment_methods/{id}/detach",
        detach,
        {"expand": EXPAND},
    ),
)
