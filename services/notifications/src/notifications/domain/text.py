"""Making guests' and venues' words fit for a line of mail."""

import re
import unicodedata

_NOT_FOR_FILES = re.compile(r"[^A-Za-z0-9-]+")
_IN_LINKS_ONLY = re.compile(r"[:/\\@\uff1a\uff0f\uff20]+")
_DOT_INSIDE = re.compile(r"[.\u3002\uff0e\uff61](?=\w)")
_NOT_IN_ADDRESSES = frozenset('<>,;:()[]\\"')


def one_line(text: str, limit: int = 200) -> str:
    """`text` without line breaks or control characters, at most `limit` characters long.

    Headers end at a line break, so a name with one in it could write headers of its own.
    """
    printable = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(printable.split())[:limit]


def as_name(text: str, limit: int = 80) -> str:
    """A guest's name as mail may address them: short, and nothing that becomes a link.

    Anybody may book in any name with anybody's address, and a declined card is enough to have a
    mail sent: a name must not be able to carry a message of its own.
    """
    return one_line(_DOT_INSIDE.sub(". ", _IN_LINKS_ONLY.sub(" ", text)), limit)


def file_stem(text: str) -> str:
    """`text` as the stem of a file name: letters, digits and hyphens."""
    return _NOT_FOR_FILES.sub("-", text).strip("-") or "booking"


def is_address(text: str) -> bool:
    """Whether `text` can stand in a mail header and in SMTP as one address."""
    local, at, domain = text.rpartition("@")
    fine = bool(at and local and domain) and len(text) <= 254
    return fine and not any(c in _NOT_IN_ADDRESSES or ord(c) < 33 or c == "\x7f" for c in text)
