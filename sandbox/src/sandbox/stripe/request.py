"""A request as it comes over HTTP, before anybody knows what it asks for."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import accounts
from sandbox.stripe.refusal import Refusal, bad_parameter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LARGEST_BODY = 1024 * 1024
_READ_ON = 8 * _LARGEST_BODY
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?\Z")
_HEADERS = frozenset(
    {
        b"authorization",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"stripe-account",
        b"stripe-version",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """`form` is the query string and the body together; `key` is what the headers hold."""

    method: str
    path: str
    form: bytes
    key: str | None
    idempotency_key: str | None
    base_url: str
    id: str


async def read(scope: Scope, receive: Receive, request_id: str, public_url: str | None) -> Request:
    """Raises Refusal for bodies that are too large or no form, and for connected accounts."""
    body = await _body(receive)
    headers = {
        name: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS
    }
    _check(headers, has_body=bool(body))
    method, query = scope["method"], scope["query_string"]
    return Request(
        method=method,
        path=scope["path"],
        form=b"&".join((query, body)) if query and body else query or body,
        key=accounts.sent_key(headers.get(b"authorization")),
        idempotency_key=headers.get(b"idempotency-key") if method == "POST" else None,
        base_url=public_url or f"{scope['scheme']}://{headers.get(b'host', '')}",
        id=request_id,
    )


def _check(headers: dict[bytes, str], *, has_body: bool) -> None:
    content_type = headers.get(b"content-type", "")
    if has_body and content_type and not content_type.startswith("application/x-www-form-url"):
        raise bad_parameter(
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded)."
        )
    version = headers.get(b"stripe-version")
    if version is not None and not _VERSION.match(version):
        raise bad_parameter(f"Invalid Stripe API version: {version}")
    account = headers.get(b"stripe-account")
    if account is not None:
        # Connect is not modelled: an unknown connected account is the honest answer.
        raise Refusal(
            403,
            f"The provided key does not have access to account '{account}' (or that account does "
            "not exist). Application access may have been revoked.",
            code="account_invalid",
            stored=False,
        )


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The client went away.", stored=False)
        chunk = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body")
        if size > _LARGEST_BODY:
            # Clients that are cut off while they write never read why.
            if more and size < _READ_ON:
                continue
            raise Refusal(413, "Request too large.", stored=False)
        chunks.append(chunk)
        if not more:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
