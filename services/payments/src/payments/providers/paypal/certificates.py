"""The certificates that sign PayPal's webhooks: only from hosts we name, only trusted ones.

The address of the certificate comes with the notification, so anybody may write it. It is taken
apart, compared as a whole, and put together anew; nothing of it that was not compared is used.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
import warnings
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from payments.domain.provider import Forged, Unproven, Unreached

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from payments.providers.paypal.client import Client

NAME = "messageverificationcerts.paypal.com"
"""Whom PayPal's certificates are issued to."""

_PATH = re.compile(r"/v1/notifications/certs/[A-Za-z0-9_-]{1,128}\Z")
_KEPT = 16
_KEPT_SECONDS = 24 * 3600.0
_MISSING_SECONDS = 60.0
_LARGEST = 64 * 1024
_FETCHES = 30  # in any minute, since strangers may ask for them
_MINUTE = 60.0


class _Found(NamedTuple):
    key: RSAPublicKey | None  # None: there is none, or none to be trusted
    until: float  # by time.monotonic()


class Certificates:
    """Finds the public key that a certificate's address stands for.

    Args:
        hosts: `host` or `host:port` as they stand in the address, lower case.
        plain_http: whether `http` addresses are taken too; only for a sandbox.
        authorities: a PEM file of those to trust; None: the system's.
    """

    def __init__(
        self,
        client: Client,
        hosts: Collection[str],
        *,
        plain_http: bool = False,
        authorities: Path | None = None,
    ) -> None:
        self._client = client
        self._hosts = frozenset(hosts)
        self._schemes = frozenset({"https", "http"} if plain_http else {"https"})
        self._authorities = authorities
        self._trusted: list[x509.Certificate] = []
        self._known: OrderedDict[str, _Found] = OrderedDict()
        self._fetched: list[float] = []
        self._fetching = asyncio.Lock()

    def check(self, url: str) -> str:
        """The address to fetch.

        Raises:
            Forged: it leads, or could lead, anywhere but to a certificate at one of our hosts.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise Forged from None
        if (
            parts.scheme not in self._schemes
            or parts.netloc not in self._hosts
            or not _PATH.match(parts.path)
            or url != f"{parts.scheme}://{parts.netloc}{parts.path}"
        ):
            raise Forged
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    async def key(self, url: str) -> RSAPublicKey:
        """The key of a checked address.

        Raises:
            Unproven: the certificate can't be had, or not be trusted; somebody else must tell.
        """
        found = self._known.get(url)
        if found is None or found.until <= time.monotonic():
            async with self._fetching:
                found = self._known.get(url)
                if found is None or found.until <= time.monotonic():
                    found = await self._fetch(url)
        if found.key is None:
            raise Unproven
        return found.key

    async def _fetch(self, url: str) -> _Found:
        now = time.monotonic()
        self._fetched = [at for at in self._fetched if at > now - _MINUTE]
        if len(self._fetched) >= _FETCHES:
            return _Found(None, now)
        self._fetched.append(now)
        found = _Found(None, now + _MISSING_SECONDS)
        try:
            pem = await self._client.fetch(url, most=_LARGEST)
            key, lives = self._trusted_key(pem)
            found = _Found(key, now + min(lives, _KEPT_SECONDS))
        except (Unreached, OSError, ValueError, verification.VerificationError):
            pass
        self._known[url] = found
        while len(self._known) > _KEPT:
            # Strangers may ask for any number of missing ones; none pushes out what was found.
            missing = next((each for each, one in self._known.items() if one.key is None), None)
            self._known.pop(missing or next(iter(self._known)))
        return found

    def _trusted_key(self, pem: bytes) -> tuple[RSAPublicKey, float]:
        """The key, and for how many seconds its certificate is still valid.

        Raises:
            ValueError, OSError, VerificationError: there is none that can be trusted.
        """
        leaf, *others = x509.load_pem_x509_certificates(pem)
        now = datetime.now(UTC)
        store = verification.Store(self._roots())
        builder = verification.PolicyBuilder().store(store).time(now)
        builder.build_server_verifier(x509.DNSName(NAME)).verify(leaf, others)
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
            raise ValueError("not an RSA key of 2048 bits or more")
        return key, (leaf.not_valid_after_utc - now).total_seconds()

    def _roots(self) -> list[x509.Certificate]:
        if not self._trusted:
            if self._authorities is not None:
                self._trusted = x509.load_pem_x509_certificates(self._authorities.read_bytes())
            else:
                self._trusted = list(_system_authorities())
        return self._trusted


def _system_authorities() -> Iterator[x509.Certificate]:
    """Those that the system trusts and that are well formed; an old one or two never are."""
    for one in ssl.create_default_context().get_ca_certs(binary_form=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            try:
                yield x509.load_der_x509_certificate(one)
            except (ValueError, CryptographyDeprecationWarning):
                continue
