"""Making guests' and venues' words fit for a line of mail."""

import re
import unicodedata

_NOT_FOR_FILES = re.compile(r"[^A-Za-z0-9-]+")
_NOT_IN_ADDRESSES = frozenset('<>,;:()[]\\"')


def one_line(text: str, limit: int = 200) -> str:
    """`text` without line breaks or control characters, at most `limit` characters long.

    Headers end at a line break, so a name with one in it could write headers of its own.
    """
    printable = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(printable.split())[:limit]


def file_stem(text: str) -> str:
    """`text` as the stem of a file name: letters, digits and hyphens."""
    return _NOT_FOR_FILES.sub("-", text).strip("-") or "booking"


def is_address(text: str) -> bool:
    """Whether `text` can stand in a mail header and in SMTP as one address."""
    local, at, domain = text.rpartition("@")
    fine = bool(at and local and domain) and len(text) <= 254
    return fine and not any(c in _NOT_IN_ADDRESSES or ord(c) < 33 or c == "\x7f" for c in text)
