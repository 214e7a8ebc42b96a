"""What staff send about offerings."""

import json
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field

from booking.api.bodies.fields import Description, Edit, Link, Title, optional
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
    try:
        json.dumps(settings, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is no text: half of a surrogate pair") from None
    return settings


Overrides: TypeAlias = Annotated[
    Annotated[dict[str, Any], AfterValidator(_shallow)] | None,
    Field(description="What differs from the preset, or from the present settings"),
]


_SETTINGS = ("schedule", "inventory", "pricing", "policy")
SortOrder = Annotated[int, Field(ge=0, le=1_000_000, description="Lists show the lower first")]


class _Settings(Body):
    schedule: Overrides = None
    inventory: Overrides = None
    pricing: Overrides = None
    policy: Overrides = None

    def overrides(self) -> dict[str, dict[str, Any]]:
        """The settings that were sent, by name."""
        documents = {name: getattr(self, name) for name in _SETTINGS}
        return {name: sent for name, sent in documents.items() if sent is not None}


class CreateOffering(_Settings):
    """Something to book: a preset, and what differs from it."""

    venue_id: UUID
    preset: Preset
    title: Title
    description: Description | None = None
    image_url: Link | None = None
    sort_order: SortOrder = 100


class EditOffering(_Settings, Edit):
    """What to change; settings lie over the present ones, member by member."""

    title: Title = optional()
    description: Description | None = optional()
    image_url: Link | None = optional()
    sort_order: SortOrder = optional()
    status: ListingStatus = optional()

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, by name, the settings among them as overrides."""
        fields = {name: sent for name, sent in super().sent().items() if name not in _SETTINGS}
        return {**fields, "overrides": self.overrides()}
