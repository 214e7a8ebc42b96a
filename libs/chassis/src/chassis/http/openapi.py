"""The service's OpenAPI document, with refusals described as what they are: problem documents."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from chassis.problems import MEDIA_TYPE, ProblemDocument

_REPLACED = ("HTTPValidationError", "ValidationError")
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def document(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = made.setdefault("components", {}).setdefault("schemas", {})
        for name in _REPLACED:
            components.pop(name, None)
        _, schemas = models_json_schema(
            [(ProblemDocument, "serialization")], ref_template="#/components/schemas/{model}"
        )
        components.update(schemas["$defs"])
        for path in made["paths"].values():
            for method, operation in path.items():
                if method in _METHODS:
                    _describe(operation["responses"])
        app.openapi_schema = made
    return app.openapi_schema


def _describe(responses: dict[str, Any]) -> None:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    if "422" in responses and MEDIA_TYPE not in responses["422"].get("content", {}):
        responses["422"] = {
            "description": "VALIDATION_ERROR: The request is not valid",
            "content": problem,
        }
    for response in responses.values():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            # FastAPI adds its own media type beside ours.
            content.pop("application/json", None)
    responses.setdefault("default", {"description": "Any refusal", "content": problem})
