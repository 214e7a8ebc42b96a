"""The envelope survives AMQP headers, and bad headers are named."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, MalformedEnvelope

INSTANT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
TEXT = st.text(min_size=1, max_size=255)
HEX = "0123456789abcdef"
TRACEPARENT = st.builds(
    "00-{}-{}-01".format,
    st.text(HEX, min_size=32, max_size=32).filter(lambda text: set(text) != {"0"}),
    st.text(HEX, min_size=16, max_size=16).filter(lambda text: set(text) != {"0"}),
)
ENVELOPE = st.builds(
    Envelope,
    id=st.uuids(),
    type=TEXT,
    source=TEXT,
    time=INSTANT,
    key=TEXT,
    sequence=st.integers(0, 2**63 - 1),
    org_id=st.none() | st.uuids(),
    traceparent=st.none() | TRACEPARENT,
    expires_at=st.none() | INSTANT,
)
ONE = Envelope(
    id=UUID("0198c0de-0002-7000-8000-000000000001"),
    type="booking.held.v1",
    source="booking",
    time=datetime(2030, 6, 1, 12, tzinfo=UTC),
    key="0198c0de-0001-7000-8000-000000000001",
    sequence=3,
    org_id=UUID("0198c0de-0001-7000-8000-000000000002"),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    expires_at=datetime(2030, 6, 1, 13, tzinfo=UTC),
)


@given(ENVELOPE)
def test_what_goes_into_headers_comes_out(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.to_headers()) == envelope


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_sequences_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    def text(sequence: int) -> str:
        return _with(sequence=sequence).to_headers()["cloudEvents_sequence"]

    assert (text(one) < text(other)) == (one < other)


def test_headers_are_cloudevents_attributes() -> None:
    assert ONE.to_headers() == {
        "cloudEvents_id": "0198c0de-0002-7000-8000-000000000001",
        "cloudEvents_type": "booking.held.v1",
        "cloudEvents_source": "booking",
        "cloudEvents_time": "2030-06-01T12:00:00Z",
        "cloudEvents_specversion": "1.0",
        "cloudEvents_partitionkey": "0198c0de-0001-7000-8000-000000000001",
        "cloudEvents_sequence": "0000000000000000003",
        "cloudEvents_orgid": "0198c0de-0001-7000-8000-000000000002",
        "cloudEvents_expirytime": "2030-06-01T13:00:00Z",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }


def test_instants_of_any_zone_travel_as_utc() -> None:
    local = datetime(2030, 6, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert _with(time=local).to_headers()["cloudEvents_time"] == "2030-06-01T12:00:00Z"
    headers = ONE.to_headers() | {"cloudEvents_time": "2030-06-01T14:00:00+02:00"}
    assert Envelope.from_headers(headers).time == datetime(2030, 6, 1, 12, tzinfo=UTC)
    assert Envelope.from_headers(headers).time.tzinfo is UTC


@pytest.mark.parametrize("sequence", [3, "3", "0000000000000000003"])
def test_a_sequence_is_read_as_number_or_text(sequence: object) -> None:
    headers = {**ONE.to_headers(), "cloudEvents_sequence": sequence}
    assert Envelope.from_headers(headers) == ONE


@pytest.mark.parametrize(
    "name", ["id", "type", "source", "time", "specversion", "partitionkey", "sequence"]
)
@pytest.mark.parametrize(
    "value",
    [None, "", 1.5, True, b"bytes", [], {}, -1, datetime(2030, 6, 1, tzinfo=UTC), "x" * 300],
    ids=lambda value: f"{value!r:.20}",
)
def test_a_needed_header_that_is_missing_or_odd_is_named(name: str, value: object) -> None:
    with pytest.raises(MalformedEnvelope, match=f"cloudEvents_{name}") as refused:
        Envelope.from_headers({**ONE.to_headers(), f"cloudEvents_{name}": value})
    assert refused.value.header == f"cloudEvents_{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "not-a-uuid"),
        ("id", "0198c0de000270008000000000000001"),
        ("id", "urn:uuid:0198c0de-0002-7000-8000-000000000001"),
        ("orgid", "everyone"),
        ("time", "yesterday"),
        ("time", "2030-06-01T12:00:00"),
        ("time", "2030-06-01"),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("expirytime", "soon"),
        ("specversion", "0.3"),
        ("sequence", "-1"),
        ("sequence", "1e3"),
        ("sequence", "٣"),
        ("sequence", "9999999999999999999"),
        ("sequence", 2**63),
    ],
)
def test_a_header_that_says_nonsense_is_named(name: str, value: object) -> None:
    with pytest.raises(MalformedEnvelope, match=f"cloudEvents_{name}"):
        Envelope.from_headers({**ONE.to_headers(), f"cloudEvents_{name}": value})


@pytest.mark.parametrize("headers", [None, {}, {"x-death": [{"count": 1}]}])
def test_headers_of_another_world_are_refused(headers: dict[str, object] | None) -> None:
    with pytest.raises(MalformedEnvelope):
        Envelope.from_headers(headers)


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
)


@given(st.dictionaries(st.sampled_from([*ONE.to_headers(), "x-other"]), JUNK))
def test_no_header_breaks_reading_in_any_other_way(junk: dict[str, object]) -> None:
    with suppress(MalformedEnvelope):
        Envelope.from_headers({**ONE.to_headers(), **junk})


@pytest.mark.parametrize(
    "value",
    [
        "",
        7,
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "nonsense",
    ],
)
def test_a_bad_trace_is_dropped_and_the_message_kept(value: object) -> None:
    envelope = Envelope.from_headers({**ONE.to_headers(), "traceparent": value})
    assert envelope == _with(traceparent=None)


def _with(**changes: object) -> Envelope:
    return replace(ONE, **changes)  # type: ignore[arg-type]
