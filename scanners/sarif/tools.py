"""What a tool's name and its own texts say: the kind of its findings, what it is evidence of, packages.

A tool that is not in the table finds flaws in code. Texts are read only where a tool writes them
from a fixed pattern (Trivy, Grype); anything else stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from gate.model import Evidence, FixState, Kind
from scanners.sarif import log


class Trade(NamedTuple):
    """What a tool does."""

    kind: Kind
    evidence: tuple[Evidence, ...]


_CODE: Final = Trade(Kind.CODE, (Evidence.CODE,))
_SECRETS: Final = Trade(Kind.SECRET, (Evidence.SECRETS,))
_PACKAGES: Final = Trade(Kind.VULNERABILITY, (Evidence.DEPENDENCIES,))
_MANIFESTS: Final = Trade(Kind.MISCONFIGURATION, (Evidence.MANIFESTS,))
# They read no Kubernetes manifest, or nothing but a running site: evidence of no kind that exists.
_OTHER_FILES: Final = Trade(Kind.MISCONFIGURATION, ())
_WEB: Final = Trade(Kind.DAST, ())

_TRADES: Final = {
    "gitleaks": _SECRETS,
    "trufflehog": _SECRETS,
    "detect-secrets": _SECRETS,
    "ggshield": _SECRETS,
    "noseyparker": _SECRETS,
    "secretlint": _SECRETS,
    "whispers": _SECRETS,
    "trivy": _PACKAGES,
    "grype": _PACKAGES,
    "snyk open source": _PACKAGES,
    "snyk container": _PACKAGES,
    "osv-scanner": _PACKAGES,
    "dependency-check": _PACKAGES,
    "govulncheck": _PACKAGES,
    "docker scout": _PACKAGES,
    "clair": _PACKAGES,
    "pip-audit": _PACKAGES,
    "cargo-audit": _PACKAGES,
    "checkov": _MANIFESTS,
    "kics": _MANIFESTS,
    "terrascan": _MANIFESTS,
    "kube-linter": _MANIFESTS,
    "kube-score": _MANIFESTS,
    "kubescape": _MANIFESTS,
    "kubesec": _MANIFESTS,
    "snyk iac": _MANIFESTS,
    "tfsec": _OTHER_FILES,
    "defsec": _OTHER_FILES,
    "hadolint": _OTHER_FILES,
    "cfn-lint": _OTHER_FILES,
    "zap": _WEB,
    "nuclei": _WEB,
    "stackhawk": _WEB,
}
ONE_NAME: Final = {
    "defsec": "tfsec",
    "nodejsscan": "njsscan",
    "semgrep oss": "semgrep",
    "semgrep pro": "semgrep",
}
"""Editions of one tool: its JSON report names the tool, and one tool has one name."""
_TRIVY_KINDS: Final = {
    "Misconfiguration": Kind.MISCONFIGURATION,
    "Secret": Kind.SECRET,
    "License": Kind.LICENSE,
}
"""Trivy finds several kinds and says which in `rule.name`."""

_FLAW: Final = re.compile(
    r"(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|(?:PYSEC|GO|RUSTSEC)-\d{4}-\d{1,19})", re.IGNORECASE
)
_SNYK_ALIASES: Final = re.compile(r"\(((?:CVE-[\d-]{6,30}(?:, ?)?){1,20})\)")
_TRIVY_MESSAGE: Final = re.compile(
    r"Package: (?P<name>[^\n]+)\nInstalled Version: (?P<version>[^\n]*)\nVulnerability [^\n]*\n"
    r"Severity: (?P<severity>\w+)\nFixed Version: (?P<fixed>[^\n]*)(?:\n|\Z)"
)
_GRYPE_MESSAGE: Final = re.compile(
    r"An? \w+ vulnerability in \S+ package: (?P<name>[^\n]+), version (?P<version>\S+) was found"
)
_GRYPE_HELP: Final = re.compile(r"\nVersion: (?P<version>[^\n]*)\nFix Version: (?P<fixed>[^\n]*)(?:\n|\Z)")


class Package(NamedTuple):
    """What a result says of the package it is about."""

    name: str
    version: str
    fixed: tuple[str, ...]
    severity: str | None = None
    """The result's own word; a rule shared by several packages has only the first one's."""
    purl: str | None = None
    without_fix: FixState = FixState.UNKNOWN
    """What it means that `fixed` is empty."""


@lru_cache(maxsize=64)
def trade(scanner: str) -> Trade:
    """What the tool named `scanner` (lower case) does; its first word decides if the whole does not."""
    return _TRADES.get(scanner) or _TRADES.get(scanner.split(" ", 1)[0], _CODE)


def kind(scanner: str, rule_id: str, rule: log.Rule | None) -> Kind:
    """The kind of one finding."""
    if scanner.startswith("trivy") and rule is not None and rule.name in _TRIVY_KINDS:
        return _TRIVY_KINDS[rule.name]
    usual = trade(scanner).kind
    if usual is Kind.CODE and _FLAW.fullmatch(rule_id):
        return Kind.VULNERABILITY
    return usual


def aliases(rule_id: str, rule: log.Rule | None) -> tuple[str, ...]:
    """Other ids of a vulnerability: earlier ids, tags that are ids, Snyk's `(CVE-…) name@version`."""
    if rule is None:
        return ()
    found = [*(rule.deprecated_ids or ()), *texts(rule.properties and rule.properties.tags)]
    described = rule.full_description.text if rule.full_description else None
    snyk = _SNYK_ALIASES.match(described or "")
    found += re.split(", ?", snyk[1]) if snyk else []
    return tuple(name for name in dict.fromkeys(found) if name != rule_id and _FLAW.fullmatch(name))


def package(scanner: str, message: str, rule: log.Rule | None) -> Package | None:
    """The package of a Trivy or Grype result, read from the pattern the tool writes; else None."""
    if scanner.startswith("trivy"):
        told = _TRIVY_MESSAGE.match(message)
        # Trivy leaves the line empty where there is no fix; nobody else says so.
        return told and Package(
            told["name"],
            told["version"],
            _versions(told["fixed"]),
            told["severity"],
            without_fix=FixState.NOT_FIXED,
        )
    told = _GRYPE_MESSAGE.match(message) if scanner == "grype" else None
    if told is None:
        return None
    # A rule is shared by all versions of a package: what it says counts only for the one it names.
    help_text = rule.help.text if rule and rule.help else None
    helped = _GRYPE_HELP.search(help_text or "")
    fixed = _versions(helped["fixed"]) if helped and helped["version"] == told["version"] else ()
    purls = [*texts(rule.properties and rule.properties.purls)] if rule else []
    same = len(purls) == 1 and f"@{told['version']}" in unquote(purls[0])
    return Package(told["name"], told["version"], fixed, purl=purls[0] if same else None)


def texts(value: object) -> Iterator[str]:
    """The strings of a property that is a string or an array of them; nothing for anything else."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _versions(text: str) -> tuple[str, ...]:
    return tuple(version for version in re.split(r",\s*", text.strip()) if version)
