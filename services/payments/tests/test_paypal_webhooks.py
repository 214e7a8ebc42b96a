"""What PayPal's notifications have to prove before anything is kept of them (PAY-29, F-38)."""

import asyncio
import base64
import json
import math
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from payments.domain.provider import Account, Forged, Unproven, Unreadable, Unsigned
from payments.providers.paypal import Certificates, Client, PayPal, certificates
from sandbox import processes
from sandbox.paypal.certificate import Signer

WEBHOOK = "WH1234567890ABCDE"
EVENT = {
    "id": "WH-1",
    "event_type": "PAYMENT.CAPTURE.COMPLETED",
    "create_time": "2026-11-20T20:00:00Z",
    "resource": {
        "id": "CAPTURE1",
        "status": "COMPLETED",
        "supplementary_data": {"related_ids": {"order_id": "ORDER1"}},
        "payer": {"email_address": "guest@example.com"},
    },
}
BODY = json.dumps(EVENT).encode()


class Server:
    """Certificates at addresses of the test's choice, and what was asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self._answer(*outer.pages.get(self.path, (404, b"", {})))

            def do_POST(self) -> None:
                outer.asked.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(*outer.pages.get(self.path, (503, b"{}", {})))

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


def account(**changes: Any) -> Account:
    usual = {
        "id": str(uuid4()),
        "org_id": uuid4(),
        "provider": "paypal",
        "publishable_key": "client-id",
        "secret_key": "secret-key",
        "webhook_secrets": (WEBHOOK,),
    }
    return Account(**{**usual, **changes})


class Door:
    """The adapter as the webhook route uses it, with the certificate served at `url`."""

    def __init__(self, server: Server, signer: Signer, authorities: Path, **more: Any) -> None:
        self.server, self.signer = server, signer
        self.url = f"http://{server.host}/v1/notifications/certs/{signer.id}"
        server.pages[f"/v1/notifications/certs/{signer.id}"] = (200, signer.chain, {})
        client = Client(f"http://{server.host}", total_seconds=60)
        known = Certificates(
            client, [server.host, "api.paypal.com"], plain_http=True, authorities=authorities
        )
        self.paypal = PayPal(client, known)
        self.account = account()

    def headers(self, body: bytes = BODY, *, age: float = 0, **changes: str) -> dict[str, str]:
        at = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        usual = {
            "paypal-transmission-id": "11111111-2222-3333-4444-555555555555",
            "paypal-transmission-time": at,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": self.url,
        }
        usual["paypal-transmission-sig"] = self.signer.sign(
            usual["paypal-transmission-id"], at, WEBHOOK, body
        )
        return {**usual, **changes}

    async def take(self, body: bytes, headers: dict[str, str]) -> Any:
        return await self.paypal.verify(self.account, body, headers)


@pytest.fixture
async def door(
    server: Server, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    # However long this machine takes, a test is over within a minute.
    monkeypatch.setattr(certificates, "_MINUTE", math.inf)
    monkeypatch.setattr(certificates, "_MISSING_SECONDS", math.inf)
    made = Door(server, signer, tmp_path / "ca.pem")
    yield made
    await made.paypal.close()


async def test_what_paypal_signed_is_taken_and_cut_down(door: Door):
    event = await door.take(BODY, door.headers())
    assert (event.id, event.type, event.payment_ref) == (
        "WH-1",
        "PAYMENT.CAPTURE.COMPLETED",
        "ORDER1",
    )
    assert "example.com" not in str(event.digest)


async def test_a_certificate_is_fetched_once(door: Door):
    await asyncio.gather(*(door.take(BODY, door.headers()) for _ in range(20)))
    assert len(door.server.asked) == 1


async def test_both_webhook_ids_are_good_while_they_rotate(door: Door):
    door.account = account(webhook_secrets=("WHOLD000000000000", WEBHOOK))
    assert (await door.take(BODY, door.headers())).id == "WH-1"


@pytest.mark.parametrize(
    "forge",
    [
        lambda d: (BODY.replace(b"COMPLETED", b"REFUNDED!"), d.headers()),
        lambda d: (BODY[:-1], d.headers()),
        lambda d: (BODY + b" ", d.headers()),
        lambda d: (BODY, d.headers(age=301)),
        lambda d: (BODY, d.headers(age=-400)),
        lambda d: (BODY, d.headers(**{"paypal-transmission-id": "other"})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-id": "a|b"})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-time": "yesterday"})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-time": "9" * 60})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-sig": "not base64!"})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-sig": "AAAA"})),
        lambda d: (BODY, d.headers(**{"paypal-transmission-sig": "\xff\xfe"})),
        lambda d: (BODY, d.headers(**{"paypal-auth-algo": "none"})),
        lambda d: (
            BODY,
            d.headers(**{"paypal-transmission-sig": Signer.forge("1", "2", WEBHOOK, BODY)}),
        ),
    ],
    ids=[
        "changed body", "truncated", "a space more", "too old", "from the future",
        "another transmission", "a bar in an id", "no time", "absurd time", "not base64",
        "too short", "not ASCII", "no algorithm", "a stranger's key",
    ],
)  # fmt: skip
async def test_what_is_not_quite_what_paypal_signed_is_forged(
    door: Door, forge: Callable[[Door], tuple[bytes, dict[str, str]]]
):
    body, headers = forge(door)
    with pytest.raises(Forged):
        await door.take(body, headers)


async def test_a_signature_for_another_webhook_is_forged(door: Door):
    door.account = account(webhook_secrets=("WHANOTHER00000000",))
    with pytest.raises(Forged):
        await door.take(BODY, door.headers())
    door.account = account(webhook_secrets=())
    with pytest.raises(Forged):
        await door.take(BODY, door.headers())


async def test_without_its_headers_it_is_unsigned(door: Door):
    for name in door.headers():
        headers = door.headers()
        del headers[name]
        with pytest.raises(Unsigned):
            await door.take(BODY, headers)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:443@evil.example/v1/notifications/certs/CERT-1",
        "https://user:pass@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://evil.example#@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://evil.example\\@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://evil.example?@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com./v1/notifications/certs/CERT-1",
        "https://API.PAYPAL.COM%2eevil.example/v1/notifications/certs/CERT-1",
        "ftp://api.paypal.com/v1/notifications/certs/CERT-1",
        "file:///etc/passwd",
        "//api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../redirect?to=evil",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.paypal.com/v1/notifications/certs/CERT-1/..",
        "https://api.paypal.com/elsewhere/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/CERT\n1",
        " https://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://[::1]/v1/notifications/certs/CERT-1",
        "https://[bad/v1/notifications/certs/CERT-1",
        "http://169.254.169.254/latest/meta-data",
        "nonsense",
    ],
)
async def test_a_certificate_from_anywhere_else_is_forged_and_nothing_is_fetched(
    door: Door, url: str
):
    with pytest.raises(Forged):
        await door.take(BODY, door.headers(**{"paypal-cert-url": url}))
    assert door.server.asked == []


async def test_in_production_a_certificate_comes_over_https_only(server: Server, tmp_path: Path):
    client = Client(f"http://{server.host}")
    strict = Certificates(client, [server.host])
    with pytest.raises(Forged):
        strict.check(f"http://{server.host}/v1/notifications/certs/CERT-1")
    fine = f"https://{server.host}/v1/notifications/certs/CERT-1"
    assert strict.check(fine) == fine


def _certificate(directory: Path, *, name: str, start: int, end: int) -> tuple[bytes, Any]:
    """A certificate by the directory's own authority, valid between two days from now."""
    signer_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(signer_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=start))
        .not_valid_after(now + timedelta(days=end))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer_key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), signer_key


