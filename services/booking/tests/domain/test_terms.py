"""A policy's terms about payment methods, ages, check-in and undoing, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.documents import document_of, read_policy
from booking.domain.making import GUEST_SOURCES, Making, making
from booking.domain.money import Money
from booking.domain.policy import SLOW_METHODS, Policy, RefundMode
from booking.domain.quote import Quote
from booking.domain.refusals import InvalidRequest, NoPaymentMethod, NotPermitted

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
METHODS = ("card", "bacs_debit")


@pytest.mark.parametrize(
    ("minutes", "offered"), [(61, METHODS), (60, METHODS), (59, ("card",)), (1, ("card",))]
)
def test_f11_a_slow_method_is_offered_only_when_it_can_clear_before_the_start(minutes, offered):
    policy = Policy(clearing_minutes=60)
    assert policy.methods_for(METHODS, NOW, NOW + timedelta(minutes=minutes)) == offered


def test_f11_where_only_slow_methods_are_taken_it_is_too_late_to_book():
    policy = Policy(clearing_minutes=60)
    with pytest.raises(NoPaymentMethod):
        policy.methods_for(("bacs_debit",), NOW, NOW + timedelta(minutes=59))


def test_what_is_free_needs_no_method():
    assert Policy().methods_for((), NOW, NOW + timedelta(seconds=1)) == ()


@given(
    st.integers(1, 20_000),
    st.integers(1, 40_000),
    st.sets(st.sampled_from(["card", "swish", *SLOW_METHODS]), min_size=1),
)
def test_f11_what_is_offered_always_clears_by_the_start(clearing, minutes, methods):
    policy, starts_at = Policy(clearing_minutes=clearing), NOW + timedelta(minutes=minutes)
    try:
        offered = policy.methods_for(tuple(methods), NOW, starts_at)
    except NoPaymentMethod:
        assert methods <= SLOW_METHODS
        return
    assert offered
    for _ in SLOW_METHODS & set(offered):
        # The deadline that clearing gets is then no shorter than what it needs.
        assert policy.clearing_ends(NOW, NOW, starts_at) - NOW == timedelta(minutes=clearing)


def test_opn05_the_age_is_named_to_whoever_does_not_attest_it():
    Policy(minimum_age=18).check_age(attested=True)
    Policy().check_age(attested=False)
    with pytest.raises(InvalidRequest, match="18") as refused:
        Policy(minimum_age=18).check_age(attested=False)
    assert [fault.field for fault in refused.value.faults] == ["minimum_age_attested"]


def test_every_term_survives_being_frozen_on_a_booking():
    policy = Policy(
        refund_mode=RefundMode.APPROVE,
        waiver_required=True,
        minimum_age=21,
        check_in_hours=3,
        undo_minutes=5,
        complete_after_end=True,
    )
    assert read_policy(document_of(policy)) == policy


def test_a_policy_frozen_before_these_terms_existed_has_their_defaults():
    assert read_policy('{"hold_minutes": 10}') == Policy(hold_minutes=10)


def test_staff_may_and_guests_may_not():
    wish = {"by_staff": True, "may_override": False, "at_venue": True, "override": None}
    assert making(**wish, source="phone").at_venue
    for more in ({"at_venue": True}, {"at_venue": False, "override": "please"}):
        with pytest.raises(NotPermitted):
            making(**{**wish, "by_staff": False, "may_override": True, **more}, source="web")
    with pytest.raises(NotPermitted):
        making(**{**wish, "override": "why not"}, source="phone")


@given(st.from_regex(r"\A[a-z0-9_-]{1,32}\Z"))
def test_a_guests_source_is_one_of_a_fixed_set(source):
    wish = {"by_staff": False, "may_override": False, "at_venue": False, "override": None}
    if source in GUEST_SOURCES:
        assert making(**wish, source=source) == Making()
    else:
        with pytest.raises(InvalidRequest):
            making(**wish, source=source)


def test_an_override_lifts_the_limits_that_are_about_the_guest_and_no_other():
    policy = Policy(one_per_customer=True, max_unpaid_holds=1)
    staff, manager = Making(by_staff=True), Making(by_staff=True, override="Friend of the house")
    assert Making().unpaid_limit(policy) == 1
    assert staff.unpaid_limit(policy) is None
    assert staff.terms(policy) == policy
    assert manager.terms(policy) == Policy(one_per_customer=False, max_unpaid_holds=1)


def test_what_is_paid_at_the_venue_is_owed_all_the_same():
    quote = Quote(Money(18000, "SEK"), Money(18000, "SEK"))
    at_venue = Making(by_staff=True, at_venue=True)
    assert at_venue.due(quote) == Quote(Money(18000, "SEK"), Money(0, "SEK"))
    assert Making().due(quote) == quote
    assert at_venue.due(quote).owed == quote.owed == Money(18000, "SEK")


def test_what_a_gift_card_paid_is_owed_by_nobody():
    quote = Quote(Money(18000, "SEK"), Money(10000, "SEK"), gift=Money(8000, "SEK"))
    assert Making(by_staff=True, at_venue=True).due(quote).owed == Money(10000, "SEK")
