"""An answer on its way out, with the headers Stripe puts on it."""

from dataclasses import dataclass

import orjson

from sandbox.stripe.refusal import Json, Refusal
from sandbox.stripe.request import Send
from sandbox.stripe.settings import API_VERSION

Headers = tuple[tuple[bytes, bytes], ...]

_NO_RETRY: Headers = ((b"stripe-should-retry", b"false"),)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Headers = ()


PREFLIGHT = Answer(
    204,
    b"",
    (
        (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
        (
            b"access-control-allow-headers",
            b"authorization, content-type, idempotency-key, stripe-version",
        ),
        (b"access-control-max-age", b"300"),
    ),
)


def done(body: Json) -> Answer:
    return Answer(200, orjson.dumps(body))


def refused(refusal: Refusal) -> Answer:
    headers: Headers = ()
    if refusal.status == 401:
        headers = ((b"www-authenticate", b'Bearer realm="Stripe"'),)
    return Answer(refusal.status, orjson.dumps(refusal.envelope()), headers)


def broken(status: int, retry_after: int | None = None) -> Answer:
    """Stripe's own failure; for 500 the same key would only bring the same answer again."""
    if status == 429:
        busy = refused(Refusal(429, "Too many requests made too quickly.", code="rate_limit"))
        pause = b"%d" % (1 if retry_after is None else retry_after)
        return Answer(429, busy.body, ((b"retry-after", pause),))
    answer = refused(Refusal(status, "An unknown error occurred", kind="api_error"))
    return Answer(status, answer.body, _NO_RETRY) if status == 500 else answer


def replayed(status: int, body: bytes, request_id: str) -> Answer:
    """What an idempotency key remembers of an earlier request."""
    headers: Headers = (
        (b"idempotent-replayed", b"true"),
        (b"original-request", request_id.encode()),
    )
    return Answer(status, body, headers + _NO_RETRY if status >= 500 else headers)


async def send(out: Send, answer: Answer, request_id: str, *, cut: bool = False) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"request-id", request_id.encode()),
        (b"stripe-version", API_VERSION.encode()),
        (b"cache-control", b"no-cache, no-store"),
        (b"access-control-allow-origin", b"*"),
        *answer.headers,
    ]
    await out({"type": "http.response.start", "status": answer.status, "headers": headers})
    if cut:
        # Half an answer, then nothing: the server closes the connection when the rest never comes.
        half = answer.body[: len(answer.body) // 2]
        await out({"type": "http.response.body", "body": half, "more_body": True})
        return
    await out({"type": "http.response.body", "body": answer.body})
