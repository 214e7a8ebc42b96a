"""The public API as one table: which path leads to which service, and who may take it.

Everything the gateway knows about a path is on its line. A path that is not here does not exist
outside, whatever the services serve.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from chassis.auth import Kind
from chassis.problems import MethodNotAllowed, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable


class Upstream(StrEnum):
    """The services behind the gateway; the value is also the audience of internal tokens."""

    BOOKING = "booking"
    PAYMENTS = "payments"
    CUSTOMERS = "customers"
    NOTIFICATIONS = "notifications"


Callers = frozenset[Kind]
Limit = Literal["reads", "quotes", "booking", "payment", "default"]
Handling = Literal["forward", "book", "timeline", "evidence"]

# An operator's key belongs to no organisation. Where operators may act for one they name it;
# guests' bookings and customers are not theirs to see.
ANYONE: Final[Callers] = frozenset({"guest", "key", "operator"})
BOOKER: Final[Callers] = frozenset({"guest", "key"})
HOLDER: Final[Callers] = frozenset({"manage", "key"})
STAFF: Final[Callers] = frozenset({"key"})
EDITOR: Final[Callers] = frozenset({"key", "operator"})
OPERATOR: Final[Callers] = frozenset({"operator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table.

    `callers` are kinds of principals.
    `permission` binds API keys only: guests and holders of a manage token are let in by `callers`.
    `limit` is the class counted for guests and holders by address; keys are always counted by key.
    `cache` is the seconds a shared cache may keep a guest's answer, 0 = not at all (GTW-04).
    `long`: its answer may go on for minutes, as long as it goes on.
    `idempotent`: takes an `Idempotency-Key`, so it may be sent again when a connection breaks.
    """

    method: str
    path: str
    service: Upstream
    callers: Callers
    permission: str | None = None
    limit: Limit = "reads"
    cache: int = 0
    idempotent: bool = False
    handling: Handling = "forward"
    long: bool = False

    @property
    def upstream_path(self) -> str:
        """The path on the service: the public one without its version."""
        return self.path.removeprefix("/v1")


def get(
    path: str,
    service: Upstream,
    callers: Callers,
    permission: str | None = None,
    *,
    cache: int = 0,
    handling: Handling = "forward",
    long: bool = False,
) -> Route:
    """A reading line."""
    return Route(
        method="GET",
        path=path,
        service=service,
        callers=callers,
        permission=permission,
        cache=cache,
        handling=handling,
        idempotent=True,
        long=long,
    )


def post(
    path: str,
    service: Upstream,
    callers: Callers,
    permission: str | None = None,
    *,
    limit: Limit = "default",
    idempotent: bool = False,
    handling: Handling = "forward",
) -> Route:
    """A line that makes or moves something."""
    return Route(
        method="POST",
        path=path,
        service=service,
        callers=callers,
        permission=permission,
        limit=limit,
        idempotent=idempotent,
        handling=handling,
    )


def delete(path: str, service: Upstream, callers: Callers, permission: str | None) -> Route:
    """A line that puts something away; doing it twice is doing it once."""
    return Route(
        method="DELETE",
        path=path,
        service=service,
        callers=callers,
        permission=permission,
        limit="default",
        idempotent=True,
    )


def patch(path: str, service: Upstream, callers: Callers, permission: str | None) -> Route:
    """A line that changes what is there."""
    return Route(
        method="PATCH",
        path=path,
        service=service,
        callers=callers,
        permission=permission,
        limit="default",
    )


