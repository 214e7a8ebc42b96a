"""S0-19 and the rest: a service with bad settings does not start, and says which one."""

import os
import subprocess
import sys
from typing import Any

import pytest
from payments_world import settings_for

from chassis.settings import BadSettings, load
from payments.settings import Settings

GOOD = settings_for(
    "postgresql://payments@127.0.0.1/payments",
    "http://127.0.0.1:8081",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
)


@pytest.mark.parametrize(
    ("variable", "change"),
    [
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": None}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": "pk_test_publishable"}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": "sk_test_"}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": "sk_live_realmoney"}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": "rk_live_realmoney"}),
        ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": None}),
        ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": "secret"}),
        ("STRIPE_API_BASE", {"STRIPE_API_BASE": "ftp://x"}),
        ("STRIPE_API_BASE", {"ENVIRONMENT": "production"}),
        ("PAYPAL_API_BASE", {"PAYPAL_API_BASE": "https://api-m.paypal.com"}),
        ("PAYPAL_API_BASE", {"PAYPAL_API_BASE": "https://API.paypal.com/"}),
        ("PAYPAL_API_BASE", {"PAYPAL_API_BASE": "paypal.com"}),
        ("PAYPAL_CERT_HOSTS", {"PAYPAL_CERT_HOSTS": "https://api.paypal.com"}),
        ("PAYPAL_CERT_HOSTS", {"PAYPAL_CERT_HOSTS": "api.paypal.com,,"}),
        ("PAYPAL_CERT_HOSTS", {"PAYPAL_CERT_HOSTS": "user@api.paypal.com"}),
        ("COLUMN_KEYS", {"COLUMN_KEYS": {"k": b"short"}}),
        ("CONTACT_KEYS", {"CONTACT_KEYS": None}),
    ],
)
def test_a_bad_setting_is_named_and_its_value_is_not(variable: str, change: dict[str, Any]):
    values = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(BadSettings) as refusal:
        load(Settings, values)
    [line] = refusal.value.lines
    assert line.startswith(f"{variable}: ")
    assert "realmoney" not in line


def test_real_money_is_for_production_over_https():
    live = {
        "ENVIRONMENT": "production",
        "STRIPE_SECRET_KEY": "rk_live_realmoney",
        "STRIPE_API_BASE": "https://api.stripe.com",
    }
    assert load(Settings, {**GOOD, **live}).ENVIRONMENT == "production"


def test_paypal_is_where_the_environment_says():
    live = {
        "ENVIRONMENT": "production",
        "STRIPE_SECRET_KEY": "rk_live_realmoney",
        "STRIPE_API_BASE": "https://api.stripe.com",
    }
    assert load(Settings, GOOD).paypal_base == "https://api-m.sandbox.paypal.com"
    assert load(Settings, {**GOOD, **live}).paypal_base == "https://api-m.paypal.com"
    with pytest.raises(BadSettings) as refusal:
        load(Settings, {**GOOD, **live, "PAYPAL_API_BASE": "http://127.0.0.1:8083"})
    assert refusal.value.lines[0].startswith("PAYPAL_API_BASE: ")


def test_the_process_exits_with_1_and_names_the_missing_key():
    ended = subprocess.run(
        [sys.executable, "-m", "payments", "api"],
        env={"PATH": os.environ["PATH"], "ENVIRONMENT": "test"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "STRIPE_SECRET_KEY: is missing" in ended.stderr
