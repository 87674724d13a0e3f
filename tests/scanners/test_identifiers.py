from __future__ import annotations

import pytest

from scanners.identifiers import (
    all_licenses,
    cwes,
    hash_name,
    image_digest,
    names_one_flaw,
    purl_version,
    sha256_digest,
    spdx_license,
)

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.mark.parametrize("identifier", ["CVE-2024-1", "GHSA-4374-p667-p6c8", "PYSEC-2024-1", "GO-2024-1"])
def test_an_advisory_of_one_flaw_may_be_an_alias(identifier: str) -> None:
    assert names_one_flaw(identifier)


@pytest.mark.parametrize("identifier", ["DSA-4808-1", "RHSA-2019:2304", "USN-1-1", "ALAS-2024-2595", ""])
def test_an_advisory_that_bundles_flaws_is_no_alias(identifier: str) -> None:
    assert not names_one_flaw(identifier)


def test_only_numbered_weaknesses_are_kept() -> None:
    assert ("CWE-79",) == cwes(["CWE-79", "CWE-0", "CWE-None", "NVD-CWE-noinfo", "79"])


@pytest.mark.parametrize(
    "text", [None, "", "sha256:test", f"sha256:{'A' * 64}", "a" * 64, f"sha512:{'a' * 64}"]
)
def test_a_digest_has_one_form_only(text: str | None) -> None:
    assert sha256_digest(text) is None


@pytest.mark.parametrize(
    ("name", "references", "expected"),
    [
        ("alpine:3.11", [f"alpine@{A}"], A),
        ("host:5000/app:1", [f"mirror/app@{B}", f"host:5000/app@{A}"], A),
        (f"alpine@{A}", [f"alpine@{B}"], A),
        ("alpine:3.11", [f"elsewhere/alpine@{B}"], B),
        ("alpine:3.11", ["REDACTED", ""], None),
        ("alpine:3.11", [], None),
    ],
)
def test_the_digest_of_an_image_is_that_of_its_repository(
    name: str, references: list[str], expected: str | None
) -> None:
    assert expected == image_digest(name, references)


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:npm/%40angular/core@17.0.1", "17.0.1"),
        ("pkg:npm/@angular/core", None),
        ("pkg:deb/debian/passwd@1%3A4.5-1.1?arch=amd64", "1:4.5-1.1"),
        (f"pkg:oci/alpine@{A}?repository_url=docker.io/library/alpine", A),
        ("pkg:golang/golang.org/x/text", None),
    ],
)
def test_the_version_of_a_purl(purl: str, expected: str | None) -> None:
    assert expected == purl_version(purl)


def test_hash_algorithms_have_one_spelling() -> None:
    assert ["sha256", "sha256", "sha3-512", "md5"] == [
        hash_name(name) for name in ("SHA-256", "SHA256", "SHA3-512", "MD5")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-acme OR MIT", "LicenseRef-acme OR MIT"),
        ("Apache License 2.0", "LicenseRef-Apache-License-2.0"),
        ("!?", "LicenseRef-unnamed"),
    ],
)
def test_a_licence_becomes_an_spdx_expression(text: str, expected: str) -> None:
    assert expected == spdx_license(text)


@pytest.mark.parametrize(
    "text",
    [
        "AGPL-3.0-only AND Own-License",
        "AGPL-3.0-only, MIT",
        "AGPL-3.0-only AND (",
        "AGPL-3.0-only" + " AND MIT" * 5_000,
        "(MIT OR " * 400 + "AGPL-3.0-only" + ")" * 400,
    ],
    ids=["unknown word", "comma", "broken", "padded", "nested"],
)
def test_a_known_licence_stays_visible_in_text_that_is_not_spdx(text: str) -> None:
    assert "AGPL-3.0-only" in spdx_license(text).replace("(", " ").replace(")", " ").split()


def test_several_licences_are_all_asked_for() -> None:
    assert "(MIT OR ISC) AND Apache-2.0" == all_licenses(["MIT OR ISC", "Apache-2.0", "MIT OR ISC"])


def test_one_licence_keeps_its_alternatives_without_parentheses() -> None:
    assert "MIT OR ISC" == all_licenses(["MIT OR ISC"])


def test_no_licence_is_none() -> None:
    assert all_licenses(["", " "]) is None
