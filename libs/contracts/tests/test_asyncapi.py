"""The AsyncAPI document has the structure that version 3.0 of the specification asks for."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft7Validator

from contracts.asyncapi import asyncapi
from contracts.envelope import Envelope
from contracts.registry import CONTRACTS, Contract
from contracts.testing import example
from contracts.topology import EXCHANGE

CONTRACT = pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)
COMPONENT_KEY = re.compile(r"^[\w.\-]+$")

# The fields that the specification defines for each kind of object; others must begin with x-.
ALLOWED = {
    "root": {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    },
    "info": {
        "title",
        "version",
        "description",
        "termsOfService",
        "contact",
        "license",
        "tags",
        "externalDocs",
    },
    "server": {
        "host",
        "protocol",
        "protocolVersion",
        "pathname",
        "description",
        "title",
        "summary",
        "variables",
        "security",
        "tags",
        "externalDocs",
        "bindings",
    },
    "channel": {
        "address",
        "messages",
        "title",
        "summary",
        "description",
        "servers",
        "parameters",
        "tags",
        "externalDocs",
        "bindings",
    },
    "operation": {
        "action",
        "channel",
        "title",
        "summary",
        "description",
        "security",
        "tags",
        "externalDocs",
        "bindings",
        "traits",
        "messages",
        "reply",
    },
    "message": {
        "headers",
        "payload",
        "correlationId",
        "contentType",
        "name",
        "title",
        "summary",
        "description",
        "tags",
        "externalDocs",
        "bindings",
        "examples",
        "traits",
    },
}


def fits(kind: str, found: dict[str, Any], *required: str) -> None:
    assert set(required) <= found.keys()
    assert {name for name in found if not name.startswith("x-")} <= ALLOWED[kind]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def at(document: Any, pointer: str) -> Any:
    assert pointer.startswith("#/")
    for part in pointer[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_the_document_has_the_required_parts() -> None:
    document = asyncapi()
    fits("root", document, "asyncapi", "info")
    assert document["asyncapi"] == "3.0.0"
    fits("info", document["info"], "title", "version")
    for server in document["servers"].values():
        fits("server", server, "host", "protocol")
        assert set(re.findall(r"{(\w+)}", server["host"])) == server["variables"].keys()
    for kind in document["components"].values():
        assert all(COMPONENT_KEY.match(name) for name in kind)
    operations = document["operations"]
    assert all(COMPONENT_KEY.match(name) for name in (*document["channels"], *operations))


def test_every_reference_resolves() -> None:
    document = asyncapi()
    found = set(references(document))
    assert len(found) > len(CONTRACTS)
    for pointer in found:
        assert isinstance(at(document, pointer), dict), pointer


@CONTRACT
def test_every_message_has_a_channel_on_the_exchange(entry: Contract) -> None:
    document = asyncapi()
    channel = document["channels"][entry.name]
    fits("channel", channel, "address", "messages")
    assert channel["address"] == entry.name
    assert channel["bindings"]["amqp"]["is"] == "routingKey"
    assert channel["bindings"]["amqp"]["exchange"]["name"] == EXCHANGE
    (reference,) = channel["messages"].values()
    message = at(document, reference["$ref"])
    fits("message", message, "payload")
    assert message["name"] == entry.name


@CONTRACT
def test_there_is_one_sender_and_a_receiver_for_each_listener(entry: Contract) -> None:
    document = asyncapi()
    operations = [
        found
        for found in document["operations"].values()
        if found["channel"]["$ref"] == f"#/channels/{entry.name}"
    ]
    for operation in operations:
        fits("operation", operation, "action", "channel")
        # The specification asks for messages of that very channel, not for components.
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"#/channels/{entry.name}/messages/")
    by_action = {
        action: {
            tag["name"] for each in operations if each["action"] == action for tag in each["tags"]
        }
        for action in ("send", "receive")
    }
    assert by_action == {"send": {entry.producer}, "receive": set(entry.consumers)}


@CONTRACT
def test_payload_and_headers_are_schemas_in_the_documents_own_dialect(entry: Contract) -> None:
    document = asyncapi()
    message = document["components"]["messages"][entry.name]
    trait = at(document, message["traits"][0]["$ref"])
    golden = example(entry.name)
    fact = golden.model_dump()
    headers = Envelope(
        id=UUID(entry.key_of(golden)),
        type=entry.name,
        source=entry.producer,
        time=datetime(2030, 6, 1, tzinfo=UTC),
        key=entry.key_of(golden),
        sequence=1,
        org_id=fact["org_id"],
    ).to_headers()
    for reference, instance in (
        (message["payload"], message["examples"][0]["payload"]),
        (trait["headers"], headers),
    ):
        schema = {**reference, "components": document["components"]}
        Draft7Validator.check_schema(at(document, reference["$ref"]))
        Draft7Validator(schema).validate(instance)
    assert not re.search(r"'(\$defs|\$schema|prefixItems)'", str(document))
