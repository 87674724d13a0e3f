"""The rules of a SARIF run: which rule a result means, and what is the same for all its results.

Says nothing about a single result but its rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from gate.model import Severity, from_cvss
from scanners.sarif import log, tools

NO_RULE: Final = "no-rule-id"
"""Rule of a result that names none."""
WORDS: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "unknown": Severity.UNKNOWN,
}
"""Severities in words, as `security-severity` and the texts of Trivy have them."""

_CWE_TAG: Final = re.compile(r"(?:^|/)cwe-0*([1-9]\d{0,5})(?!\d)", re.IGNORECASE)
_CWE_ID: Final = re.compile(r"(?:cwe-)?0*([1-9]\d{0,5})(?!\d)", re.IGNORECASE)


class Rule(NamedTuple):
    """A rule, and what is the same for all of its results."""

    rule: log.Rule | None
    component: log.Component
    cwes: tuple[str, ...]
    confidence: str | None
    scored: tuple[Severity, str] | None
    """`security-severity` as severity and as written."""


class Rules:
    """The rules of a run, found as a result names them."""

    def __init__(self, run: log.Run) -> None:
        self._taxonomies = run.taxonomies or []
        components = [run.tool.driver, *(run.tool.extensions or ())]
        self.nameless = Rule(None, run.tool.driver, (), None, None)
        self._lists = [[self._known(rule, one) for rule in one.rules or ()] for one in components]
        self._by_id: dict[str, Rule] = {}
        for rules in self._lists:
            for known in rules:
                if known.rule is not None:
                    self._by_id.setdefault(known.rule.id, known)

    def of(self, result: log.Result) -> tuple[str, Rule]:
        """The rule id of `result` and its rule.

        A name counts before an index (the index may be -1 or stale), and a hierarchical name
        (`CA5350/md5`) means the rule of its longest known prefix (3.27.5).
        """
        reference = result.rule or log.RuleReference()
        name = result.rule_id or reference.id
        extension = reference.tool_component.index if reference.tool_component else None
        rules = self._lists[0]
        if extension is not None and 0 <= extension < len(self._lists) - 1:
            rules = self._lists[extension + 1]
        index = result.rule_index if reference.index is None else reference.index
        indexed = rules[index] if index is not None and 0 <= index < len(rules) else self.nameless
        own = indexed.rule.id if indexed.rule else ""
        if not name:
            return own or NO_RULE, indexed
        if own and (name == own or name.startswith(own + "/")):
            return name, indexed
        prefix = name
        while prefix:
            if prefix in self._by_id:
                return name, self._by_id[prefix]
            prefix = prefix.rpartition("/")[0]
        return name, indexed

    def cwes(self, references: list[log.RuleReference] | None) -> Iterator[str]:
        """`CWE-79` and so on of those references that point into the CWE taxonomy."""
        for reference in references or ():
            taxonomy = reference.tool_component
            if taxonomy is None or not reference.id:
                continue
            name, index = taxonomy.name, taxonomy.index
            if name is None and index is not None and 0 <= index < len(self._taxonomies):
                name = self._taxonomies[index].name
            if name is not None and name.upper() == "CWE":
                yield from cwe_ids(reference.id)

    def _known(self, rule: log.Rule, component: log.Component) -> Rule:
        bag = rule.properties or log.RuleProperties()
        tags = [f"CWE-{found[1]}" for tag in tools.texts(bag.tags) if (found := _CWE_TAG.search(tag))]
        targets = [relation.target for relation in rule.relationships or ()]
        cwes = (*tags, *cwe_ids(bag.cwe), *self.cwes(targets))
        confidence = next(tools.texts([bag.precision, bag.confidence]), None)
        return Rule(rule, component, tuple(dict.fromkeys(cwes)), lower(confidence), _scored(bag))


def _scored(bag: log.RuleProperties) -> tuple[Severity, str] | None:
    """`security-severity`, a number or a word; None where it says nothing (0, out of range, no number).

    Trivy writes 0.0 for UNKNOWN, with the level of LOW; its tag UNKNOWN keeps the two apart.
    """
    value = bag.security_severity
    text = value.strip() if isinstance(value, str) else str(value)
    if text.lower() in WORDS:
        return WORDS[text.lower()], text
    score = _number(text)
    if 0.1 <= score <= 10.0:
        return from_cvss(score), text
    return (Severity.UNKNOWN, "UNKNOWN") if "UNKNOWN" in tools.texts(bag.tags) else None


def _number(text: str) -> float:
    """`text` as a number; NaN, which lies in no range, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def cwe_ids(value: object) -> Iterator[str]:
    """`CWE-79` of `79`, `"CWE-079: …"` or an array of such; nothing for 0, -1 and None."""
    for one in value if isinstance(value, list) else [value]:
        found = _CWE_ID.match(str(one)) if isinstance(one, (str, int)) else None
        if found is not None:
            yield f"CWE-{found[1]}"


def lower(text: str | None) -> str | None:
    """`text` in lower case; None for nothing."""
    return text.lower() if text else None
