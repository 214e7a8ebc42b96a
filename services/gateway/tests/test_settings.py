"""What keeps the gateway from starting, told by name."""

import os
import subprocess
import sys

import orjson
import pytest

from chassis.auth import new_key_pair
from chassis.settings import BadSettings, load
from gateway.limits import Window
from gateway.settings import Settings

GOOD = {
    "HTTP_PORT": "18080",
    "INTERNAL_PORT": "18081",
    "AMQP_URL": "amqp://u:p@127.0.0.1/",
    "BOOKING_URL": "http://127.0.0.1:1",
    "PAYMENTS_URL": "http://127.0.0.1:2",
    "CUSTOMERS_URL": "http://127.0.0.1:3",
    "NOTIFICATIONS_URL": "http://127.0.0.1:4",
    "INTERNAL_TOKEN_PRIVATE_KEYS": orjson.dumps({"k1": new_key_pair()[0]}).decode(),
    "MANAGE_TOKEN_KEYS": orjson.dumps({"k1": "x" * 32}).decode(),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOOKING_URL", ""),
        ("PAYMENTS_URL", "127.0.0.1"),
        ("INTERNAL_TOKEN_PRIVATE_KEYS", '{"k1": "short"}'),
        ("MANAGE_TOKEN_KEYS", orjson.dumps({"k1": "x" * 31}).decode()),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("RATE_LIMIT_STORAGE", "mongodb://h"),
        ("RATE_LIMITS", "{"),
        ("RATE_LIMITS", '{"nothing": [1, 2]}'),
        ("RATE_LIMITS", '{"reads": [0, 60]}'),
        ("RATE_LIMITS", '{"reads": ["5", 60]}'),
        ("RATE_LIMITS", '{"reads": 5}'),
        ("PAYMENT_WAIT", "60"),
        ("KEY_STALE", "3600"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch, name, value):
    for key, good in GOOD.items():
        monkeypatch.setenv(key, good)
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as refused:
        load(Settings)
    assert [line.partition(":")[0] for line in refused.value.lines] == [name]


def test_limits_that_are_not_named_keep_their_default(monkeypatch):
    for key, good in GOOD.items():
        monkeypatch.setenv(key, good)
    monkeypatch.setenv("RATE_LIMITS", '{"booking": [500, 1]}')
    limits = load(Settings).RATE_LIMITS
    assert limits["booking"] == Window(500, 1)
    assert limits["reads"] == Window(120, 60)


def test_the_process_exits_with_1_and_names_the_variable():
    """S0-19."""
    environment = {"PATH": os.environ["PATH"], **GOOD, "MANAGE_TOKEN_KEYS": '{"k1": "short"}'}
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "api"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "MANAGE_TOKEN_KEYS" in ended.stderr
    assert "short" not in ended.stderr.replace("too short", "")
