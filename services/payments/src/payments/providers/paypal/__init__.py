"""PayPal orders, captured once the customer has agreed to them."""

from payments.providers.paypal.adapter import PayPal
from payments.providers.paypal.certificates import Certificates
from payments.providers.paypal.client import Client

__all__ = ["Certificates", "Client", "PayPal"]
