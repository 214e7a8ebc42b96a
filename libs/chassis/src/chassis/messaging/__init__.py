"""Messages through outbox, broker and inbox: every fact is sent once it is true, and done once."""

from chassis.messaging.handlers import Handlers
from chassis.messaging.meta import Meta, Park, RetryAfter

__all__ = ["Handlers", "Meta", "Park", "RetryAfter"]
