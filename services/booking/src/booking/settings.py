"""What this service is told by its environment."""

from typing import Annotated

from pydantic import Field

from chassis.settings import LongSecret, RawKeys, SecretKeys, ServiceSettings


class Settings(ServiceSettings):
    """COLUMN_KEYS seal contacts in rows, CONTACT_KEYS on the bus; HASH_KEY finds them again."""

    HTTP_PORT: Annotated[int, Field(ge=1, le=65535)] = 8101
    INTERNAL_PORT: Annotated[int, Field(ge=1, le=65535)] = 9101
    PAYMENTS_ENABLED: bool = True
    COLUMN_KEYS: RawKeys
    CONTACT_KEYS: RawKeys
    HASH_KEY: LongSecret
    MANAGE_TOKEN_KEYS: SecretKeys
