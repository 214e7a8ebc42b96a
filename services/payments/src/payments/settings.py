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
    """What the chassis needs, and the platform's own Stripe account.

    `CONTACT_KEYS` open a guest's contact for one purpose: the address for the provider's receipt.
    """

    CONTACT_KEYS: RawKeys
    COLUMN_KEYS: RawKeys
    PAYMENTS_ENABLED: bool = True
    STRIPE_SECRET_KEY: str
    STRIPE_WEBHOOK_SECRET: Annotated[str, AfterValidator(_webhook_secret)]
    STRIPE_PUBLISHABLE_KEY: str | None = None
    STRIPE_API_BASE: HttpUrl = "https://api.stripe.com"
    WEBHOOK_BASE_URL: HttpUrl | None = None

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
