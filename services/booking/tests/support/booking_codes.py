"""Promo codes and gift cards to book with, and what must always be true of them."""

from booking.domain.money import Money
from booking.usecases.create_promo import CreatePromo, create_promo
from booking.usecases.issue_gift_card import IssueGiftCard, issue_gift_card


async def promo(world, code="SUMMER-10", percent=10, **terms):
    given = {
        "amount_minor": None,
        "currency": "GBP",
        "minimum_minor": 0,
        "valid_from": None,
        "valid_until": None,
        "max_uses": None,
        "max_per_customer": None,
        "offering_ids": (),
        **terms,
    }
    command = CreatePromo(org_id=world.org_id, code=code, percent=percent, actor="test", **given)
    return await world.run(lambda tx: create_promo(tx, command))


async def card(world, amount=20000, currency="GBP", expires_at=None):
    """A new card and its code."""
    command = IssueGiftCard(
        org_id=world.org_id,
        value=Money(amount, currency),
        expires_at=expires_at,
        note=None,
        actor="test",
    )
    made = await world.run(lambda tx: issue_gift_card(tx, command, vault=world.shop.vault))
    return made, world.shop.vault.card_code(made.id)


async def balance(world, made):
    """What is on a card; its entries must add up to it."""
    row = await world.admin.fetchrow(
        """SELECT balance_minor, (SELECT sum(amount_minor) FROM gift_entries WHERE card_id = c.id)
               AS entries,
               (SELECT min(balance_minor) FROM gift_entries WHERE card_id = c.id) AS lowest
           FROM gift_cards c WHERE id = $1""",
        made.id,
    )
    assert row["balance_minor"] == row["entries"]
    assert row["lowest"] >= 0
    return row["balance_minor"]


async def used(world, made):
    """How often a code is used; bookings and guests must say the same."""
    row = await world.admin.fetchrow(
        """SELECT used, (SELECT count(*) FROM promo_uses
                         WHERE promo_id = p.id AND returned_at IS NULL) AS bookings,
               (SELECT coalesce(sum(used), 0) FROM promo_guests WHERE promo_id = p.id) AS guests
           FROM promo_codes p WHERE id = $1""",
        made.id,
    )
    assert row["used"] == row["bookings"]
    assert row["guests"] == 2 * row["used"]  # each guest by address and by phone
    return row["used"]
