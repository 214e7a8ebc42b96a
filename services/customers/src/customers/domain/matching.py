"""Whose booking is it: phone first, then e-mail, else somebody new (CUS-01, CUS-03)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["phone", "email", "account"]

PRECEDENCE: tuple[Kind, ...] = ("phone", "email")
"""The order in which identifiers decide; identifiers are also claimed in it, so that two
transactions never wait for each other in a circle."""


@dataclass(frozen=True, slots=True)
class Match:
    """The customer that a set of identifiers points to.

    `by` is the identifier that decided. `rival` is another customer to whom a weaker identifier
    points: both may be one person, which is for staff to settle in the merge queue.
    """

    customer_id: UUID
    by: Kind
    rival: UUID | None = None


def match(owners: Mapping[Kind, UUID]) -> Match | None:
    """Who owns these identifiers; None when nobody does yet."""
    known = [(kind, owners[kind]) for kind in PRECEDENCE if kind in owners]
    if not known:
        return None
    by, customer_id = known[0]
    rival = next((owner for _, owner in known[1:] if owner != customer_id), None)
    return Match(customer_id=customer_id, by=by, rival=rival)