_B = Upstream.BOOKING
_P = Upstream.PAYMENTS
_C = Upstream.CUSTOMERS
_N = Upstream.NOTIFICATIONS

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    # What anyone may look at
    get("/v1/organisations/{organisation}",        _B, ANYONE, cache=120),
    get("/v1/venues/by-key/{embed_key}",           _B, ANYONE, cache=120),
    get("/v1/offerings",                           _B, ANYONE, cache=300),
    get("/v1/offerings/{id}",                      _B, ANYONE, cache=300),
    get("/v1/offerings/{id}/sessions",             _B, ANYONE),
    get("/v1/offerings/{id}/calendar",             _B, ANYONE),
    get("/v1/offerings/{id}/menu",                 _B, ANYONE, cache=120),
    get("/v1/sessions/{id}/availability",          _B, ANYONE),
    get("/v1/offerings/{id}/availability",         _B, ANYONE),

    # A booking, from hold to cancellation
    post("/v1/quotes",                             _B, BOOKER, "bookings:view", limit="quotes"),
    post("/v1/bookings",                           _B, BOOKER, "bookings:create",
         limit="booking", idempotent=True, handling="book"),
    get("/v1/bookings/{booking_id}",               _B, HOLDER, "bookings:view"),
    patch("/v1/bookings/{booking_id}/order",       _B, HOLDER, "bookings:edit"),
    get("/v1/bookings/{booking_id}/payment",       _P, HOLDER, "bookings:view"),
    post("/v1/bookings/{booking_id}/payment/return",
                                                   _P, HOLDER, "bookings:view"),
    post("/v1/bookings/{booking_id}/mark-paid",    _P, STAFF,  "payments:manage", idempotent=True),
    post("/v1/bookings/{booking_id}/cancel",       _B, HOLDER, "bookings:cancel", idempotent=True),
    post("/v1/bookings/{booking_id}/reschedule",   _B, HOLDER, "bookings:edit",   idempotent=True),
    patch("/v1/bookings/{booking_id}",             _B, STAFF,  "bookings:edit"),
    post("/v1/bookings/{booking_id}/tables",       _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/offerings/{id}/explain",             _B, STAFF,  "bookings:view"),
    post("/v1/bookings/{booking_id}/check-in",     _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/complete",     _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/no-show",      _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/no-show-fee",  _B, STAFF,  "bookings:manage", idempotent=True),
    post("/v1/bookings/{booking_id}/undo",         _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/waiver",       _B, HOLDER, "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/revoke-links", _B, STAFF,  "bookings:edit", idempotent=True),
    post("/v1/bookings/{booking_id}/refund-approval",
                                                   _B, STAFF,  "payments:refund", idempotent=True),
    get("/v1/bookings/{booking_id}/payments",      _P, STAFF,  "bookings:view"),
    get("/v1/payments/{id}",                       _P, STAFF,  "bookings:view"),
    post("/v1/payments/{id}/refunds",              _P, STAFF,  "payments:refund", idempotent=True),
    get("/v1/refund-approvals",                    _B, STAFF,  "payments:refund"),
    post("/v1/bookings/{booking_id}/accept",       _B, HOLDER, "bookings:edit",   idempotent=True),
    post("/v1/sessions/{id}/waitlist",             _B, BOOKER, "bookings:create",
         limit="booking", idempotent=True),
    get("/v1/sessions/{id}/waitlist",              _B, STAFF,  "bookings:view"),
    get("/v1/waitlist/{entry_id}",                 _B, HOLDER, "bookings:view"),
    delete("/v1/waitlist/{entry_id}",              _B, HOLDER, "bookings:edit"),
    get("/v1/bookings/{booking_id}/timeline",      _B, STAFF,  "bookings:view",
        handling="timeline"),
    get("/v1/bookings/{booking_id}/messages",      _N, STAFF,  "bookings:view"),

    # Staff: the front desk
    get("/v1/bookings",                            _B, STAFF,  "bookings:view"),
    get("/v1/bookings/upcoming",                   _B, STAFF,  "bookings:view"),
    get("/v1/bookings/trend",                      _B, STAFF,  "bookings:view"),
    get("/v1/bookings/export",                     _B, STAFF,  "bookings:view", long=True),
    get("/v1/bookings/failed",                     _B, STAFF,  "bookings:view"),
    post("/v1/bookings/{booking_id}/recover",      _B, STAFF,  "bookings:manage", idempotent=True),
    get("/v1/sessions/{id}/kitchen",               _B, STAFF,  "bookings:view"),
    get("/v1/dashboard",                           _B, STAFF,  "bookings:view"),
    get("/v1/audit",                               _B, STAFF,  "reports:view"),
    get("/v1/integrity",                           _B, STAFF,  "reports:view"),
    post("/v1/integrity/repair",                   _B, STAFF,  "bookings:manage"),

    # Staff: the catalogue
    post("/v1/organisations",                      _B, OPERATOR),
    patch("/v1/organisations/{organisation}",      _B, EDITOR, "catalogue:edit"),
    get("/v1/venues",                              _B, EDITOR, "catalogue:view"),
    post("/v1/venues",                             _B, EDITOR, "catalogue:edit"),
    get("/v1/venues/{id}",                         _B, EDITOR, "catalogue:view"),
    patch("/v1/venues/{id}",                       _B, EDITOR, "catalogue:edit"),
    get("/v1/venues/{id}/offerings",               _B, EDITOR, "catalogue:view"),
    delete("/v1/venues/{id}",                      _B, EDITOR, "catalogue:edit"),
    post("/v1/venues/{id}/restore",                _B, EDITOR, "catalogue:edit", idempotent=True),
    post("/v1/venues/{id}/embed-key",              _B, EDITOR, "catalogue:edit"),
    post("/v1/offerings",                          _B, EDITOR, "catalogue:edit"),
    patch("/v1/offerings/{id}",                    _B, EDITOR, "catalogue:edit"),
    delete("/v1/offerings/{id}",                   _B, EDITOR, "catalogue:edit"),
    post("/v1/offerings/{id}/restore",             _B, EDITOR, "catalogue:edit", idempotent=True),
    post("/v1/offerings/{id}/generate",            _B, EDITOR, "catalogue:edit", idempotent=True),
    get("/v1/resources",                           _B, EDITOR, "catalogue:view"),
    post("/v1/resources",                          _B, EDITOR, "catalogue:edit"),
    get("/v1/resources/{id}",                      _B, EDITOR, "catalogue:view"),
    patch("/v1/resources/{id}",                    _B, EDITOR, "catalogue:edit"),
    delete("/v1/resources/{id}",                   _B, EDITOR, "catalogue:edit"),
    post("/v1/resources/{id}/restore",             _B, EDITOR, "catalogue:edit", idempotent=True),
    post("/v1/venues/{id}/menu-sections",          _B, EDITOR, "catalogue:edit"),
    get("/v1/venues/{id}/menu-sections",           _B, EDITOR, "catalogue:view"),
    patch("/v1/menu-sections/{id}",                _B, EDITOR, "catalogue:edit"),
    delete("/v1/menu-sections/{id}",               _B, EDITOR, "catalogue:edit"),
    post("/v1/menu-sections/{id}/items",           _B, EDITOR, "catalogue:edit"),
    get("/v1/menu-sections/{id}/items",            _B, EDITOR, "catalogue:view"),
    get("/v1/menu-items/{id}",                     _B, EDITOR, "catalogue:view"),
    patch("/v1/menu-items/{id}",                   _B, EDITOR, "catalogue:edit"),
    delete("/v1/menu-items/{id}",                  _B, EDITOR, "catalogue:edit"),
    post("/v1/promo-codes",                        _B, EDITOR, "catalogue:edit"),
    get("/v1/promo-codes",                         _B, EDITOR, "catalogue:view"),
    get("/v1/promo-codes/{id}",                    _B, EDITOR, "catalogue:view"),
    patch("/v1/promo-codes/{id}",                  _B, EDITOR, "catalogue:edit"),
    delete("/v1/promo-codes/{id}",                 _B, EDITOR, "catalogue:edit"),
    post("/v1/sessions",                           _B, EDITOR, "catalogue:edit"),
    get("/v1/sessions",                            _B, EDITOR, "catalogue:view"),
    get("/v1/sessions/{id}",                       _B, EDITOR, "catalogue:view"),
    patch("/v1/sessions/{id}",                     _B, EDITOR, "catalogue:edit"),
    delete("/v1/sessions/{id}",                    _B, EDITOR, "catalogue:edit"),
    post("/v1/sessions/{id}/restore",              _B, EDITOR, "catalogue:edit", idempotent=True),

    # Staff: money, people, keys
    post("/v1/gift-cards",                         _B, STAFF,  "payments:manage", idempotent=True),
    get("/v1/gift-cards",                          _B, STAFF,  "payments:view"),
    get("/v1/gift-cards/{id}",                     _B, STAFF,  "payments:view"),
    get("/v1/gift-cards/{id}/entries",             _B, STAFF,  "payments:view"),
    patch("/v1/gift-cards/{id}",                   _B, STAFF,  "payments:manage"),
    post("/v1/gift-cards/{id}/adjust",             _B, STAFF,  "payments:manage", idempotent=True),
    get("/v1/refunds-owed",                        _P, STAFF,  "payments:view"),
    post("/v1/refunds/{id}/mark-returned",         _P, STAFF,  "payments:manage", idempotent=True),
    post("/v1/payment-accounts",                   _P, EDITOR, "payments:manage"),
    post("/v1/payment-accounts/{id}/webhook-secret",
                                                   _P, EDITOR, "payments:manage"),
    post("/v1/reconciliations",                    _P, STAFF,  "payments:manage"),
    get("/v1/reconciliations",                     _P, STAFF,  "payments:manage"),
    get("/v1/reconciliations/{id}",                _P, STAFF,  "payments:manage"),
    get("/v1/disputes",                            _P, STAFF,  "payments:view"),
    get("/v1/disputes/{id}",                       _P, STAFF,  "payments:view"),
    get("/v1/disputes/{id}/evidence",              _P, STAFF,  "payments:view",
        handling="evidence"),
    get("/v1/payouts/report",                      _P, STAFF,  "payments:view", long=True),
    get("/v1/payouts/platform-report",             _P, OPERATOR, "payments:view", long=True),
    post("/v1/payment-accounts/connect",           _P, EDITOR, "payments:manage"),
    get("/v1/payment-accounts/{id}/connection",    _P, STAFF,  "payments:view"),
    post("/v1/payment-accounts/{id}/onboarding-link",
                                                   _P, STAFF,  "payments:manage"),
    post("/v1/payment-accounts/{id}/onboarding-return",
                                                   _P, STAFF,  "payments:manage"),
    patch("/v1/organisations/{organisation}/platform-fee",
                                                   _P, OPERATOR, "payments:manage"),
    post("/v1/api-keys",                           _C, EDITOR, "keys:manage"),
    post("/v1/api-keys/{prefix}/revoke",           _C, EDITOR, "keys:manage"),
    get("/v1/customers",                           _C, STAFF,  "customers:view"),
    get("/v1/customers/{id}",                      _C, STAFF,  "customers:view"),
    patch("/v1/customers/{id}",                    _C, STAFF,  "customers:edit"),
    get("/v1/customers/{id}/changes",              _C, STAFF,  "customers:view"),
)
# fmt: on

# A parameter takes only what its pattern allows, so a path that matched can be passed on as it
# stands: it holds no escapes, no dots and no empty segments.
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_PREFIX = re.compile(r"[A-Za-z0-9]{4,32}\Z")
_EMBED_KEY = re.compile(r"[a-z0-9]{16,64}\Z")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
_PARAMETERS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "organisation": _SLUG,
        "id": _UUID,
        "booking_id": _UUID,
        "entry_id": _UUID,
        "prefix": _PREFIX,
        "embed_key": _EMBED_KEY,
    }
)


