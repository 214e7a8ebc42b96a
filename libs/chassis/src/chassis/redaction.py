"""What never reaches a log: personal data and secrets, by key and by shape.

Code logs ids, never people. This is the net below that rule, not a licence to log contacts.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

REDACTED = "[redacted]"

# A key is refused when its last word is one of these: `customer_email`, `client_secret`.
_LAST_WORDS = frozenset(
    {
        "authorization", "contact", "contacts", "cookie", "dsn", "email", "emails", "mac",
        "password", "phone", "phones", "secret", "signature", "token", "tokens",
    }
)  # fmt: skip
_WHOLE = frozenset(
    {
        "name", "first_name", "last_name", "given", "given_name", "family", "family_name",
        "full_name", "display_name", "customer", "customer_name", "guest", "guest_name",
        "api_key", "database_url", "amqp_url", "smtp_url", "mail_from", "recipient", "to",
        "special_requests", "body", "headers", "input", "params", "parameters", "query",
    }
)  # fmt: skip

_SHAPES = (
    (re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,}"), "[email]"),
    (re.compile(r"\+\d[\d ()-]{5,18}\d"), "[phone]"),
    (re.compile(r"://[^/@\s]+@"), "://[redacted]@"),
    (re.compile(r"\b(?:sk|rk|whsec|hf)_[A-Za-z0-9_]{6,}"), REDACTED),
    (re.compile(r"\bpi_\w+_secret_\w+"), REDACTED),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), REDACTED),
)
# Most values hold none of these, and looking for them is much cheaper than five searches.
_HINTS = ("@", "+", "sk_", "rk_", "hf_", "whsec_", "_secret_", "eyJ")


@lru_cache(maxsize=1024)
def forbidden(key: str) -> bool:
    """Whether a value under this key must not be logged."""
    lowered = key.lower().replace("-", "_")
    return lowered in _WHOLE or lowered.rpartition("_")[2] in _LAST_WORDS


def scrub(text: str) -> str:
    """The text without addresses, phone numbers, keys and tokens."""
    if any(hint in text for hint in _HINTS):
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
    return text


def clean(value: Any, depth: int = 0) -> Any:
    """A value made safe to log: forbidden keys and shapes replaced, at any depth up to five."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return REDACTED if depth >= 5 else _clean_inside(value, depth + 1)
    if isinstance(value, BaseException):
        return describe_one(value)
    return scrub(str(value))


def _clean_inside(value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping):
        return [clean(inner, depth) for inner in value]
    return {
        str(key): REDACTED if forbidden(str(key)) else clean(inner, depth)
        for key, inner in value.items()
    }


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and what caused it, outermost first, with frames and without values."""
    return [
        {"error": describe_one(one), "frames": list(_frames(one.__traceback__))}
        for one in _chain(error)
    ]


def describe_one(error: BaseException) -> str:
    """`Type: message`, without the parts of a message that repeat what a caller sent."""
    return f"{type(error).__qualname__}: {_message(error)}"


def _message(error: BaseException) -> str:
    if isinstance(error, asyncpg.PostgresError):
        # str() would add DETAIL, which quotes the row.
        names = [error.sqlstate, getattr(error, "constraint_name", None)]
        told = scrub(str(error.args[0]).partition("\n")[0]) if error.args else ""
        # "invalid input syntax for type x: "what the caller sent""
        told = told.partition(': "')[0]
        return " ".join([told, *(f"[{name}]" for name in names if name)])
    if isinstance(error, StatementError):
        # str() would add the statement's parameters.
        return _message(error.orig) if error.orig is not None else "statement failed"
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['type']}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        )
    return scrub(str(error))[:2000]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < 10:
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            for inner in current.exceptions[:5]:
                if id(inner) not in seen:
                    yield from _chain(inner)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        # From the package on: where it is installed is nobody's business.
        path = code.co_filename.rpartition("/site-packages/")[2].rpartition("/src/")[2]
        yield f"{path}:{trace.tb_lineno} {code.co_qualname}"
        trace = trace.tb_next
