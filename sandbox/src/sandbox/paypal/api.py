"""PayPal's REST API, as far as it is modelled."""

import base64
import binascii
import hashlib
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError

from sandbox.paypal import bodies
from sandbox.paypal.certificate import Signer
from sandbox.paypal.deliveries import Deliveries
from sandbox.paypal.orders import Ledger, new_id
from sandbox.paypal.refusal import Json, Refusal, not_found, unprocessable
from sandbox.paypal.settings import Settings
from sandbox.paypal.store import Answered, Store, Wanted, Webhook

B = TypeVar("B", bound=BaseModel)
Work = Callable[[Ledger], Json]

_LARGEST_PAGE = 300
_ASKED = ("start_time", "end_time", "event_type", "transaction_id")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came, for tests of who sends them."""

    account: str | None
    method: str
    path: str
    request_id: str | None
    body: Any


class Api:
    """What the routes work on. Tokens live in memory: a restarted sandbox wants new ones."""

    def __init__(
        self, store: Store, deliveries: Deliveries, signer: Signer, settings: Settings, own: str
    ) -> None:
        self.store = store
        self.deliveries = deliveries
        self.signer = signer
        self.public = settings.public_url
        self.own = own
        self.lifetime = settings.token_lifetime
        self.tokens: dict[str, tuple[str, float]] = {}
        self.tokens_made = 0
        self.outcomes: deque[str] = deque()
        self.seen: deque[Seen] = deque(maxlen=2000)

    def account(self, request: Request) -> str:
        """Raises Refusal(401) without a token that still lives."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        client_id, ends = self.tokens.get(token, ("", 0.0))
        if scheme.lower() != "bearer" or ends <= self.store.clock.now():
            raise Refusal("AUTHENTICATION_FAILURE", "INVALID_TOKEN")
        return client_id

    def ledger(self, request: Request) -> Ledger:
        base = str(request.base_url).rstrip("/")
        return Ledger(self.store, base, self.public or base)

    def read(self, request: Request, work: Work) -> Json:
        return work(self.ledger(request))

    def write(self, request: Request, work: Work) -> Json:
        """Carry something out and send its events."""
        ledger = self.ledger(request)
        with self.store.transaction():
            answer = work(ledger)
        if ledger.sent:
            self.deliveries.wake()
        return answer

    def once(self, request: Request, account: str, raw: bytes, status: int, work: Work) -> Response:
        """The same PayPal-Request-Id is answered as before, without doing it again."""
        key = request.headers.get("paypal-request-id")
        digest = hashlib.sha256(request.url.path.encode() + b"\0" + raw).digest()
        known = self.store.answered(account, key) if key else None
        if known is not None:
            if known.request != digest:
                raise unprocessable("DUPLICATE_REQUEST_ID")
            return Response(known.body, known.status, media_type="application/json")
        body = orjson.dumps(self.write(request, work)).decode()
        if key:
            self.store.remember(account, key, Answered(digest, status, body))
        return Response(body, status, media_type="application/json")


def _api(request: Request) -> Api:
    found: Api = request.app.state.api
    return found


async def _body(request: Request, kind: type[B]) -> tuple[bytes, Json]:
    raw = await request.body()
    try:
        parsed = kind.model_validate_json(raw or b"{}")
    except ValidationError as wrong:
        where = "/" + "/".join(str(part) for part in wrong.errors()[0]["loc"])
        raise Refusal("INVALID_REQUEST", "INVALID_PARAMETER_VALUE", field=where) from None
    return raw, parsed.model_dump(exclude_none=True)


router = APIRouter(include_in_schema=False)


