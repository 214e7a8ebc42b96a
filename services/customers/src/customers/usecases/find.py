"""Find a customer by phone or e-mail, as staff type them."""

from uuid import UUID

from chassis.db import Transaction
from customers.domain.customer import Customer
from customers.identity import IdentityKeys, normal_email, normal_phone
from customers.problems import NoIdentifier, NoSuchCustomer, UnreadableEmail, UnreadablePhone
from customers.store import audit, customers, venues
from customers.store.audit import Change


async def find(
    tx: Transaction, keys: IdentityKeys, *, phone: str | None, email: str | None
) -> list[Customer]:
    """Customers with this phone or this e-mail, without repeats; phone first.

    Raises:
        NoIdentifier: neither was given.
        UnreadablePhone: not a phone number, or a national one of an unknown country.
        UnreadableEmail: not an e-mail address.
    """
    if not phone and not email:
        raise NoIdentifier
    found = []
    if phone:
        number = normal_phone(phone, await venues.default_country(tx))
        if number is None:
            raise UnreadablePhone
        found.append(await customers.find(tx, "phone", keys.hash(number)))
    if email:
        address = normal_email(email)
        if address is None:
            raise UnreadableEmail
        found.append(await customers.find(tx, "email", keys.hash(address)))
    return list({customer.id: customer for customer in found if customer}.values())


async def changes_of(
    tx: Transaction, customer_id: UUID, *, before: UUID | None, limit: int
) -> list[Change]:
    """What staff changed of a customer, newest first.

    Raises:
        NoSuchCustomer: unknown, or another organisation's.
    """
    await get(tx, customer_id)
    return await audit.page(tx, customer_id, before, limit)


async def get(tx: Transaction, customer_id: UUID) -> Customer:
    """One customer.

    Raises:
        NoSuchCustomer: unknown, or another organisation's.
    """
    customer = await customers.get(tx, customer_id)
    if customer is None:
        raise NoSuchCustomer
    return customer
