"""Rules that need no database."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.documents import document_of, read_policy, read_settings
from booking.domain.guest import name_of, normal_email
from booking.domain.inventory import Counted, Exclusive, Seats
from booking.domain.lifecycle import (
    FIRST,
    OCCUPYING,
    TRANSITIONS,
    WAITING,
    IllegalTransition,
    Status,
    Verb,
    after,
)
from booking.domain.money import DifferentCurrencies, Money
from booking.domain.policy import Policy, RefundTier
from booking.domain.presets import Preset, settings_of
from booking.domain.pricing import Order
from booking.domain.quoting import quoted
from booking.domain.reference import ALPHABET, check_template, new_reference
from booking.domain.refusals import InvalidRequest
from booking.domain.schedule import NoSuchLocalTime, arrival, instant, session_span, zone
from booking.phones import normal_phone

ZONES = ["Europe/London", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "UTC"]
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def reachable():
    seen, edge = set(FIRST), set(FIRST)
    while edge:
        edge = {to for (_, of), to in TRANSITIONS.items() if of in edge} - seen
        seen |= edge
    return seen


def test_every_state_can_be_reached():
    assert reachable() == set(Status)


def test_every_waiting_state_can_expire_and_be_paid():
    for status in WAITING:
        assert after(Verb.EXPIRE, status) is Status.EXPIRED
        assert after(Verb.CONFIRM, status) is Status.CONFIRMED


def test_nothing_leaves_the_ends_but_what_staff_did_by_mistake():
    ends = {Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW, Status.UNFULFILLABLE}
    left = {(verb, of) for (verb, of) in TRANSITIONS if of in ends}
    assert left == {
        (Verb.UNDO, Status.COMPLETED),
        (Verb.UNDO, Status.NO_SHOW),
        # Not a mistake of theirs: the refund failed, and the place is free after all.
        (Verb.REBOOK, Status.UNFULFILLABLE),
    }


def test_only_paid_bookings_without_a_place_get_one_again():
    gains = {
        verb for (verb, of), to in TRANSITIONS.items() if of not in OCCUPYING and to in OCCUPYING
    }
    assert gains == {Verb.RETAKE, Verb.REBOOK}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("status", list(Status))
def test_what_the_table_does_not_list_raises(verb, status):
    if (verb, status) in TRANSITIONS:
        assert after(verb, status) is TRANSITIONS[verb, status]
    else:
        with pytest.raises(IllegalTransition):
            after(verb, status)


@given(st.integers(0, 10**12), st.integers(0, 100))
def test_a_percentage_is_never_more_than_all_and_rounds_for_the_guest(amount, percent):
    share = Money(amount, "SEK").percent(percent)
    assert 0 <= share.amount_minor <= amount
    assert abs(share.amount_minor * 100 - amount * percent) <= 50


def test_currencies_are_never_summed():
    with pytest.raises(DifferentCurrencies):
        Money(1, "GBP") + Money(1, "SEK")


TIERS = st.lists(
    st.builds(RefundTier, st.integers(0, 1000), st.integers(0, 100)),
    max_size=5,
    unique_by=lambda tier: tier.hours,
)


@given(TIERS, st.timedeltas(timedelta(hours=-10), timedelta(hours=1200)))
def test_the_refund_is_that_of_the_longest_limit_that_is_strictly_exceeded(tiers, left):
    percent = Policy(refund_tiers=tuple(tiers)).refund_percent(NOON, NOON + left)
    met = [tier for tier in tiers if left > timedelta(hours=tier.hours)]
    assert percent == (max(met, key=lambda tier: tier.hours).percent if met else 0)


def test_exactly_48_hours_is_not_more_than_48_hours():
    policy = Policy(refund_tiers=(RefundTier(48, 100),))
    starts_at = NOON + timedelta(hours=48)
    assert policy.refund_percent(NOON, starts_at) == 0
    assert policy.refund_percent(NOON - timedelta(microseconds=1), starts_at) == 100


@given(DAYS, TIMES, TIMES, st.sampled_from(ZONES))
def test_a_session_ends_after_it_starts_on_the_same_or_next_day(day, start, end, name):
    tz = zone(name)
    try:
        starts_at, ends_at = session_span(day, start, end, tz)
    except NoSuchLocalTime:
        return
    assert starts_at.astimezone(tz).replace(tzinfo=None) == datetime.combine(day, start)
    assert starts_at < ends_at <= starts_at + timedelta(hours=25)
    assert (ends_at.astimezone(tz).time().replace(fold=0), ends_at.astimezone(tz).date() - day) in [
        (end, timedelta(0)),
        (end, timedelta(1)),
    ]


@given(DAYS, TIMES, st.sampled_from(ZONES))
def test_a_local_time_is_read_back_as_written_or_refused(day, at, name):
    tz = zone(name)
    try:
        utc = instant(day, at, tz)
    except NoSuchLocalTime:
        return
    assert utc.astimezone(tz).replace(tzinfo=None) == datetime.combine(day, at)


def test_a_time_that_the_clocks_skip_is_refused():
    with pytest.raises(NoSuchLocalTime):
        instant(date(2030, 3, 31), time(1, 30), zone("Europe/London"))


def test_a_night_over_the_end_of_summer_time_is_an_hour_longer():
    starts_at, ends_at = session_span(date(2030, 10, 26), time(22), time(3), zone("Europe/London"))
    assert ends_at - starts_at == timedelta(hours=6)


@given(DAYS, TIMES, TIMES, TIMES, st.sampled_from(ZONES))
def test_an_arrival_lies_within_the_session_or_is_refused(day, start, end, at, name):
    tz = zone(name)
    try:
        starts_at, ends_at = session_span(day, start, end, tz)
    except NoSuchLocalTime:
        return
    found = arrival(at, starts_at, ends_at, tz)
    if found is not None:
        assert starts_at <= found < ends_at
        assert found.astimezone(tz).time().replace(fold=0) == at


A, B, FOREIGN = UUID(int=1), UUID(int=2), UUID(int=3)
SEATS = {A: Seats(2, 6), B: Seats(2, 4)}


def test_tables_are_claimed_in_the_order_in_which_they_are_locked():
    claim = Exclusive(max_resources=2).claim(8, [B, A], SEATS)
    assert claim.resource_ids == (A, B)


@pytest.mark.parametrize(
    ("party", "tables", "field"),
    [
        (7, [A], "party_size"),
        (1, [A], "party_size"),
        (13, [A], "party_size"),
        (4, [], "resource_ids"),
        (4, [A, A], "resource_ids"),
        (4, [A, B], "resource_ids"),
        (4, [FOREIGN], "resource_ids"),
    ],
)
def test_a_party_that_does_not_fit_is_refused(party, tables, field):
    with pytest.raises(InvalidRequest) as refused:
        Exclusive().claim(party, tables, SEATS)
    assert refused.value.faults[0].field == field


def test_a_class_takes_its_units_and_no_tables():
    assert Counted(10, units_per_booking=2).claim(1, [], {}).units == 2
    with pytest.raises(InvalidRequest):
        Counted(10).claim(1, [A], {})


@given(st.integers(2000, 9999))
def test_references_follow_their_template(year):
    reference = new_reference("BRL-{YYYY}-XXXXX", year)
    head, middle, tail = reference.split("-")
    assert (head, middle, len(tail)) == ("BRL", str(year), 5)
    assert set(tail) <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)


@pytest.mark.parametrize("bad", ["BK-XXXX", "bk-XXXXX", "BK XXXXX", "X" * 21, "{Y}-XXXXX", ""])
def test_a_template_that_makes_no_references_is_refused(bad):
    with pytest.raises(ValueError):
        check_template(bad)


@pytest.mark.parametrize("good", ["BRL-{YYYY}-XXXXX", "BK-XXXXXX-XXXX"])
def test_the_sources_templates_are_taken(good):
    check_template(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a@b",
        "a b@c.de",
        "@c.de",
        "a@c.d",
        "a@-c.de",
        "a" * 65 + "@c.de",
        "a@c..de",
        "a..b@c.de",
    ],
)
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(InvalidRequest):
        normal_email(bad)


def test_addresses_have_one_form():
    assert normal_email(" Test.Guest@Example.COM ") == "test.guest@example.com"
    assert normal_email("a@bücher.example") == "a@xn--bcher-kva.example"


@given(st.emails())
def test_normalising_twice_changes_nothing(text):
    try:
        once = normal_email(text)
    except InvalidRequest:
        return
    assert normal_email(once) == once


@pytest.mark.parametrize(
    "text", ["07700 900123", "+447700900123", "00447700900123", "(07700) 900-123"]
)
def test_phones_have_one_form(text):
    assert normal_phone(text, "GB") == "+447700900123"


@pytest.mark.parametrize("text", ["12345", "", "+", "phone", "0" * 50])
def test_what_is_no_phone_is_refused(text):
    with pytest.raises(InvalidRequest):
        normal_phone(text, "GB")


def test_names_come_in_one_piece_or_two():
    assert name_of(whole="  Test   Guest ", given=None, family=None).display == "Test Guest"
    assert name_of(whole="Test Guest", given=None, family=None).given == "Test"
    assert name_of(whole=None, given="Test", family="Guest").display == "Test Guest"
    for whole, given_, family in [
        (None, None, "G"),
        ("Test", "Test", None),
        ("A", None, None),
        ("A\x07B", None, None),
    ]:
        with pytest.raises(InvalidRequest):
            name_of(whole=whole, given=given_, family=family)


@pytest.mark.parametrize("preset", list(Preset))
def test_settings_survive_their_documents(preset):
    overrides = {"pricing": {"kind": "per_booking", "amount_minor": 18000}}
    settings = read_settings(settings_of(preset, overrides))
    import json

    written = {
        name: json.loads(document_of(getattr(settings, name)))
        for name in ("schedule", "inventory", "pricing", "policy")
    }
    assert read_settings(written) == settings
    assert read_policy(document_of(settings.policy)) == settings.policy


def test_another_kind_replaces_the_presets_document():
    settings = read_settings(settings_of(Preset.EVENT_TABLE, {"pricing": {"kind": "free"}}))
    assert quoted(settings.pricing, Order(4), "GBP").due_now == Money(0, "GBP")


def test_nothing_but_presets_knows_their_names():
    """The central idea: four settings, no code path per source system."""
    import ast
    from pathlib import Path

    import booking

    root = Path(booking.__file__).parent
    for file in root.rglob("*.py"):
        if file.name == "presets.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and node.value in {one.value for one in Preset}:
                pytest.fail(f"{file.name}:{node.lineno} knows a preset by name")
            if isinstance(node, ast.Attribute) and node.attr in {one.name for one in Preset}:
                pytest.fail(f"{file.name}:{node.lineno} knows a preset by name")
