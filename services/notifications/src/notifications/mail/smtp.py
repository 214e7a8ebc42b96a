"""The way to the mail server: a few connections, opened when needed and used again."""

import ssl
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiosmtplib

IDLE_MOST = 20.0  # seconds; servers hang up on silent clients
ASK_AFTER = 2.0  # seconds of silence after which we ask whether the connection still stands
TIMEOUT = 20.0  # seconds for one command

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Refused(Exception):
    """The server will never take this mail for this recipient; `code` is its reply code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused {code}")
        self.code = code


class Undelivered(Exception):
    """Not this time: the server is away, busy, or refuses us rather than this mail."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and how."""

    host: str
    port: int
    tls: bool
    starttls: bool
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """Read `smtp://`, `smtps://` or `smtp+starttls://[user:password@]host[:port]`.

        Raises:
            ValueError: another scheme, no host, or a password that would travel in the clear.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("must name a host after smtp://, smtps:// or smtp+starttls://")
        if parts.scheme == "smtp" and parts.password and parts.hostname not in _LOOPBACK:
            raise ValueError(
                "would show the password to the network: use smtps:// or smtp+starttls://"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp+starttls",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class Mailer:
    """Hands letters to the server, several at once, each on a connection of its own.

    `hello` is the name under which this installation introduces itself.
    """

    def __init__(self, server: MailServer, *, hello: str) -> None:
        self._server = server
        self._hello = hello
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, letter: bytes, *, sender: str, to: str) -> None:
        """Return once the server has taken the letter.

        Raises:
            Refused: a permanent answer (5xx) about this recipient or this letter.
            Undelivered: anything else that went wrong; trying again may help.
        """
        try:
            connection = await self._connection()
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise Undelivered(_describe(error)) from error
        try:
            await connection.sendmail(sender, [to], letter)
        except aiosmtplib.SMTPRecipientsRefused as error:
            self._part(connection)
            raise _answer(error.recipients[0].code) from error
        except aiosmtplib.SMTPDataError as error:
            self._part(connection)
            raise _answer(error.code) from error
        except aiosmtplib.SMTPNotSupported as error:
            self._part(connection)
            raise Refused(553) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # Refused as a client or as a sender: our set-up is wrong, not the guest's address.
            self._part(connection)
            raise Undelivered(_describe(error)) from error
        except BaseException:
            self._part(connection)
            raise
        self._idle.append((connection, time.monotonic()))

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            try:
                await connection.quit(timeout=2)
            except (aiosmtplib.SMTPException, OSError):
                connection.close()

    async def _connection(self) -> aiosmtplib.SMTP:
        while self._idle:
            connection, since = self._idle.pop()
            silent = time.monotonic() - since
            if silent > IDLE_MOST or not connection.is_connected:
                connection.close()
                continue
            if silent < ASK_AFTER:
                return connection
            try:
                await connection.noop(timeout=2)
            except (aiosmtplib.SMTPException, OSError):
                connection.close()
            else:
                return connection
        server = self._server
        connection = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            # Else the library asks DNS for it, and everything waits for the answer.
            local_hostname=self._hello,
            use_tls=server.tls,
            start_tls=server.starttls,
            username=server.username,
            password=server.password,
            timeout=TIMEOUT,
        )
        await connection.connect()
        return connection

    @staticmethod
    def _part(connection: aiosmtplib.SMTP) -> None:
        """After a failure the conversation's state is unknown, so it is not used again."""
        connection.close()


def _answer(code: int) -> Refused | Undelivered:
    return Refused(code) if 500 <= code < 600 else Undelivered(f"answered {code}")


def _describe(error: BaseException) -> str:
    """Class and reply code; the server's words may hold the guest's address."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
