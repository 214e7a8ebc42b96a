"""The HTTP client that the stripe package calls: one connection pool, one try, bounded waits.

The package's own clients retry, report telemetry and let a broken body escape as a foreign error;
retries are ours (they must survive a crash), telemetry is nobody's, and every failure to get an
answer is an `APIConnectionError`.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import stripe

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_SENT = frozenset({"X-Stripe-Client-User-Agent", "X-Stripe-Client-Telemetry"})


class Transport(stripe.HTTPClient):
    """Connections to Stripe, shared by all accounts of this process.

    Args:
        connections: open at most, all accounts together.
        connect_seconds: to reach the host; `total_seconds`: to the last byte of the answer.
    """

    name = "aiohttp"

    def __init__(
        self, *, connections: int = 32, connect_seconds: float = 5, total_seconds: float = 20
    ) -> None:
        super().__init__()
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        # A session belongs to the running loop, so it opens with the first call.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    ttl_dns_cache=60,
                    # The certificates that the package's own clients trust.
                    ssl=ssl.create_default_context(cafile=stripe.ca_bundle_path),
                ),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=False,
            )
        return self._session

    async def request_with_retries_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,  # noqa: ARG002  # the package's signature
        *,
        _usage: list[str] | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One request, never retried here.

        Raises:
            stripe.APIConnectionError: no complete answer; whether it took effect is unknown.
        """
        try:
            async with self._open().request(
                method,
                url,
                headers={name: value for name, value in headers.items() if name not in _NOT_SENT},
                data=post_data,
                allow_redirects=False,
            ) as response:
                return await response.read(), response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Only the kind: an error's text may hold the address with its parameters.
            raise stripe.APIConnectionError(type(error).__name__) from None  # type: ignore[no-untyped-call]

    async def close_async(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
