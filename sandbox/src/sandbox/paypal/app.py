"""The PayPal sandbox put together."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress

import orjson
import structlog
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox import clock_control, fault_control, listening, panel
from sandbox.faults import Faults, until_gone
from sandbox.paypal import api, control, pages
from sandbox.paypal.api import Api, Seen
from sandbox.paypal.certificate import Signer
from sandbox.paypal.deliveries import Deliveries
from sandbox.paypal.refusal import Refusal, envelope, name_of
from sandbox.paypal.settings import Settings
from sandbox.paypal.store import StateInUse, Store
from sandbox.same_site import same_site
from sandbox.stripe.deliveries import Pace

log = structlog.get_logger()


def build(store: Store, settings: Settings, own: str) -> FastAPI:
    """The application; `own` is the address it listens on."""
    signer = Signer(settings.state)
    pace = Pace(settings.retry_first, settings.retry_longest, settings.delivery_timeout)
    cert_url = f"{settings.api_url or own}/v1/notifications/certs/{signer.id}"
    faults = Faults()
    deliveries = Deliveries(store, signer, pace, cert_url, faults)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(deliveries.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    app = FastAPI(
        title="PayPal sandbox control",
        docs_url="/_sandbox/docs",
        openapi_url="/_sandbox/openapi.json",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.api = Api(store, deliveries, signer, settings, own)
    app.state.faults = faults
    app.include_router(api.router)
    app.state.clock = store.clock
    app.state.catch_up = lambda: 0  # whoever asks next sees what has lapsed
    app.include_router(control.router)
    app.include_router(clock_control.router)
    app.include_router(fault_control.router)
    app.include_router(panel.router)
    app.include_router(pages.router())
    app.middleware("http")(_with_trouble)
    app.middleware("http")(same_site)
    app.exception_handler(Refusal)(_refused)
    return app


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - registered for nothing else
    return JSONResponse(refusal.body(), refusal.status)


async def _with_trouble(
    request: Request, following: Callable[[Request], Awaitable[Response]]
) -> Response:
    """HTTP middleware: notes what is asked of the API, and makes planned trouble."""
    if not request.url.path.startswith(("/v1/", "/v2/")):
        return await following(request)
    await _note(request)
    fault = request.app.state.faults.take(request.method, request.url.path)
    if fault is None:
        return await following(request)
    if not fault.after:
        await asyncio.sleep(fault.delay)
    carried_out = fault.after or not (fault.status or fault.drop or fault.silent)
    answer = await following(request) if carried_out else None
    if fault.after:
        await asyncio.sleep(fault.delay)
    if fault.silent:
        await until_gone(request.receive)
    if fault.drop:
        # A body shorter than announced: the connection is cut in the middle of the answer.
        return StreamingResponse(iter([b"{"]), headers={"Content-Length": "1000"})
    if fault.status is not None or answer is None:
        status = fault.status or 500
        pause = 1 if fault.retry_after is None else fault.retry_after
        headers = {"Retry-After": str(pause)} if status == 429 else None
        return JSONResponse(envelope(name_of(status)), status, headers)
    return answer


async def _note(request: Request) -> None:
    sandbox: Api = request.app.state.api
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        body = orjson.loads(await request.body() or b"null")
    except ValueError:
        body = None  # a form, or nonsense
    sandbox.seen.append(
        Seen(
            account=sandbox.tokens.get(token, (None, 0.0))[0] if scheme == "Bearer" else None,
            method=request.method,
            path=request.url.path,
            request_id=request.headers.get("paypal-request-id"),
            body=body,
        )
    )


def serve(settings: Settings) -> int:
    """Run until stopped; 1 when the port or the state directory is taken."""
    listening.log_as_json()
    try:
        with (
            closing(Store(settings.state)) as store,
            listening.bind(settings.host, settings.port) as listener,
        ):
            own = listening.address("http", listener)
            app = build(store, settings, own)
            log.info("paypal.listening", url=own)
            listening.run(app, listener)
    except (OSError, StateInUse) as error:
        sys.stderr.write(f"sandbox paypal: {error}\n")
        return 1
    return 0
