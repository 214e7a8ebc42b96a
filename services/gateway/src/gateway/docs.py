"""`/docs`: Swagger UI from our own host. Nothing is fetched from anywhere else."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from gateway.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Page = Callable[[], Awaitable[Answer]]

_HTML: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast API</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="ui"><p>The same as data: <a href="/openapi.json">openapi.json</a></p></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
"""
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The package that carries Swagger UI's files and keeps them up to date.
_PACKAGE: Final = "fastapi_offline"
_FILES: Final = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "favicon.png": b"image/png",
}


def pages() -> dict[str, Page]:
    """The pages by path; files are read when first asked for, and then kept."""
    return {
        "/docs": _page(lambda: _HTML, b"text/html; charset=utf-8"),
        "/docs/start.js": _page(lambda: _START, b"text/javascript; charset=utf-8"),
        **{f"/docs/{name}": _page(_file(name), kind) for name, kind in _FILES.items()},
    }


def _file(name: str) -> Callable[[], bytes]:
    def load() -> bytes:
        return resources.files(_PACKAGE).joinpath("static", name).read_bytes()

    return load


def _page(load: Callable[[], bytes], kind: bytes) -> Page:
    kept: list[bytes] = []

    async def page() -> Answer:
        if not kept:
            kept.append(load())
        return Answer(
            200,
            [
                (b"content-type", kind),
                (b"content-security-policy", _POLICY),
                (b"cache-control", b"public, max-age=3600"),
            ],
            kept[0],
        )

    return page
