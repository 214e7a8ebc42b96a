"""The documents name what the code has; what they say about it is for people to keep true."""

import re

import pytest

from chassis.metrics import REGISTRY
from devstack import settings_reference
from devstack.paths import ROOT, SERVICES

SOURCES = [
    path
    for folder in (*(f"services/{name}" for name in (*SERVICES, "gateway")), "libs/chassis")
    for path in (ROOT / folder / "src").rglob("*.py")
]


# Of base classes: each of their kinds has a code of its own.
NEVER_TOLD = {"REFUSED", "NOT_IN_SCHEDULE", "PROMO_CODE_REFUSED", "GIFT_CARD_REFUSED"}


def test_every_code_of_a_refusal_is_explained():
    codes = {
        code
        for path in SOURCES
        for code in re.findall(
            r'^    code(?:: \S+)? = "([A-Z_]+)"$', path.read_text(), re.MULTILINE
        )
    }
    explained = set(re.findall(r"`([A-Z_]{4,})`", (ROOT / "docs/api.md").read_text()))
    assert "CAPACITY_EXCEEDED" in codes
    assert codes - explained - NEVER_TOLD == set()


def test_every_metric_is_explained():
    text = (ROOT / "docs/operations.md").read_text()
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("holdfast_")
    }
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))])
def test_links_lead_somewhere(page):
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text()):
        if "://" not in target:
            assert (file.parent / target).exists(), target


def row(name: str, default: str | None = None, text: str = "What it does.") -> dict[str, object]:
    return {"name": name, "values": "text", "default": default, "text": text}


def test_the_settings_reference_says_once_what_all_share():
    every = {name: [row("A"), row("B", name)] for name in (*SERVICES, "gateway")}
    page = settings_reference.reference(every)
    assert page.count("| `A` |") == 1
    assert page.count("| `B` |") == 5
    assert "| **required** |" in page
