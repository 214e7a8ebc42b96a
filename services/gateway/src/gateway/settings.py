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
    "booking": Window(5, 60),
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
    PAYMENTS_URL: HttpUrl
    CUSTOMERS_URL: HttpUrl
    NOTIFICATIONS_URL: HttpUrl
    INTERNAL_TOKEN_PRIVATE_KEYS: RawKeys
    MANAGE_TOKEN_KEYS: SecretKeys

    # Whose X-Forwarded-For is believed.
    TRUSTED_PROXIES: Annotated[str, AfterValidator(_networks)] = ""
    RATE_LIMIT_STORAGE: Annotated[str, AfterValidator(_storage), Field(repr=False)] = "memory://"
    RATE_LIMITS: Annotated[dict[str, Window], NoDecode, BeforeValidator(_limits)] = DEFAULT_LIMITS

    MAX_BODY_BYTES: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    BODY_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    HEADER_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    UPSTREAM_CONNECT_TIMEOUT: Annotated[float, Field(gt=0, le=60)] = 2.0
    UPSTREAM_TIMEOUT: Annotated[float, Field(gt=0, le=120)] = 10.0
    UPSTREAM_CONNECTIONS: Annotated[int, Field(ge=1, le=10_000)] = 256
    MAX_CONNECTIONS: Annotated[int, Field(ge=1, le=100_000)] = 2_000

    # 0: a new booking is answered at once, 202, and its payment never asked for.
    PAYMENT_WAIT: Annotated[float, Field(ge=0, le=10)] = 2.0
    KEY_FRESH: Annotated[float, Field(ge=0, le=60)] = 60.0
    KEY_STALE: Annotated[float, Field(ge=0, le=900)] = 900.0
    OPENAPI_REFRESH: Annotated[float, Field(ge=1, le=3600)] = 60.0
