"""The mailbox put together: SMTP and HTTP in one loop."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, ConfigDict, Field

from sandbox import listening
from sandbox.mailbox.post import Json, Letter, Post
from sandbox.mailbox.smtp import Inbox, Temper, protocol
from sandbox.same_site import same_site

log = structlog.get_logger()
_SHOWN = 200


class Change(BaseModel):
    """What to change of the mailbox's temper; what isn't named stays."""

    model_config = ConfigDict(extra="forbid")

    reject: int | None = Field(None, ge=0, le=1_000_000)
    drop: int | None = Field(None, ge=0, le=1_000_000)
    delay: float | None = Field(None, ge=0, le=300)


def build(post: Post, temper: Temper, smtp: socket, *, largest: int) -> FastAPI:
    """The HTTP side; starting it starts SMTP on the given socket as well."""
    inbox = Inbox(post, temper)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(inbox, largest), sock=smtp
        )
        yield
        server.close()

    app = FastAPI(title="Mailbox", lifespan=lifespan, docs_url="/_docs", redoc_url=None)
    app.middleware("http")(same_site)
    _add_json(app, post, temper)
    _add_pages(app, post)
    return app


def serve(*, host: str, port: int, smtp_port: int, keep: int, largest: int) -> int:
    """Run until stopped; 1 when a port is taken. `largest` in bytes."""
    listening.log_as_json()
    try:
        with (
            listening.bind(host, port) as web,
            listening.bind(host, smtp_port) as smtp,
        ):
            log.info(
                "mailbox.listening",
                url=listening.address("http", web),
                smtp=listening.address("smtp", smtp),
            )
            app = build(Post(keep), Temper(), smtp.dup(), largest=largest)
            listening.run(app, web)
    except OSError as error:
        sys.stderr.write(f"sandbox mailbox: {error}\n")
        return 1
    return 0


def _add_json(app: FastAPI, post: Post, temper: Temper) -> None:
    @app.get("/messages")
    async def messages(
        to: str | None = None,
        since: Annotated[
            str | None, Query(description="RFC 3339 instant, or the number of the last one seen")
        ] = None,
    ) -> list[Json]:
        """Oldest first."""
        return [letter.shown() for letter in post.letters(to=to, **_since(since))]

    @app.delete("/messages")
    async def clear() -> Json:
        return {"deleted": post.clear()}

    @app.get("/messages/{number}")
    async def message(number: int) -> Json:
        return _found(post, number).shown()

    @app.get("/messages/{number}/raw")
    async def raw(number: int) -> Response:
        return Response(_found(post, number).raw, media_type="text/plain; charset=utf-8")

    @app.get("/_control")
    async def state() -> Json:
        return _state(post, temper)

    @app.post("/_control")
    async def control(change: Change) -> Json:
        for name, value in change.model_dump(exclude_none=True).items():
            setattr(temper, name, value)
        return _state(post, temper)

    @app.get("/_health")
    async def health() -> Json:
        return {"status": "ok"}


def _add_pages(app: FastAPI, post: Post) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=select_autoescape(["html"]),
    )

    def page(name: str, **values: Any) -> HTMLResponse:
        return HTMLResponse(
            environment.get_template(name).render(**values),
            headers={
                "Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline';"
                " img-src 'self' data:"
            },
        )

    @app.get("/", include_in_schema=False)
    async def index(to: str = "") -> HTMLResponse:
        letters = post.letters(to=to or None, newest=_SHOWN)
        shown = [letter.shown() for letter in reversed(letters)]
        return page("index.html", letters=shown, count=len(post), to=to)

    @app.get("/read/{number}", include_in_schema=False)
    async def read(number: int) -> HTMLResponse:
        return page("letter.html", letter=_found(post, number).shown())

    @app.get("/read/{number}/html", include_in_schema=False)
    async def html(number: int) -> HTMLResponse:
        """The message's own HTML, shown inside a frame that may run and load nothing."""
        return HTMLResponse(
            _found(post, number).shown()["html"] or "",
            headers={
                "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox;"
                " default-src 'none'; style-src 'unsafe-inline'; img-src data:"
            },
        )

    @app.post("/clear", include_in_schema=False)
    async def clear() -> Response:
        post.clear()
        return RedirectResponse("/", status_code=303)


def _found(post: Post, number: int) -> Letter:
    letter = post.letter(number)
    if letter is None:
        raise HTTPException(404, f"no message {number}")
    return letter


def _since(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    if text.isdigit():
        return {"after": int(text)}
    try:
        # A plus sign that wasn't escaped arrives as a space.
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise HTTPException(422, "since is neither an RFC 3339 instant nor a number") from error
    return {"since": instant if instant.tzinfo else instant.replace(tzinfo=UTC)}


def _state(post: Post, temper: Temper) -> Json:
    return {
        "messages": len(post),
        "dropped": post.dropped,
        "reject": temper.reject,
        "drop": temper.drop,
        "delay": temper.delay,
    }
