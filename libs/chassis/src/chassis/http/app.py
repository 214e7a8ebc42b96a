"""The application factory."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from chassis.auth import TokenVerifier
from chassis.health import Readiness, probes
from chassis.http import openapi
from chassis.http.edge import Edge
from chassis.http.encoding import read_as_utf8
from chassis.http.errors import HANDLERS, problem_of
from chassis.http.guards import BodyLimit, InternalToken
from chassis.service import Service
from chassis.settings import ServiceSettings


class _Application(FastAPI):
    """FastAPI whose document describes our refusals instead of its own."""

    def openapi(self) -> dict[str, Any]:
        return openapi.document(self)


def create_app(service: Service, readiness: Readiness | None = None) -> FastAPI:
    """The service's HTTP application: its routers behind the checks that all services share.

    Raises:
        ValueError: a key in `INTERNAL_TOKEN_PUBLIC_KEYS` is unusable.
    """
    middleware: list[Middleware] = [Middleware(Edge, problem_of=problem_of)]
    if service.internal_tokens:
        middleware.append(
            Middleware(
                InternalToken, verify=_verifier(service), open_paths=tuple(service.open_paths)
            )
        )
    middleware.append(Middleware(BodyLimit))
    routers = (*service.routers, _probe_router(readiness or Readiness.of(service)))
    app = _Application(
        # Not include_router(): FastAPI matches included routers twice and one by one, which costs
        # as much as all of our checks together.
        routes=[_prepared(service, route) for router in routers for route in router.routes],
        title=f"Holdfast {service.name}",
        version="1",
        openapi_url="/openapi.json" if service.openapi else None,
        docs_url=None,
        redoc_url=None,
        middleware=middleware,
        exception_handlers=dict(HANDLERS),
        redirect_slashes=False,
        # The edge does it, at a tenth of the cost and without values in spans.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.service = service
    if service.extend is not None:
        service.extend(app)
    return app


def _prepared(service: Service, route: BaseRoute) -> BaseRoute:
    """Give the route an operation id that stays unique when services' documents are merged."""
    if isinstance(route, APIRoute):
        if route.operation_id is None:
            route.operation_id = route.unique_id = f"{service.name}_{route.name}"
        if route.body_field is not None:
            read_as_utf8(route)
    return route


def _verifier(service: Service) -> Callable[[str], Any]:
    settings = service.settings
    if not isinstance(settings, ServiceSettings):
        raise TypeError(f"{service.name} checks internal tokens, so it needs ServiceSettings")
    return TokenVerifier(settings.INTERNAL_TOKEN_PUBLIC_KEYS, service.name).verify


def _probe_router(readiness: Readiness) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    for path, probe in probes(readiness).items():
        router.add_api_route(path, probe, methods=["GET"])
    return router
