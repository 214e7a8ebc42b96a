"""The composition root: the only file that sees everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chassis.auth import TokenMinter
from chassis.manage_token import ManageTokens
from chassis.service import Service
from gateway import docs
from gateway.addresses import TrustedProxies, networks
from gateway.authentication import Authentication
from gateway.booking import Book
from gateway.edge import BodyBounds, Edge
from gateway.evidence import Evidence
from gateway.forwarding import Forward
from gateway.keys import ApiKeys
from gateway.limits import Limits
from gateway.messages import Listener
from gateway.openapi import PublicDocument
from gateway.protocol import HeadBounds, Visitors, bounded
from gateway.routes import RouteTable, Upstream
from gateway.timeline import Timeline
from gateway.upstream import Patience, Services
from gateway.waiting import ReadyPayments

if TYPE_CHECKING:
    from fastapi import FastAPI

    from gateway.settings import Settings


def build(settings: Settings) -> Service:
    """The gateway, assembled; nothing runs yet."""
    services = Services(
        {
            Upstream.BOOKING: settings.BOOKING_URL,
            Upstream.PAYMENTS: settings.PAYMENTS_URL,
            Upstream.CUSTOMERS: settings.CUSTOMERS_URL,
            Upstream.NOTIFICATIONS: settings.NOTIFICATIONS_URL,
        },
        TokenMinter(settings.INTERNAL_TOKEN_PRIVATE_KEYS),
        patience=Patience(
            settings.UPSTREAM_CONNECT_TIMEOUT,
            settings.UPSTREAM_TIMEOUT,
            settings.UPSTREAM_LONG_TIMEOUT,
        ),
        connections=settings.UPSTREAM_CONNECTIONS,
    )
    ready = ReadyPayments()
    listener = Listener(settings.AMQP_URL, ready)
    manage_tokens = ManageTokens(settings.MANAGE_TOKEN_KEYS)
    forward = Forward(services)
    timeline = Timeline(services)
    proxies = TrustedProxies(networks(settings.TRUSTED_PROXIES))
    document = PublicDocument(services, settings.RATE_LIMITS, refresh=settings.OPENAPI_REFRESH)

    def extend(app: FastAPI) -> None:
        app.add_middleware(
            Edge,
            table=RouteTable(),
            handlers={
                "forward": forward,
                "book": Book(forward, ready, manage_tokens, wait=settings.PAYMENT_WAIT),
                "timeline": timeline,
                "evidence": Evidence(services, timeline),
            },
            pages={"/openapi.json": document.page, **docs.pages()},
            authentication=Authentication(
                ApiKeys(services, fresh=settings.KEY_FRESH, stale=settings.KEY_STALE),
                manage_tokens,
            ),
            limits=Limits(settings.RATE_LIMITS, settings.RATE_LIMIT_STORAGE),
            proxies=proxies,
            body=BodyBounds(settings.MAX_BODY_BYTES, settings.BODY_TIMEOUT),
        )

    return Service(
        name="gateway",
        settings=settings,
        on_start=[services.start, listener.start],
        on_stop=[listener.stop, services.stop],
        internal_tokens=False,
        openapi=False,
        extend=extend,
        protocol=bounded(
            HeadBounds(
                seconds=settings.HEADER_TIMEOUT,
                connections=settings.MAX_CONNECTIONS,
                unread=settings.UNREAD_TIMEOUT,
            ),
            Visitors(proxies, settings.MAX_CONNECTIONS_PER_ADDRESS),
        ),
    )
