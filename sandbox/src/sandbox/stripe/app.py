"""The Stripe sandbox put together."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import structlog
from fastapi import FastAPI

from sandbox import clock_control, fault_control, listening, panel
from sandbox.faults import Faults
from sandbox.same_site import same_site
from sandbox.stripe import control, pages
from sandbox.stripe.api import KEYS_KEPT, Api
from sandbox.stripe.deliveries import Deliveries, Pace
from sandbox.stripe.passing import Passing
from sandbox.stripe.request import Receive, Scope, Send
from sandbox.stripe.settings import API_VERSION, Settings
from sandbox.stripe.store import StateInUse, Store

log = structlog.get_logger()


class App:
    """`/v1` goes straight to the API; everything else is FastAPI's."""

    def __init__(self, store: Store, settings: Settings) -> None:
        pace = Pace(settings.retry_first, settings.retry_longest, settings.delivery_timeout)
        faults = Faults()
        deliveries = Deliveries(store, pace, faults)
        self._api = Api(
            store,
            deliveries,
            faults,
            public_url=settings.public_url,
            search_lag=settings.search_lag,
        )
        passing = Passing(store, self._api)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            store.forget_keys(before=int(store.clock.now()) - KEYS_KEPT)
            running = [
                asyncio.create_task(deliveries.run()),
                asyncio.create_task(passing.run()),
            ]
            yield
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

        self._rest = FastAPI(
            title="Stripe sandbox control",
            version=API_VERSION,
            docs_url="/_sandbox/docs",
            openapi_url="/_sandbox/openapi.json",
            redoc_url=None,
            lifespan=lifespan,
        )
        self._rest.state.world = control.World(store, self._api, deliveries, faults)
        self._rest.state.faults = faults
        self._rest.state.clock = store.clock
        self._rest.state.catch_up = passing.catch_up
        self._rest.include_router(control.router)
        self._rest.include_router(clock_control.router)
        self._rest.include_router(fault_control.router)
        self._rest.include_router(panel.router)
        self._rest.include_router(pages.router())
        self._rest.middleware("http")(same_site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._api(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def serve(settings: Settings) -> int:
    """Run until stopped; 1 when the port or the state directory is taken."""
    listening.log_as_json()
    try:
        with (
            closing(Store(settings.state)) as store,
            listening.bind(settings.host, settings.port) as listener,
        ):
            log.info("stripe.listening", url=listening.address("http", listener))
            listening.run(App(store, settings), listener)
    except (OSError, StateInUse) as error:
        sys.stderr.write(f"sandbox stripe: {error}\n")
        return 1
    return 0
