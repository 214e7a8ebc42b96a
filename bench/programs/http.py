"""HTTP/1.1 over kept connections, as little of it as a load needs: it must not be what is measured.

Answers need a Content-Length, which is what the gateway and FastAPI give for small bodies.
"""

import asyncio
from typing import cast
from urllib.parse import urlsplit

_NOT_NOW = (b'"BUSY"', b'"IDEMPOTENCY_IN_PROGRESS"')


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    @classmethod
    async def open(cls, base: str) -> "Connection":
        parts = urlsplit(base)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, parts.hostname, parts.port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        if at < 0:
            self._answer.set_exception(ValueError(f"no Content-Length in {head!r}"))
            return
        length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self._received = b""
            self._answer.set_result((int(head[9:12]), rest[:length]))

    async def request(
        self, method: str, path: str, headers: str, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Status and body. `headers`: whole lines, each with its line end."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{headers}Content-Length: {len(body)}\r\n"
        )
        self._transport.write(head.encode() + b"\r\n" + body)
        return await self._answer

    async def insist(
        self, method: str, path: str, headers: str, body: bytes = b""
    ) -> tuple[int, bytes, int]:
        """Status and body of an answer other than "not now", and how often that came before it.

        The same request is sent again, as any client would; its time goes on.
        """
        repeated = 0
        while True:
            status, said = await self.request(method, path, headers, body)
            if status != 503 and not (status == 409 and any(code in said for code in _NOT_NOW)):
                return status, said, repeated
            repeated += 1
            await asyncio.sleep(0.1)

    @property
    def closed(self) -> bool:
        """Whether either side has closed it."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        if self._transport:
            self._transport.close()
