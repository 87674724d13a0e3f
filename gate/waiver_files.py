"""The waiver file: its value, read into `Waiver`s or refused whole; and the text of a new entry.

What is wrong with the *file* (unknown key, wrong type, no such date) is a `WaiverError`; an entry
that reads well and may still not act is `gate/waivers.py`'s matter. YAML is `gate/documents/yaml.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, get_args

from gate import times
from gate.errors import Problem, WaiverError, quoted
from gate.model import Severity
from gate.packages import package
from gate.version_ranges import version_range
from gate.waivers import Match, Reason, Waiver, days_allowed

Position = Callable[..., tuple[int, int]]
"""Keys from the top -> line and column of what stands there."""
Key = str | int

HEADER: Final = "version: 1\nwaivers:\n"
"""What an empty file is given before its first entry."""
_TEXTS: Final = ("rule", "vulnerability", "finding", "purl", "versions", "path", "object", "subject")
_MATCH_KEYS: Final = (*_TEXTS, "environments")
_REQUIRED: Final = ("id", "reason", "note", "requested_by", "expires", "created")
_KEYS: Final = ("match", *_REQUIRED, "ticket", "owner", "approved_by")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"(?:[^@]+@)?sha256:[0-9a-f]{64}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})")
_EARLIEST_ZONE: Final = timedelta(hours=14)
"""A date begins in UTC+14 first; whoever writes today's date there is not from the future."""


def waivers(value: object, path: str, position: Position) -> tuple[Waiver, ...]:
    """The entries of one waiver file, in its order.

    `value` is the file's YAML value. Raises `WaiverError` with every problem at its line and column;
    then none of its entries counts.
    """
    reader = _Reader(path, position)
    top = reader.mapping(value, ("version", "waivers"), ())
    if top is not None:
        if type(top.get("version")) is not int or top.get("version") != 1:
            reader.problem("`version` is missing or unknown", ("version",), top.get("version"), "version: 1")
        listed = top.get("waivers")
        if not isinstance(listed, list):
            reader.problem("`waivers` is missing or no list", ("waivers",), listed, "a list; [] for none")
            listed = []
        entries = [reader.waiver(item, index) for index, item in enumerate(listed)]
    if reader.problems or top is None:
        raise WaiverError(problems=tuple(reader.problems))
    return tuple(entry for entry in entries if entry is not None)


def together(files: Iterable[tuple[Waiver, ...]]) -> tuple[Waiver, ...]:
    """The entries of several files; raises `WaiverError` where two have one id."""
    entries = [waiver for file in files for waiver in file]
    first: dict[str, Waiver] = {}
    for waiver in entries:
        other = first.setdefault(waiver.id, waiver)
        if other is not waiver:
            raise WaiverError(
                f"waiver {waiver.id} is there twice",
                path=waiver.place,
                found=f"the first at {other.place}",
                fix="give each its own id; a decision names waivers by it",
            )
    return tuple(entries)


def draft(
    *,
    id: str,
    match: Mapping[str, str | list[str]],
    reason: str,
    note: str,
    requested_by: str,
    severity: Severity,
    now: datetime,
    max_days: Mapping[str, int],
    until: date | None = None,
    ticket: str | None = None,
    owner: str | None = None,
) -> str:
    """YAML text of a new entry for a file's `waivers` list, to be put there by `appended`.

    `approved_by` stays empty: the entry waives nothing until someone else fills it. `expires` is the
    last day allowed for `severity`, or `until`; raises `WaiverError` if that is later or none is.
    """
    created = now.astimezone(UTC).date()
    days = days_allowed(severity, max_days)
    last = created + timedelta(days=max(days, 0))
    if days < 1 or (until or last) > last or (until or last) <= created:
        raise WaiverError(
            f"waiver {id}: the expiry is not allowed",
            found=str(until or "none"),
            expected=f"after {created}, at most {max(days, 0)} days for {severity}",
            fix=f"end it on {last} or before" if days >= 1 else "fix the finding; settings allow no waiver",
        )
    lines = [f"  - id: {_scalar(id)}", "    match:"]
    lines += [f"      {key}: {_scalar(item)}" for key, item in match.items()]
    lines += [f"    reason: {_scalar(reason)}", f"    note: {_scalar(note)}"]
    lines += [f"    ticket: {_scalar(ticket)}"] if ticket else []
    lines += [f"    owner: {_scalar(owner)}"] if owner else []
    lines += [
        f"    requested_by: {_scalar(requested_by)}",
        '    approved_by: ""  # someone else fills this in; until then the entry waives nothing',
        f'    expires: "{until or last}"',
        f'    created: "{created}"',
    ]
    return "\n".join(lines) + "\n"


