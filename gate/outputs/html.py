"""`-o html`: one self-contained page that needs no script, no network and no colour to be read.

Every text goes through `element`, which escapes it; there is no other way to make markup here, and no
link leads out of the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gate.model import Action, Condition, Outcome, Status, Violation
from gate.outputs import summary
from gate.outputs.escaping import cut
from gate.outputs.escaping import html as escaped
from gate.presentation import Excerpt, Presentation

CARDS: Final = 500
"""Most violations of one action on the page."""
_VOID: Final = frozenset({"meta"})
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_HEADS: Final = {
    Outcome.PASS: ("✓", "Gate passed"),
    Outcome.WARN: ("!", "Gate passed with warnings"),
    Outcome.FAIL: ("✗", "Gate failed"),
    Outcome.NEEDS_APPROVAL: ("!", "Gate waits for approval"),
}
_RESULTS: Final = {"pass": "✓ pass", "warn": "! warn", "fail": "✗ fail"}
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--bad:#b00020;--care:#8a5a00;--good:#1b6e2d}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a90;--care:#ffc766;--good:#7fd894}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:0 1rem 3rem}
header{border:.15rem solid;border-left-width:.8rem;margin:1rem 0;padding:.2rem 1rem}
.fail{color:var(--bad)}.warn,.needs_approval{color:var(--care)}.pass{color:var(--good)}
h1{font-size:1.6rem;margin:.4rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}
header p,dd,td,pre,.text{color:CanvasText;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}
article{border:1px solid var(--line);border-left:.3rem solid;margin:.8rem 0;padding:.6rem 1rem}
pre{background:var(--soft);margin:.5rem 0;overflow-x:auto;padding:.5rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
dl{display:grid;gap:.1rem 1rem;grid-template-columns:max-content 1fr;margin:.3rem 0}dd{margin:0}
@media(max-width:40rem){dl{grid-template-columns:1fr}dt{font-weight:600}}
@media print{@page{size:A4}body{max-width:none;padding:0}article,tr{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Markup:
    """HTML that `element` made; everything else is text and gets escaped."""

    html: str


Child = Markup | str | None


def element(name: str, /, *children: Child, **attributes: str) -> Markup:
    """`<name …>` around `children`; text and attribute values are escaped, None is left out.

    A trailing underscore of an attribute's name is dropped (`class_`), others become dashes.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    inner = "".join(c.html if isinstance(c, Markup) else escaped(cut(c)) for c in children if c is not None)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def render(presentation: Presentation) -> bytes:
    """The page in UTF-8, beginning with its doctype."""
    decision = presentation.decision
    title = f"{_HEADS[decision.outcome][1]}: {decision.project or decision.subject.name}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Markup(f"<style>{_STYLE}</style>"),
    )
    sections = [
        _band(presentation),
        _blocking(presentation),
        _conditions(decision.conditions),
        _sources(presentation),
        _waived(presentation),
        _folded("warnings", "Warnings", presentation, Action.WARN),
        _folded("audit", "Audit", presentation, Action.AUDIT),
        _notices(decision.notices),
        _origin(presentation),
    ]
    body = element("body", element("main", *(part for part in sections if part is not None)))
    page = f"<!doctype html>\n{element('html', head, body, lang='en').html}\n"
    return page.replace("><", ">\n<").encode("utf-8", "replace")


def _band(presentation: Presentation) -> Markup:
    decision = presentation.decision
    sign, words = _HEADS[decision.outcome]
    said = {
        Outcome.FAIL: summary.blocking_counts(decision),
        Outcome.WARN: summary.number(len(summary.acting(decision, Action.WARN)), "warning"),
        Outcome.PASS: None,
        Outcome.NEEDS_APPROVAL: None,
    }[decision.outcome]
    subject = decision.subject
    about = [
        decision.project,
        f"environment {decision.environment}" if decision.environment else "no environment",
        f"{subject.type} {subject.name}" + (" (claimed)" if subject.claimed else ""),
    ]
    return element(
        "header",
        element("h1", f"{sign} {words}"),
        element("p", said) if said else None,
        element("p", " · ".join(part for part in about if part)),
        element("p", approvals) if (approvals := summary.approvals_line(decision)) else None,
        id="outcome",
        class_=decision.outcome.value,
    )


def _section(name: str, title: str, *children: Child) -> Markup:
    return element("section", element("h2", title), *children, id=name)


def _table(label: str, heads: Iterable[str], rows: Iterable[Iterable[Child]]) -> Markup:
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    table = element("table", element("thead", head), element("tbody", *lines))
    return element("div", table, class_="scroll", role="region", aria_label=label, tabindex="0")


def _conditions(conditions: tuple[Condition, ...]) -> Markup | None:
    rows: list[list[Child]] = [
        [
            element("code", c.id),
            c.title,
            summary.plain(c.threshold),
            summary.plain(c.actual),
            element("span", _RESULTS[c.outcome], class_=c.outcome),
        ]
        for c in conditions
    ]
    heads = ("Rule", "Condition", "Threshold", "Actual", "Result")
    return _section("conditions", "Conditions", _table("Conditions", heads, rows)) if rows else None


