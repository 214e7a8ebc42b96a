"""Committed files are what the models say, and the commands refuse what they should."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts import generate
from contracts.__main__ import main
from contracts.generate import (
    PACKAGE,
    ROOT,
    Place,
    drift,
    example_faults,
    refusals,
)

DOCS = ("messages.md", "asyncapi.json")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of the generated files that a test may spoil, where the commands find it."""
    place = Place(tmp_path / "contracts", tmp_path / "docs")
    for folder in ("schemas", "examples"):
        shutil.copytree(PACKAGE / folder, place.package / folder)
    place.docs.mkdir()
    for name in DOCS:
        shutil.copy(ROOT / "docs" / name, place.docs / name)
    monkeypatch.setattr("contracts.__main__.Place", lambda: place)
    return place


def change(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text())
    for name, value in changes.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    path.write_text(json.dumps(document))


def test_everything_committed_is_up_to_date() -> None:
    assert main(["check"]) == 0


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_the_last_commit_can_serve_as_baseline() -> None:
    committed = generate.schemas_at("HEAD")
    assert committed
    assert refusals(committed, committed) == []


def test_an_unknown_revision_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--against", "no-such-revision"]) == 1
    assert "no-such-revision" in capsys.readouterr().err


@pytest.mark.parametrize("name", DOCS)
def test_a_stale_document_fails_with_a_diff_and_generate_mends_it(
    checkout: Place, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout.docs / name
    path.write_text(path.read_text().replace("booking.held.v1", "booking.hold.v1"))
    assert main(["check"]) == 1
    said = capsys.readouterr().err
    assert "booking.hold.v1" in said.replace("\n-", "\n")
    assert "python -m contracts generate" in said
    assert main(["generate"]) == 0
    assert name in capsys.readouterr().out
    assert main(["check"]) == 0


def test_a_missing_schema_fails_and_a_long_diff_is_cut(
    checkout: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.package / "schemas/booking.held.v1.json").unlink()
    assert main(["check"]) == 1
    said = capsys.readouterr().err
    assert '+  "$id": "urn:holdfast:booking.held.v1"' in said
    assert "more lines" in said
    assert len(said.splitlines()) < 60


def test_generate_twice_writes_nothing(checkout: Place) -> None:
    assert generate.write(checkout) == []
    assert list(drift(checkout)) == []


def test_generate_refuses_a_break_unless_told_for_that_type(
    checkout: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout.package / "schemas/booking.expired.v1.json"
    committed = json.loads(path.read_text())
    committed["properties"]["refunded"] = {"type": "boolean"}
    committed["required"].append("refunded")
    path.write_text(json.dumps(committed))
    before = path.read_text()

    assert main(["generate"]) == main(["check"]) == 1
    said = capsys.readouterr().err
    assert "booking.expired.v1: consumer-facing: refunded: removed" in said
    assert "new version" in said
    assert path.read_text() == before
    assert main(["generate", "--allow-break", "booking.held.v1"]) == 1
    assert main(["generate", "--allow-break", "booking.expired.v1"]) == 0
    assert main(["check"]) == 0


def test_a_type_that_is_no_longer_published_is_a_break(
    checkout: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout.package / "schemas/booking.teleported.v1.json"
    shutil.copy(checkout.package / "schemas/booking.expired.v1.json", path)
    assert main(["check"]) == 1
    assert "booking.teleported.v1: consumer-facing" in capsys.readouterr().err
    assert main(["generate"]) == 1
    assert main(["generate", "--allow-break", "booking.teleported.v1"]) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"expired_at": None}, "expired_at"),
        ({"expired_at": "yesterday"}, "expired_at"),
        ({"booking_id": 7}, "booking_id"),
        ({"unheard_of": 1}, "says more"),
        ({"expired_at": "2030-06-01T12:15:00+02:00"}, "says more or other"),
    ],
)
def test_a_wrong_example_fails(
    checkout: Place, spoil: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(checkout.package / "examples/booking.expired.v1.json", **spoil)
    faults = list(example_faults(checkout.package))
    assert faults
    assert all(fault.startswith("booking.expired.v1: ") for fault in faults)
    assert any(said in fault for fault in faults)
    assert main(["check"]) == main(["generate"]) == 1
    assert said in capsys.readouterr().err


def test_missing_and_stray_examples_fail(checkout: Place) -> None:
    examples = checkout.package / "examples"
    (examples / "booking.expired.v1.json").rename(examples / "booking.lapsed.v1.json")
    assert list(example_faults(checkout.package)) == [
        "booking.expired.v1: examples/booking.expired.v1.json is missing",
        "booking.lapsed.v1: an example of no known message",
    ]
