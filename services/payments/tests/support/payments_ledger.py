"""What stands in the ledger, by account."""

from payments_world import Booking, World

CHARGED, REFUNDED, FEE, BALANCE = "charged", "refunded", "provider_fee", "provider_balance"


async def balances(world: World, booking: Booking) -> dict[str, int]:
    rows = await world.rows(
        "SELECT account, sum(amount_minor)::bigint AS amount, min(currency) AS currency "
        "FROM ledger_entries WHERE booking_id = $1 GROUP BY account",
        booking.id,
    )
    assert len({row["currency"] for row in rows}) <= 1
    assert sum(row["amount"] for row in rows) == 0
    return {row["account"]: row["amount"] for row in rows}
