"""The gateway's settings."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from chassis.settings import HttpUrl, ProcessSettings, RawKeys, SecretKeys
from gateway.addresses import networks
from gateway.limits import Window

# Per class: the most requests in a window of so many seconds. `reads`, `booking`, `payment` and
# `default` count guests and holders of manage tokens by address, `keys` counts API keys, and
# `credentials` counts, by address, keys that we see for the first time.
DEFAULT_LIMITS: Final[dict[str, Window]] = {
    "reads": Window(120, 60),
    "quotes": Window(20, 60),
    "booking": Window(5, 60),
    "holding": Window(20, 900),
    "payment": Window(3, 60),
    "default": Window(10, 60),
    "keys": Window(600, 60),
    "credentials": Window(30, 60),
}


def _refused(reason: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{reason}", {"reason": reason})


def _limits(value: object) -> dict[str, Window]:
    if isinstance(value, str | bytes):
        try:
            value = orjson.loads(value)
        except ValueError:
            raise _refused('must be JSON such as {"booking": [5, 60]}') from None
    if not isinstance(value, dict):
        raise _refused('must be an object such as {"booking": [5, 60]}')
    windows = dict(DEFAULT_LIMITS)
    for name, pair in value.items():
        if name not in windows:
            raise _refused(f"{name} is not one of {', '.join(windows)}")
        windows[name] = _window(name, pair)
    return windows


def _window(name: str, pair: Any) -> Window:
    if isinstance(pair, Window):
        return pair
    numbers = isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
    if not numbers or not (1 <= pair[0] <= 1_000_000 and 1 <= pair[1] <= 86_400):
        raise _refused(f"{name} must be [requests 1-1000000, seconds 1-86400]")
    return Window(*pair)


def _networks(text: str) -> str:
    try:
        networks(text)
    except ValueError:
        raise _refused("must be addresses or networks, separated by commas") from None
    return text


def _storage(text: str) -> str:
    if text.partition("://")[0] not in {"memory", "redis", "rediss", "redis+unix"}:
        raise _refused("must be memory:// or start with redis://, rediss:// or redis+unix://")
    return text


class Settings(ProcessSettings):
    """What the gateway reads from its environment; times are in seconds."""

    BOOKING_URL: HttpUrl
    """Where the booking service's `api` role is."""
    PAYMENTS_URL: HttpUrl
    """Where the payments service's `api` role is."""
    CUSTOMERS_URL: HttpUrl
    """Where the customers service's `api` role is."""
    NOTIFICATIONS_URL: HttpUrl
    """Where the notifications service's `api` role is."""
    INTERNAL_TOKEN_PRIVATE_KEYS: RawKeys
    """Ed25519 seeds that sign internal tokens, by which services know who is asking."""
    MANAGE_TOKEN_KEYS: SecretKeys
    """Verify manage tokens. The same in booking, notifications and gateway."""

    TRUSTED_PROXIES: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses and networks, separated by commas, whose X-Forwarded-For is believed."""
    RATE_LIMIT_STORAGE: Annotated[str, AfterValidator(_storage), Field(repr=False)] = "memory://"
    """`memory://`: each gateway counts alone; `redis://...`: all count together."""
    RATE_LIMITS: Annotated[dict[str, Window], NoDecode, BeforeValidator(_limits)] = DEFAULT_LIMITS
    """Overrides per class, `{"booking": [requests, seconds]}`; the classes are reads [120, 60],
    quotes [20, 60] (prices, so that codes are not guessed),
    booking [5, 60] and holding [20, 900] (both count a guest's attempts to book),
    payment [3, 60], default [10, 60], keys [600, 60], credentials [30, 60]."""

    MAX_BODY_BYTES: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    """The largest request body, in bytes."""
    BODY_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds that a body may take to arrive."""
    HEADER_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds that address and headers may take to arrive."""
    UNREAD_TIMEOUT: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds that a client may read nothing of an answer that waits for it."""
    UPSTREAM_CONNECT_TIMEOUT: Annotated[float, Field(gt=0, le=60)] = 2.0
    """Seconds to connect to a service, or to wait for a free connection."""
    UPSTREAM_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds that a service may take to answer."""
    UPSTREAM_LONG_TIMEOUT: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """Seconds that an export may take, if it never pauses for more than `UPSTREAM_TIMEOUT`."""
    UPSTREAM_CONNECTIONS: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Connections to the services at once, all together."""
    MAX_CONNECTIONS: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Connections from clients at once."""
    MAX_CONNECTIONS_PER_ADDRESS: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Of these, from one address (IPv6: from one /64); `TRUSTED_PROXIES` are not counted."""

    PAYMENT_WAIT: Annotated[float, Field(ge=0, le=10)] = 2.0
    """Seconds that a new booking's answer waits for its payment before it is 202; 0: never."""
    KEY_FRESH: Annotated[float, Field(ge=0, le=60)] = 60.0
    """Seconds that a checked API key is not checked again: how long a revoked one still works."""
    KEY_STALE: Annotated[float, Field(ge=0, le=900)] = 900.0
    """Seconds that a checked API key still works while the customers service is away."""
    OPENAPI_REFRESH: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Seconds that the merged OpenAPI document is kept."""
