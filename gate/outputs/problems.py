"""Why no decision was made, for machines (gate.error/v1) and for people."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gate.errors import Problem
from gate.outputs import layout, summary, text
from gate.outputs.escaping import terminal

_NO_REASON = Problem(
    code="could_not_decide",
    message="no decision was made and no reason was given",
    fix="this is a mistake in gate; please report it",
)


class _Failure(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = "gate.error/v1"
    problems: tuple[Problem, ...]


def problems_json(problems: Sequence[Problem]) -> bytes:
    """`problems` as one gate.error/v1 document, indented by two, with a newline at its end."""
    failure = _Failure(problems=tuple(problems) or (_NO_REASON,))
    return msgspec.json.format(msgspec.json.encode(failure), indent=2) + b"\n"


def problems_text(
    problems: Sequence[Problem],
    *,
    color: bool = False,
    unicode: bool = True,
    width: int = 100,
    exit_code: int = 3,
) -> bytes:
    """Each problem with its place, what was found and the fix; then that nothing was decided."""
    problems = tuple(problems) or (_NO_REASON,)
    width = max(width, 20)
    sign = text.painted("‼", color, "‼")
    lines: list[str] = []
    for problem in problems:
        place = terminal(problem.place())
        sides = [("found", problem.found), ("expected", problem.expected)]
        message = "".join(
            [problem.message, *(f", {word} {side}" for word, side in sides if side)],
        )
        # Compilers point with a caret below the line: their line breaks are kept, each line escaped.
        first, *more = [terminal(line) for line in message.splitlines() or [""]]
        opening = layout.wrapped(f"{place}  {first}" if place else first, width - 2, "", "    ")
        lines += [f"{sign} {opening[0]}", *opening[1:]]
        lines += [part for line in more for part in layout.wrapped(line, width, "    ")]
        lines += layout.wrapped(terminal(problem.fix), width, "    fix    ") if problem.fix else []
    last = f"GATE ERROR · no decision was made · {summary.number(len(problems), 'problem')}"
    exit_text = f"exit {exit_code}"
    *before, ending = layout.wrapped(last, width)
    space = width - layout.cells(ending) - len(exit_text)
    ended = [f"{ending}{' ' * space}{exit_text}"] if space >= 2 else [ending, exit_text]
    return text.encoded([*lines, "", *before, *ended], unicode)
