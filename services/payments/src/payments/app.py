"""The composition root: the only file that sees everything."""

import stripe

from chassis.db import Database
from chassis.jobs import hourly
from chassis.sealing import Sealer
from chassis.service import Service
from payments import messages
from payments.api import accounts as accounts_api
from payments.api import (
    bookings,
    by_hand,
    disputes,
    money,
    payouts,
    reconciliations,
    webhooks,
)
from payments.api import connections as connections_api
from payments.api.parts import Public
from payments.calls.apply_event import ApplyEvent
from payments.calls.cancel import Cancel
from payments.calls.capture import Capture
from payments.calls.charge import Charge
from payments.calls.connect import ConnectAccount, LookAtConnection
from payments.calls.create import Create
from payments.calls.desk import Desk
from payments.calls.forget_card import ForgetCard
from payments.calls.look import Look
from payments.calls.reconcile import Reconcile
from payments.calls.refund import Refund
from payments.calls.sync_product import SyncProduct
from payments.domain.connections import Terms, basis_points
from payments.domain.provider import PLATFORM, Account, Provider, Providers
from payments.providers.by_hand import ByHand
from payments.providers.paypal import Certificates, Client, PayPal
from payments.providers.stripe import Checkout, Connect, Setup, Stripe, Transport
from payments.settings import Settings
from payments.store import provider_events
from payments.store.accounts import Accounts
from payments.usecases.start_reconciliation import start_hourly

BY_HAND = ("swish", "manual")
"""Ways of paying whose money staff see arrive."""

_AT_THE_DESK = Account(
    id="manual",
    org_id=None,
    provider="manual",
    publishable_key=None,
    secret_key="",
    webhook_secrets=(),
)
"""Whom a guest pays where the venue says it itself: every organisation has that."""


def build(settings: Settings) -> Service:
    """The service, assembled but not started."""
    # The package's only switch for this is the process's; else it keeps an id on disk and sends it.
    stripe.enable_telemetry = False
    db = Database(settings.DATABASE_URL, pool_size=settings.POOL_SIZE, application_name="payments")
    columns = Sealer(settings.COLUMN_KEYS)
    transport = Transport()
    stripe_intents = Stripe(settings.STRIPE_API_BASE, transport)
    paypal = _paypal(settings)
    adapters: list[Provider] = [stripe_intents, paypal, *map(ByHand, BY_HAND)]
    if settings.PUBLIC_URL is not None:
        adapters.append(Checkout(settings.STRIPE_API_BASE, transport, settings.PUBLIC_URL))
    providers = Providers(adapters, saving=Setup(settings.STRIPE_API_BASE, transport))
    platform = _platform(settings)
    accounts = Accounts((platform, _AT_THE_DESK), columns)
    connect = Connect(settings.STRIPE_API_BASE, transport, platform)
    desk = Desk(db, accounts, providers, columns, Sealer(settings.CONTACT_KEYS))
    return Service(
        name="payments",
        settings=settings,
        db=db,
        routers=[
            bookings.router,
            by_hand.router,
            money.router,
            accounts_api.router,
            connections_api.router,
            reconciliations.router,
            disputes.router,
            payouts.router,
            webhooks.router,
        ],
        handlers=messages.handlers(
            accounts, providers, _terms(settings), enabled=settings.PAYMENTS_ENABLED
        ),
        executors={
            "create_payment": Create(desk),
            "capture_payment": Capture(desk),
            "charge_payment": Charge(desk),
            "forget_card": ForgetCard(desk),
            "look_at_payment": Look(desk),
            "cancel_payment": Cancel(desk),
            "refund_payment": Refund(desk),
            "apply_event": ApplyEvent(desk),
            "sync_product": SyncProduct(desk),
            "connect_account": ConnectAccount(desk, connect),
            "look_at_connection": LookAtConnection(desk, connect),
            "reconcile": Reconcile(desk),
        },
        jobs=[
            hourly(db, provider_events.forget),
            hourly(db, lambda tx: start_hourly(tx, providers)),
        ],
        parts=[_public(settings, providers, accounts, columns), connect],
        on_stop=[stripe_intents.close, paypal.close],
    )


def _platform(settings: Settings) -> Account:
    return Account(
        id=PLATFORM,
        org_id=None,
        provider="stripe",
        publishable_key=settings.STRIPE_PUBLISHABLE_KEY,
        secret_key=settings.STRIPE_SECRET_KEY,
        webhook_secrets=tuple(
            secret
            for secret in (settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_CONNECT_WEBHOOK_SECRET)
            if secret is not None
        ),
    )


def _terms(settings: Settings) -> Terms:
    return Terms(
        fee_basis_points=basis_points(settings.PLATFORM_FEE_PERCENT),
        fee_returned=settings.PLATFORM_FEE_REFUNDED,
    )


def _paypal(settings: Settings) -> PayPal:
    client = Client(settings.paypal_base)
    certificates = Certificates(
        client,
        settings.PAYPAL_CERT_HOSTS.split(","),
        plain_http=settings.ENVIRONMENT != "production",
        authorities=settings.PAYPAL_CERT_CA,
    )
    return PayPal(client, certificates, public_url=settings.PUBLIC_URL)


def _public(
    settings: Settings, providers: Providers, accounts: Accounts, columns: Sealer
) -> Public:
    return Public(
        accounts=accounts,
        providers=providers,
        columns=columns,
        platform_publishable_key=settings.STRIPE_PUBLISHABLE_KEY,
        webhook_base=settings.WEBHOOK_BASE_URL,
        production=settings.ENVIRONMENT == "production",
        enabled=settings.PAYMENTS_ENABLED,
    )
