"""The public API as a client sees it, for seeding and the demo."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from devstack import web
from devstack.errors import StackError
from devstack.progress import Say

_PATIENCE = 120
T = TypeVar("T")


@dataclass(frozen=True)
class Client:
    """Calls through the gateway with one caller's credentials; none = a guest."""

    base: str
    api_key: str | None = None
    manage_token: str | None = None

    def get(self, path: str) -> Any:
        """The body of a successful answer.

        Raises:
            StackError: any other answer, quoted.
        """
        return self._expect("GET", path, None, None)

    def find(self, path: str) -> Any:
        """As `get`, but None for a 404."""
        reply = self._call("GET", path, None, None)
        return None if reply.status == 404 else _successful("GET", path, reply).body

    def items(self, path: str) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            separator = "&" if "?" in path else "?"
            page = self.get(path + (f"{separator}cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    def post(self, path: str, body: object, idempotency_key: str | None = None) -> Any:
        """As `get`, for a POST."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._expect("POST", path, body, headers)

    def patiently(self, path: str, body: object, idempotency_key: str, say: Say) -> Any:
        """As `post`, but waits as long as the limits ask, if that is not longer than 2 minutes.

        Raises:
            StackError: the limits ask for more, or any other answer.
        """
        while True:
            reply = self._call("POST", path, body, {"Idempotency-Key": idempotency_key})
            seconds = float(reply.headers.get("retry-after", 1))
            if reply.status != 429 or seconds > _PATIENCE:
                return _successful("POST", path, reply).body
            say(f"this address has booked as often as one may in a minute: {seconds:.0f} s to wait")
            time.sleep(seconds)

    def _expect(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None
    ) -> Any:
        return _successful(method, path, self._call(method, path, body, headers)).body

    def _call(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None
    ) -> web.Reply:
        sent = dict(headers or {})
        if self.api_key:
            sent["Authorization"] = f"Bearer {self.api_key}"
        if self.manage_token:
            sent["X-Manage-Token"] = self.manage_token
        return web.call(method, self.base + path, body=body, headers=sent)


def _successful(method: str, path: str, reply: web.Reply) -> web.Reply:
    if not 200 <= reply.status < 300:
        raise StackError(f"{method} {path} was answered {reply.status}: {reply.body}")
    return reply


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 120) -> T:
    """What `look` finds, asked again and again.

    Raises:
        StackError: it found nothing in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not arrive in {seconds:.0f} s (make logs, make status)")
        time.sleep(0.2)
