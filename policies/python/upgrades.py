"""How far away the fix of a vulnerable Python package is, by the order of versions that PEP 440 defines.

Rego compares versions as SemVer only; `1.0.post1`, `2024.1` and `1!2.0` are none. Packages of other
ecosystems have other orders and are left to other rules.
"""

from packaging.version import InvalidVersion, Version

from gate.policy import deny, policy, warn


@policy(
    id="GATE-VULN-011",
    title="Fix in the same minor series not taken",
    description=(
        "The package has a fixed version that differs in nothing but the last parts of its number, so that an "
        "upgrade is safe: it counts whatever the severity is, beside what the thresholds allow."
    ),
    fix="upgrade within the minor series",
    frameworks=["NIST SSDF RV.2.2"],
)
def near_fix(given):
    """One violation for each counted vulnerability whose fix is near."""
    for finding in _counted(given):
        installed, fixes = _versions(finding)
        near = [fix for fix in fixes if installed and fix > installed and _series(fix) == _series(installed)]
        if near:
            message = f"{finding['rule']} in {finding['purl']} is fixed in {min(near)}, the same minor series"
            yield deny(message, remedy=f"upgrade to {min(near)}", finding=finding["fingerprint"])


@policy(
    id="GATE-VULN-012",
    title="Distance to a fix unknown",
    description="A version of the package, or of its fix, is none that PEP 440 knows: GATE-VULN-011 cannot judge it.",
    severity="low",
    fix="look by hand whether the fix is near",
)
def untold_distance(given):
    """One warning for each counted vulnerability whose versions cannot be compared."""
    for finding in _counted(given):
        installed, fixes = _versions(finding)
        if finding["fixed_versions"] and (installed is None or len(fixes) < len(finding["fixed_versions"])):
            known = [finding["version"], *finding["fixed_versions"]]
            yield warn(f"{finding['rule']}: cannot compare {known}", finding=finding["fingerprint"])


def _counted(given):
    """New vulnerabilities of Python packages that nobody waived."""
    for finding in given["findings"]:
        if (
            finding["kind"] == "vulnerability"
            and finding["state"] == "new"
            and finding["waived"] is None
            and (finding["purl"] or "").startswith("pkg:pypi/")
        ):
            yield finding


def _versions(finding):
    """The installed version, None where it is not known, and those fixed versions that are versions."""
    fixes = map(_version, finding["fixed_versions"])
    return _version(finding["version"]), [version for version in fixes if version is not None]


def _version(text):
    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def _series(version):
    """Epoch, major and minor number."""
    return version.epoch, version.major, version.minor
