"""Settings from the environment: read once at start, refused as a whole with each bad name.

Values never appear in a repr or an error, since many are secrets. An empty variable counts as
unset.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis import failpoints

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")


class BadSettings(Exception):
    """One readable line per variable that is missing or wrong; no values."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _refuse(message: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{reason}", {"reason": message})


def _url(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            parts = urlsplit(text)
            fine = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise _refuse(f"must be an address starting with {wanted}")
        return text

    return check


def _key_object(value: object) -> dict[str, str]:
    if isinstance(value, str | bytes):
        try:
            value = orjson.loads(value)
        except ValueError:
            raise _refuse('must be a JSON object such as {"k1": "..."}') from None
    if not isinstance(value, dict) or not value:
        raise _refuse('must be a JSON object with at least one key, such as {"k1": "..."}')
    for kid, secret in value.items():
        if not isinstance(kid, str) or not _KEY_ID.match(kid):
            raise _refuse("key ids are 1-32 letters, digits, - or _")
        if not isinstance(secret, str | bytes):
            raise _refuse(f"the value of key {kid} must be text")
    return value


def _raw_keys(value: object) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for kid, secret in _key_object(value).items():
        if isinstance(secret, bytes):
            raw = secret
        else:
            try:
                # Accepts base64 and base64url, padded or not.
                text = secret.strip().rstrip("=").replace("+", "-").replace("/", "_")
                raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            except ValueError:
                raise _refuse(f"the value of key {kid} is not base64") from None
        if len(raw) != 32:
            raise _refuse(f"the value of key {kid} must be 32 bytes in base64")
        keys[kid] = raw
    return keys


def _secret_keys(value: object) -> dict[str, str]:
    keys = _key_object(value)
    for kid, secret in keys.items():
        if len(secret) < 32:
            raise _refuse(f"the secret of key {kid} must be at least 32 characters long")
    return keys


PostgresUrl = Annotated[str, AfterValidator(_url("postgresql", "postgres"))]
AmqpUrl = Annotated[str, AfterValidator(_url("amqp", "amqps"))]
SmtpUrl = Annotated[str, AfterValidator(_url("smtp", "smtps"))]
HttpUrl = Annotated[str, AfterValidator(_url("http", "https"))]
Port = Annotated[int, Field(ge=1, le=65535)]
LongSecret = Annotated[str, Field(min_length=32)]
# Key rings: `{"k1": "..."}`, order kept, the first is the current one.
RawKeys = Annotated[dict[str, bytes], NoDecode, BeforeValidator(_raw_keys)]
SecretKeys = Annotated[dict[str, str], NoDecode, BeforeValidator(_secret_keys)]

Environment = Literal["development", "test", "production"]


class ProcessSettings(BaseSettings):
    """What every process needs, with or without a database."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    ENVIRONMENT: Environment = "production"
    """`production` refuses failpoints, a moved clock and a Stripe without https; the others refuse
    live Stripe keys."""
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is logged; above INFO there are no access lines either."""
    HTTP_HOST: str = "127.0.0.1"
    """Where the `api` role listens; 0.0.0.0 in a container."""
    HTTP_PORT: Port = 8000
    """The port of the `api` role."""
    INTERNAL_HOST: str = "127.0.0.1"
    """Where probes and metrics are served; 0.0.0.0 in a container, never a public address."""
    INTERNAL_PORT: Annotated[int, Field(ge=0, le=65535)] = 9000
    """The port of probes and metrics of every role; never exposed to the world; 0 serves none."""
    AMQP_URL: AmqpUrl
    """The broker: `amqp://user:password@host:5672/vhost`, or `amqps://`."""
    DRAIN_SECONDS: Annotated[int, Field(ge=1, le=600)] = 20
    """Seconds that a drain may take before what is still running is cut off. Keep the time your
    platform waits before it kills above this."""
    HOLDFAST_FAILPOINT: str | None = None
    """For tests: the process kills itself at this point, `name[:n-th pass]`; not in production."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # Half of the values are secrets; a log line with the settings in it shows none of them.
        yield "ENVIRONMENT", self.ENVIRONMENT

    @model_validator(mode="after")
    def _no_failpoints_in_production(self) -> Self:
        if self.HOLDFAST_FAILPOINT is None:
            return self
        if self.ENVIRONMENT == "production":
            raise _named("HOLDFAST_FAILPOINT", "is refused when ENVIRONMENT is production")
        try:
            failpoints.parse(self.HOLDFAST_FAILPOINT)
        except failpoints.BadFailpoint as exc:
            raise _named("HOLDFAST_FAILPOINT", str(exc)) from None
        return self


class ServiceSettings(ProcessSettings):
    """What a service with a database of its own needs besides.

    `MIGRATION_DATABASE_URL` connects as the owner of the tables; only the `migrate` role needs it.
    """

    DATABASE_URL: PostgresUrl
    """The service's database as its serving role: `postgresql://user:password@host:5432/name`."""
    MIGRATION_DATABASE_URL: PostgresUrl | None = None
    """The same database as the owner of the tables; only the `migrate` role uses it."""
    POOL_SIZE: Annotated[int, Field(ge=1, le=100)] = 5
    """Pooled database connections. Beside them `api` holds one and `worker` three."""
    PREFETCH: Annotated[int, Field(ge=1, le=1000)] = 100
    """Messages that the broker hands to a worker before it waits for acknowledgements."""
    RELAY_WINDOW: Annotated[int, Field(ge=1, le=5000)] = 500
    """Messages a worker publishes before it waits for the broker's confirms."""
    MAX_ATTEMPTS: Annotated[int, Field(ge=1, le=100)] = 8
    """Times a message or timer is handled before it is parked."""
    INTENT_LANE_CONCURRENCY: Annotated[int, Field(ge=1, le=100)] = 8
    """Outside calls at once per process and lane (a provider account, the mail server)."""
    INTENT_LEASE_SECONDS: Annotated[float, Field(ge=1, le=600)] = 60
    """How long a killed process's outside calls stay unserved; a call is cut off at 3/4 of it."""
    LEASE_SECONDS: Annotated[float, Field(ge=1, le=600)] = 10
    """How long a killed process's share of outbox and timers stays unserved."""
    INTERNAL_TOKEN_PUBLIC_KEYS: RawKeys
    """The public halves of the gateway's INTERNAL_TOKEN_PRIVATE_KEYS, each under the same id."""


def _named(variable: str, reason: str) -> PydanticCustomError:
    """For rules over several variables: an error that still names the one to change."""
    return PydanticCustomError("setting", "{reason}", {"reason": reason, "variable": variable})


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S], values: Mapping[str, Any] | None = None) -> S:
    """The settings from the environment; `values` (for tests) win over it.

    Raises:
        BadSettings: with one line for each variable that is missing or wrong.
    """
    try:
        return kind(**(values or {}))
    except ValidationError as exc:
        raise BadSettings([_line(error) for error in exc.errors(include_input=False)]) from None


def _line(error: Any) -> str:
    context = error.get("ctx") or {}
    location = [str(part) for part in error["loc"]]
    variable = context.get("variable") or (location[0] if location else "settings")
    message = "is missing" if error["type"] == "missing" else error["msg"]
    return f"{variable}: {message}"