@pytest.mark.parametrize(
    "page",
    [
        (404, b"", {}),
        (302, b"", {"Location": "/v1/notifications/certs/real"}),
        (200, b"", {}),
        (200, b"not a certificate", {}),
        (200, b"x" * 100_000, {}),
    ],
    ids=["missing", "redirect", "empty", "nonsense", "huge"],
)
async def test_without_a_usable_certificate_paypal_is_asked_and_else_nobody_decides(
    door: Door, page: tuple[int, bytes, dict[str, str]]
):
    path = f"/v1/notifications/certs/{door.signer.id}"
    door.server.pages["/v1/notifications/certs/real"] = (200, door.signer.chain, {})
    door.server.pages[path] = page
    with pytest.raises(Unproven):  # the token can't be had either
        await door.take(BODY, door.headers())
    assert "/v1/notifications/certs/real" not in door.server.asked
    token = json.dumps({"access_token": "t", "expires_in": 600}).encode()
    door.server.pages["/v1/oauth2/token"] = (200, token, {})
    verdict = "/v1/notifications/verify-webhook-signature"
    door.server.pages[verdict] = (200, b'{"verification_status": "SUCCESS"}', {})
    assert (await door.take(BODY, door.headers())).id == "WH-1"
    door.server.pages[verdict] = (200, b'{"verification_status": "FAILURE"}', {})
    with pytest.raises(Forged):
        await door.take(BODY, door.headers())
    assert door.server.asked.count(path) == 1  # a missing one is not asked for each time


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("messageverificationcerts.paypal.com", -10, 10),
        ("messageverificationcerts.paypal.com", -10, -1),
        ("evil.example", -10, 10),
    ],
    ids=["nobody we trust", "run out", "another name"],
)
async def test_a_certificate_that_cannot_be_trusted_proves_nothing(
    door: Door, tmp_path: Path, name: str, start: int, end: int
):
    pem, key = _certificate(tmp_path, name=name, start=start, end=end)
    door.server.pages[f"/v1/notifications/certs/{door.signer.id}"] = (200, pem, {})
    headers = door.headers()
    message = "|".join(
        (
            headers["paypal-transmission-id"],
            headers["paypal-transmission-time"],
            WEBHOOK,
            str(zlib.crc32(BODY)),
        )
    )
    signed = key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
    headers["paypal-transmission-sig"] = base64.b64encode(signed).decode()
    with pytest.raises(Unproven):
        await door.take(BODY, headers)


