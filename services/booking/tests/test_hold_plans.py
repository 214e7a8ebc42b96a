"""A guest's hold runs by plans that are made once (decision 0030)."""

from uuid import uuid4

from booking_client import body

from booking.store import for_hold, holding, places

_PLANS = """
SELECT sum(custom_plans)::integer AS for_arguments, sum(generic_plans)::integer AS for_all
FROM pg_prepared_statements WHERE statement = ANY($1)
"""


async def test_a_hold_is_planned_once_and_not_for_each_guest(client, service, world):
    """Left alone, PostgreSQL plans at least the first five for their arguments."""
    session = await world.class_session(capacity=20)
    for _ in range(7):
        guest = {"name": "Test Guest", "email": f"{uuid4().hex}@example.com"}
        status, made = await client(
            "POST", "/bookings", key=uuid4().hex, json=body(session, customer=guest, party_size=1)
        )
        assert status == 201, made
    async with service.db.transaction(world.org_id) as tx:  # on the connection used last
        plans = await tx.fetchrow(_PLANS, [for_hold.BY_ID, holding.TAKE[places.UNITS]])
    assert (plans["for_arguments"], plans["for_all"]) == (0, 2 * 7)
