"""Secrets are in none of the places where somebody might read them.

A story is told that uses every kind of them; then every log, every row of every table and every
answer is searched for what was used.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import keys
from .calls import until
from .people import CARD, City
from .system import SERVICES, StackSystem, System, Tables

ROOT = Path(__file__).parents[2]

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""


@pytest.fixture
def run_dir(system: System) -> Path:
    if not isinstance(system, StackSystem):
        pytest.skip("needs the files of a stack on this machine")
    return system.stack.run_dir


async def _used(city: City, tables: Tables, run_dir: Path) -> dict[str, str]:
    """What a stack and a story made of every kind of secret, by what it is."""
    used = keys.of_the_run(run_dir)
    studio = await city.studio()
    session = await studio.session()
    paid = await (await city.guest().book(session)).confirmed(studio.stripe)
    declined = await city.guest().book(session)
    payment = await declined.payment()
    await declined.pay(studio.stripe, "4000000000000002")
    await declined.cancel()
    await paid.cancel()
    await until("everything done", lambda: tables.quiet(paid.id))
    await until("everything done", lambda: tables.quiet(declined.id))
    intents = [await studio.stripe.intent_of(one.id) for one in (paid, declined)]
    return used | {
        "Stripe's key": studio.stripe.secret_key,
        "Stripe's webhook secret": studio.stripe.webhook_secret,
        "a staff's API key": next(iter(studio.staff.credentials.values())),
        "a client secret": payment["client_secret"],
        **{f"client secret {n}": one["client_secret"] for n, one in enumerate(intents)},
        **{f"manage token {n}": one.held["manage_token"] for n, one in enumerate((paid, declined))},
    }


async def test_secrets_are_in_no_log_no_table_and_no_message(
    city: City, tables: Tables, run_dir: Path
) -> None:
    """Logs, outboxes, archives, what providers told, idempotency keys, mails: none shows one."""
    used = await _used(city, tables, run_dir)
    wanted = {what: text.removeprefix("Bearer ") for what, text in used.items()}
    assert all(len(text) >= 12 for text in wanted.values())
    found = [
        (what, place)
        for place, text in [*_logs(run_dir), *[row async for row in _rows(tables)]]
        for what, secret in wanted.items()
        if secret in text and not _is_theirs(what, place)
    ]
    assert found == []


def _is_theirs(what: str, place: str) -> bool:
    """What a server has to know in the clear to let anybody in: the broker's own log of users."""
    return place.startswith(("log of rabbitmq", "log of postgres")) and "stack's" in what


def _logs(run_dir: Path) -> Iterator[tuple[str, str]]:
    files = sorted((run_dir / "logs").glob("*.log"))
    assert {"booking", "payments", "gateway"} <= {file.stem.partition("-")[0] for file in files}
    for file in files:
        yield f"log of {file.stem}", file.read_text(errors="replace")


async def _rows(tables: Tables) -> Any:
    """Every row of every table of every service, as text."""
    for service in SERVICES:
        for table in await tables.rows(service, _TABLES):
            rows = await tables.rows(service, f"SELECT t::text AS line FROM {table['name']} t")
            yield f"{service} {table['name']}", "\n".join(row["line"] for row in rows)


async def test_refusals_do_not_repeat_the_secret_that_was_wrong(city: City) -> None:
    """A mistyped key or token is still nearly one: it stands in no answer."""
    secret = "sk_live_" + "n0tReally" * 4
    studio = await city.studio()
    booking = await city.guest().book(await studio.session())
    stolen = booking.held["manage_token"][:-2] + "xx"
    answers = [
        await studio.staff.ask(
            "POST",
            "/v1/payment-accounts",
            json={"provider": "stripe", "secret_key": secret, "publishable_key": secret},
        ),
        await city.with_key(secret).ask("GET", "/v1/bookings"),
        await booking.guest.holding(stolen).ask("GET", booking.path),
        await city.http.ask(
            "POST", f"{city.endpoints.stripe}/v1/refunds", headers={"Authorization": secret}
        ),
    ]
    for answer in answers[:3]:
        assert 400 <= answer.status < 500, str(answer)
        assert secret.encode() not in answer.body
        assert stolen.encode() not in answer.body
    assert secret[-12:].encode() not in answers[3].body


async def test_the_answer_to_a_paid_booking_gives_the_client_secret_to_nobody_any_more(
    city: City,
) -> None:
    """Staff never see it; its guest only while there is something to pay."""
    studio = await city.studio()
    booking = await city.guest().book(await studio.session())
    secret = (await booking.payment())["client_secret"]
    assert secret not in json.dumps(await studio.timeline(booking))
    await booking.pay(studio.stripe, CARD)
    await booking.becomes("confirmed")
    assert secret not in json.dumps(await booking.read())


def test_no_file_of_the_repository_holds_a_key_of_the_real_world() -> None:
    """Nothing that a provider would accept was ever committed (`git ls-files`)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > 100
    found = [
        (str(file.relative_to(ROOT)), key[:12])
        for file in files
        if file.is_file()
        for key in keys.real_keys(file.read_bytes())
    ]
    assert found == []


def test_images_take_nothing_but_the_programs() -> None:
    """The build context begins empty; images copy sources, migrations and locks by name."""
    context = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in context if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!libs",
        "!services",
        "!sandbox",
        "!requirements/*.txt",
    }
    # A file of somebody's own beside the sources stays out, whatever it is called.
    assert {"**/.env*", "**/*.pem", "**/*.key", "**/secrets.json"} <= set(rules)
    for file in [*ROOT.glob("services/*/Dockerfile"), ROOT / "sandbox" / "Dockerfile"]:
        for line in file.read_text().splitlines():
            if line.startswith(("COPY", "ADD")) and "--from=" not in line:
                assert line.startswith(("COPY libs/", "COPY services/", "COPY sandbox", "COPY req"))
            if line.startswith(("ENV", "ARG")):
                assert not re.search(r"(?i)secret|password|token|_key\b", line), (file, line)
