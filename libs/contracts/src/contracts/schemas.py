"""The JSON Schema of each message type, as committed beside this file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from contracts.registry import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out pydantic's made-up titles: `Booking Id` says no more than `booking_id`."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def schema_of(contract: Contract, *, ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """What a reader of this type accepts; what producers send is always within it."""
    schema = contract.model.model_json_schema(
        ref_template=ref_template, schema_generator=_WithoutFieldTitles
    )
    return {"$schema": DIALECT, "$id": f"urn:holdfast:{contract.name}", **schema}


def to_text(document: dict[str, Any]) -> str:
    """The one way our JSON files are written, so that a diff shows changes only."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
