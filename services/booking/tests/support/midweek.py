"""The test clock begins at noon of a Wednesday, so that no test depends on when it is run."""

_TO_THE_NEXT = """
UPDATE messaging.clock
SET shift = date_trunc('week', now() + interval '4 days 12 hours', 'UTC')
    + interval '2 days 12 hours' - now()
"""


async def midweek(admin):
    """Turn the clock to the coming Wednesday, 12:00 UTC; it goes on from there."""
    await admin.execute(_TO_THE_NEXT)