async def test_strangers_cannot_have_us_fetch_without_end(door: Door):
    await door.take(BODY, door.headers())
    for number in range(60):
        url = f"http://{door.server.host}/v1/notifications/certs/CERT-{number}"
        with pytest.raises(Unproven):
            await door.take(BODY, door.headers(**{"paypal-cert-url": url}))
    certificates = [path for path in door.server.asked if "/certs/" in path]
    assert len(certificates) <= 30
    # What was proven before stays known through all of it.
    assert (await door.take(BODY, door.headers())).id == "WH-1"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"id":1,"event_type":2,"resource":{}}',
        b'{"id":"WH-1","event_type":"x","resource":[]}',
        rb'{"id":"WH-\u0000","event_type":"x","resource":{}}',
        rb'{"id":"WH-\ud800","event_type":"x","resource":{}}',
        b"[" * 100_000 + b"]" * 100_000,
        b"\xff",
    ],
)
async def test_signed_nonsense_is_no_event(door: Door, body: bytes):
    with pytest.raises(Unreadable):
        await door.take(body, door.headers(body))


@pytest.mark.parametrize(
    ("resource", "ref"),
    [
        ({"id": "CAP1", "supplementary_data": {"related_ids": {"order_id": "ORD1"}}}, "ORD1"),
        ({"id": "CAP1"}, "capture:CAP1"),
        ({"id": "CAP1", "supplementary_data": []}, "capture:CAP1"),
        ({"id": "../../x"}, None),
        ({"id": 7}, None),
        ({}, None),
    ],
)
async def test_a_capture_leads_to_its_order_or_stands_for_itself(
    door: Door, resource: dict[str, Any], ref: str | None
):
    body = json.dumps({**EVENT, "resource": resource}).encode()
    assert (await door.take(body, door.headers(body))).payment_ref == ref


@pytest.mark.parametrize(
    ("links", "ref"),
    [
        ([{"rel": "up", "href": "https://x/v2/payments/captures/CAP1"}], "capture:CAP1"),
        ([{"rel": "up", "href": "https://x/v2/payments/captures/../orders"}], None),
        ([{"rel": "up"}, 5, None], None),
        ("nonsense", None),
    ],
)
async def test_a_refund_leads_to_its_capture(door: Door, links: Any, ref: str | None):
    thing = {"id": "REF1", "links": links}
    event = {**EVENT, "event_type": "PAYMENT.CAPTURE.REFUNDED", "resource": thing}
    body = json.dumps(event).encode()
    found = await door.take(body, door.headers(body))
    assert (found.payment_ref, found.about_refunds) == (ref, True)


async def test_the_sandbox_itself_answers_the_question(tmp_path: Path):
    """The fallback against a PayPal that checks: what it sent is right, what it did not is wrong."""
    import aiohttp

    with processes.paypal(tmp_path) as running:
        client = Client(running.url)
        known = Certificates(
            client, [running.url.removeprefix("http://")], plain_http=True, authorities=None
        )
        paypal = PayPal(client, known)
        mine = account()
        signer = Signer(tmp_path)
        async with aiohttp.ClientSession(running.url) as http:
            hook = {
                "client_id": mine.publishable_key,
                "url": "http://127.0.0.1:9/none",
                "webhook_id": WEBHOOK,
            }
            await (await http.put("/_sandbox/webhooks", json=hook)).read()
            order = {
                "intent": "CAPTURE",
                "purchase_units": [{"amount": {"currency_code": "GBP", "value": "1.00"}}],
            }
            made = await client.post(mine, "v2", "checkout", "orders", body=order, key="k")
            await (await http.post(f"/_sandbox/orders/{made['id']}/approve")).read()
            answer = await http.get("/_sandbox/events", params={"order": made["id"]})
            [event_id] = await answer.json()
        event = await client.get(mine, "v1", "notifications", "webhooks-events", event_id)
        body = json.dumps(event, separators=(",", ":")).encode()
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            "paypal-transmission-id": "t-1",
            "paypal-transmission-time": at,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": f"{running.url}/v1/notifications/certs/{signer.id}",
            "paypal-transmission-sig": signer.sign("t-1", at, WEBHOOK, body),
        }
        # Its authority is not among the system's, so only PayPal's own word counts.
        assert (await paypal.verify(mine, body, headers)).id == event_id
        wrong = {**headers, "paypal-transmission-sig": Signer.forge("t-1", at, WEBHOOK, body)}
        with pytest.raises(Forged):
            await paypal.verify(mine, body, wrong)
        changed = body.replace(b"APPROVED", b"REFUSED!")
        with pytest.raises(Forged):
            await paypal.verify(mine, changed, headers)
        await paypal.close()
