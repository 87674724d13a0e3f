"""The gate's own CA over years: no caller ever meets a leaf whose CA it was not told of before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gate.errors import SettingsError
from gate.service import authority
from gate.service.authority import Kept

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAMES = ("gate-webhook.gate-system.svc", "127.0.0.1")
DAY = timedelta(days=1)


def leaf(kept: Kept) -> x509.Certificate:
    return x509.load_pem_x509_certificate(kept.certificate)


def test_the_first_look_makes_a_ca_and_a_leaf_of_p256_for_the_names() -> None:
    made = authority.renewed(Kept(), NAMES, NOON)

    said = leaf(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    key = leaf(made).public_key()
    assert [NAMES[0]] == said.get_values_for_type(x509.DNSName)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert "secp256r1" == key.curve.name
    assert authority.is_signed_by(made.certificate, made.ca)
    assert NOON + 90 * DAY == leaf(made).not_valid_after_utc


def test_what_is_young_is_kept_byte_for_byte() -> None:
    made = authority.renewed(Kept(), NAMES, NOON)

    assert made == authority.renewed(made, NAMES, NOON + 59 * DAY)


def test_a_leaf_is_made_anew_at_two_thirds_of_its_days_by_the_same_ca() -> None:
    made = authority.renewed(Kept(), NAMES, NOON)
    later = authority.renewed(made, NAMES, NOON + 61 * DAY)

    assert made.ca == later.ca
    assert made.certificate != later.certificate


def test_every_leaf_of_three_years_is_signed_by_a_ca_that_was_told_an_hour_before() -> None:
    kept = authority.renewed(Kept(), NAMES, NOON)
    told = [(NOON, kept.ca)]
    at = NOON
    authorities = set()
    while at < NOON + 3 * 365 * DAY:
        at += timedelta(hours=6)
        kept = authority.renewed(kept, NAMES, at)
        before = [ca for when, ca in told if when <= at - timedelta(hours=1)][-1]
        assert authority.is_signed_by(kept.certificate, before)
        assert at < leaf(kept).not_valid_after_utc
        assert all(one.not_valid_after_utc > at for one in x509.load_pem_x509_certificates(kept.ca))
        if told[-1][1] != kept.ca:
            told.append((at, kept.ca))
        authorities.add(leaf(kept).issuer.rfc4514_string())

    assert 4 <= len(authorities)


def test_other_names_make_another_leaf() -> None:
    made = authority.renewed(Kept(), NAMES, NOON)
    other = authority.renewed(made, (*NAMES, "localhost"), NOON)

    assert made.ca == other.ca
    assert made.certificate != other.certificate


@pytest.mark.parametrize("part", ["ca", "key", "certificate", "leaf_key"])
@pytest.mark.parametrize("content", [b"", b"broken", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_broken_or_lost_is_made_anew_and_belongs_together(part: str, content: bytes) -> None:
    broken = msgspec.structs.replace(authority.renewed(Kept(), NAMES, NOON), **{part: content})
    mended = authority.renewed(broken, NAMES, NOON + DAY)

    assert authority.is_signed_by(mended.certificate, mended.ca)
    assert mended == authority.renewed(mended, NAMES, NOON + DAY)


def test_a_lost_key_leaves_the_old_ca_in_the_bundle_for_what_is_still_served() -> None:
    made = authority.renewed(Kept(), NAMES, NOON)
    mended = authority.renewed(msgspec.structs.replace(made, key=b""), NAMES, NOON + DAY)

    assert authority.is_signed_by(made.certificate, mended.ca)


def test_a_leaf_of_a_stranger_is_signed_by_no_ca_of_ours() -> None:
    ours, other = (authority.renewed(Kept(), NAMES, NOON) for _ in range(2))

    assert not authority.is_signed_by(other.certificate, ours.ca)
    assert not authority.is_signed_by(b"x", ours.ca)


def test_the_expiry_of_what_is_no_certificate_is_an_error() -> None:
    with pytest.raises(SettingsError, match="no certificate"):
        authority.expiry(b"x", "tls.crt")
