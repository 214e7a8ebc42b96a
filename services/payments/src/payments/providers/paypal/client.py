"""PayPal over HTTP: one connection pool, a token per account, one try, bounded waits.

There is no package worth having: the official one has no webhooks and fixed addresses. Retries are
the worker's; only a token that PayPal no longer takes is renewed here, once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp

from payments.domain.provider import Misconfigured, Unreached
from payments.providers.paypal import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments.domain.provider import Account

_TOKENS_KEPT = 1000
_RENEWED_BEFORE = 60.0  # seconds before a token runs out
_LARGEST = 4 * 1024 * 1024  # bytes of an answer


class _Token(NamedTuple):
    text: str
    ends: float  # by time.monotonic()


class Client:
    """Connections to PayPal, shared by all accounts of this process.

    Args:
        base: such as `https://api-m.paypal.com`, without a path.
        connections: open at most, all accounts together.
        connect_seconds: to reach the host; `total_seconds`: to the last byte of the answer.
    """

    def __init__(
        self,
        base: str,
        *,
        connections: int = 32,
        connect_seconds: float = 5,
        total_seconds: float = 20,
    ) -> None:
        self._base = base.rstrip("/")
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._tokens: OrderedDict[str, _Token] = OrderedDict()
        self._renewing = asyncio.Lock()

    async def get(
        self, account: Account, *path: str, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """What `GET /v2/...` answers; the parts of the path are quoted.

        Raises:
            ProviderError: there is no such answer.
        """
        asked = f"?{urlencode(query)}" if query else ""
        return await self._call(account, "GET", _path(path) + asked)

    async def post(
        self, account: Account, *path: str, body: Mapping[str, Any] | bytes, key: str | None = None
    ) -> dict[str, Any]:
        """What a POST answers. `key` is its PayPal-Request-Id; bytes are sent as they are.

        Raises:
            ProviderError: there is no such answer.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._call(account, "POST", _path(path), data=data, key=key)

    async def fetch(self, url: str, *, most: int) -> bytes:
        """A small file at exactly this address: redirects are not followed.

        Raises:
            Unreached: no answer, another status than 200, or more than `most` bytes.
        """
        try:
            async with self._open().get(url, allow_redirects=False) as answer:
                body = await answer.content.read(most + 1)
                while len(body) <= most and (more := await answer.content.read(most)):
                    body += more
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise Unreached("no_answer") from None
        if answer.status != 200 or len(body) > most:
            raise Unreached(f"http_{answer.status}")
        return body

    async def close(self) -> None:
        """Close the connections; calls still running fail."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        # A session belongs to the running loop, so it opens with the first call.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=60),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=False,
            )
        return self._session

    async def _call(
        self,
        account: Account,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        token = await self._token(account)
        answer = await self._send(method, path, _headers(token, key), data)
        if answer.status == 401:
            # It may have been revoked early; a second refusal is about the account.
            self._drop(account, token)
            token = await self._token(account)
            answer = await self._send(method, path, _headers(token, key), data)
        if not 200 <= answer.status < 300:
            raise errors.translated(answer.status, answer.body, answer.headers)
        if not isinstance(answer.body, dict):
            raise Unreached("unreadable_answer")
        return answer.body

    async def _token(self, account: Account) -> str:
        known = self._tokens.get(account.id)
        if known is None or known.ends <= time.monotonic():
            async with self._renewing:
                known = self._tokens.get(account.id)
                if known is None or known.ends <= time.monotonic():
                    known = await self._renew(account)
        return known.text

    async def _renew(self, account: Account) -> _Token:
        asked = time.monotonic()
        login = aiohttp.encode_basic_auth(account.publishable_key or "", account.secret_key)
        headers = {
            "Authorization": login,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self._send(
            "POST", "/v1/oauth2/token", headers, b"grant_type=client_credentials"
        )
        if answer.status in {400, 401, 403}:
            raise Misconfigured("invalid_client")
        if answer.status != 200:
            raise errors.translated(answer.status, answer.body, answer.headers)
        try:
            lives = float(answer.body["expires_in"])
            token = _Token(
                str(answer.body["access_token"]),
                asked + max(lives - _RENEWED_BEFORE, lives / 2),
            )
        except (KeyError, TypeError, ValueError):
            raise Unreached("unreadable_answer") from None
        self._tokens[account.id] = token
        while len(self._tokens) > _TOKENS_KEPT:
            self._tokens.popitem(last=False)
        return token

    def _drop(self, account: Account, token: str) -> None:
        known = self._tokens.get(account.id)
        if known is not None and known.text == token:
            del self._tokens[account.id]

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], data: bytes | None
    ) -> _Answer:
        try:
            async with self._open().request(
                method, self._base + path, headers=headers, data=data, allow_redirects=False
            ) as answer:
                text = b""
                while part := await answer.content.read(65_536):
                    text += part
                    if len(text) > _LARGEST:
                        raise Unreached("unreadable_answer")
        except (aiohttp.ClientError, TimeoutError, OSError):
            # Only the kind: an error's text may hold the address and more.
            raise Unreached("no_answer") from None
        try:
            body: Any = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            body = None
        return _Answer(answer.status, body, answer.headers)


class _Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


def _headers(token: str, key: str | None) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Prefer": "return=representation",
        **({"PayPal-Request-Id": key} if key else {}),
    }


def _path(parts: tuple[str, ...]) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)
