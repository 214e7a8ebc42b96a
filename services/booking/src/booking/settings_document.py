"""What all settings documents have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SettingsDocument(BaseModel):
    """A document as it stands on the wire and in its row: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
