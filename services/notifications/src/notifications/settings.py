"""Settings of the notifications service."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from chassis.settings import HttpUrl, RawKeys, SecretKeys, ServiceSettings
from notifications.domain.text import is_address
from notifications.mail.smtp import MailServer


def _mail_server(url: str) -> str:
    try:
        MailServer.parse(url)
    except ValueError as reason:
        # The address holds a password, so the error is our own and shows none of it.
        raise PydanticCustomError("setting", "{reason}", {"reason": str(reason)}) from None
    return url


def _address(text: str) -> str:
    if not is_address(text):
        raise PydanticCustomError(
            "setting", "{reason}", {"reason": "must be one plain e-mail address"}
        )
    return text


class Settings(ServiceSettings):
    """What the chassis needs, the way to the mail server, and the keys to guests' contact data."""

    SMTP_URL: Annotated[str, AfterValidator(_mail_server)]
    """The mail server: `smtp://user:password@host:587`, or `smtps://`."""
    MAIL_FROM: Annotated[str, AfterValidator(_address)]
    """The address that mail comes from; the name beside it is the venue's."""
    PUBLIC_URL: HttpUrl
    """Where guests reach the gateway; manage links in mails begin with it."""
    CONTACT_KEYS: RawKeys
    """Open guests' contacts in messages. The same in all four services."""
    COLUMN_KEYS: RawKeys
    """Seal guests' contacts in rows. Each service may have its own."""
    MANAGE_TOKEN_KEYS: SecretKeys
    """Sign manage tokens. The same in booking, notifications and gateway."""
