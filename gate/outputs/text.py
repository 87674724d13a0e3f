"""`-o text`: what a person reads in a terminal or a CI log (docs/outputs.md).

Only what blocks is spelled out; one row for each source proves that it was looked at; the last line
says the outcome. States never differ by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gate.model import Action, Condition, Outcome, State, Status, Violation
from gate.outputs import layout, summary
from gate.outputs.escaping import log, terminal
from gate.presentation import Excerpt, Presentation

SPELLED_OUT: Final = 50
"""Most blocking violations shown in full."""
ONE_LINERS: Final = 10
"""Most warnings and notices, one line each, without -v."""
CLEAN_ROWS: Final = 8
"""Most source rows of a run that found nothing: it takes at most 20 lines."""
CLEAN_NOTICES: Final = 2
_LABEL: Final = 24
"""Cells of a source's name."""
_FILE: Final = 12
"""Fewest cells that say something of a path."""
_ROOM: Final = 20
"""Narrowest page; below it lines are longer than asked."""

_COLOURS: Final = {"✗": "31", "‼": "31", "!": "33", "✓": "32", "~": "2"}
_OUTCOME_SIGNS: Final = {
    Outcome.PASS: "✓",
    Outcome.WARN: "✓",
    Outcome.FAIL: "✗",
    Outcome.NEEDS_APPROVAL: "!",
}
_SIGNS: Final = {"✓": "ok", "✗": "x", "‼": "!!"}
_ASCII: Final = str.maketrans({**_SIGNS, "·": "-", "…": "...", "│": "|"})


def render(presentation: Presentation) -> bytes:
    """The page, at most `width` columns wide, ending with the outcome and the exit code."""
    if presentation.verbosity < 0:
        # One line for whoever reads it with a script, however narrow the terminal.
        lines = _last_line(presentation)
        return encoded(lines if len(lines) == 1 else [" ".join(lines)], presentation.unicode)
    sections = [
        [*_header(presentation), "", *_sources(presentation)],
        _blocking(presentation),
        _listed(presentation, Action.WARN, "WARNINGS", "!"),
        _listed(presentation, Action.AUDIT, "AUDIT", "~") if presentation.verbosity else [],
        _tail(presentation),
        _last_line(presentation),
    ]
    lines = [line for section in sections if section for line in [*section, ""]]
    return encoded(lines[:-1], presentation.unicode)


def encoded(lines: Sequence[str], unicode: bool) -> bytes:
    """`lines` as UTF-8, or as ASCII with fallbacks where the terminal has no more."""
    page = "\n".join(lines) + "\n"
    if unicode:
        return log(page).encode("utf-8")
    return log(page.translate(_ASCII)).encode("ascii", "backslashreplace")


def painted(sign_and_text: str, color: bool, sign: str) -> str:
    """The text in the colour of `sign`; unchanged without colour."""
    code = _COLOURS.get(sign)
    return f"\x1b[{code}m{sign_and_text}\x1b[0m" if color and code else sign_and_text


def _sign(presentation: Presentation, sign: str) -> str:
    shown = sign if presentation.unicode else layout.padded(_SIGNS.get(sign, sign), 2)
    return painted(shown, presentation.color, sign)


def _width(presentation: Presentation) -> int:
    return max(presentation.width, _ROOM)


# ------------------------------------------------------------------------------------ above and below


def _header(presentation: Presentation) -> list[str]:
    decision = presentation.decision
    subject, policy = decision.subject, decision.policy
    about = terminal(subject.name) + (
        f"@{terminal(summary.short_digest(subject.digest))}" if subject.digest else ""
    )
    rules, packages = len(presentation.rules), len(policy.packages)
    policies = summary.number(rules, "rule") if rules else summary.number(packages, "package")
    parts = [
        f"gate {terminal(decision.gate_version)}",
        f"{subject.type} {about}" if subject.digest or subject.type != "source" else "",
        f"environment {terminal(decision.environment)}" if decision.environment else "no environment",
        f"{policies} (bundle {terminal(summary.short_digest(policy.revision))})",
        f"engine {terminal(policy.engine)}",
        f"baseline {terminal(summary.short_digest(decision.baseline))}" if decision.baseline else "",
    ]
    return _joined([part for part in parts if part], _width(presentation), "")


