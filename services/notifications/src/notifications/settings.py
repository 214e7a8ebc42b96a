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
    """What the chassis needs, the way to the mail server, and the keys to guests' contact data.

    `MAIL_FROM` is the address that mail comes from; the name beside it is the venue's. `PUBLIC_URL`
    is where guests reach the API.
    """

    SMTP_URL: Annotated[str, AfterValidator(_mail_server)]
    MAIL_FROM: Annotated[str, AfterValidator(_address)]
    PUBLIC_URL: HttpUrl
    CONTACT_KEYS: RawKeys
    COLUMN_KEYS: RawKeys
    MANAGE_TOKEN_KEYS: SecretKeys
