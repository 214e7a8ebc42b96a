"""Stripe's intents and Checkout through the official package, with nothing set globally."""

from payments.providers.stripe.adapter import API_VERSION, Stripe
from payments.providers.stripe.checkout import Checkout
from payments.providers.stripe.setup import Setup
from payments.providers.stripe.transport import Transport

__all__ = ["API_VERSION", "Checkout", "Setup", "Stripe", "Transport"]
