"""Settings of the payments service."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from chassis.settings import HttpUrl, RawKeys, ServiceSettings
from payments.domain.connections import basis_points
from payments.domain.keys import KeyRefused, check_secret_key

_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,}\Z")


def _webhook_secret(text: str) -> str:
    if not _WEBHOOK_SECRET.match(text):
        raise _wrong("STRIPE_WEBHOOK_SECRET", "must look like whsec_...")
    return text


def _connect_secret(text: str) -> str:
    if not _WEBHOOK_SECRET.match(text):
        raise _wrong("STRIPE_CONNECT_WEBHOOK_SECRET", "must look like whsec_...")
    return text


def _percent(text: str) -> str:
    try:
        basis_points(text)
    except ValueError as no:
        raise _wrong("PLATFORM_FEE_PERCENT", str(no)) from None
    return text


def _wrong(variable: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{reason}", {"reason": reason, "variable": variable})


_REAL_PAYPAL = frozenset({"api-m.paypal.com", "api.paypal.com"})
_HOST = re.compile(r"[a-z0-9.-]{1,253}(?::[0-9]{1,5})?\Z")


def _hosts(text: str) -> str:
    hosts = [host.strip() for host in text.split(",")]
    if not all(_HOST.match(host) for host in hosts):
        raise _wrong("PAYPAL_CERT_HOSTS", "must be hosts such as api.paypal.com, in lower case")
    return ",".join(hosts)


ConnectSecret = Annotated[str, AfterValidator(_connect_secret)]
Percent = Annotated[str, AfterValidator(_percent)]
Hosts = Annotated[str, AfterValidator(_hosts)]


class Settings(ServiceSettings):
    """What the chassis needs, the platform's own Stripe account, and where PayPal is."""

    CONTACT_KEYS: RawKeys
    """Open guests' contacts in messages, here only for the address of the provider's receipt. The
    same in all four services."""
    COLUMN_KEYS: RawKeys
    """Seal provider keys, webhook secrets and client secrets in rows. Each service may have its
    own."""
    PAYMENTS_ENABLED: bool = True
    """False: payment routes answer PAYMENTS_DISABLED. Webhooks are still taken, and what
    staff say of money that came or went by hand."""
    STRIPE_SECRET_KEY: str
    """Secret or restricted key of the platform's account, which serves organisations that have
    connected none of their own. Live keys are refused outside production."""
    STRIPE_WEBHOOK_SECRET: Annotated[str, AfterValidator(_webhook_secret)]
    """`whsec_...`: signing secret of the endpoint `/webhooks/stripe/platform`."""
    STRIPE_CONNECT_WEBHOOK_SECRET: ConnectSecret | None = None
    """`whsec_...`: signing secret of the platform's Connect endpoint, which tells of connected
    accounts (`account.updated`, `account.application.deauthorized`) at the same address."""
    PLATFORM_FEE_PERCENT: Percent = "0"
    """What the platform keeps of charges for connected accounts, in percent with up to two decimal
    places, unless an operator set another for the organisation. Rounded half up for each charge."""
    PLATFORM_FEE_REFUNDED: bool = True
    """A refund gives back the fee in the same proportion. False: the platform keeps it; that
    comes from the connected account, whose money a refund always is."""
    STRIPE_PUBLISHABLE_KEY: str | None = None
    """Publishable key of the platform's account, handed to guests' browsers."""
    STRIPE_API_BASE: HttpUrl = "https://api.stripe.com"
    """Where Stripe is; https in production."""
    PUBLIC_URL: HttpUrl | None = None
    """Where guests are: a provider's page sends them back to `/booking/success` or
    `/booking/cancel` there. Without it nobody is sent to Stripe Checkout: who chooses it pays in
    the form of the venue's own page."""
    PAYPAL_API_BASE: HttpUrl | None = None
    """Where PayPal is; https in production. Unset: `https://api-m.paypal.com` in production, else
    `https://api-m.sandbox.paypal.com`. Where real money is, is refused outside production."""
    PAYPAL_CERT_HOSTS: Hosts = "api.paypal.com,api.sandbox.paypal.com"
    """Hosts, with their port where it isn't 443, that the certificates of PayPal's webhooks may
    come from; any number, with commas between. In production only over https."""
    PAYPAL_CERT_CA: Path | None = None
    """PEM file of the authorities that those certificates are issued by; unset: the system's. One
    that can't be trusted is no refusal: PayPal is asked about the event instead."""
    WEBHOOK_BASE_URL: HttpUrl | None = None
    """Where providers reach this service from outside; told to those who connect accounts."""

    @model_validator(mode="after")
    def _real_money_only_in_production(self) -> Self:
        production = self.ENVIRONMENT == "production"
        try:
            check_secret_key(self.STRIPE_SECRET_KEY, production=production)
        except KeyRefused as no:
            raise _wrong("STRIPE_SECRET_KEY", str(no)) from None
        if production and urlsplit(self.STRIPE_API_BASE).scheme != "https":
            raise _wrong("STRIPE_API_BASE", "must be https when ENVIRONMENT is production")
        return self

    @model_validator(mode="after")
    def _paypal_fits_the_environment(self) -> Self:
        paypal = urlsplit(self.paypal_base)
        if self.ENVIRONMENT != "production" and paypal.hostname in _REAL_PAYPAL:
            reason = "is where real money is, which only ENVIRONMENT=production may use"
            raise _wrong("PAYPAL_API_BASE", reason)
        if self.ENVIRONMENT == "production" and paypal.scheme != "https":
            raise _wrong("PAYPAL_API_BASE", "must be https when ENVIRONMENT is production")
        return self

    @property
    def paypal_base(self) -> str:
        """Where PayPal is."""
        if self.PAYPAL_API_BASE is not None:
            return self.PAYPAL_API_BASE
        real = self.ENVIRONMENT == "production"
        return f"https://api-m.{'' if real else 'sandbox.'}paypal.com"
