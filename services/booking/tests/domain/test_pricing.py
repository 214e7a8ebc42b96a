"""Prices by person and by booking, and what of them is due while the place is held."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.documents import document_of, read_settings
from booking.domain.dues import FixedPart, InFull, PartPerHead, Percentage
from booking.domain.money import Money
from booking.domain.presets import Preset, settings_of
from booking.domain.pricing import (
    Order,
    PerBooking,
    PerHead,
    Tier,
)
from booking.domain.quoting import quoted
from booking.domain.refusals import InvalidRequest

FAMILY = PerHead((Tier("adult", "Adult", 3500), Tier("child", "Child", 2500)))


def test_prc06_two_adults_and_a_child_cost_9500_cents():
    quote = quoted(FAMILY, Order(3, {"adult": 2, "child": 1}), "USD")
    assert quote.total == quote.due_now == Money(9500, "USD")
    assert [(line.key, line.quantity, line.amount_minor) for line in quote.lines] == [
        ("adult", 2, 7000),
        ("child", 1, 2500),
    ]


def test_the_party_is_the_sum_of_its_tiers():
    assert FAMILY.party_of(None, {"adult": 2, "child": 1}) == 3
    assert FAMILY.party_of(3, {"adult": 2, "child": 1}) == 3
    assert FAMILY.party_of(4, {}) == 4
    assert quoted(FAMILY, Order(4), "USD").total == Money(14000, "USD")


@pytest.mark.parametrize(
    ("stated", "quantities", "field"),
    [
        (4, {"adult": 2, "child": 1}, "party_size"),
        (None, {"senior": 1}, "quantities.senior"),
        (None, {"adult": 0}, "quantities"),
    ],
)
def test_s3_12_a_party_that_is_not_its_tiers_is_refused(stated, quantities, field):
    with pytest.raises(InvalidRequest) as refused:
        FAMILY.party_of(stated, quantities)
    assert [fault.field for fault in refused.value.faults] == [field]


def test_tiers_where_nothing_is_priced_by_person_are_refused():
    with pytest.raises(InvalidRequest):
        PerBooking(500).party_of(None, {"adult": 1})


@pytest.mark.parametrize(
    ("due", "now"),
    [(InFull(), 8000), (FixedPart(1000), 1000), (FixedPart(9000), 8000), (PartPerHead(500), 2000),
     (Percentage(25), 2000), (Percentage(0), 0)],
)  # fmt: skip
def test_what_is_due_now_is_a_part_of_the_price(due, now):
    quote = quoted(PerHead((Tier("adult", "Adult", 2000),), due), Order(4), "GBP")
    assert quote.total == Money(8000, "GBP")
    assert quote.due_now == Money(now, "GBP")


@given(
    st.integers(0, 100_000),
    st.integers(1, 30),
    st.one_of(
        st.just(InFull()),
        st.builds(FixedPart, st.integers(1, 100_000)),
        st.builds(PartPerHead, st.integers(1, 10_000)),
        st.builds(Percentage, st.integers(0, 100)),
    ),
)
def test_f30_what_is_due_can_be_collected_or_is_nothing(amount, party, due):
    quote = quoted(PerHead((Tier("all", "All", amount),), due), Order(party), "GBP")
    assert quote.due_now.amount_minor <= quote.total.amount_minor
    assert quote.due_now.amount_minor == 0 or (
        quote.due_now.amount_minor >= min(50, quote.total.amount_minor)
    )


def test_a_document_reads_back_as_the_same_settings():
    documents = settings_of(
        Preset.CLASS,
        {
            "inventory": {"units": "person", "party_max": 8},
            "pricing": {
                "kind": "per_head",
                "tiers": [{"key": "adult", "label": "Adult", "amount_minor": 3500}],
                "due": {"kind": "percent", "percent": 20},
            },
        },
    )
    settings = read_settings(documents)
    again = read_settings(
        {
            name: orjson.loads(document_of(getattr(settings, name)))
            for name in ("schedule", "inventory", "pricing", "policy")
        }
    )
    assert again == settings
    assert settings.inventory.claim(3, [], {}).units == 3