@dataclass(frozen=True, slots=True)
class Match:
    """A line of the table, the path to ask the service for, and the path's parameters."""

    route: Route
    upstream_path: str
    parameters: Mapping[str, str]

    @property
    def held(self) -> str | None:
        """The id that a manage token must be for: of a booking, or of a place in line."""
        return self.parameters.get("booking_id") or self.parameters.get("entry_id")


class _Node:
    __slots__ = ("name", "parameter", "pattern", "routes", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.name = ""
        self.pattern: re.Pattern[str] | None = None
        self.routes: dict[str, Route] = {}


class RouteTable:
    """The lines as a tree of path segments."""

    def __init__(self, routes: Iterable[Route] = ROUTES) -> None:
        """`routes` need distinct method and path.

        Raises:
            ValueError: two lines for one method and path, or a parameter without a pattern.
        """
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/")[1:]:
            if not segment.startswith("{"):
                node = node.static.setdefault(segment, _Node())
                continue
            name = segment[1:-1]
            if name not in _PARAMETERS:
                raise ValueError(f"{route.path}: no pattern for {{{name}}}")
            if node.parameter is None:
                node.parameter = _Node()
                node.parameter.name, node.parameter.pattern = name, _PARAMETERS[name]
            node = node.parameter
            if node.name != name:
                raise ValueError(f"{route.path}: {{{name}}} is called {{{node.name}}} elsewhere")
        if route.method in node.routes:
            raise ValueError(f"{route.method} {route.path} is there twice")
        node.routes[route.method] = route

    def match(self, method: str, path: str) -> Match:
        """The line for a request; `path` is as received, escapes and all.

        Raises:
            NotFound: no line has this path.
            MethodNotAllowed: lines have this path, but none this method; `Allow` names theirs.
        """
        node = self._root
        parameters: dict[str, str] = {}
        for segment in path.split("/")[1:]:
            following = node.static.get(segment)
            if following is None:
                following = node.parameter
                if (
                    following is None
                    or following.pattern is None
                    or following.pattern.match(segment) is None
                ):
                    raise NotFound
                parameters[following.name] = segment
            node = following
        if not node.routes:
            raise NotFound
        route = node.routes.get(method)
        if route is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(node.routes))})
        return Match(route, path[3:], parameters)
