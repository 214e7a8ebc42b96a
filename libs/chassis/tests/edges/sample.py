"""A service with nothing behind it, to try the edges on: run as a program, or built in the test."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from chassis import telemetry
from chassis.db import Database
from chassis.http import DB, Body, Caller, json_reply, require
from chassis.main import main
from chassis.problems import Conflict, NotFound, responses
from chassis.service import Service
from chassis.settings import SecretKeys, ServiceSettings

log = structlog.get_logger("sample")


class Settings(ServiceSettings):
    MANAGE_TOKEN_KEYS: SecretKeys


class Taken(Conflict):
    code = "TAKEN"
    title = "Already taken"


class Guest(Body):
    name: Annotated[str, Field(min_length=2, max_length=255)]
    email: str


class Order(Body):
    session_id: UUID
    party_size: Annotated[int, Field(ge=1)] = 1
    amount: int | None = None
    vip: bool = False
    at: datetime | None = None
    customer: Guest
    tags: list[str] = Field(default_factory=list)


class Answer(BaseModel):
    id: UUID
    party_size: int


router = APIRouter(prefix="/orders", responses=responses(NotFound, Taken))


@router.post("", status_code=201)
async def create(order: Order, caller: Caller) -> Answer:
    return Answer(id=order.session_id, party_size=order.party_size)


@router.get("/{order_id}")
async def read(order_id: UUID, limit: Annotated[int, Query(ge=1, le=100)] = 10) -> Answer:
    if order_id.int == 0:
        raise NotFound
    return Answer(id=order_id, party_size=limit)


@router.post("/{order_id}/take")
async def take(order_id: UUID) -> None:
    raise Taken("The place is gone.")


odd = APIRouter(prefix="/odd")


@odd.get("/staff")
async def staff(caller: Annotated[Caller, Depends(require("bookings:view"))]) -> dict[str, str]:
    return {"kind": caller.kind}


@odd.get("/crash")
async def crash() -> None:
    log.info("about.to_crash", email="guest@example.org", customer={"phone": "+46701234567"})
    raise RuntimeError("row for guest@example.org, +46 70 123 45 67, key sk_test_abcdefgh")


@odd.get("/slow")
async def slow(until: Path) -> dict[str, bool]:
    """Takes until the file is there."""
    log.info("slow.began")
    while not until.exists():
        await asyncio.sleep(0.02)
    return {"finished": True}


@odd.post("/raw")
async def raw(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@odd.get("/trace")
async def trace() -> object:
    return json_reply({"traceparent": telemetry.traceparent(), **telemetry.headers()})


@odd.get("/database")
async def database(db: DB, value: int = 1, locked: bool = False) -> dict[str, int]:
    async with db.transaction(None) as tx:
        if locked:
            await tx.execute("SET LOCAL lock_timeout = '50ms'")
            await tx.execute("SELECT pg_advisory_xact_lock(424242)")
        return {"value": await tx.fetchval("SELECT $1::int", value)}


hooks = APIRouter()


@hooks.post("/webhooks/stripe")
async def webhook(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


def build(settings: Settings) -> Service:
    return Service(
        name="sample",
        settings=settings,
        db=Database(settings.DATABASE_URL, pool_size=2, application_name="sample"),
        routers=[router, odd, hooks],
        open_paths=("/odd/trace",),
    )


if __name__ == "__main__":
    main("sample", Settings, build)
