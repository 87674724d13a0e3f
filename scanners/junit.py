"""JUnit's XML: results of tests, and of scanners that write them in this shape.

A failure or error is a finding of kind quality; its severity is high, or what stands in brackets in front of
the test's name (`[MEDIUM] CVE-…`, Trivy and Checkov). Elements are counted, never the attributes, which are
often wrong. No test at all is an empty target. Output and stack traces are not read. Flaky failures of
Surefire passed in the end.

Source: no standard; Surefire's schema; real reports of many tools; FORMATS.md 2.28.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element

from gate.documents.document import Document, wrong_shape
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import COMMON, positive

_EXPECTED: Final = "a JUnit report"
_ROOTS: Final = ("testsuites", "testsuite")
_BAD: Final = ("failure", "error")
_BRACKET: Final = re.compile(r"^\[([A-Za-z]+)\]\s*")


def detect(document: Document) -> str | None:
    """Why `document` is a JUnit report, or None."""
    return f"the root is {document.root}" if document.root in _ROOTS and not document.namespace else None


def parse(document: Document) -> Scan:
    """One finding for each test that failed; raises `ReportError` for another root."""
    root = document.element(_EXPECTED)
    if document.root not in _ROOTS:
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED}",
            found="another root",
            expected="testsuites or testsuite",
        )
    tests = list(root.iter("testcase"))
    bad = [test for test in tests if any(test.find(name) is not None for name in _BAD)]
    skipped = sum(1 for test in tests if test.find("skipped") is not None)
    # A suite that broke before its tests says so itself.
    broken = [suite for suite in root.iter("testsuite") if any(suite.find(name) is not None for name in _BAD)]
    notes = [f"{len(tests)} tests, {len(bad)} failed, {skipped} skipped"]
    status = Status.OK
    if broken:
        status = Status.PARTIAL
        notes.insert(0, f"{len(broken)} suites broke before their tests")
    elif short := [suite.get("name", "") for suite in root.iter() if _is_short(suite)]:
        status = Status.PARTIAL
        notes.insert(
            0, f"{len(short)} suites count failures that they do not list, the first: {quoted(short[0])}"
        )
    elif not tests or skipped == len(tests):
        status = Status.EMPTY_TARGET
    return Scan(
        format="junit",
        scanner="junit",
        status=status,
        kinds=(),
        observations=tuple(map(_observation, [*bad, *broken])),
        notes=tuple(notes),
    )


def _is_short(suite: Element) -> bool:
    """Whether a suite says that more failed than it lists; how many ran is often counted wrong."""
    if suite.tag not in _ROOTS:
        return False
    counted = sum(positive(suite.get(name)) or 0 for name in ("failures", "errors"))
    listed = sum(1 for test in suite.iter("testcase") for name in _BAD if test.find(name) is not None)
    return counted > listed


def _observation(test: Element) -> Observation:
    class_, name = test.get("classname", ""), test.get("name", "")
    match = _BRACKET.match(name)
    known = COMMON.get(match[1].lower(), Severity.UNKNOWN) if match else Severity.HIGH
    rule = ".".join(part for part in (class_, name) if part) or "unnamed"
    what = next(word for word in _BAD if test.find(word) is not None)
    return Observation(
        finding=Finding(
            kind=Kind.QUALITY,
            rule=rule,
            title=f"test {'failed' if what == 'failure' else 'broke'}: {name or rule}",
            severity=known,
            severity_raw=match[1] if match else what,
            location=Location(file=test.get("file") or None, line=positive(test.get("line"))),
            scanners=("junit",),
        )
    )
