"""Stripe's intents, Checkout and Connect through the official package; nothing is global."""

from payments.providers.stripe.adapter import API_VERSION, Stripe
from payments.providers.stripe.checkout import Checkout
from payments.providers.stripe.connect import Connect
from payments.providers.stripe.setup import Setup
from payments.providers.stripe.transport import Transport

__all__ = ["API_VERSION", "Checkout", "Connect", "Setup", "Stripe", "Transport"]