def appended(text: str, entry: str) -> str:
    """A waiver file's `text` with a `draft` at its end; an empty text gets the header first.

    Read the result with `waivers` before it replaces the file: one entry more than before, or the
    file is laid out in a way (other indentation, keys after the list) that a person must edit.
    """
    if not text.strip():
        return HEADER + entry
    return re.sub(r"(?m)^waivers:[ \t]*\[[ \t]*\][ \t]*$", "waivers:", text.rstrip()) + "\n" + entry


def _scalar(value: str | list[str]) -> str:
    """`value` as YAML that reads back as itself, whatever stands in it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    escaped = {'"': '\\"', "\\": "\\\\"}
    letters = (escaped.get(c, c) if c.isprintable() else f"\\U{ord(c):08x}" for c in value)
    return f'"{"".join(letters)}"'


class _Reader:
    """Reads one file's value and collects every problem on the way."""

    def __init__(self, path: str, position: Position) -> None:
        self.path, self._position, self._seen = path, position, dict[str, int]()
        self.problems: list[Problem] = []

    def problem(
        self, message: str, keys: tuple[Key, ...], found: object, expected: str | None, fix: str | None = None
    ) -> None:
        line, column = self._position(*keys)
        head = f"waiver {keys[1] + 1}: " if len(keys) > 1 and isinstance(keys[1], int) else ""
        self.problems.append(
            Problem(
                code=WaiverError.code,
                message=head + message,
                path=self.path,
                line=line,
                column=column,
                found="nothing" if found is None else quoted(found),
                expected=expected,
                fix=fix,
            )
        )

    def mapping(
        self, value: object, allowed: tuple[str, ...], keys: tuple[Key, ...]
    ) -> dict[str, Any] | None:
        """`value` if it is a mapping, its unknown keys reported with what was probably meant."""
        if not isinstance(value, dict):
            self.problem("no mapping", keys, value, f"the keys {', '.join(allowed)}")
            return None
        for key in value:
            if key not in allowed:
                import difflib  # noqa: PLC0415 - only where something is wrong

                near = difflib.get_close_matches(str(key), allowed, 1)
                fix = f"did you mean `{near[0]}`?" if near else "remove it"
                self.problem("unknown key", (*keys, key), key, f"one of {', '.join(allowed)}", fix)
        return value

    def text(
        self, owner: dict[str, Any], key: str, keys: tuple[Key, ...], required: bool = True
    ) -> str | None:
        """The text under `key`, None where it is absent; reported where it is needed or something else."""
        value = owner.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if value is not None or required:
            fix = "quote it" if isinstance(value, (bool, int, float, date)) else None
            self.problem(f"`{key}` is no text", (*keys, key) if key in owner else keys, value, "text", fix)
        return None

    def instant(self, text: str | None, key: str, keys: tuple[Key, ...]) -> datetime | None:
        if text is None:
            return None
        is_time = _DATE.fullmatch(text) or _INSTANT.fullmatch(text)
        at = times.instant(text) if is_time else None
        if at is None:
            self.problem(f"`{key}` is no time", (*keys, key), text, "2026-12-06, or 2026-12-06T12:00:00Z")
        return at

    def waiver(self, value: object, index: int) -> Waiver | None:
        keys: tuple[Key, ...] = ("waivers", index)
        before = len(self.problems)
        entry = self.mapping(value, _KEYS, keys)
        if entry is None:
            return None
        texts = {key: self.text(entry, key, keys) for key in _REQUIRED}
        ticket, owner = (self.text(entry, key, keys, required=False) for key in ("ticket", "owner"))
        approved_by = None if entry.get("approved_by") == "" else self.text(entry, "approved_by", keys, False)
        match = self.match(entry.get("match"), (*keys, "match") if "match" in entry else keys)
        self.check_id(texts["id"], keys, index)
        reasons = get_args(Reason)
        if texts["reason"] and texts["reason"] not in reasons:
            import difflib  # noqa: PLC0415 - only where something is wrong

            near = difflib.get_close_matches(texts["reason"], reasons, 1)
            fix = f"did you mean `{near[0]}`?" if near else None
            self.problem("unknown reason", (*keys, "reason"), texts["reason"], ", ".join(reasons), fix)
        expires = self.instant(texts["expires"], "expires", keys)
        created = self.instant(texts["created"], "created", keys)
        if len(self.problems) > before or match is None or expires is None or created is None:
            return None
        is_date = _DATE.fullmatch(str(entry["created"])) is not None
        return Waiver(
            id=str(texts["id"]),
            match=match,
            reason=entry["reason"],
            note=str(texts["note"]),
            ticket=ticket,
            owner=owner,
            requested_by=str(texts["requested_by"]),
            approved_by=approved_by,
            expires=expires,
            created=created,
            begins=created - timedelta(days=1) - _EARLIEST_ZONE if is_date else created,
            place=f"{self.path}:{self._position(*keys)[0]}",
        )

    def check_id(self, text: str | None, keys: tuple[Key, ...], index: int) -> None:
        if text is None:
            return
        if not _ID.fullmatch(text):
            self.problem("`id` is unusable", (*keys, "id"), text, "at most 64 letters, digits, . _ -")
        first = self._seen.setdefault(text, index)
        if first != index:
            self.problem(f"waiver {first + 1} has this id too", (*keys, "id"), text, "an id of its own")

    def match(self, value: object, keys: tuple[Key, ...]) -> Match | None:
        given = self.mapping(value, _MATCH_KEYS, keys)
        if given is None:
            return None
        texts = {key: self.text(given, key, keys, required=key in given) for key in _TEXTS}
        environments = given.get("environments", ["-"])
        is_list = isinstance(environments, list) and bool(environments)
        if not is_list or not all(isinstance(e, str) and re.fullmatch(r"[^*?\s]+", e) for e in environments):
            expected = "names of environments, without wildcards"
            fix = "leave `environments` out to mean all"
            self.problem("`environments` is unusable", (*keys, "environments"), environments, expected, fix)
        for key, wrong, expected in _wrong(texts):
            self.problem(f"`{key}` {wrong}", (*keys, key), texts[key], expected)
        return Match(environments=tuple(given.get("environments") or ()), **texts)


