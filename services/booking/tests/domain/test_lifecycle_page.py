"""docs/lifecycle.md says what the code does: its picture and its table are the table of the code."""

import re
from pathlib import Path

import pytest

from booking.domain.lifecycle import FIRST, OCCUPYING, TRANSITIONS, Status, Verb

PAGE = (Path(__file__).parents[4] / "docs" / "lifecycle.md").read_text()
ARROW = re.compile(r"^    (\w+) --> (\w+): (\w+)$", re.MULTILINE)
START = re.compile(r"^    \[\*\] --> (\w+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = [match.groups() for match in ROW.finditer(PAGE)]


def test_the_picture_has_every_way_and_no_other():
    drawn = [((Verb(verb), Status(of)), Status(to)) for of, to, verb in ARROW.findall(PAGE)]
    assert len(drawn) == len(TRANSITIONS)
    assert dict(drawn) == TRANSITIONS
    assert {Status(first) for first in START.findall(PAGE)} == FIRST


def test_the_table_has_every_way_and_no_other():
    told = [((Verb(verb), Status(of)), Status(to)) for of, verb, to, *_ in ROWS]
    assert len(told) == len(TRANSITIONS)
    assert dict(told) == TRANSITIONS


@pytest.mark.parametrize(("of", "verb", "to", "place"), [(*row[:3], row[4]) for row in ROWS])
def test_what_it_says_of_the_place_is_what_the_ledger_does(of, verb, to, place):
    before, after = Status(of) in OCCUPYING, Status(to) in OCCUPYING
    said = place.partition(",")[0].partition(";")[0]
    expected = {
        (True, True): {"held", "the guest's", "kept"},
        (True, False): {"freed"},
        (False, True): {"taken again"},
        (False, False): {"stays free"},
    }
    assert said in expected[before, after], (of, verb, to)
