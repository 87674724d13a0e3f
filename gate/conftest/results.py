"""Documents asked about by Conftest's rules: what each rule sees, what it said, what was excepted.

Every document is asked about by itself, or all of them as one list with `combine`. The engine is
given as a function. What Conftest loses without a word (a message that is no text, a rule that is
no set) is an error here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate.conftest.inputs import Configured
from gate.conftest.policies import ENTRYPOINT, Asked, Library, severity
from gate.errors import PolicyError, Problem, quoted
from gate.lazily import Made
from gate.model import Said

Ask = Callable[[str, bytes, Sequence[bytes]], Sequence[tuple[dict[str, Any], Sequence[Problem]]]]
"""Entry point, base and overlays of the input -> for each overlay the values and what built-ins failed."""

NOTICES: Final = 20
"""Most failures of built-ins, and most exceptions, that are told one by one."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules said."""

    said: tuple[Said, ...] = ()
    notices: tuple[str, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    rule: int
    values: Any = None
    excepted: bool = False


def tested(library: Library, documents: Sequence[Configured], first: int, ask: Ask) -> Tested:
    """What every rule of `library` says of `documents`; `Said.about` counts from `first`.

    Raises `PolicyError` where there is nothing to judge, where rules contradict each other, and where one says
    something that is no message.
    """
    if not documents:
        raise PolicyError(
            "Conftest policies have nothing to judge",
            code="no_inputs",
            expected="at least one file of configuration",
            fix="name the files that the policies are about",
        )
    overlays: Sequence[bytes]
    places: list[tuple[int | None, str]]
    if library.combine:
        ordered = sorted(documents, key=lambda one: one.path)
        combined = [{"path": one.path, "contents": one.text} for one in ordered]
        overlays = [_ENCODER.encode({"document": combined, "file": _facts("Combined")})]
        places = [(None, "the combined files")]
    else:
        overlays = Made(documents, _overlay)
        places = [(first + index, one.path) for index, one in enumerate(documents)]
    answers = ask(ENTRYPOINT, b"{}", overlays)
    if len(answers) != len(overlays):
        raise PolicyError(f"{len(overlays)} documents were asked about, {len(answers)} answered")
    said: list[Said] = []
    excepted: list[str] = []
    failed: set[str] = set()
    for (about, path), (values, problems) in zip(places, answers, strict=True):
        if ENTRYPOINT not in values:
            raise PolicyError(problems=tuple(problems))  # rules that contradict each other: nothing was said
        results = msgspec.convert(values[ENTRYPOINT], list[_Result])
        left_out = {one.rule for one in results if one.excepted}
        for one in results:
            if one.excepted:
                continue
            for found in _said(library.asked[one.rule], one.values, about, path):
                if one.rule in left_out:
                    excepted.append(f"exception: {found.rule} does not count for {path}: {found.message}")
                else:
                    said.append(found)
        failed |= {f"{one.place()}: {one.message.partition(chr(10))[0]}" for one in problems}
    told = [f"a built-in failed, its rule was left out: {one}" for one in sorted(failed)]
    notices = (*library.notices, *_first(excepted, "exceptions"), *_first(told, "failures of built-ins"))
    return Tested(said=tuple(said), notices=notices)


def _overlay(one: Configured) -> bytes:
    return _ENCODER.encode({"document": one.text, "file": _facts(one.path)})


def _facts(path: str) -> dict[str, str]:
    """`data.conftest.file`; the folder as it was named, for no decision may hang on where a checkout lies."""
    return {"name": posixpath.basename(path), "dir": posixpath.dirname(path) or "."}


def _first(notices: list[str], what: str) -> list[str]:
    more = [f"and {len(notices) - NOTICES} more {what}"] if len(notices) > NOTICES else []
    return [*notices[:NOTICES], *more]


def _said(asked: Asked, values: Any, about: int | None, path: str) -> list[Said]:
    if not isinstance(values, list):
        raise PolicyError(
            f"{asked.id} is no set of messages",
            code="policy_not_a_set",
            found=f"{quoted(values)} for {path}",
            expected=f"`{asked.name} contains msg if …`",
            fix="Conftest would take it for a pass",
        )
    return [_one(asked, value, about, path) for value in values]


def _one(asked: Asked, value: Any, about: int | None, path: str) -> Said:
    given: Mapping[str, Any] = value if isinstance(value, dict) else {"msg": value}
    message = given.get("msg")
    if not isinstance(message, str) or not message:
        raise PolicyError(
            f"{asked.id} gave no message",
            code="policy_shape",
            found=f"{quoted(value)} for {path}",
            expected="a text that is not empty, or an object with such a text as msg",
            fix="Conftest would lose it without a word",
        )
    nested = given.get("metadata")
    named = severity(given.get("severity"))
    if named is None and isinstance(nested, dict):
        named = severity(nested.get("severity"))
    return Said(
        policy=asked.policy, verb=asked.verb, rule=asked.id, message=message, about=about, severity=named
    )
