"""Writes docs/rules/ from the METADATA of the shipped rules: an index, and a page for each set.

`python tools/rules_page.py` writes it; tests/test_docs.py fails where it is not current.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
POLICIES: Final = ROOT / "policies"
PAGES: Final = ROOT / "docs" / "rules"
WRITTEN: Final = "<!-- written by tools/rules_page.py -->"
_ABOUT: Final = {
    "code": "what static analysis, dynamic scans and misconfiguration scanners found; part of `builtin:default`",
    "evidence": "whether reports are there, whole, fresh and about the subject; part of every bundle",
    "hardening": "Kubernetes beyond the Pod Security Standards, by the CIS Benchmark and the NSA/CISA guide",
    "kubernetes": "what is wrong with a workload wherever it runs; part of `builtin:default`",
    "licenses": "what licences allow; part of `builtin:default`",
    "pod-security/baseline": "the Pod Security Standard baseline, in every version",
    "pod-security/restricted": "the Pod Security Standard restricted, which contains baseline",
    "reliability": "whether workloads keep running and are updated without an outage",
    "reliability/together": "the same for objects that were handed over together; part of `builtin:reliability`",
    "sbom": "what a software bill of materials must hold",
    "secrets": "secrets that scanners found; part of `builtin:default`",
    "vulnerabilities": "known vulnerabilities and malware; part of `builtin:default`",
}
_BLOCK: Final = re.compile(r"(?m)^# METADATA\n((?:#.*\n)+)(.*\n(?:(?!^# METADATA|^deny |^warn ).*\n)*)")


@dataclass(frozen=True)
class Rule:
    """One deny or warn rule, as its text says it."""

    path: Path
    action: str
    metadata: dict[str, Any]
    body: str

    @property
    def custom(self) -> dict[str, Any]:
        """The METADATA's `custom`."""
        custom: dict[str, Any] = self.metadata.get("custom", {})
        return custom

    @property
    def id(self) -> str:
        """As GATE-K8S-101."""
        return str(self.custom.get("id"))

    @property
    def set(self) -> str:
        """The built-in set it belongs to: its folder below policies/."""
        return folder(self.path)


def folder(path: Path) -> str:
    """The set a file belongs to: its folder below policies/."""
    return path.parent.relative_to(POLICIES).as_posix()


def modules() -> list[Path]:
    """The Rego files gate ships, without tests."""
    return sorted(p for p in POLICIES.rglob("*.rego") if not p.name.endswith("_test.rego"))


def blocks(path: Path) -> list[tuple[dict[str, Any], str]]:
    """Each METADATA block of a file with the text it stands above."""
    found = []
    for match in _BLOCK.finditer(path.read_text("utf-8")):
        lines = (line.removeprefix("#").removeprefix(" ") for line in match[1].splitlines())
        found.append((yaml.safe_load("\n".join(lines)), match[2]))
    return found


def rules() -> list[Rule]:
    """Every rule that has METADATA, in the order of files and lines."""
    return [
        Rule(path, body.split(" ", 1)[0], metadata, body)
        for path in modules()
        for metadata, body in blocks(path)
        if metadata.get("scope") != "package"
    ]


def pages() -> dict[str, str]:
    """Name in docs/rules/ -> text."""
    sets: dict[str, list[Rule]] = {}
    for rule in sorted(rules(), key=lambda r: r.id):
        sets.setdefault(rule.set, []).append(rule)
    return {"README.md": _index(sets)} | {_name(name): _page(name, found) for name, found in sets.items()}


def write() -> None:
    """The pages anew, and those of sets that are gone removed."""
    PAGES.mkdir(exist_ok=True)
    wanted = pages()
    for path in PAGES.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (PAGES / name).write_text(text, "utf-8")


def _name(name: str) -> str:
    return f"{name.replace('/', '-')}.md"


def _index(sets: dict[str, list[Rule]]) -> str:
    number = sum(map(len, sets.values()))
    rows = [
        f"| [`{name}`]({_name(name)}) | {len(found)} | {_count(found, 'deny')} | {_ABOUT[name]} |"
        for name, found in sorted(sets.items())
    ]
    return "\n".join(
        [
            "# The shipped rules",
            "",
            WRITTEN,
            "",
            f"{number} rules in {len(sets)} sets. `policies.use` of gate.yaml chooses sets by name, `builtin:hardening` for",
            "instance; `policies.actions` turns one rule into a denial, a warning, an audit entry, or off. `gate explain ID`",
            "says offline what stands here. Rules that gate asks without a policy are not among them: those on environments",
            "([gate-yaml.md](../gate-yaml.md)), on Kubernetes' schemas ([kubernetes-schemas.md](../kubernetes-schemas.md)) and on",
            "kustomizations that were not built ([rendering.md](../rendering.md)).",
            "",
            "| set | rules | deny | about |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _count(found: Iterable[Rule], action: str) -> int:
    return sum(rule.action == action for rule in found)


def _page(name: str, found: list[Rule]) -> str:
    about = _ABOUT[name]
    head = [
        f"# Rules: {name}",
        "",
        WRITTEN,
        "",
        f"{about[0].upper()}{about[1:]}. [All sets](README.md).",
        "",
        "| id | what | action | severity |",
        "|---|---|---|---|",
        *(
            f"| [{rule.id}](#{rule.id.lower()}) | {rule.metadata['title']} | {rule.action} | {_severity(rule)} |"
            for rule in found
        ),
    ]
    return "\n".join([*head, *(line for rule in found for line in _section(rule)), ""])


def _section(rule: Rule) -> list[str]:
    source = rule.path.relative_to(ROOT).as_posix()
    facts = [f"{rule.action}, {_severity(rule)}"]
    if "points" in rule.custom:
        facts.append(f"at {', '.join(rule.custom['points'])} only")
    if "threshold" in rule.custom:
        facts.append(f"`thresholds.{rule.custom['threshold']}`")
    if rule.custom["frameworks"]:
        facts.append(", ".join(rule.custom["frameworks"]))
    links = [f"[the rule](../../{source})"]
    if "docs" in rule.custom:
        links.insert(0, f"[read more]({rule.custom['docs']})")
    return [
        "",
        f"## {rule.id}",
        f"**{rule.metadata['title']}** ({'; '.join(facts)})",
        "",
        " ".join(rule.metadata["description"].split()),
        "",
        f"Fix: {' '.join(rule.custom['fix'].split())}. {' · '.join(links)}",
    ]


def _severity(rule: Rule) -> str:
    return str(rule.custom.get("severity", "of the finding"))


if __name__ == "__main__":
    write()
    print(f"wrote {PAGES.relative_to(ROOT)}")
