"""The certificate that signs webhooks: issued by an authority of the sandbox's own."""

import base64
import os
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "messageverificationcerts.paypal.com"
_LIFETIME = timedelta(days=365)


class Signer:
    """Kept in a directory: `ca.pem` is what receivers trust, the rest is the sandbox's own."""

    def __init__(self, directory: Path) -> None:
        key_file, chain_file = directory / "webhook-key.pem", directory / "webhook-chain.pem"
        if not (key_file.exists() and chain_file.exists()):
            _make(directory, key_file, chain_file)
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{key_file} is no RSA key")
        self._key = key
        self.chain = chain_file.read_bytes()
        leaf = x509.load_pem_x509_certificates(self.chain)[0]
        self.id = "CERT-" + leaf.fingerprint(hashes.SHA256()).hex()[:24]

    def sign(self, transmission_id: str, at: str, webhook_id: str, body: bytes) -> str:
        """The PAYPAL-TRANSMISSION-SIG header for a body."""
        return _signature(self._key, transmission_id, at, webhook_id, body)

    @staticmethod
    def forge(transmission_id: str, at: str, webhook_id: str, body: bytes) -> str:
        """What a stranger would send: a signature of the right form by another key."""
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return _signature(stranger, transmission_id, at, webhook_id, body)


def _signature(
    key: rsa.RSAPrivateKey, transmission_id: str, at: str, webhook_id: str, body: bytes
) -> str:
    message = f"{transmission_id}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def _make(directory: Path, key_file: Path, chain_file: Path) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    ca_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PayPal sandbox authority")])
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + 2 * _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]))
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    (directory / "ca.pem").write_bytes(ca.public_bytes(pem))
    chain_file.write_bytes(leaf.public_bytes(pem) + ca.public_bytes(pem))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
