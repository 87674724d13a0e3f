"""`-o markdown`: the one comment on a change, edited in place, and the step summary.

The hidden first line finds the comment again. It is no proof of origin: whoever edits a comment by it
also checks the comment's author.
"""

from __future__ import annotations

from typing import Final

from gate.model import Action, Decision, Outcome, Status, Violation
from gate.outputs import summary
from gate.outputs.escaping import html_comment, markdown, markdown_code, markdown_fence
from gate.presentation import Presentation

COMMENT_BYTES: Final = 60_000
"""GitHub takes 65,536 characters, GitLab 1,000,000 (PRODUCT.md 0, finding 8)."""
_ROWS: Final = (50, 20, 8, 3, 1)
"""Rows of each table, tried in this order until the comment is short enough."""
_CELL: Final = 200
"""Characters of one value in a table."""
_EXCERPTS: Final = 10
_HEADS: Final = {
    Outcome.PASS: "✓ Gate passed",
    Outcome.WARN: "✓ Gate passed",
    Outcome.FAIL: "✗ Gate failed",
    Outcome.NEEDS_APPROVAL: "! Gate waits for approval",
}


def render(presentation: Presentation) -> bytes:
    """GitHub-flavoured Markdown below `COMMENT_BYTES`, beginning with the marker."""
    pages = (_page(presentation, rows).encode("utf-8", "replace") for rows in _ROWS)
    return next((page for page in pages if len(page) < COMMENT_BYTES), _shortest(presentation))


def marker(decision: Decision) -> str:
    """The hidden line by which the comment of this project and environment is found again."""
    project, environment = html_comment(decision.project or ""), html_comment(decision.environment or "")
    return f"<!-- gate:sticky project={project} environment={environment} -->"


def _shortest(presentation: Presentation) -> bytes:
    lines = [marker(presentation.decision), _title(presentation), "", "The whole list is in `-o json`.", ""]
    return "\n".join(lines).encode("utf-8", "replace")


