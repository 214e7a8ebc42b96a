"""What staff send about offerings."""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field

from booking.api.bodies.fields import Title
from booking.domain.catalogue import ListingStatus
from booking.domain.presets import Preset
from chassis.http import Body

DEEPEST_SETTINGS = 5


def _shallow(settings: dict[str, Any]) -> dict[str, Any]:
    # Deeper than a few hundred levels could be read, but not written again.
    level: list[Any] = [settings]
    for _ in range(DEEPEST_SETTINGS):
        inside = [part for one in level for part in (one.values() if type(one) is dict else one)]
        level = [part for part in inside if isinstance(part, dict | list)]
    if level:
        raise ValueError("is nested too deeply")
    return settings


Overrides: TypeAlias = Annotated[
    Annotated[dict[str, Any], AfterValidator(_shallow)] | None,
    Field(description="What differs from the preset, or from the present settings"),
]


class _Settings(Body):
    schedule: Overrides = None
    inventory: Overrides = None
    pricing: Overrides = None
    policy: Overrides = None

    def overrides(self) -> dict[str, dict[str, Any]]:
        """The settings that were sent, by name."""
        documents = {
            "schedule": self.schedule,
            "inventory": self.inventory,
            "pricing": self.pricing,
            "policy": self.policy,
        }
        return {name: sent for name, sent in documents.items() if sent is not None}


class CreateOffering(_Settings):
    """Something to book: a preset, and what differs from it."""

    venue_id: UUID
    preset: Preset
    title: Title
    description: Annotated[str | None, Field(max_length=2000)] = None


class EditOffering(_Settings):
    """What to change."""

    title: Title | None = None
    description: Annotated[str | None, Field(max_length=2000)] = None
    status: ListingStatus | None = None
