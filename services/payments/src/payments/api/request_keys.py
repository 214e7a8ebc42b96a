"""What makes a request the same request when it comes again: its caller, its key and its body."""

import hashlib
import re
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel

from payments.problems import KeyRequired

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="16 to 255 visible characters; the same key is answered once",
    ),
]
_KEY = re.compile(r"[\x21-\x7e]{16,255}\Z")


def checked(header: str | None) -> str:
    """The key as it was sent.

    Raises:
        KeyRequired: there is none, or it is not 16 to 255 visible characters.
    """
    if header is None or not _KEY.match(header):
        raise KeyRequired
    return header


def digest(body: BaseModel) -> bytes:
    """Of what was asked for, as we understood it."""
    return hashlib.sha256(body.__pydantic_serializer__.to_json(body)).digest()
