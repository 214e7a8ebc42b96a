"""Create an organisation: a tenant of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking.domain.catalogue import Organisation, OrganisationStatus
from booking.domain.reference import check_template
from booking.domain.refusals import Fault, InvalidRequest
from booking.store import audit, organisations

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrganisation:
    """``default_country``: ISO 3166-1 alpha-2, for phone numbers without a country code."""

    slug: str
    name: str
    default_country: str
    locale: str
    reference_template: str
    actor: str


async def create_organisation(tx: Transaction, command: CreateOrganisation) -> Organisation:
    """Create it in a transaction of its own new tenant id (TEN-01).

    Raises:
        AlreadyExists: the slug is taken.
        InvalidRequest: references cannot be made from the template.
    """
    if tx.org_id is None:
        raise ValueError("an organisation is created inside its own tenant")
    check_reference_template(command.reference_template)
    now = await tx.now()
    organisation = Organisation(
        org_id=tx.org_id,
        slug=command.slug,
        name=command.name,
        status=OrganisationStatus.ACTIVE,
        default_country=command.default_country,
        locale=command.locale,
        reference_template=command.reference_template,
        version=1,
    )
    await organisations.add(tx, organisation, now)
    await audit.note(
        tx,
        "organisation",
        organisation.org_id,
        "organisation.created",
        actor=command.actor,
        at=now,
        after={"slug": organisation.slug, "name": organisation.name},
    )
    return organisation


def check_reference_template(template: str) -> None:
    """Raise InvalidRequest unless references can be made from the template."""
    try:
        check_template(template)
    except ValueError as wrong:
        raise InvalidRequest(Fault("reference_template", str(wrong))) from wrong