def _sources(presentation: Presentation) -> Markup:
    rows: list[list[Child]] = [
        ["‼ required", m.kind, m.actual, "-", "-", "-", str(int(m.blocks))]
        for m in summary.missing_evidence(presentation.decision)
    ]
    for source in summary.sources(presentation):
        state = "✗ blocks" if source.blocking else "! warns" if source.warnings else "✓ ok"
        if source.status is not Status.OK:
            state = f"‼ {source.status.value.replace('_', ' ')}"
        notes = [element("div", note, class_="text") for note in source.notes]
        new = "-" if source.new is None else str(source.new)
        waived = "-" if source.waived is None else str(source.waived)
        place = element("div", element("code", source.place), *notes)
        rows.append([state, source.label, place, source.findings, new, waived, str(source.blocking)])
    heads = ("State", "Source", "File", "Findings", "New", "Waived", "Blocking")
    return _section("sources", "Sources", _table("Sources", heads, rows))


def _blocking(presentation: Presentation) -> Markup | None:
    denied = summary.acting(presentation.decision, Action.DENY)
    conditions = summary.unexplained(presentation.decision)
    if not denied and not conditions:
        return None
    cards = [
        element(
            "article",
            element("h3", element("code", c.id), f" {c.title}"),
            element("p", f"{summary.plain(c.actual)}, wanted {summary.plain(c.threshold)}", class_="text"),
            class_="fail",
        )
        for c in conditions
    ]
    cards += [_card(violation, presentation, "fail", "✗") for violation in denied[:CARDS]]
    title = f"Blocking ({len(denied) + len(conditions)})"
    return _section("blocking", title, *cards, _more(len(denied)))


def _more(count: int) -> Markup | None:
    return element("p", f"and {count - CARDS} more, see -o json") if count > CARDS else None


def _card(violation: Violation, presentation: Presentation, kind: str, sign: str) -> Markup:
    rule = presentation.rules.get(violation.rule)
    excerpt = presentation.excerpts.get(violation.fingerprint)
    terms = {
        "Where": summary.place(violation, presentation),
        "Object": violation.object,
        "Finding": " · ".join(summary.seen(violation, presentation)),
        "Fix": summary.remedy(violation, presentation),
        "Why": f"{rule.file}:{rule.line} {rule.title}" if rule else f"package {violation.policy}",
        "Waive": summary.waive_command(violation, presentation),
    }
    facts = " · ".join(summary.facts(violation, presentation))
    return element(
        "article",
        element("h3", f"{sign} ", element("code", violation.rule), f" {facts}"),
        element("p", violation.message, class_="text"),
        _excerpt(excerpt) if excerpt else None,
        _terms(terms),
        class_=kind,
    )


def _terms(terms: dict[str, str | None]) -> Markup:
    pairs = [(element("dt", name), element("dd", text)) for name, text in terms.items() if text]
    return element("dl", *(part for pair in pairs for part in pair))


def _excerpt(excerpt: Excerpt) -> Markup:
    lines: list[Child] = []
    for number, line in enumerate(excerpt.lines, excerpt.first_line):
        shown = f"{'>' if number == excerpt.line else ' '} {number:>5} │ {line.expandtabs(4)}"
        lines += [element("mark", shown) if number == excerpt.line else shown, Markup("\n")]
    return element("pre", element("code", *lines), tabindex="0")


def _folded(name: str, title: str, presentation: Presentation, action: Action) -> Markup | None:
    found = summary.acting(presentation.decision, action)
    if not found:
        return None
    sign, kind = ("!", "warn") if action is Action.WARN else ("~", "audit")
    cards = [_card(violation, presentation, kind, sign) for violation in found[:CARDS]]
    heading = element("summary", f"{title} ({len(found)})")
    return element("section", element("details", heading, *cards, _more(len(found))), id=name)


def _waived(presentation: Presentation) -> Markup | None:
    items = summary.waived(presentation)
    if not items:
        return None
    rows: list[list[Child]] = [
        [element("code", i.name), i.message, element("code", i.waiver), i.expires, i.left] for i in items
    ]
    heads = ("What", "Why it was found", "Waiver", "Until", "Left")
    table = _table("Waived", heads, rows[:CARDS])
    return _section("waived", f"Waived ({len(items)})", table, _more(len(items)))


def _notices(notices: tuple[str, ...]) -> Markup | None:
    listed = element("ul", *(element("li", notice, class_="text") for notice in notices))
    return _section("notices", "Notices", listed) if notices else None


def _origin(presentation: Presentation) -> Markup:
    decision, subject = presentation.decision, presentation.decision.subject
    terms = {
        "Decision": decision.decision_id,
        "Decided": decision.decided_at,
        "Expires": decision.expires_at,
        "Subject digest": subject.digest,
        "Repository": subject.repository,
        "Commit": subject.commit,
        "Branch": subject.branch,
        "Author": subject.author,
        "Policies": ", ".join(decision.policy.packages),
        "Policy revision": decision.policy.revision,
        "Engine": decision.policy.engine,
        "Input": decision.input_sha256,
        "Baseline": decision.baseline,
        "Waivers": decision.waivers_sha256,
        "gate": decision.gate_version,
        "Time taken": f"{presentation.elapsed_s:.2f} s",
        "Exit code": str(presentation.exit_code),
    }
    reports: list[list[Child]] = [
        [element("code", r.path or "-"), r.format, element("code", r.sha256)] for r in decision.reports
    ]
    table = _table("Reports", ("File", "Format", "Digest"), reports[:CARDS]) if reports else None
    return _section("origin", "Origin", _terms(terms), table)
