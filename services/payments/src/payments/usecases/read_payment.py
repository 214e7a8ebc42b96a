"""Read how a booking's payment stands."""

from dataclasses import dataclass, field
from uuid import UUID

from chassis.db import Transaction
from chassis.sealing import Sealer
from payments.domain.payment import Payment
from payments.domain.snapshot import Transfer
from payments.problems import NoPayment
from payments.store import payments
from payments.usecases.observe import open_secret


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment, and what the customer needs to pay it; neither secret nor address: nothing."""

    payment: Payment
    client_secret: str | None = field(repr=False)
    redirect_url: str | None = field(repr=False)
    publishable_key: str | None
    transfer: Transfer | None = None
    billing_countries: tuple[str, ...] = ()


async def read_payment(
    tx: Transaction, booking_id: UUID, change_id: UUID | None, *, secrets: Sealer
) -> Standing:
    """The payment of the change, or without one what waits to be paid, else the booking's own.

    Raises:
        NoPayment: there is none, or it is another organisation's.
    """
    found = await payments.telling_of_booking(tx, booking_id, change_id)
    if found is None:
        raise NoPayment
    payment, sealed = found.payment, found.sealed_secret
    means = open_secret(secrets, payment, sealed) if sealed and payment.payable else {}
    return Standing(
        payment,
        means.get("client_secret"),
        means.get("redirect_url"),
        found.publishable_key,
        Transfer(means.get("payee"), means["message"]) if "message" in means else None,
        found.billing_countries,
    )
