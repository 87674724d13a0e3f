"""Keys and certificates of the tests, made on the spot."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def key_file(path: Path) -> ec.EllipticCurvePrivateKey:
    """A new P-256 key, also at `path` in the older form that kube-apiserver reads public keys from."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return key


class Authority:
    """A CA that signs for loopback."""

    def __init__(self, folder: Path) -> None:
        self._key = key_file(folder / "ca.key")
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._signed(self._key, "test authority", is_authority=True)
        self.file = folder / "ca.crt"
        self.file.write_bytes(self.pem)

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def pair(self, certificate: Path, key: Path) -> int:
        """Put a new pair for 127.0.0.1 in place, each file at once; the certificate's number."""
        fresh_key, fresh = key.with_suffix(".new-key"), certificate.with_suffix(".new-crt")
        signed = self._signed(key_file(fresh_key), "webhook", is_authority=False)
        fresh.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        fresh_key.replace(key)
        fresh.replace(certificate)
        return signed.serial_number

    def _signed(self, key: ec.EllipticCurvePrivateKey, name: str, *, is_authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
