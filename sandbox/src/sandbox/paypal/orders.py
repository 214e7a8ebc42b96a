"""Orders, captures and refunds: what PayPal's objects do, and the events they cause."""

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.paypal.money import amount_of, minor
from sandbox.paypal.refusal import Json, not_found, unprocessable
from sandbox.paypal.store import Delivery, Store, Stored

LIFETIME = 3 * 3600.0
"""Seconds that an order waits for its payer's approval."""
CHOICES = ("pay", "decline", "pending")
_TAKEN = frozenset({"COMPLETED", "PENDING", "PARTIALLY_REFUNDED", "REFUNDED"})
_ALPHABET = string.ascii_uppercase + string.digits


def new_id() -> str:
    """As PayPal's ids look: 17 capital letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(17))


@dataclass
class Ledger:
    """One account's orders, inside one transaction. `sent` are the deliveries it caused."""

    store: Store
    base: str
    public: str
    sent: list[Delivery] = field(default_factory=list)

    def moment(self, later: float = 0.0) -> str:
        """Now by the sandbox's clock, or so many seconds later."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.store.clock.now() + later))

    # Orders

    def create(self, tenant: str, body: Json) -> Json:
        unit: Json = dict(body["purchase_units"][0])
        minor(unit["amount"])
        context = ((body.get("payment_source") or {}).get("paypal") or {}).get(
            "experience_context"
        ) or {}
        waiting = "PAYER_ACTION_REQUIRED" if body.get("payment_source") else "CREATED"
        order: Json = {
            "id": new_id(),
            "intent": body["intent"],
            "status": waiting,
            "purchase_units": [{"reference_id": "default", **unit}],
            "create_time": self.moment(),
        }
        if body.get("payment_source"):
            order["payment_source"] = {"paypal": {}}
        hidden = {"context": context, "born": self.store.clock.now(), "waiting": waiting}
        self.store.add(Stored(tenant, "order", None, order, hidden))
        return self.shown(self.order(order["id"]))

    def order(self, identifier: str, tenant: str | None = None) -> Stored:
        """Raises Refusal(404) too once nobody approved it in time."""
        stored = self.store.get("order", identifier, tenant)
        waits = stored.body["status"] in {"CREATED", "PAYER_ACTION_REQUIRED"}
        if waits and self.store.clock.now() - stored.hidden["born"] > LIFETIME:
            raise not_found()
        return stored

    def shown(self, order: Stored) -> Json:
        """An order with its captures and refunds, and the links that its state allows."""
        parts = self.store.of_parent(order.body["id"])
        payments: Json = {}
        for kind, name in (("capture", "captures"), ("refund", "refunds")):
            found = [part.body for part in parts if part.kind == kind]
            if found:
                payments[name] = found
        unit = order.body["purchase_units"][0]
        units = [{**unit, **({"payments": payments} if payments else {})}]
        return {**order.body, "purchase_units": units, "links": self.links(order)}

    def links(self, order: Stored) -> list[Json]:
        url = f"{self.base}/v2/checkout/orders/{order.body['id']}"
        links = [{"href": url, "rel": "self", "method": "GET"}]
        if order.body["status"] in {"CREATED", "PAYER_ACTION_REQUIRED"}:
            rel = "payer-action" if order.hidden["waiting"] != "CREATED" else "approve"
            links.append({"href": self._page(order), "rel": rel, "method": "GET"})
        if order.body["status"] == "APPROVED":
            links.append({"href": f"{url}/capture", "rel": "capture", "method": "POST"})
        return links

    def _page(self, order: Stored) -> str:
        return f"{self.public}/checkoutnow?token={order.body['id']}"

    def approve(self, identifier: str, choice: str) -> Stored:
        """The payer agrees; `choice` is what their money will do when it is captured."""
        order = self.order(identifier)
        if order.body["status"] not in {"CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"}:
            raise unprocessable("ORDER_ALREADY_CAPTURED")
        order.body["status"] = "APPROVED"
        order.body["payer"] = {
            "payer_id": new_id()[:13],
            "email_address": "payer@example.com",
            "name": {"given_name": "Test", "surname": "Guest"},
        }
        order.hidden["choice"] = choice
        self.store.save(order)
        self.tell(
            order.tenant, "CHECKOUT.ORDER.APPROVED", "checkout-order", self.shown(order), identifier
        )
        return order

    # Captures

    def capture(self, tenant: str, identifier: str) -> Json:
        """Take the money of an approved order, once.

        Raises:
            Refusal: taken already, not approved, the same invoice paid before, or the payer's
                means declined; then the payer may approve again.
        """
        order = self.order(identifier, tenant)
        if order.body["status"] == "COMPLETED":
            raise unprocessable("ORDER_ALREADY_CAPTURED")
        if order.body["status"] != "APPROVED":
            raise unprocessable("ORDER_NOT_APPROVED")
        unit = order.body["purchase_units"][0]
        invoice = unit.get("invoice_id")
        if invoice and any(
            other.body.get("invoice_id") == invoice and other.body["status"] in _TAKEN
            for other in self.store.of_tenant(tenant, "capture")
        ):
            raise unprocessable("DUPLICATE_INVOICE_ID")
        choice = order.hidden.get("choice", "pay")
        order.body["status"] = "COMPLETED"
        if choice == "pending":
            state = {"status": "PENDING", "status_details": {"reason": "PENDING_REVIEW"}}
        else:
            state = {"status": "COMPLETED"}
        capture: Json = {
            "id": new_id(),
            **state,
            "amount": unit["amount"],
            "final_capture": True,
            **{name: unit[name] for name in ("custom_id", "invoice_id") if name in unit},
            "create_time": self.moment(),
        }
        if choice != "pending":
            capture["seller_receivable_breakdown"] = _breakdown(unit["amount"])
        capture["links"] = self._part_links("captures", capture["id"], ("up", identifier))
        stored = Stored(tenant, "capture", identifier, capture, {})
        self.store.add(stored)
        self.store.save(order)
        self._tell_capture(stored, str(state["status"]))
        return self.shown(order)

    def decline(self, tenant: str, identifier: str) -> list[Json] | None:
        """Where to send a payer whose means are declined by this capture; None: they are not."""
        order = self.order(identifier, tenant)
        if order.body["status"] != "APPROVED" or order.hidden.get("choice") != "decline":
            return None
        order.body["status"] = "PAYER_ACTION_REQUIRED"
        self.store.save(order)
        return [{"href": self._page(order), "rel": "redirect", "method": "GET"}]

    def settle(self, identifier: str, *, completes: bool) -> Json:
        """A pending capture comes to its end."""
        capture = self.store.get("capture", identifier)
        if capture.body["status"] != "PENDING":
            raise unprocessable("CAPTURE_NOT_PENDING")
        capture.body["status"] = "COMPLETED" if completes else "DECLINED"
        if completes:
            capture.body.pop("status_details", None)
            capture.body["seller_receivable_breakdown"] = _breakdown(capture.body["amount"])
        self.store.save(capture)
        self._tell_capture(capture, "COMPLETED" if completes else "DENIED")
        return capture.body

    def reverse(self, identifier: str) -> Json:
        """PayPal itself takes back what is left of a capture."""
        capture = self.store.get("capture", identifier)
        refund = self._take_back(capture, self.left(capture), {}, "COMPLETED")
        shown = self.shown_capture(capture)
        self.tell(capture.tenant, "PAYMENT.CAPTURE.REVERSED", "capture", shown, str(capture.parent))
        return refund

    # Refunds

    def refund(self, tenant: str, identifier: str, body: Json, outcome: str) -> Json:
        """Give back all that is left, or a part.

        Raises:
            Refusal: nothing is left, or less than asked for; or a part of what is disputed.
        """
        capture = self.store.get("capture", identifier, tenant)
        if capture.body["status"] == "REFUNDED":
            raise unprocessable("CAPTURE_FULLY_REFUNDED")
        if capture.body["status"] not in _TAKEN - {"PENDING"}:
            raise unprocessable("INVALID_CAPTURE_STATUS")
        left, currency = self.left(capture), capture.body["amount"]["currency_code"]
        wanted = left
        if body.get("amount"):
            if body["amount"]["currency_code"] != currency:
                raise unprocessable("CURRENCY_MISMATCH")
            wanted = minor(body["amount"])
        if wanted > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED")
        if wanted < left and any(not settled(one) for one in self.disputes_of(capture)):
            raise unprocessable("TRANSACTION_DISPUTED")
        named = {name: body[name] for name in ("custom_id", "invoice_id") if body.get(name)}
        refund = self._take_back(capture, wanted, named, outcome)
        kind = "PAYMENT.REFUND.PENDING" if outcome == "PENDING" else "PAYMENT.CAPTURE.REFUNDED"
        self.tell(tenant, kind, "refund", refund, str(capture.parent))
        return refund

    def settle_refund(self, identifier: str, *, completes: bool) -> Json:
        """A refund on its way arrives, or comes back; one that arrived may still come back."""
        refund = self.store.get("refund", identifier)
        refund.body["status"] = "COMPLETED" if completes else "FAILED"
        self.store.save(refund)
        capture = self.store.get("capture", refund.hidden["capture"])
        self._restate(capture)
        kind = "PAYMENT.CAPTURE.REFUNDED" if completes else "PAYMENT.REFUND.FAILED"
        self.tell(refund.tenant, kind, "refund", refund.body, str(refund.parent))
        return refund.body

    def _take_back(self, capture: Stored, total: int, named: Json, outcome: str) -> Json:
        if total <= 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED")
        identifier = new_id()
        refund: Json = {
            "id": identifier,
            "status": outcome,
            "amount": amount_of(total, capture.body["amount"]["currency_code"]),
            **named,
            "create_time": self.moment(),
            "links": self._part_links("refunds", identifier, ("up", capture.body["id"])),
        }
        self.store.add(
            Stored(
                capture.tenant, "refund", capture.parent, refund, {"capture": capture.body["id"]}
            )
        )
        self._restate(capture)
        return refund

    def _restate(self, capture: Stored) -> None:
        whole, gone = minor(capture.body["amount"]), self._refunded(capture)
        capture.body["status"] = (
            "REFUNDED" if gone == whole else "PARTIALLY_REFUNDED" if gone else "COMPLETED"
        )
        self.store.save(capture)

    def left(self, capture: Stored) -> int:
        """What neither went back nor was taken for a dispute."""
        taken = sum(int(dispute.hidden["taken"]) for dispute in self.disputes_of(capture))
        return minor(capture.body["amount"]) - self._refunded(capture) - taken

    def _refunded(self, capture: Stored) -> int:
        return sum(
            minor(part.body["amount"])
            for part in self.store.of_parent(str(capture.parent))
            if part.kind == "refund"
            and part.hidden["capture"] == capture.body["id"]
            and part.body["status"] != "FAILED"
        )

    def disputes_of(self, capture: Stored) -> list[Stored]:
        """Every dispute about a capture, oldest first."""
        return [
            part
            for part in self.store.of_parent(str(capture.parent))
            if part.kind == "dispute" and part.hidden["capture"] == capture.body["id"]
        ]

    def _part_links(self, kind: str, identifier: str, up: tuple[str, str]) -> list[Json]:
        above = {
            "captures": f"{self.base}/v2/checkout/orders/{up[1]}",
            "refunds": f"{self.base}/v2/payments/captures/{up[1]}",
        }[kind]
        here = f"{self.base}/v2/payments/{kind}/{identifier}"
        return [
            {"href": here, "rel": "self", "method": "GET"},
            {"href": above, "rel": up[0], "method": "GET"},
        ]

    # Events

    def _tell_capture(self, capture: Stored, what: str) -> None:
        self.tell(
            capture.tenant,
            f"PAYMENT.CAPTURE.{what}",
            "capture",
            self.shown_capture(capture),
            str(capture.parent),
        )

    def shown_capture(self, capture: Stored) -> Json:
        """A capture as events show it: with the order that it is of."""
        return {
            **capture.body,
            "supplementary_data": {"related_ids": {"order_id": capture.parent}},
        }

    def capture_shown(self, identifier: str, tenant: str) -> Json:
        """A capture as it is read by itself: it names its order."""
        return self.shown_capture(self.store.get("capture", identifier, tenant))

    def tell(self, tenant: str, kind: str, resource_type: str, resource: Any, subject: str) -> None:
        identifier = f"WH-{new_id()}-{new_id()}"
        event: Json = {
            "id": identifier,
            "event_version": "1.0",
            "create_time": self.moment(),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": kind,
            "summary": kind.replace(".", " ").capitalize(),
            "resource": resource,
            "links": [
                {
                    "href": f"{self.base}/v1/notifications/webhooks-events/{identifier}",
                    "rel": "self",
                    "method": "GET",
                }
            ],
        }
        self.sent += self.store.add_event(tenant, event, subject)


def settled(dispute: Stored) -> bool:
    """Whether a dispute is over."""
    return bool(dispute.body["status"] == "RESOLVED")


def _breakdown(amount: Json) -> Json:
    """What PayPal keeps: 2.9 % and 30 hundredths, at most all."""
    gross, currency = minor(amount), amount["currency_code"]
    fee = min(gross, gross * 29 // 1000 + 30)
    return {
        "gross_amount": amount,
        "paypal_fee": amount_of(fee, currency),
        "net_amount": amount_of(gross - fee, currency),
    }