def _wrong(match: Mapping[str, str | None]) -> Iterable[tuple[str, str, str]]:
    """Key, what is wrong with its text, what it should be; wildcards are `idle_reason`'s matter."""
    purl, versions = match["purl"], match["versions"]
    found = package(purl) if purl else None
    finding, path, subject = match["finding"], match["path"], match["subject"]
    if finding and not re.search(r"[*?]", finding) and not _FINGERPRINT.fullmatch(finding):
        yield "finding", "is no whole fingerprint", "32 hex characters, as in `gate check -o json`"
    if purl and (found is None or "*" in purl):
        yield "purl", "is no package URL", "pkg:TYPE/NAME or pkg:TYPE/NAMESPACE/NAME, without wildcards"
    if path and ("\\" in path or any(part in ("", ".", "..") for part in path.split("/"))):
        yield "path", "can match nothing", "a path below the project, / between names: src/legacy/**"
    if subject and "sha256:" in subject and not _DIGEST.fullmatch(subject):
        yield "subject", "is no whole digest", "a name, sha256: and 64 hex characters, or NAME@sha256:…"
    if versions:
        why = _range_problem(versions)
        if why:
            yield "versions", f"is no usable range: {why}", "such as vers:pypi/>=1.0|<2.0"
        elif found is None or found.version or version_range(versions).type != found.type:
            yield "versions", "needs a `purl` of the same type, without a version", "such as pkg:pypi/django"


def _range_problem(versions: str) -> str | None:
    try:
        version_range(versions)
    except ValueError as error:
        return str(error)
    return None
