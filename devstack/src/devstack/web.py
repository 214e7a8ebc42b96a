"""JSON over HTTP for a program that makes a handful of calls."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

_HERE: OpenerDirector = build_opener(ProxyHandler({}))  # everything is on this machine


@dataclass(frozen=True)
class Reply:
    """An answer: status and decoded body (`None` when empty, text when it is no JSON).

    The names of the headers are in lower case.
    """

    status: int
    body: Any
    headers: Mapping[str, str]


def call(
    method: str,
    url: str,
    *,
    body: object = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Reply:
    """One request; any status is an answer. `user:password@` in the address is sent as Basic.

    Raises:
        OSError: nobody answered.
    """
    parts = urlsplit(url)
    sent = {"Accept": "application/json", **(headers or {})}
    if parts.username:
        credentials = f"{parts.username}:{parts.password or ''}".encode()
        sent["Authorization"] = "Basic " + b64encode(credentials).decode()
        url = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{parts.port}"))
    data: bytes | None = None
    if form is not None:
        data = urlencode(form).encode()
    elif body is not None:
        data = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    request = Request(url, data=data, headers=sent, method=method)  # noqa: S310 - http only
    try:
        with _HERE.open(request, timeout=timeout) as answer:
            return _reply(answer.status, answer.read(), answer.headers)
    except HTTPError as refusal:
        with refusal:
            return _reply(refusal.code, refusal.read(), refusal.headers)


def ok(url: str, timeout: float = 3) -> bool:
    """Whether a GET is answered with a 2xx."""
    try:
        return 200 <= call("GET", url, timeout=timeout).status < 300
    except (OSError, HTTPException):  # nobody there, or killed in the middle of the answer
        return False


def _reply(status: int, raw: bytes, received: Message) -> Reply:
    headers = {name.lower(): value for name, value in received.items()}
    text = raw.decode("utf-8", "replace")
    try:
        return Reply(status, json.loads(text) if text else None, headers)
    except ValueError:
        return Reply(status, text, headers)
