"""Money that comes outside of any provider we can ask: Swish, cash, an invoice (PAY-32 to PAY-34).

Nothing is called. A payment is prepared by saying where to send the money; that it came, and that
a refund went back, is what staff say. Its reference is the payment's own id.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from payments.domain.money import Money
from payments.domain.payment import Fact
from payments.domain.provider import Gone, Refused, Unsigned
from payments.domain.snapshot import RefundSnapshot, RefundStatus, Snapshot, Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from payments.domain.payment import Payment
    from payments.domain.provider import Account, Body, PaymentOrder, RefundOrder
    from payments.domain.refunds import Refund
    from payments.domain.snapshot import ProviderEvent


class ByHand:
    """One way of paying by hand; an account's publishable key is where the money is sent."""

    events: tuple[str, ...] = ()
    key_lifetime = timedelta(days=36_500)  # nothing is called, so nothing is done twice

    def __init__(self, method: str) -> None:
        """`method` names the adapter and its kind of account, too."""
        self.name = self.account_kind = method
        self.methods = frozenset({method})

    def draft_payment(self, order: PaymentOrder) -> Body:
        change = {"change_id": str(order.change_id)} if order.change_id else {}
        return {
            "amount_minor": order.amount.amount_minor,
            "currency": order.amount.currency,
            "message": order.reference,
            "metadata": {
                "attempt_id": str(order.attempt_id),
                "payment_id": str(order.payment_id),
                "booking_id": str(order.booking_id),
                "org_id": str(order.org_id),
                **change,
            },
        }

    def draft_refund(self, order: RefundOrder) -> Body:
        return {
            "amount_minor": order.amount.amount_minor,
            "currency": order.amount.currency,
            "payment": order.provider_ref,
            "metadata": {
                "attempt_id": str(order.attempt_id),
                "refund_id": str(order.refund_id),
            },
        }

    def redraft(self, body: Body, attempt_id: UUID) -> Body:
        return {**body, "metadata": {**body["metadata"], "attempt_id": str(attempt_id)}}

    async def create(
        self,
        account: Account,
        body: Body,
        *,
        key: str,  # noqa: ARG002
        receipt_email: str | None,  # noqa: ARG002
    ) -> Snapshot:
        amount = Money(body["amount_minor"], body["currency"])
        return Snapshot(
            ref=body["metadata"]["payment_id"],
            fact=Fact.PREPARED,
            amount=amount,
            received=replace(amount, amount_minor=0),
            metadata=body["metadata"],
            transfer=Transfer(account.publishable_key, body["message"]),
        )

    async def find(self, account: Account, attempt_id: UUID) -> Snapshot | None:  # noqa: ARG002
        """Always None: nothing is kept outside."""
        return None

    async def look(self, account: Account, ref: str) -> Snapshot:  # noqa: ARG002
        """Always refused: there is nobody to ask."""
        raise Refused("by_hand")

    async def cancel(self, account: Account, ref: str, *, key: str) -> Snapshot:  # noqa: ARG002
        """Always Gone: it was nowhere but here. Money that comes all the same is late money."""
        raise Gone("by_hand")

    async def refund(self, account: Account, body: Body, *, key: str) -> RefundSnapshot:  # noqa: ARG002
        """Owed from now on, until somebody has sent it."""
        return RefundSnapshot(
            ref=body["metadata"]["refund_id"],
            status=RefundStatus.PENDING,
            amount=Money(body["amount_minor"], body["currency"]),
            metadata=body["metadata"],
            payment_ref=body["payment"],
        )

    async def refunds(self, account: Account, ref: str) -> Sequence[RefundSnapshot]:  # noqa: ARG002
        """Always none: those that we know are all there are."""
        return ()

    async def verify(
        self,
        account: Account,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> ProviderEvent:
        """Always Unsigned: nobody sends notifications."""
        raise Unsigned

    def paid(self, payment: Payment) -> Snapshot:
        change = {"change_id": str(payment.change_id)} if payment.change_id else {}
        return Snapshot(
            ref=str(payment.id),
            fact=Fact.SUCCEEDED,
            amount=payment.amount,
            received=payment.amount,
            metadata={
                "payment_id": str(payment.id),
                "booking_id": str(payment.booking_id),
                "org_id": str(payment.org_id),
                **change,
            },
        )

    def returned(self, refund: Refund) -> RefundSnapshot:
        return RefundSnapshot(
            ref=str(refund.id),
            status=RefundStatus.SUCCEEDED,
            amount=refund.amount,
            metadata={"refund_id": str(refund.id)},
        )
