"""What the names in scanner reports mean: advisory ids, image digests, licences, hash algorithms.

Shared by the adapters that read packages; it knows no report format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing  # type: ignore[import-untyped]

from gate.model import FixState

_ONE_FLAW: Final = re.compile(r"(?:CVE|GHSA|PYSEC|GO|RUSTSEC|OSV|MAL|SNYK)-", re.IGNORECASE)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_CWE: Final = re.compile(r"CWE-[1-9]\d{0,5}")
_REFERENCE: Final = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.+-]*[A-Za-z0-9+])?")
_EXPRESSION_CHARACTERS: Final = 4_096
_EXPRESSION_DEPTH: Final = 50
"""Parentheses; the parser of expressions recurses."""
_REFERENCE_CHARACTERS: Final = 100


def names_one_flaw(identifier: str) -> bool:
    """Whether `identifier` is of a kind that names a single flaw, so that it may serve as an alias.

    Advisories of distributions (DSA, RHSA, USN, ALAS …) bundle several: taken as aliases they would
    make one flaw of different ones, and a waiver for the first would cover the second.
    """
    return _ONE_FLAW.match(identifier) is not None


def cwes(names: Iterable[str]) -> tuple[str, ...]:
    """The names of the form `CWE-79`; `CWE-0`, `NVD-CWE-noinfo` and the like say nothing."""
    return tuple(name for name in names if _CWE.fullmatch(name))


def sha256_digest(text: str | None) -> str | None:
    """`text` where it is `sha256:` and 64 lowercase hex characters, else None."""
    return text if text and _DIGEST.fullmatch(text) else None


def image_digest(name: str, repository_digests: Iterable[str]) -> str | None:
    """The manifest digest of image `name` (`alpine:3.11`), from references like `alpine@sha256:…`.

    A digest in the name itself stands first, then the reference to the same repository, then the
    first one. The id of the image's configuration is no manifest digest and never an answer.
    """
    repository, _, pinned = name.partition("@")
    known = [(at, sha256_digest(digest)) for at, _, digest in (r.partition("@") for r in repository_digests)]
    same = [digest for at, digest in known if digest and _repository(at) == _repository(repository)]
    candidates = [sha256_digest(pinned), *same, *(digest for _, digest in known)]
    return next((digest for digest in candidates if digest), None)


def _repository(reference: str) -> str:
    """`reference` without its tag; a colon before the last slash belongs to a port."""
    head, slash, tail = reference.rpartition("/")
    return head + slash + tail.partition(":")[0]


def fix_state(fixed_versions: Collection[str], otherwise: FixState = FixState.UNKNOWN) -> FixState:
    """`fixed` where a report names versions with the fix, else what it says besides: often nothing."""
    return FixState.FIXED if fixed_versions else otherwise


def purl_version(purl: str) -> str | None:
    """The version in `purl`, or None; an `@` in front of the last `/` belongs to a namespace."""
    name = purl.partition("#")[0].partition("?")[0].rpartition("/")[2]
    return unquote(name.partition("@")[2]) or None


def hash_name(algorithm: str) -> str:
    """`SHA-256` and `SHA256` as `sha256`, `SHA3-512` as `sha3-512`."""
    return re.sub(r"^sha-", "sha", algorithm.lower())


@lru_cache(maxsize=4_096)
def spdx_license(text: str) -> str:
    """`text`, a licence's id, name or expression, as an SPDX expression.

    Words that SPDX does not know become `LicenseRef-…`, each for itself. Text that is no expression
    becomes one `LicenseRef-…` joined with the SPDX ids that it mentions: neither a stray comma nor
    padding may hide a licence from a deny list.
    """
    if len(text) > _EXPRESSION_CHARACTERS or text.count("(") > _EXPRESSION_DEPTH:
        return _unreadable(text)
    try:
        tree = _licensing().parse(text)
    except ExpressionError:
        return _unreadable(text)
    if tree is None:
        return _unreadable(text)
    unknown = [key for key in _licensing().unknown_license_keys(tree) if not _REFERENCE.fullmatch(key)]
    named = {LicenseSymbol(key): LicenseSymbol(_reference(key)) for key in unknown}
    return str(tree.subs(named) if named else tree)


def all_licenses(texts: Iterable[str]) -> str | None:
    """One SPDX expression that asks for all of `texts`; None where there are none."""
    terms = list(dict.fromkeys(spdx_license(text.strip()) for text in texts if text.strip()))
    if len(terms) > 1:
        terms = [f"({term})" if " OR " in term else term for term in terms]
    return " AND ".join(terms) or None


def _unreadable(text: str) -> str:
    mentioned = [_ids()[word] for word in _WORD.findall(text) if word in _ids()]
    return " AND ".join([*dict.fromkeys(mentioned), _reference(text)])


def _reference(text: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")[:_REFERENCE_CHARACTERS]
    return f"LicenseRef-{safe or 'unnamed'}"


@lru_cache(maxsize=1)
def _licensing() -> Licensing:
    # Reading the index of SPDX ids takes 40 ms, so only where a licence is met.
    return get_spdx_licensing()


@lru_cache(maxsize=1)
def _ids() -> dict[str, str]:
    """SPDX ids, deprecated ones too (`GPL-2.0`), each with the id in force."""
    symbols = _licensing().known_symbols.values()
    words = ((word, symbol.key) for symbol in symbols for word in (symbol.key, *symbol.aliases))
    return {word: key for word, key in words if not key.startswith("LicenseRef-")}
