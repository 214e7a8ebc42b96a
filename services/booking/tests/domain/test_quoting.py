"""Whatever is ordered and whatever codes are used, the sums are right, whole and never negative."""

from dataclasses import fields
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from booking.domain.catalogue import ListingStatus
from booking.domain.codes import Codes
from booking.domain.dues import AT_THE_VENUE, IN_FULL, FixedPart, PartPerHead, Percentage
from booking.domain.gift_card import CardStatus, GiftCard, card_code, card_key, share
from booking.domain.money import LARGEST_AMOUNT, Money, smallest_charge
from booking.domain.ordering import Dish, MenuChoice, lines_of
from booking.domain.pricing import Deposit, Free, Items, Order, PerBooking, PerHead, Tier
from booking.domain.promo import AmountOff, PercentOff, Promo, PromoTooSmall
from booking.domain.quote import DISH, PROMO
from booking.domain.quoting import quoted, requoted

SOME = UUID(int=1)
MENU = MenuChoice((SOME,))

amounts = st.integers(0, 200_000)
dues = st.one_of(
    st.just(IN_FULL),
    st.just(AT_THE_VENUE),
    st.builds(FixedPart, st.integers(1, 100_000)),
    st.builds(PartPerHead, st.integers(1, 10_000)),
    st.builds(Percentage, st.integers(0, 100)),
)
pricings = st.one_of(
    st.builds(PerBooking, amounts, dues),
    st.builds(Deposit, st.integers(1, 100_000)),
    st.builds(Items, st.just(MENU), dues),
    st.just(Free(MENU)),
    st.builds(
        lambda adult, child, due: PerHead((Tier("a", "A", adult), Tier("c", "C", child)), due),
        amounts,
        amounts,
        dues,
    ),
)
dishes = st.lists(
    st.builds(
        Dish,
        st.builds(UUID, int=st.integers(1, 4)),
        st.just("Dish"),
        st.integers(1, 5),
        st.integers(0, 5_000),
    ),
    max_size=6,
).map(tuple)
discounts = st.one_of(
    st.builds(PercentOff, st.integers(1, 100)), st.builds(AmountOff, st.integers(1, 300_000))
)
currencies = st.sampled_from(["GBP", "SEK", "USD", "XXX"])


def promo(discount, currency, minimum=0):
    return Promo(
        id=SOME,
        org_id=SOME,
        code="CODE",
        discount=discount,
        currency=currency,
        minimum_minor=minimum,
        valid_from=None,
        valid_until=None,
        max_uses=None,
        max_per_customer=None,
        offering_ids=(),
        used=0,
        status=ListingStatus.ACTIVE,
        version=1,
    )


def card(balance, currency):
    return GiftCard(
        id=SOME,
        org_id=SOME,
        last4="ABCD",
        balance=Money(balance, currency),
        issued=Money(max(balance, 1), currency),
        expires_at=None,
        status=CardStatus.ACTIVE,
        note=None,
        version=1,
    )


def is_sound(quote, currency):
    """All that must hold of any price."""
    gift = quote.gift.amount_minor if quote.gift else 0
    assert sum(line.amount_minor for line in quote.lines) == quote.total.amount_minor
    assert gift + quote.due_now.amount_minor + quote.at_venue.amount_minor == (
        quote.total.amount_minor
    )
    assert quote.due_now.amount_minor == 0 or (
        quote.due_now.amount_minor >= smallest_charge(currency)
    )
    for line in quote.lines:
        assert type(line.unit_minor) is int
        assert (line.unit_minor < 0) == line.key.startswith(PROMO)
    for money in (quote.total, quote.due_now, quote.at_venue, quote.discount):
        assert type(money.amount_minor) is int
        assert money.currency == currency


@given(pricings, st.integers(1, 12), dishes, st.none() | discounts, st.none() | amounts, currencies)
def test_the_lines_are_the_total_and_its_parts_are_all_of_it(
    pricing, party, ordered, discount, balance, currency
):
    codes = Codes(
        None if discount is None else promo(discount, currency),
        None if balance is None else card(balance, currency),
    )
    plain = quoted(pricing, Order(party, dishes=ordered), currency)
    is_sound(plain, currency)
    try:
        quote = quoted(pricing, Order(party, dishes=ordered), currency, codes)
    except PromoTooSmall:
        assert codes.promo is not None
        assert codes.promo.discount.off(plain.total) == 0
        return
    is_sound(quote, currency)
    assert quote.total == plain.total - quote.discount
    if quote.gift is not None:
        assert 0 < quote.gift.amount_minor <= codes.card.balance.amount_minor
    if balance is not None and balance >= quote.total.amount_minor:
        assert quote.due_now.amount_minor == 0


@given(pricings, st.integers(1, 12), dishes, dishes, st.none() | discounts, st.none() | amounts)
def test_changing_an_order_back_and_forth_leaves_the_price_as_it_was(
    pricing, party, first, second, discount, balance
):
    made = None if discount is None else promo(discount, "GBP")
    codes = Codes(made, None if balance is None else card(balance, "GBP"))
    try:
        before = quoted(pricing, Order(party, dishes=first), "GBP", codes)
        between = requoted(before, lines_of(second), pricing, party, made)
        again = requoted(between, lines_of(first), pricing, party, made)
    except PromoTooSmall:
        return
    is_sound(between, "GBP")
    assert again.total == before.total
    assert [line for line in again.lines if not line.key.startswith(DISH)] == [
        line for line in before.lines if not line.key.startswith(DISH)
    ]


@given(st.integers(0, LARGEST_AMOUNT), st.integers(0, LARGEST_AMOUNT), currencies, st.data())
def test_a_card_pays_what_is_due_first_and_leaves_nothing_that_cannot_be_collected(
    balance, total, currency, data
):
    smallest = smallest_charge(currency)
    due = 0
    if total >= smallest:
        due = data.draw(st.just(0) | st.integers(smallest, total))
    paid, left = share(balance, total, due, currency)
    assert 0 <= paid <= min(balance, total)
    assert left == 0 or left >= smallest
    assert paid + left >= due
    assert paid + left <= total
    if paid < balance:  # something stayed on the card: only because it was not needed, or F-30
        assert paid == total or left == smallest


@given(st.integers(1, LARGEST_AMOUNT), discounts)
def test_a_discount_takes_off_no_more_than_there_is(subtotal, discount):
    assert 0 <= discount.off(Money(subtotal, "GBP")) <= subtotal


@given(st.binary(min_size=32, max_size=32))
def test_a_cards_code_is_the_same_however_it_is_typed(secret):
    code = card_code(secret)
    assert len(card_key(code)) == 16
    assert card_key(f" {code.lower().replace('-', ' ')} ") == card_key(code)


def test_a_granted_code_has_its_conditions_behind_it():
    now = datetime(2031, 1, 1, tzinfo=UTC)
    narrow = {
        "valid_from": now,
        "valid_until": now,
        "max_uses": 1,
        "offering_ids": (UUID(int=9),),
        "status": ListingStatus.ARCHIVED,
    }
    given_ = {f.name: getattr(promo(PercentOff(10), "GBP"), f.name) for f in fields(Promo)}
    Promo(**{**given_, **narrow}).granted().check(SOME, now, "GBP")