@router.post("/v1/oauth2/token")
async def token(request: Request) -> JSONResponse:
    api = _api(request)
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    try:
        client_id, _, secret = base64.b64decode(sent, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client_id = secret = ""
    form = await request.form()
    known = scheme.lower() == "basic" and len(client_id) >= 8 and bool(secret)
    if not known or not api.store.admits(client_id, secret):
        said = {"error": "invalid_client", "error_description": "Client Authentication failed"}
        return JSONResponse(said, 401)
    if form.get("grant_type") != "client_credentials":
        return JSONResponse({"error": "unsupported_grant_type"}, 400)
    made = "A21AA" + secrets.token_urlsafe(48)
    api.tokens_made += 1
    api.tokens[made] = (client_id, api.store.clock.now() + api.lifetime)
    return JSONResponse(
        {
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": made,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": api.lifetime,
        }
    )


@router.post("/v2/checkout/orders")
async def create_order(request: Request) -> Response:
    api, account = _api(request), _api(request).account(request)
    raw, body = await _body(request, bodies.OrderRequest)
    status = 200 if body.get("payment_source") else 201
    return api.once(request, account, raw, status, lambda ledger: ledger.create(account, body))


@router.get("/v2/checkout/orders/{identifier}")
async def order(identifier: str, request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    return api.read(request, lambda ledger: ledger.shown(ledger.order(identifier, account)))


@router.post("/v2/checkout/orders/{identifier}/capture")
async def capture_order(identifier: str, request: Request) -> Response:
    api, account = _api(request), _api(request).account(request)
    raw, _ = await _body(request, bodies.CaptureRequest)

    def work(ledger: Ledger) -> Json:
        return ledger.capture(account, identifier)

    key = request.headers.get("paypal-request-id")
    if key is None or api.store.answered(account, key) is None:
        declined = api.ledger(request).decline(account, identifier)
        if declined is not None:
            raise unprocessable("INSTRUMENT_DECLINED", links=declined)
    return api.once(request, account, raw, 201, work)


@router.get("/v2/payments/captures/{identifier}")
async def capture(identifier: str, request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    return api.read(request, lambda ledger: ledger.capture_shown(identifier, account))


@router.post("/v2/payments/captures/{identifier}/refund")
async def refund_capture(identifier: str, request: Request) -> Response:
    api, account = _api(request), _api(request).account(request)
    raw, body = await _body(request, bodies.RefundRequest)

    def work(ledger: Ledger) -> Json:
        outcome = api.outcomes.popleft() if api.outcomes else "COMPLETED"
        first = "COMPLETED" if outcome == "COMPLETED" else "PENDING"
        made = ledger.refund(account, identifier, body, first)
        if outcome == "FAILED":
            made = ledger.settle_refund(made["id"], completes=False)
        return made

    return api.once(request, account, raw, 201, work)


@router.get("/v2/payments/refunds/{identifier}")
async def refund(identifier: str, request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    return api.store.get("refund", identifier, account).body


@router.post("/v1/notifications/webhooks")
async def create_webhook(request: Request) -> JSONResponse:
    api, account = _api(request), _api(request).account(request)
    _, body = await _body(request, bodies.WebhookRequest)
    types = tuple(kind["name"] for kind in body["event_types"])
    if any(one.url == body["url"] for one in api.store.webhooks(account)):
        raise Refusal("INVALID_REQUEST", "WEBHOOK_URL_ALREADY_EXISTS", field="/url")
    webhook = Webhook(new_id(), account, body["url"], types)
    api.store.put_webhook(webhook)
    return JSONResponse(webhook_shown(webhook), 201)


@router.get("/v1/notifications/webhooks")
async def webhooks(request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    return {"webhooks": [webhook_shown(one) for one in api.store.webhooks(account)]}


@router.delete("/v1/notifications/webhooks/{identifier}")
async def delete_webhook(identifier: str, request: Request) -> Response:
    api, account = _api(request), _api(request).account(request)
    api.store.remove_webhook(account, identifier)
    return Response(status_code=204)


@router.get("/v1/notifications/webhooks-events")
async def events(
    request: Request, asked: Annotated[bodies.EventsQuery, Query()], page_size: int = 10
) -> Json:
    """Newest first; what leads to the next page is in its link only, as PayPal has it."""
    api, account = _api(request), _api(request).account(request)
    size = max(1, min(page_size, _LARGEST_PAGE))
    wanted = Wanted(
        since=_moment(asked.start_time, "start_time"),
        until=_moment(asked.end_time, "end_time"),
        event_type=asked.event_type,
        transaction_id=asked.transaction_id,
        before=asked.index_id,
    )
    found = api.store.events(account, wanted, size + 1)
    shown = found[:size]
    return {
        "events": [event for _, event in shown],
        "count": len(shown),
        "links": [_next_page(request, size, shown[-1])] if len(found) > size else [],
    }


def _moment(text: str | None, name: str) -> str | None:
    """A time as events write theirs. Raises Refusal(400)."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise Refusal("INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX", field=name) from None


def _next_page(request: Request, size: int, last: tuple[int, Json]) -> Json:
    asked = {name: request.query_params[name] for name in _ASKED if name in request.query_params}
    place = {"move_to": "next", "index_time": last[1]["create_time"], "index_id": last[0]}
    query = urlencode({**asked, "page_size": size, **place})
    base = str(request.base_url).rstrip("/")
    return {
        "href": f"{base}/v1/notifications/webhooks-events/?{query}",
        "rel": "next",
        "method": "GET",
    }


@router.get("/v1/customer/disputes/{identifier}")
async def dispute(identifier: str, request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    return api.store.get("dispute", identifier, account).body


@router.get("/v1/notifications/webhooks-events/{identifier}")
async def event(identifier: str, request: Request) -> Json:
    api, account = _api(request), _api(request).account(request)
    found = api.store.event(identifier)
    if found is None or found[0] != account:
        raise not_found()
    body: Json = orjson.loads(found[1])
    return body


@router.post("/v1/notifications/verify-webhook-signature")
async def verify(request: Request) -> Json:
    """Whether a notification is PayPal's, for receivers who can't fetch the certificate."""
    api, account = _api(request), _api(request).account(request)
    raw, body = await _body(request, bodies.Verification)
    mine = any(one.id == body["webhook_id"] for one in api.store.webhooks(account))
    told = api.store.event(str(body["webhook_event"].get("id")))
    if not mine or told is None or told[0] != account:
        return {"verification_status": "FAILURE"}
    # The event has to come as it was sent, byte by byte: else its checksum is another.
    whole = told[1].encode() in raw
    right = api.signer.sign(
        body["transmission_id"], body["transmission_time"], body["webhook_id"], told[1].encode()
    )
    same = whole and secrets.compare_digest(right, body["transmission_sig"])
    return {"verification_status": "SUCCESS" if same else "FAILURE"}


@router.get("/v1/notifications/certs/{identifier}")
async def certificate(identifier: str, request: Request) -> Response:
    api = _api(request)
    if identifier != api.signer.id:
        raise not_found()
    return Response(api.signer.chain, media_type="application/x-x509-ca-cert")


def webhook_shown(webhook: Webhook) -> Json:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "event_types": [{"name": name} for name in webhook.types],
    }
