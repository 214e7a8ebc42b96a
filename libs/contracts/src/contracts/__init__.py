"""What the services say to each other: message models, their registry, envelope and topology.

Message classes live in one module per producer: `contracts.booking`, `contracts.payments`,
`contracts.customers`, `contracts.notifications`.
"""

from contracts.contact import Contact
from contracts.message import Message
from contracts.values import Currency, Instant, Money, Sealed

__all__ = ["Contact", "Currency", "Instant", "Message", "Money", "Sealed"]
