"""The composition root: the only file that sees everything."""

from chassis.db import Database
from chassis.sealing import Sealer
from chassis.service import Service
from customers import messages
from customers.api import customers, keys
from customers.identity import IdentityKeys
from customers.settings import Settings


def build(settings: Settings) -> Service:
    """The service, assembled but not started."""
    db = Database(settings.DATABASE_URL, pool_size=settings.POOL_SIZE, application_name="customers")
    identity = IdentityKeys(settings.HASH_KEY, Sealer(settings.COLUMN_KEYS))
    return Service(
        name="customers",
        settings=settings,
        db=db,
        routers=[customers.router, keys.router, keys.internal],
        handlers=messages.handlers(Sealer(settings.CONTACT_KEYS), identity),
        parts=[identity],
    )
