"""Edit an organisation: rename it, change its settings, suspend it, take it up again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from booking.domain.catalogue import Organisation, OrganisationStatus
from booking.domain.edits import UNSET, Unset, check_version, keep
from booking.domain.refusals import Unknown
from booking.store import audit, organisations
from booking.usecases.create_organisation import check_reference_template
from booking.usecases.tell_venues import tell_venues

if TYPE_CHECKING:
    from chassis.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrganisation:
    """What to change. ``version``: the one that the caller has seen, if that matters."""

    actor: str
    name: str | Unset = UNSET
    status: OrganisationStatus | Unset = UNSET
    default_country: str | Unset = UNSET
    locale: str | Unset = UNSET
    reference_template: str | Unset = UNSET
    version: int | None = None


async def edit_organisation(tx: Transaction, command: EditOrganisation) -> Organisation:
    """Change it, and tell the other services through its venues (OPN-10).

    References already given out stay as they are.

    Raises:
        Unknown: there is no such organisation.
        StaleVersion: it was changed since the caller read it.
        InvalidRequest: references cannot be made from the template.
    """
    before = await organisations.read(tx, lock=True)
    if before is None:
        raise Unknown
    check_version(command.version, before.version)
    after = replace(
        before,
        name=keep(command.name, before.name),
        status=keep(command.status, before.status),
        default_country=keep(command.default_country, before.default_country),
        locale=keep(command.locale, before.locale),
        reference_template=keep(command.reference_template, before.reference_template),
    )
    if after == before:
        return before
    check_reference_template(after.reference_template)
    after = replace(after, version=before.version + 1)
    await organisations.save(tx, after)
    await tell_venues(tx)
    old, new = audit.differing(_facts(before), _facts(after))
    await audit.note(
        tx,
        "organisation",
        after.org_id,
        "organisation.edited",
        actor=command.actor,
        at=await tx.now(),
        before=old,
        after=new,
    )
    return after


def _facts(organisation: Organisation) -> dict[str, Any]:
    return {
        "name": organisation.name,
        "status": organisation.status,
        "default_country": organisation.default_country,
        "locale": organisation.locale,
        "reference_template": organisation.reference_template,
    }