def _joined(parts: list[str], width: int, indent: str) -> list[str]:
    """`parts` with dots between them, broken between parts where the line is full."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and layout.cells(joined) <= width:
            lines[-1] = joined
        else:
            lines += layout.wrapped(part, width, indent)
    return lines


def _tail(presentation: Presentation) -> list[str]:
    decision, width = presentation.decision, _width(presentation)
    audits = len(summary.acting(decision, Action.AUDIT))
    older = sum(1 for finding in presentation.findings.values() if finding.state is State.EXISTING)
    counted = [
        summary.waived_line(presentation) or "",
        f"audit {audits}" if audits and not presentation.verbosity else "",
        summary.number(older, "older finding") if older else "",
    ]
    lines = _joined([terminal(part) for part in counted if part], width, "")
    if approvals := summary.approvals_line(decision):
        lines += layout.wrapped(terminal(approvals), width, "", "          ")
    notices = decision.notices
    most = len(notices) if presentation.verbosity else ONE_LINERS if _is_busy(presentation) else CLEAN_NOTICES
    lines += [layout.fitted(f"note  {terminal(notice)}", width) for notice in notices[:most]]
    if len(notices) > most:
        lines.append(f"note  and {len(notices) - most} more, see -v")
    if presentation.written:
        shown = "wrote  " + "  ".join(map(terminal, presentation.written))
        lines += layout.wrapped(shown, width) if _is_busy(presentation) else [layout.fitted(shown, width)]
    return lines


def _last_line(presentation: Presentation) -> list[str]:
    decision = presentation.decision
    said = {
        Outcome.PASS: "",
        Outcome.WARN: summary.number(len(summary.acting(decision, Action.WARN)), "warning"),
        Outcome.FAIL: summary.blocking_counts(decision),
        Outcome.NEEDS_APPROVAL: f"{len(decision.approvals.given)} of {decision.approvals.required} given",
    }[decision.outcome]
    words = summary.outcome_words(decision.outcome)
    text = " · ".join(
        filter(
            None,
            [
                words,
                said,
                f"decision {terminal(summary.short_id(decision.decision_id))}",
                f"{presentation.elapsed_s:.2f} s",
            ],
        )
    )
    exit_text, width = f"exit {presentation.exit_code}", _width(presentation)
    *before, last = layout.wrapped(text, width)
    space = width - layout.cells(last) - len(exit_text)
    lines = [*before, f"{last}{' ' * space}{exit_text}"] if space >= 2 else [*before, last, exit_text]
    lines[0] = lines[0].replace(
        words, painted(words, presentation.color, _OUTCOME_SIGNS[decision.outcome]), 1
    )
    return lines


# -------------------------------------------------------------------------------------------- sources


def _is_busy(presentation: Presentation) -> bool:
    """Whether there is anything to act on; a clean run must stay short."""
    decision = presentation.decision
    return decision.outcome is not Outcome.PASS or presentation.verbosity > 0 or bool(decision.violations)


def _sources(presentation: Presentation) -> list[str]:
    decision = presentation.decision
    rows = summary.sources(presentation)
    most = len(rows) if _is_busy(presentation) else CLEAN_ROWS
    compares = decision.baseline is not None
    heads = ["SOURCE", "FILE", "FINDINGS", *(["NEW"] if compares else []), "WAIVED", "BLOCKING", ""]
    signs, table = [" "], [heads]
    if not rows and not summary.missing_evidence(decision):
        return ["  no report was handed over"]
    for source in rows[:most]:
        note = "" if source.status is Status.OK else source.status.value.replace("_", " ")
        note += ": " + "; ".join(source.notes) if note and source.notes else ""
        new = ["-" if source.new is None else str(source.new)] if compares else []
        waived = "-" if source.waived is None else str(source.waived)
        counts = [source.findings, *new, waived, str(source.blocking)]
        signs.append(source.sign)
        table.append([terminal(source.label), terminal(source.place), *counts, terminal(note)])
    for missing in summary.missing_evidence(decision):
        wanted = f"required by {decision.environment}" if decision.environment else "required"
        dashes = ["-"] * (len(heads) - 4)
        signs.append("‼")
        shown = [terminal(missing.kind), terminal(missing.actual)]
        table.append([*shown, *dashes, str(int(missing.blocks)), terminal(wanted)])
    lines = _table(table, signs, presentation)
    if len(rows) > most:
        lines.append(f"  and {len(rows) - most} more sources, nothing blocking, see -v")
    return lines


def _table(rows: list[list[str]], signs: list[str], presentation: Presentation) -> list[str]:
    """Rows behind their signs; the file, then middle columns give way where the page is narrow."""
    indent = 2 if presentation.unicode else 3
    room = _width(presentation) - indent
    rows = [[layout.fitted(row[0], _LABEL), *row[1:]] for row in rows]
    files = room - _table_width([[row[0], *row[2:-1]] for row in rows]) - 2
    if files >= _FILE:
        rows = [[row[0], layout.fitted_left(row[1], files), *row[2:]] for row in rows]
    else:
        # What is missing says so in the file's column.
        merged = [
            f"{r[0]} {r[1]}" if s == "‼" and r[2] == "-" else r[0] for s, r in zip(signs, rows, strict=True)
        ]
        rows = [[label, *row[2:]] for label, row in zip(merged, rows, strict=True)]
        while len(rows[0]) > 3 and _table_width([row[:-1] for row in rows]) > room:
            rows = [[row[0], *row[2:]] for row in rows]
    lines = layout.table(rows, right=frozenset(range(2 if files >= _FILE else 1, len(rows[0]) - 1)))
    shown = []
    for sign, line in zip(signs, lines, strict=True):
        shown_sign = " " * (indent - 1) if sign == " " else _sign(presentation, sign)
        shown.append(f"{shown_sign} {layout.fitted(line, room)}".rstrip())
    return shown


def _table_width(rows: list[list[str]]) -> int:
    """Cells of the widest row once its columns are aligned."""
    return sum(max(map(layout.cells, column)) + 2 for column in zip(*rows, strict=True)) - 2


# ------------------------------------------------------------------------------------------ violations


def _blocking(presentation: Presentation) -> list[str]:
    denied = summary.acting(presentation.decision, Action.DENY)
    conditions = summary.unexplained(presentation.decision)
    total = len(denied) + len(conditions)
    if not total:
        return []
    lines = [f"BLOCKING ({total})"]
    for condition in conditions[:SPELLED_OUT]:
        lines += ["", *_condition(condition, presentation)]
    for violation in denied[: max(SPELLED_OUT - len(conditions), 0)]:
        lines += ["", *_spelled_out(violation, presentation, "✗")]
    if total > SPELLED_OUT:
        lines += ["", f"and {total - SPELLED_OUT} more, see -o json"]
    return lines


def _condition(condition: Condition, presentation: Presentation) -> list[str]:
    text = (
        f"{terminal(condition.title)}: {terminal(summary.plain(condition.actual))}, "
        f"wanted {terminal(summary.plain(condition.threshold))}"
    )
    head = f"{_sign(presentation, '✗')} {terminal(condition.id)}"
    return [head, *layout.wrapped(text, _width(presentation), "    ")]


def _listed(presentation: Presentation, action: Action, title: str, sign: str) -> list[str]:
    found = summary.acting(presentation.decision, action)
    if presentation.verbosity and found:
        blocks = [line for one in found for line in ["", *_spelled_out(one, presentation, sign)]]
        return [f"{title} ({len(found)})", *blocks]
    lines = [_one_line(violation, presentation, sign) for violation in found[:ONE_LINERS]]
    if len(found) > ONE_LINERS:
        lines.append(f"  and {len(found) - ONE_LINERS} more warnings, see -v")
    return lines


def _one_line(violation: Violation, presentation: Presentation, sign: str) -> str:
    place = summary.place(violation, presentation)
    parts = [violation.rule, violation.severity.value, place, violation.message]
    indent = 2 if presentation.unicode else 3
    text = "  ".join(terminal(part) for part in parts if part)
    return f"{_sign(presentation, sign)} {layout.fitted(text, _width(presentation) - indent)}"


def _spelled_out(violation: Violation, presentation: Presentation, sign: str) -> list[str]:
    """One violation whole: what, where, the line itself, how to fix, why, how to waive."""
    width = _width(presentation)
    facts = " · ".join(map(terminal, summary.facts(violation, presentation)))
    indent = 2 if presentation.unicode else 3
    lines = layout.wrapped(f"{terminal(violation.rule)}  {facts}", width - indent, "", "    ")
    lines[0] = f"{_sign(presentation, sign)} {lines[0]}"
    place = summary.place(violation, presentation)
    about = [place, violation.object if violation.object != place else None]
    for texts in (about, summary.seen(violation, presentation)):
        if where := "   ".join(terminal(text) for text in texts if text):
            lines += layout.wrapped(where, width, "    ")
    lines += layout.wrapped(terminal(violation.message), width, "    ")
    if excerpt := presentation.excerpts.get(violation.fingerprint):
        lines += _excerpt(excerpt, width)
    rule = presentation.rules.get(violation.rule)
    why = f"{rule.file}:{rule.line}  {rule.title}" if rule else f"package {violation.policy}"
    if fix := summary.remedy(violation, presentation):
        lines += layout.wrapped(terminal(fix), width, "    fix    ")
    lines += layout.wrapped(terminal(why), width, "    why    ")
    if command := summary.waive_command(violation, presentation):
        *most, last = layout.wrapped(terminal(command), width - 2, "    waive  ")
        lines += [*(f"{line} \\" for line in most), last]
    return lines


def _excerpt(excerpt: Excerpt, width: int) -> list[str]:
    """The source lines with their numbers, and a caret under the column; long lines are windowed."""
    gutter = len(str(excerpt.first_line + len(excerpt.lines)))
    room = max(width - gutter - 10, 8)
    lines: list[str] = []
    for number, raw in enumerate(excerpt.lines, excerpt.first_line):
        is_it = number == excerpt.line and excerpt.column is not None
        column = max((excerpt.column or 1) - 1, 0)
        start = column - room // 2 if is_it and column > room - 8 else 0
        before = terminal(raw[start : start + room].expandtabs(4))
        lines.append(f"      {number:>{gutter}} │ {layout.fitted(before, room)}".rstrip())
        if is_it and column <= len(raw):
            indent = layout.cells(terminal(raw[start:column].expandtabs(4)))
            carets = "^" * min(_word_length(raw[column:]), max(room - indent, 1))
            lines.append(f"      {' ' * gutter} │ {' ' * min(indent, room)}{carets}")
    return lines


def _word_length(text: str) -> int:
    """Characters up to the next space or colon, at least one: what the caret underlines."""
    stops: Iterable[int] = (position for position in map(text.find, (" ", ":", "\t")) if position > 0)
    return max(min(stops, default=len(text)), 1)
