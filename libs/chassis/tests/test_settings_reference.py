"""Settings say in words what they are."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from chassis.settings import HttpUrl, LongSecret, ProcessSettings, RawKeys
from chassis.settings_reference import Undescribed, settings_of


class Described(ProcessSettings):
    URL: HttpUrl | None = None
    """Where
    it is."""
    KEYS: RawKeys
    """A ring."""
    SECRET: LongSecret
    """A secret."""
    COLOUR: Literal["red", "green"] = "red"
    """A choice."""
    SHARE: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A number."""
    SWITCH: bool = True
    """A switch."""


class Undocumented(ProcessSettings):
    NAME: str


def test_each_setting_has_its_words_values_and_default():
    found = {setting.name: setting for setting in settings_of(Described)}
    said = {name: (found[name].values, found[name].default) for name in found}
    assert said["URL"] == ("text", "")
    assert said["KEYS"] == ("key ring of 32-byte keys", None)
    assert said["SECRET"] == ("text, at least 32 characters", None)
    assert said["COLOUR"] == ("red | green", "red")
    assert said["SHARE"] == ("above 0, to 1", "0.5")
    assert said["SWITCH"] == ("true | false", "true")
    assert found["URL"].text == "Where it is."
    assert "LOG_LEVEL" in found  # inherited, with its words


def test_what_must_be_given_comes_first():
    assert [setting.name for setting in settings_of(Described)][:3] == [
        "AMQP_URL",
        "KEYS",
        "SECRET",
    ]


def test_a_setting_without_words_is_refused():
    with pytest.raises(Undescribed, match="NAME"):
        settings_of(Undocumented)
