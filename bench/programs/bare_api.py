"""The least a booking service can be: FastAPI, a model of the body, asyncpg, booking's statements.

No checks of the caller, no rules, no price, no sealing of contacts, no wake-up of a relay: it says
to PostgreSQL what booking says, in as many round trips, and answers as much.
"""

from base64 import urlsafe_b64decode
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from bench.programs.load import a_guest, wish
from bench.programs.recording import Hold, record
from bench.programs.serving import serve_until_told
from bench.programs.talk import Listen, run


class Customer(BaseModel):
    name: str
    email: str
    phone: str | None = None


class Wanted(BaseModel):
    session_id: UUID
    party_size: int = 1
    resource_ids: list[UUID] = []
    customer: Customer


async def serve(arguments: dict[str, Any], listen: Listen) -> None:
    """`classes` and `tables` are all places, by kind; one session of each is used to listen."""
    seed = {
        kid: urlsafe_b64decode(text + "=" * (-len(text) % 4))
        for kid, text in arguments["seed"].items()
    }
    recorded: dict[bool, Hold] = {}
    places: dict[tuple[str, str | None], list[Any]] = {}
    for kind in ("classes", "tables"):
        known = arguments[kind]
        places |= {(place[0], place[3]): place for place in known}
        recorded[kind == "tables"] = await record(
            arguments["environment"], seed, known, lambda place: wish(place, a_guest()[1])
        )

    async def keep(connection: asyncpg.Connection) -> None:
        """asyncpg's own pool would reset each connection, in one more round trip."""

    pool = await asyncpg.create_pool(
        arguments["database"],
        min_size=5,
        max_size=5,
        reset=keep,
        server_settings={"jit": "off"},
    )
    app = FastAPI(openapi_url=None)

    @app.post("/bookings", status_code=201)
    async def hold(wanted: Wanted) -> dict[str, Any]:
        resource = str(wanted.resource_ids[0]) if wanted.resource_ids else None
        place = places[str(wanted.session_id), resource]
        calls = recorded[resource is not None].again(place)
        async with pool.acquire() as connection:
            try:
                for call in calls:
                    answer = await getattr(connection, call.method)(call.sql, *call.arguments)
                    if call.method == "fetchrow" and "booked" in answer and not answer["booked"]:
                        raise HTTPException(409)
            except BaseException:
                await connection.execute("ROLLBACK")
                raise
        return {
            "id": str(calls[0].arguments[0] if calls[0].arguments else ""),
            "reference": "B-0123456789",
            "status": "pending_payment",
            "payment_status": "unpaid",
            "amount_total": {"amount_minor": 18000, "currency": "SEK"},
            "amount_due_now": {"amount_minor": 18000, "currency": "SEK"},
            "expires_at": "2035-01-01T18:00:00Z",
            "seconds_left": 900,
            "manage_token": "x" * 150,
            "payment": None,
        }

    calls = {
        kind: [[call.method, " ".join(call.sql.split())[:60]] for call in one.calls]
        for kind, one in (("class", recorded[False]), ("event_table", recorded[True]))
    }
    await serve_until_told(app, arguments["port"], listen, ready=calls)
    await pool.close()


if __name__ == "__main__":
    run(serve)
