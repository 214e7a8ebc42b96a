"""Settings of the payments service."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from chassis.settings import HttpUrl, RawKeys, ServiceSettings
from payments.domain.keys import KeyRefused, check_secret_key

_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,}\Z")


def _webhook_secret(text: str) -> str:
    if not _WEBHOOK_SECRET.match(text):
        raise _wrong("STRIPE_WEBHOOK_SECRET", "must look like whsec_...")
    return text


def _wrong(variable: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{reason}", {"reason": reason, "variable": variable})


class Settings(ServiceSettings):
    """What the chassis needs, and the platform's own Stripe account."""

    CONTACT_KEYS: RawKeys
    """Open guests' contacts in messages, here only for the address of the provider's receipt. The
    same in all four services."""
    COLUMN_KEYS: RawKeys
    """Seal provider keys, webhook secrets and client secrets in rows. Each service may have its
    own."""
    PAYMENTS_ENABLED: bool = True
    """False: payment routes answer PAYMENTS_DISABLED. Webhooks are still taken."""
    STRIPE_SECRET_KEY: str
    """Secret or restricted key of the platform's account, which serves organisations that have
    connected none of their own. Live keys are refused outside production."""
    STRIPE_WEBHOOK_SECRET: Annotated[str, AfterValidator(_webhook_secret)]
    """`whsec_...`: signing secret of the endpoint `/webhooks/stripe/platform`."""
    STRIPE_PUBLISHABLE_KEY: str | None = None
    """Publishable key of the platform's account, handed to guests' browsers."""
    STRIPE_API_BASE: HttpUrl = "https://api.stripe.com"
    """Where Stripe is; https in production."""
    PUBLIC_URL: HttpUrl | None = None
    """Where guests are: a provider's page sends them back to `/booking/success` or
    `/booking/cancel` there. Without it nobody is sent to Stripe Checkout: who chooses it pays in
    the form of the venue's own page."""
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
