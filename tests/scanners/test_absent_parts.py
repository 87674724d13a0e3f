"""A part of a report that goes missing is not "nothing was found", except where its tool leaves empty parts out.

Every member of every sample, three levels deep, is taken away or made null in turn. What is then read as whole, with
fewer findings than before, stands in `LEFT_OUT` with its reason; a new adapter that shrugs at a missing list fails here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from gate.errors import ReportError
from gate.model import Status
from tests.scanners.test_samples import FILES, SAMPLES, sample

DEPTH: Final = 3
EMPTY: Final = "left out, or null, where there are none"
ENTRY: Final = "a map by names: an entry less is a flaw less"
LEFT_OUT: Final[dict[str, dict[str, str]]] = {
    "bearer": {"high": ENTRY, "warning": ENTRY},
    "cargo-audit": {"warnings": EMPTY, "warnings.unsound": ENTRY},
    "checkmarx-one": {"scanResults": "null where the engine did not run", "iacScanResults": "as scanResults"},
    "clair": {"Vulnerabilities.Defcon1": ENTRY},
    "composer-audit": {
        "advisories.guzzlehttp/guzzle": ENTRY,
        "advisories.guzzlehttp/guzzle.0": ENTRY,
        "ignored-advisories": "of newer versions only",
        "ignored-advisories.acme/old": ENTRY,
    },
    "conftest": {"0.failures": EMPTY, "0.warnings": EMPTY},
    "cyclonedx": {"vulnerabilities": "an SBOM without is no evidence of dependencies"},
    "dependency-check": {
        "dependencies.0.vulnerabilities": EMPTY,
        "dependencies.0.relatedDependencies": EMPTY,
    },
    "detect-secrets": {"results.a.go": ENTRY},
    "gcloud-artifact-scan": {"package_vulnerability_summary.vulnerabilities.CRITICAL": ENTRY},
    "govulncheck": {"Vulns": EMPTY},
    "horusec": {"analysisVulnerabilities": EMPTY},
    "jfrog-xray": {"vulnerabilities": EMPTY, "artifacts.0.issues": EMPTY},
    "kubescape": {"results.0.controls": "the summary of the sample names no failed control"},
    "kubesec": {"0.scoring": EMPTY, "0.scoring.advise": EMPTY, "0.scoring.critical": EMPTY},
    "legitify": {"content.data.repository.a": ENTRY, "content.data.repository.a.violations": EMPTY},
    "neuvector": {"report.secrets": EMPTY, "report.vulnerabilities": EMPTY},
    "njsscan": {"nodejs.node_md5": ENTRY, "templates.mustache_escape": ENTRY},
    "ort": {"vulnerabilities": EMPTY},
    "oss-index": {"0.vulnerabilities": EMPTY},
    "polaris": {
        "Results.0.PodResult": "of workloads only",
        "Results.0.PodResult.ContainerResults": EMPTY,
        "Results.0.PodResult.Results": EMPTY,
    },
    "popeye": {"popeye.sanitizers.0.issues": "the tally of the sample is empty"},
    "retirejs": {"0.results.0.vulnerabilities": EMPTY},
    "terraform-plan": {"checks": "of newer versions only"},
    "trivy": {"Results.0.Vulnerabilities": EMPTY},
    "wizcli-iac": {
        "result.ruleMatches": EMPTY,
        "result.ruleMatches.0.matches": EMPTY,
        "result.secrets": EMPTY,
    },
}


def members(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of the members of objects; of an array its first element stands for all."""
    if len(above) > DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*above, key)
            yield from members(item, (*above, key))
    elif isinstance(value, list) and value:
        yield from members(value[0], (*above, 0))


def without(value: Any, path: tuple[str | int, ...], *, nulled: bool) -> bytes:
    changed = parent = copy.deepcopy(value)
    for step in path[:-1]:
        parent = parent[step]
    if nulled:
        parent[path[-1]] = None
    else:
        del parent[path[-1]]
    return json.dumps(changed).encode()


def shrugged_at(name: str) -> set[str]:
    """Members of the sample whose absence makes a whole report with fewer findings."""
    value = json.loads((SAMPLES / name).read_bytes())
    whole = sample(name).scan
    found = set()
    for path in members(value):
        for nulled in (False, True):
            try:
                part = sample(name, without(value, path, nulled=nulled)).scan
            except ReportError:
                continue
            is_fewer = len(part.observations) < len(whole.observations)
            if part.status is Status.OK and is_fewer and part.format == whole.format:
                found.add(".".join(map(str, path)))
    return found


def of_format(format_: str) -> set[str]:
    return {
        path
        for name in FILES
        if name.startswith(f"{format_}/") and name.endswith(".json")
        for path in shrugged(name)
    }


def shrugged(name: str) -> set[str]:
    try:
        return shrugged_at(name)
    except json.JSONDecodeError:
        return set()  # lines: they have no envelope that could lack something


@pytest.mark.parametrize("format_", sorted({name.split("/")[0] for name in FILES}))
def test_a_part_that_is_missing_is_not_clean_unless_its_tool_leaves_it_out(format_: str) -> None:
    assert set(LEFT_OUT.get(format_, ())) == of_format(format_)