def _page(presentation: Presentation, rows: int) -> str:
    blocks = [
        f"{marker(presentation.decision)}\n{_title(presentation)}",
        _about(presentation.decision),
        _blocking(presentation, rows),
        _excerpts(presentation, rows),
        _warnings(presentation, rows),
        _sources(presentation, rows),
        _waived(presentation, rows),
        _closing(presentation, rows),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _title(presentation: Presentation) -> str:
    decision = presentation.decision
    head = _HEADS[decision.outcome]
    if decision.outcome is Outcome.FAIL:
        count = len(summary.acting(decision, Action.DENY)) + len(summary.unexplained(decision))
        reason = "1 thing blocks this" if count == 1 else f"{count} things block this"
        return f"## {head}: {reason}"
    if decision.outcome is Outcome.NEEDS_APPROVAL:
        given, wanted = len(decision.approvals.given), decision.approvals.required
        return f"## {head}: {given} of {wanted} given"
    warnings = len(summary.acting(decision, Action.WARN))
    return f"## {head}" + (f" · {summary.number(warnings, 'warning')}" if warnings else "")


def _about(decision: Decision) -> str:
    subject = decision.subject
    commit = f"commit {markdown_code(subject.commit[:12])}" if subject.commit else ""
    digest = f"digest {markdown_code(summary.short_digest(subject.digest, 12))}" if subject.digest else ""
    against = markdown_code(summary.short_digest(decision.baseline)) if decision.baseline else ""
    parts = [
        f"environment {markdown_code(decision.environment)}" if decision.environment else "no environment",
        f"{subject.type} {markdown_code(subject.name, _CELL)}",
        commit,
        digest,
        f"against baseline {against}" if against else "",
        f"decision {markdown_code(decision.decision_id)}",
    ]
    # A word of ours comes first: GitLab obeys a line that begins with a slash.
    return "For " + " · ".join(part for part in parts if part)


def _blocking(presentation: Presentation, rows: int) -> str:
    decision = presentation.decision
    conditions = summary.unexplained(decision)
    denied = summary.acting(decision, Action.DENY)
    lines = [
        _row(
            "✗ condition",
            f"**{markdown(c.id, _CELL)}** {markdown(c.title, _CELL)}",
            "–",
            markdown(f"{summary.plain(c.actual)}, wanted {summary.plain(c.threshold)}", _CELL),
        )
        for c in conditions[:rows]
    ]
    lines += [_violation("✗", violation, presentation) for violation in denied[:rows]]
    total = len(conditions) + len(denied)
    return _table(("", "Rule", "Where", "Fix"), lines[:rows], total) if total else ""


def _violation(sign: str, violation: Violation, presentation: Presentation) -> str:
    facts = " · ".join(markdown(fact, _CELL) for fact in summary.facts(violation, presentation))
    finding = presentation.findings.get(violation.finding or "")
    flaw = (
        f"**{markdown(finding.rule, _CELL)}** " if finding and finding.rule not in violation.message else ""
    )
    place = summary.place(violation, presentation) or (finding.purl if finding else None)
    fix = summary.remedy(violation, presentation)
    name = markdown_code(violation.rule, _CELL)
    what = f"{flaw}{markdown(violation.message, _CELL)} ({name})"
    where = markdown_code(place, _CELL) if place else "–"
    return _row(f"{sign} {facts}", what, where, markdown(fix, _CELL) if fix else "–")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(heads: tuple[str, ...], rows: list[str], total: int) -> str:
    """`rows`, and how many of `total` are left out."""
    lines = [_row(*heads), "|" + "---|" * len(heads), *rows]
    if total > len(rows):
        lines += ["", f"…and {total - len(rows)} more, see `-o json`"]
    return "\n".join(lines)


def _details(summary_text: str, body: str) -> str:
    return f"<details><summary>{summary_text}</summary>\n\n{body}\n\n</details>"


def _excerpts(presentation: Presentation, rows: int) -> str:
    blocks = []
    for violation in summary.acting(presentation.decision, Action.DENY)[: min(rows, _EXCERPTS)]:
        if excerpt := presentation.excerpts.get(violation.fingerprint):
            place = markdown_code(summary.place(violation, presentation), _CELL)
            numbered = [
                f"{'>' if number == excerpt.line else ' '} {number} | {line[:_CELL]}"
                for number, line in enumerate(excerpt.lines, excerpt.first_line)
            ]
            blocks.append(f"In {place}\n\n{markdown_fence(numbered)}")
    return _details(f"Lines that block: {len(blocks)}", "\n\n".join(blocks)) if blocks else ""


def _warnings(presentation: Presentation, rows: int) -> str:
    found = summary.acting(presentation.decision, Action.WARN)
    if not found:
        return ""
    lines = [_violation("!", violation, presentation) for violation in found[:rows]]
    return _details(f"Warnings: {len(found)}", _table(("", "Rule", "Where", "Fix"), lines, len(found)))


def _sources(presentation: Presentation, rows: int) -> str:
    found = summary.sources(presentation)
    missing = summary.missing_evidence(presentation.decision)
    lines = [
        _row("‼", markdown(m.kind, _CELL), markdown(m.actual, _CELL), "-", "-", "-", str(int(m.blocks)))
        for m in missing
    ]
    for source in found:
        word = "" if source.status is Status.OK else f" {source.status.value.replace('_', ' ')}"
        names = (markdown(source.label, _CELL), markdown_code(source.place, _CELL))
        counts = (source.findings, _count(source.new), _count(source.waived), str(source.blocking))
        lines.append(_row(source.sign + word, *names, *counts))
    failed = sum(1 for source in found if source.sign in "✗‼") + len(missing)
    title = f"Checks: {len(lines) - failed} passed, {failed} failed"
    heads = ("", "Source", "File", "Findings", "New", "Waived", "Blocking")
    return _details(title, _table(heads, lines[:rows], len(lines)))


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _waived(presentation: Presentation, rows: int) -> str:
    items = summary.waived(presentation)
    if not items:
        return ""
    lines = [
        _row(
            markdown_code(item.name, _CELL),
            markdown(item.message, _CELL),
            markdown_code(item.waiver, _CELL),
            item.left,
        )
        for item in items[:rows]
    ]
    title = f"Waived: {len(items)} (first expires {items[0].left})"
    heads = ("What", "Why it was found", "Waiver", "Expires")
    return _details(title, _table(heads, lines, len(items)))


def _closing(presentation: Presentation, rows: int) -> str:
    decision = presentation.decision
    lines = []
    if approvals := summary.approvals_line(decision):
        lines.append(f"Approvals: {markdown(approvals.removeprefix('approvals '))}")
    lines += [f"Note: {markdown(notice)}" for notice in decision.notices[:rows]]
    denied = summary.acting(decision, Action.DENY)
    command = next((found for v in denied if (found := summary.waive_command(v, presentation))), None)
    if decision.outcome is Outcome.FAIL and command:
        lines.append(f"To ask for an exception: {markdown_code(command)}")
    return "\n\n".join(lines)
