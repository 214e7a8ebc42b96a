"""Schemas of several services in one document, under names that stay distinct."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.routes import Upstream

REF: Final = "#/components/schemas/"
PARAMETER: Final = re.compile(r"\{([^}]+)\}")


class Schemas:
    """Takes over the schemas that routed operations need, under names that stay distinct."""

    def __init__(self, parts: Mapping[Upstream, dict[str, Any]]) -> None:
        self._parts = parts
        self._theirs = {
            service: part.get("components", {}).get("schemas", {})
            for service, part in parts.items()
        }
        self.adopted: dict[str, Any] = {}

    def adopt(self, service: Upstream, node: Any) -> Any:
        """A copy of `node` whose references lead into the merged document."""
        if isinstance(node, dict):
            taken = {
                key: self.adopt(service, value) for key, value in node.items() if key != "$ref"
            }
            if (ref := node.get("$ref")) is not None:
                taken["$ref"] = self._adopt_named(service, str(ref))
            return taken
        if isinstance(node, list):
            return [self.adopt(service, value) for value in node]
        return node

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The adopted schema itself, when given a reference to it."""
        ref = schema.get("$ref")
        if ref is None:
            return schema
        found: dict[str, Any] = self.adopted.get(ref.removeprefix(REF), {"type": "object"})
        return found

    def answer_of(self, service: Upstream, shape: str) -> dict[str, Any]:
        """The schema of what a service answers to a GET on a path of this shape."""
        for path, item in self._parts.get(service, {}).get("paths", {}).items():
            if PARAMETER.sub("{}", path) == shape and "get" in item:
                answer = item["get"].get("responses", {}).get("200", {})
                schema = answer.get("content", {}).get("application/json", {}).get("schema")
                if schema:
                    adopted: dict[str, Any] = self.adopt(service, schema)
                    return adopted
        return {"type": "object"}

    def _adopt_named(self, service: Upstream, ref: str) -> str:
        name = ref.removeprefix(REF)
        if not ref.startswith(REF) or name not in self._theirs[service]:
            return ref
        public = self._public_name(service, name)
        if public not in self.adopted:
            self.adopted[public] = {}  # for schemas that refer to themselves
            self.adopted[public] = self.adopt(service, self._theirs[service][name])
        return REF + public

    def _public_name(self, service: Upstream, name: str) -> str:
        for other, theirs in self._theirs.items():
            if other != service and name in theirs and not self._same(service, other, name):
                return f"{service.title()}{name}"
        return name

    def _same(self, one: Upstream, other: Upstream, name: str) -> bool:
        return self._whole(one, name, set()) == self._whole(other, name, set())

    def _whole(self, service: Upstream, name: str, seen: set[str]) -> tuple[object, list[object]]:
        """A schema with all it refers to, for comparison."""
        seen.add(name)
        own = self._theirs[service].get(name)
        return own, [
            self._whole(service, inner, seen)
            for inner in sorted(_references(own))
            if inner not in seen
        ]


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {str(node["$ref"]).removeprefix(REF)} if "$ref" in node else set()
        return found.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()
