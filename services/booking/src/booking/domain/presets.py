"""Presets: named defaults for the four settings of an offering, and nothing more.

A preset fills in what the request leaves out; from then on only the settings count. This is the
one place that knows the presets' names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Documents = dict[str, dict[str, Any]]


class Preset(StrEnum):
    """The label an offering carries; for display and search, never for rules."""

    CLASS = "class"
    EVENT_TABLE = "event_table"
    ACTIVITY = "activity"
    DINING = "dining"
    SUNDAY_LUNCH = "sunday_lunch"


_WORKING_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
_EVERY_DAY = [*_WORKING_DAYS, "saturday", "sunday"]

_DEFAULTS: Mapping[Preset, Documents] = {
    Preset.CLASS: {
        "schedule": {"kind": "dated"},
        "inventory": {"kind": "capacity", "capacity": 10},
        "pricing": {"kind": "per_booking"},
        "policy": {"hold_minutes": 15, "refund_tiers": [], "release_on_failure": False},
    },
    Preset.EVENT_TABLE: {
        "schedule": {"kind": "dated"},
        "inventory": {"kind": "resources", "max_resources": 1, "party_min": 1, "party_max": 12},
        "pricing": {"kind": "deposit", "amount_minor": 5000},
        "policy": {
            "hold_minutes": 15,
            "refund_tiers": [{"hours": 48, "percent": 100}],
            "release_on_failure": True,
        },
    },
    Preset.ACTIVITY: {
        "schedule": {
            "kind": "weekly",
            "operating_days": _WORKING_DAYS,
            "start_time": "09:00",
            "end_time": "21:00",
            "interval_minutes": 60,
            "advance_booking_days": 30,
        },
        "inventory": {"kind": "capacity", "capacity": 8, "units": "person", "party_max": 8},
        "pricing": {"kind": "per_head"},
        "policy": {
            "hold_minutes": 10,
            "refund_tiers": [{"hours": 0, "percent": 100}],
            "release_on_failure": True,
        },
    },
    Preset.DINING: {
        "schedule": {
            "kind": "hours",
            "weekly": {day: [{"opens": "12:00", "closes": "22:00"}] for day in _EVERY_DAY},
        },
        "inventory": {
            "kind": "seating",
            "max_joined": 3,
            "pacing_covers": 20,
            "pacing_minutes": 15,
            "party_max": 20,
        },
        "pricing": {"kind": "free"},
        "policy": {"hold_minutes": 15},
    },
    Preset.SUNDAY_LUNCH: {
        "schedule": {
            "kind": "hours",
            "weekly": {"sunday": [{"opens": "12:00", "closes": "17:00"}]},
        },
        "inventory": {
            "kind": "seating",
            "max_joined": 3,
            "pacing_covers": 20,
            "pacing_minutes": 15,
            "party_max": 20,
        },
        "pricing": {"kind": "free"},
        "policy": {"hold_minutes": 15},
    },
}


def settings_of(preset: Preset, overrides: Mapping[str, Mapping[str, Any]]) -> Documents:
    """The preset's documents with the overrides laid over them, member by member.

    An override of another ``kind`` replaces the preset's document: its members would not fit.
    """
    documents: Documents = {}
    for name, default in _DEFAULTS[preset].items():
        override = dict(overrides.get(name, {}))
        same_kind = override.get("kind", default.get("kind")) == default.get("kind")
        documents[name] = {**default, **override} if same_kind else override
    return documents
