"""A CA of the gate's own and the leaf it signs: made, and made anew in time, so that no handshake ever fails.

    1. a leaf counts for 90 days and is made anew at two thirds of them
    2. a CA counts for a year; at two thirds of it a second one is made and stands beside it in the bundle
    3. only when the second was in every bundle for an hour does it sign: whoever calls trusts it by then
    4. the first stays in the bundle until it expires: leaves that it signed are served until they are replaced

Pure: what there is goes in, what there should be comes out. `gate/cluster/rotation.py` keeps it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gate.admission import defaults
from gate.errors import SettingsError

SKEW: Final = timedelta(minutes=5)
OVERLAP: Final = timedelta(seconds=defaults.OVERLAP_S)
_PEM: Final = serialization.Encoding.PEM


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept between two looks; PEM, empty where there is none yet."""

    ca: bytes = b""
    """Every CA that callers must trust, the one that signs first."""
    key: bytes = b""
    """Of the CA that signs."""
    next_key: bytes = b""
    """Of the CA that will."""
    certificate: bytes = b""
    leaf_key: bytes = b""


def renewed(kept: Kept, names: Sequence[str], now: datetime) -> Kept:
    """What there should be at `now` for the host `names` and addresses; `kept` itself where that is enough.

    What does not parse, or does not belong together, is made anew: it could not be served either.
    """
    authorities = _authorities(kept)
    alive = [one for one in authorities if now < one.not_valid_after_utc]
    signing = next((one for one in alive if _is_of(kept.key, one)), None)
    if signing is None:
        key = ec.generate_private_key(ec.SECP256R1())
        return _with_leaf(Kept(key=_private(key), ca=_pem([_ca(key, now), *alive])), names, now)
    coming = next((one for one in alive if one != signing and _is_of(kept.next_key, one)), None)
    others = [one for one in alive if one not in (signing, coming)]
    if coming is None and now >= _renew_at(signing):
        key = ec.generate_private_key(ec.SECP256R1())
        coming = _ca(key, now)
        kept = msgspec.structs.replace(kept, next_key=_private(key))
    elif coming is not None and now >= coming.not_valid_before_utc + SKEW + OVERLAP:
        others = [signing, *others]
        signing, coming = coming, None
        kept = msgspec.structs.replace(kept, key=kept.next_key, next_key=b"", certificate=b"")
    bundle = _pem([one for one in (signing, coming, *others) if one is not None])
    kept = msgspec.structs.replace(kept, ca=bundle)
    return kept if _serves(kept, names, now) else _with_leaf(kept, names, now)


def expiry(pem: bytes, path: str) -> datetime:
    """When the first certificate of `pem` expires; raises `SettingsError` where there is none."""
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        raise SettingsError("this is no certificate", path=path, expected="PEM") from None


def is_signed_by(certificate: bytes, ca: bytes) -> bool:
    """Whether the leaf of `certificate` is signed by one of the CAs of the bundle `ca`."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate)
        authorities = x509.load_pem_x509_certificates(ca)
    except ValueError:
        return False
    return any(_is_issued(leaf, one) for one in authorities)


def _serves(kept: Kept, names: Sequence[str], now: datetime) -> bool:
    try:
        leaf = x509.load_pem_x509_certificate(kept.certificate)
        said = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    has = {*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress))}
    return (
        set(names) <= has
        and _is_of(kept.leaf_key, leaf)
        and leaf.not_valid_before_utc <= now < _renew_at(leaf)
        and _is_issued(leaf, _authorities(kept)[0])
    )


def _with_leaf(kept: Kept, names: Sequence[str], now: datetime) -> Kept:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _authorities(kept)[0]
    ends = min(now + timedelta(days=defaults.LEAF_DAYS), authority.not_valid_after_utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    leaf = (
        _builder(subject, authority.subject, key.public_key(), now, ends)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(_key(kept.key).public_key()), critical=False
        )
        .sign(_key(kept.key), hashes.SHA256())
    )
    return msgspec.structs.replace(kept, certificate=leaf.public_bytes(_PEM), leaf_key=_private(key))


def _ca(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    # Two CAs of one name are told apart by their keys; a serial in the name tells a person, too.
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"gate admission CA {serial:x}"[:64])])
    ends = now + timedelta(days=defaults.CA_DAYS)
    return (
        _builder(name, name, key.public_key(), now, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _authorities(kept: Kept) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(kept.ca)
    except ValueError:
        return []


def _is_issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_of(key: bytes, certificate: x509.Certificate) -> bool:
    try:
        public = _key(key).public_key()
    except (ValueError, TypeError):
        return False
    return public == certificate.public_key()


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("no key of an elliptic curve")
    return key


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(_PEM) for one in certificates)


def _renew_at(one: x509.Certificate) -> datetime:
    return one.not_valid_after_utc - (one.not_valid_after_utc - one.not_valid_before_utc) / 3


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(ends)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
