"""The AsyncAPI 3.0 document of the bus, generated from the registry."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from contracts import envelope
from contracts.registry import CONTRACTS, GATEWAY, Contract
from contracts.schemas import schema_of
from contracts.topology import EXCHANGE, queue

_AMQP = "0.3.0"
"""Version of AsyncAPI's AMQP bindings."""

_REF = "#/components/schemas/{model}"


def asyncapi() -> dict[str, Any]:
    """The whole document, in registry order."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Holdfast messages",
            "version": "1.0.0",
            "description": "Facts that Holdfast's services publish. Each message type carries its "
            "own version in its name.",
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "servers": {
            "broker": {
                "host": "{host}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "RabbitMQ 3.10 or later",
                "variables": {"host": {"default": "localhost:5672"}},
            }
        },
        "channels": {entry.name: _channel(entry) for entry in CONTRACTS},
        "operations": {
            name: operation for entry in CONTRACTS for name, operation in _operations(entry).items()
        },
        "components": {
            "messages": {entry.name: _message(entry) for entry in CONTRACTS},
            "messageTraits": {"envelope": {"headers": {"$ref": "#/components/schemas/Envelope"}}},
            "schemas": _schemas(),
        },
    }


def _channel(entry: Contract) -> dict[str, Any]:
    return {
        "address": entry.name,
        "summary": entry.summary,
        "messages": {entry.name: {"$ref": f"#/components/messages/{entry.name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EXCHANGE,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": _AMQP,
            }
        },
    }


def _operations(entry: Contract) -> dict[str, Any]:
    common = {
        "channel": {"$ref": f"#/channels/{entry.name}"},
        "messages": [{"$ref": f"#/channels/{entry.name}/messages/{entry.name}"}],
    }
    persistent = 2
    operations: dict[str, Any] = {
        f"{entry.producer}.sends.{entry.name}": {
            "action": "send",
            "summary": entry.summary,
            "tags": [{"name": entry.producer}],
            "bindings": {
                "amqp": {
                    "deliveryMode": persistent,
                    "mandatory": entry.mandatory,
                    "bindingVersion": _AMQP,
                }
            },
            **common,
        }
    }
    for consumer in entry.consumers:
        source = "a queue of its own" if consumer == GATEWAY else f"queue `{queue(consumer)}`"
        operations[f"{consumer}.receives.{entry.name}"] = {
            "action": "receive",
            "summary": f"{consumer} listens on {source}",
            "tags": [{"name": consumer}],
            "bindings": {"amqp": {"ack": True, "bindingVersion": _AMQP}},
            **common,
        }
    return operations


def _message(entry: Contract) -> dict[str, Any]:
    golden = files("contracts").joinpath(f"examples/{entry.name}.json").read_text()
    return {
        "name": entry.name,
        "title": entry.model.__name__,
        "summary": entry.summary,
        "contentType": envelope.CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/envelope"}],
        "payload": {"$ref": _REF.format(model=entry.model.__name__)},
        "examples": [{"name": "golden", "payload": json.loads(golden)}],
    }


def _schemas() -> dict[str, Any]:
    """Every model once, its nested ones beside it; AsyncAPI's own dialect has no `$defs`."""
    schemas: dict[str, Any] = {"Envelope": _envelope()}
    for entry in CONTRACTS:
        schema = schema_of(entry, ref_template=_REF)
        nested = schema.pop("$defs", {})
        del schema["$schema"], schema["$id"]
        for name, found in {**nested, entry.model.__name__: schema}.items():
            if schemas.setdefault(name, found) != found:
                raise ValueError(f"two models are called {name}")
    return schemas


def _envelope() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 255}
    uuid = {"type": "string", "format": "uuid"}
    instant = {"type": "string", "format": "date-time"}
    return {
        "type": "object",
        "description": "CloudEvents 1.0 attributes as AMQP headers.",
        "properties": {
            envelope.ID: uuid | {"description": "UUIDv7; the same on every redelivery."},
            envelope.TYPE: text | {"description": "The message type, version included."},
            envelope.SOURCE: text | {"description": "The service that published it."},
            envelope.TIME: instant | {"description": "When the fact was committed."},
            envelope.SPECVERSION: {"const": envelope.SPEC_VERSION},
            envelope.PARTITIONKEY: text | {"description": "Id of what it is about."},
            envelope.SEQUENCE: {
                "type": "string",
                "pattern": "^[0-9]{19}$",
                "description": "Version of what it is about, zero-padded; gaps are normal.",
            },
            envelope.ORGID: uuid | {"description": "The organisation it belongs to."},
            envelope.EXPIRYTIME: instant | {"description": "After this it has no use."},
            envelope.TRACEPARENT: text | {"description": "W3C Trace Context."},
        },
        "required": [
            envelope.ID,
            envelope.TYPE,
            envelope.SOURCE,
            envelope.TIME,
            envelope.SPECVERSION,
            envelope.PARTITIONKEY,
            envelope.SEQUENCE,
        ],
    }
