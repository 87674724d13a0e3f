"""Dockerfiles as Conftest reads them: one list of commands, each with `Cmd`, `Flags`, `Value` and its stage.

The grammar is BuildKit's (frontend/dockerfile/parser): continuation lines, parser directives, here-documents,
the exec form. Whether an instruction makes sense is the builder's matter, but its name must be known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from gate.documents.lines import refused, text_of

_DIRECTIVE: Final = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC: Final = re.compile(r"""(?<![<\w"'])\d*<<(-?)(["']?)([A-Za-z_][\w.]*)\2""")
_WITH_HEREDOCS: Final = frozenset({"add", "copy", "run"})

Words = Callable[[str, str], tuple[list[str], bool]]
"""What stands behind an instruction, and the escape character -> values, and whether they were JSON."""


class _Malformed(Exception):
    """What is wrong with one instruction."""


def parsed(data: bytes, path: str) -> Any:
    """A list with the list of commands, as Conftest gives it; raises `ReportError` with the line."""
    commands: list[dict[str, Any]] = []
    comments: list[str] = []
    stages = 0
    lines = text_of(data, path).split("\n")
    escape, at = _escape(lines)
    continued = re.compile(rf"([^{re.escape(escape)}])?{re.escape(escape)}[ \t]*$")
    while at < len(lines):
        line = lines[at].rstrip("\r").lstrip()
        at += 1
        if not line:
            continue
        if line.startswith("#"):
            comments = _comments(comments, line)
            continue
        first = at
        line, at = _joined(line, lines, at, continued)
        if not line.strip():
            continue
        try:
            command = _command(line, escape)
        except _Malformed as error:
            raise refused(path, first, str(error), expected="a Dockerfile instruction") from None
        stages += command["Cmd"] == "from"
        stage = max(stages - 1, 0)
        commands += [_filled("comment", stage, [text]) for text in comments]
        commands.append({**command, "Stage": stage})
        comments = []
        if command["Cmd"] in _WITH_HEREDOCS or command["SubCmd"].lower() in _WITH_HEREDOCS:
            at = _behind_heredocs(line, lines, at, path, first)
    if not commands:
        raise refused(path, 1, "no instruction", expected="a Dockerfile")
    return [commands]


def _filled(name: str, stage: int, values: list[str]) -> dict[str, Any]:
    return {"Cmd": name, "SubCmd": "", "JSON": False, "Flags": None, "Value": values, "Stage": stage}


def _comments(known: list[str], line: str) -> list[str]:
    text = line.strip()[1:].strip()
    return [*known, text] if text else []


def _escape(lines: list[str]) -> tuple[str, int]:
    """The escape character, and how many lines of parser directives there are."""
    escape = "\\"
    for number, line in enumerate(lines):
        found = _DIRECTIVE.fullmatch(line.rstrip("\r"))
        if found is None or found[1].lower() not in ("escape", "syntax", "check"):
            return escape, number
        if found[1].lower() == "escape":
            escape = found[2]
            if escape not in ("\\", "`"):
                return "\\", number
    return escape, len(lines)


def _joined(line: str, lines: list[str], at: int, continued: re.Pattern[str]) -> tuple[str, int]:
    """One instruction without its line ends, comments and empty lines between left out."""
    parts: list[str] = []
    while found := continued.search(line):
        parts.append(line[: found.start()] + (found[1] or ""))
        line = ""
        while at < len(lines):
            following = lines[at].rstrip("\r")
            at += 1
            if following.strip() and not following.lstrip().startswith("#"):
                line = following
                break
    return "".join([*parts, line]), at


def _behind_heredocs(line: str, lines: list[str], at: int, path: str, first: int) -> int:
    """The number of the line behind every here-document that `line` begins."""
    for chomp, _, name in _HEREDOC.findall(line):
        while at < len(lines):
            text = lines[at].rstrip("\r")
            at += 1
            if (text.lstrip("\t") if chomp else text) == name:
                break
        else:
            raise refused(path, first, "a here-document that does not end", expected=f"a line {name[:80]}")
    return at


def _command(line: str, escape: str) -> dict[str, Any]:
    name, *others = line.strip().split(None, 1)
    rest = others[0] if others else ""
    key = name.lower()
    if key not in _READ and key != "onbuild":
        raise _Malformed(f"unknown instruction {name[:80]!r}")
    flags, rest = _flags(rest, escape)
    if not rest:
        raise _Malformed(f"{name} says nothing")
    command = {"Cmd": key, "SubCmd": "", "JSON": False, "Flags": flags, "Value": None}
    if key == "onbuild":
        inner = _command(rest, escape)
        if inner["Cmd"] in ("onbuild", "from", "maintainer"):
            raise _Malformed(f"ONBUILD {inner['Cmd'].upper()} is not allowed")
        # The flags are the outer instruction's alone, as Conftest has it.
        return {**command, "SubCmd": rest.split()[0], "JSON": inner["JSON"], "Value": inner["Value"]}
    values, is_json = _READ[key](rest, escape)
    return {**command, "JSON": is_json, "Value": values or None}


def _flags(text: str, escape: str) -> tuple[list[str], str]:
    flags: list[str] = []
    rest = text.lstrip()
    while rest.startswith("--"):
        word, quote, at = "", "", 0
        while at < len(rest) and (quote or not rest[at].isspace()):
            character = rest[at]
            if character == escape and at + 1 < len(rest):
                at += 1
                word += rest[at]
            elif character == quote:
                quote = ""
            elif not quote and character in "\"'":
                quote = character
            else:
                word += character
            at += 1
        rest = rest[at:].lstrip()
        if word == "--":
            break
        flags.append(word)
    return flags, rest.strip()


def _exec_form(text: str) -> list[str] | None:
    """The texts of a JSON list, or None where `text` is none."""
    if not text.startswith("["):
        return None
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None


def _maybe_json(text: str, _: str) -> tuple[list[str], bool]:
    found = _exec_form(text)
    return ([text], False) if found is None else (found, True)


def _maybe_json_list(text: str, escape: str) -> tuple[list[str], bool]:
    found = _exec_form(text)
    return (_spaced(text, escape)[0], False) if found is None else (found, True)


def _spaced(text: str, _: str) -> tuple[list[str], bool]:
    return text.split(), False


def _whole(text: str, _: str) -> tuple[list[str], bool]:
    return [text], False


def _arguments(text: str, escape: str) -> tuple[list[str], bool]:
    return _words(text, escape), False


def _pairs(text: str, escape: str) -> tuple[list[str], bool]:
    words = _words(text, escape)
    if "=" not in words[0]:
        parts = text.split(None, 1)
        if len(parts) < 2:
            raise _Malformed("a name without a value")
        return [*parts, ""], False
    values: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise _Malformed(f"{word[:80]!r} is no name=value")
        values += [name, value, "="]
    return values, False


def _health(text: str, escape: str) -> tuple[list[str], bool]:
    kind, _, rest = text.partition(" ")
    if kind.upper() == "NONE":
        return [kind], False
    if kind.upper() != "CMD" or not rest.strip():
        raise _Malformed("HEALTHCHECK is neither NONE nor CMD with a command")
    values, is_json = _maybe_json(rest.strip(), escape)
    return [kind, *values], is_json


def _words(text: str, escape: str) -> list[str]:
    """Words as a shell parts them, with their quotes and escapes left in place."""
    words: list[str] = []
    word, quote, at = "", "", 0
    while at < len(text):
        character = text[at]
        if not quote and character.isspace():
            words += [word] if word else []
            word = ""
        elif character == escape and quote != "'":
            word += text[at : at + 2] if at + 1 < len(text) else ""
            at += 1
        else:
            quote = "" if character == quote else quote or (character if character in "\"'" else "")
            word += character
        at += 1
    return [*words, word] if word else words


_READ: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "add": _maybe_json_list,
        "arg": _arguments,
        "cmd": _maybe_json,
        "copy": _maybe_json_list,
        "entrypoint": _maybe_json,
        "env": _pairs,
        "expose": _spaced,
        "from": _spaced,
        "healthcheck": _health,
        "label": _pairs,
        "maintainer": _whole,
        "run": _maybe_json,
        "shell": _maybe_json,
        "stopsignal": _whole,
        "user": _whole,
        "volume": _maybe_json_list,
        "workdir": _whole,
    }
)
