"""The way to the mail server: encryption, passwords, and whom an answer is about."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.mail.smtp import Mailer, MailServer, Refused, Undelivered

LETTER = b"Subject: Hello\r\n\r\nHello\r\n"


class Host:
    """Takes mail; `answers` maps a command to what it says instead of yes."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken = 0

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd calls it
        self, server: Any, session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: Any, session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken += "DATA" not in self.answers
        return self.answers.get("DATA", "250 OK")


@asynccontextmanager
async def listening(
    factory: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def send(url: str) -> None:
    mailer = Mailer(MailServer.parse(url), hello="holdfast.example")
    try:
        await mailer.send(LETTER, sender="bookings@holdfast.example", to="guest@example.com")
    finally:
        await mailer.close()


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("RCPT", "550 no such mailbox", Refused),
        ("RCPT", "450 greylisted", Undelivered),
        ("DATA", "554 looks like spam", Refused),
        ("DATA", "452 disk full", Undelivered),
        ("MAIL", "550 you may not send from here", Undelivered),
        ("MAIL", "421 too many connections", Undelivered),
    ],
)
async def test_an_answer_is_final_only_when_it_is_about_the_guests_mail(
    command: str, answer: str, outcome: type[Exception]
) -> None:
    host = Host(**{command: answer})
    async with listening(lambda: SMTP(host, loop=asyncio.get_running_loop())) as port:
        with pytest.raises(outcome) as refused:
            await send(f"smtp://127.0.0.1:{port}")
    assert "guest" not in str(refused.value)
    assert answer[4:] not in str(refused.value)


async def test_a_server_that_hangs_up_or_is_not_there_is_tried_again() -> None:
    class Closing(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.close()

    async with listening(Closing) as port:
        with pytest.raises(Undelivered):
            await send(f"smtp://127.0.0.1:{port}")
    with pytest.raises(Undelivered):
        await send(f"smtp://127.0.0.1:{port}")


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = tmp_path / "mail.pem", tmp_path / "mail.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, secret)
    return context


def password_of(*, wanted: str) -> Callable[..., AuthResult]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = data.login == b"holdfast" and data.password == wanted.encode()
        return AuthResult(success=right, handled=False)

    return check


async def test_mail_goes_over_starttls_with_a_password(identity: ssl.SSLContext) -> None:
    host = Host()

    def accept() -> SMTP:
        return SMTP(
            host,
            tls_context=identity,
            require_starttls=True,
            auth_required=True,
            authenticator=password_of(wanted="p@ss/word"),
            loop=asyncio.get_running_loop(),
        )

    async with listening(accept) as port:
        await send(f"smtp+starttls://holdfast:p%40ss%2Fword@127.0.0.1:{port}")
        assert host.taken == 1
        with pytest.raises(Undelivered) as refused:
            await send(f"smtp+starttls://holdfast:wrong@127.0.0.1:{port}")
    assert str(refused.value) == "SMTPAuthenticationError 535"


async def test_mail_goes_over_tls_from_the_first_byte(identity: ssl.SSLContext) -> None:
    host = Host()
    factory = lambda: SMTP(host, loop=asyncio.get_running_loop())  # noqa: E731
    async with listening(factory, identity) as port:
        await send(f"smtps://127.0.0.1:{port}")
        assert host.taken == 1


async def test_a_server_nobody_vouches_for_gets_no_mail(
    identity: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    host = Host()
    factory = lambda: SMTP(host, loop=asyncio.get_running_loop())  # noqa: E731
    async with listening(factory, identity) as port:
        with pytest.raises(Undelivered):
            await send(f"smtps://127.0.0.1:{port}")
    assert host.taken == 0


def test_ports_follow_the_scheme() -> None:
    urls = ("smtp://mail.example", "smtp+starttls://mail.example", "smtps://mail.example")
    assert [MailServer.parse(url).port for url in urls] == [25, 587, 465]
