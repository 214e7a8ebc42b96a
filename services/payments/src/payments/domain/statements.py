"""What staff say of money that moves by hand, and the requests they say it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Request:
    """What makes a request the same when it comes again. `key`: of its caller, for its subject."""

    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """Who has seen the money, the transfer's `reference`, and the request, if it has a key."""

    actor: str
    reference: str | None = None
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Marked(Generic[Subject]):
    """What a statement was about, as it stands now; `replayed`: the same request had said it."""

    subject: Subject
    replayed: bool = False
