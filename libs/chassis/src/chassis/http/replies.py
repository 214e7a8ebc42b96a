"""Answers made without a response model."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from chassis.problems import MEDIA_TYPE, Problem


def json_reply(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer by orjson, which knows UUID, datetime and dataclasses."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        status,
        dict(headers or {}),
        "application/json",
    )


def problem_reply(problem: Problem, request_id: str) -> Response:
    """The problem as `application/problem+json`, with its headers."""
    return Response(problem.render(request_id), problem.status, problem.headers, MEDIA_TYPE)
