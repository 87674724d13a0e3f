"""A file once its bytes are known to be well formed: what adapters look at and decode.

Reading the file, decompressing it and choosing its syntax is `gate/ingest.py`'s work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.records import Records
from gate.errors import ReportError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gate.documents.parts import Parts
    from gate.model import Observation

T = TypeVar("T")

Syntax = Literal["json", "ndjson", "xml", "yaml", "text"]
_DIGEST: Final = "sha256:"
_PLACES: Final = 10
"""Rejected elements whose line is looked up; each look-up reads the document from its start."""


@dataclass(frozen=True)
class Document:
    """One report, SBOM or manifest file.

    `data` is UTF-8 without a byte order mark. For `json` and `ndjson` it is strict JSON
    (documents/json.py), so `decoded` and `records` can only fail on shape.
    """

    path: str
    """Label for messages; never opened again."""
    data: bytes = field(repr=False)
    syntax: Syntax
    top: Any = field(default=None, repr=False)
    """For detection; `decoded` and the others give the rest. Syntax `json`: the outline of the value
    (documents/json.py), arrays with their first element only. `ndjson`: a list of the first record's
    outline. `xml`: the root's `{namespace}name`. `text`: the first line that says something."""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Syntax `xml`: the root's attributes."""
    parts: Parts | None = field(default=None, repr=False)
    """Of a document too large to be held; its long arrays have their first element only in `data`."""

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the top-level JSON object; empty for anything else."""
        return frozenset(self.top) if isinstance(self.top, Mapping) else frozenset()

    @property
    def first(self) -> Mapping[str, Any]:
        """The first element of a top-level JSON array or of JSON lines, where it is an object; else empty."""
        if isinstance(self.top, list) and self.top and isinstance(self.top[0], Mapping):
            return self.top[0]
        return {}

    @property
    def record(self) -> Mapping[str, Any]:
        """The first record of a report that has no envelope: JSON lines (one line or many), or an array."""
        return self.top if isinstance(self.top, Mapping) else self.first

    @property
    def root(self) -> str:
        """The local name of the XML root; empty for other syntaxes."""
        return str(self.top).rpartition("}")[2] if self.syntax == "xml" else ""

    @property
    def namespace(self) -> str:
        """The namespace of the XML root; empty where there is none."""
        return str(self.top).rpartition("}")[0].removeprefix("{") if self.syntax == "xml" else ""

    @cached_property
    def marks(self) -> frozenset[str]:
        """Names seen at a first look: keys of the first record, the root's name, the first line's first word.

        A digest that is a key shows as its algorithm, `sha256:`. Every one of a hundred formats asks.
        """
        match self.syntax:
            case "json" | "ndjson":
                return frozenset(_DIGEST if key.startswith(_DIGEST) else key for key in self.record)
            case "xml":
                return frozenset({self.root})
            case _:
                return frozenset({str(self.top or "").partition(":")[0].strip()})

    def at(self, *names: str | int) -> Any:
        """The JSON value under `names` from the top, or None where there is none."""
        return _below(self.top, names)

    def at_record(self, *names: str | int) -> Any:
        """The JSON value under `names` from the first record, or None where there is none."""
        return _below(self.record, names)

    def decoded(self, type_: type[T], expected: str) -> T:
        """The whole JSON document as a `type_`; raises `ReportError` with line and column.

        Of a document too large to be held: what is outside of its long arrays, and then without a line.
        """
        try:
            return json_documents.decoded(self.data, type_, self.path, expected)
        except ReportError as error:
            if self.parts is None:
                raise
            [problem, *_] = error.problems
            unplaced = msgspec.structs.replace(problem, line=None, column=None)
            raise ReportError(problems=(unplaced,)) from None

    def each(
        self, raws: Iterable[msgspec.Raw] | None, type_: type[T], where: str, expected: str
    ) -> Records[T]:
        """Each of `raws`, the elements of the array at the JSON path `where` (`$.results`), as a `type_`.

        Elements of another shape are rejected (documents/records.py). Raises `ReportError` where
        all are.
        """
        looked_up = 0

        def made(part: tuple[int, msgspec.Raw]) -> T:
            nonlocal looked_up
            index, raw = part
            try:
                return json_documents.decoded(bytes(raw), type_, self.path, expected)
            except ReportError as error:
                looked_up += 1
                if looked_up > _PLACES:
                    raise
                raise self._placed(error, f"{where}[{index}]") from None

        return records.understood(
            (((index, raw), f"{where}[{index}]") for index, raw in enumerate(raws or ())), made
        )

    def elements(
        self, given: Sequence[T] | None, type_: type[T], expected: str, *at: str | int
    ) -> Iterable[T]:
        """The elements of the array `at` as `decoded` gave them, or piece by piece where the document is too large.

        May be asked for twice, and is read twice then. Raises `ReportError` as `decoded` does.
        """
        if self.parts is None:
            return given or ()
        if given and at not in self.parts.arrays:
            # The adapter asks for another place than it was cut at: nothing would be found there.
            raise LookupError(f"{self.path}: no array was cut at {at}")
        return self.parts.elements(at, type_, expected)

    def number(self, given: Sequence[T] | None, *at: str | int) -> int:
        """How many elements the array `at` has, which `decoded` gave as `given`."""
        return len(given or ()) if self.parts is None else self.parts.number(at)

    def kept(self, seen: Iterable[Observation]) -> tuple[Observation, ...]:
        """All of `seen`; of a document too large to be held, with equal parts of its findings kept once."""
        if self.parts is None:
            return tuple(seen)
        from gate.documents import sharing  # noqa: PLC0415 - most reports are held

        return tuple(sharing.shared(seen))

    def records(self, type_: type[T], expected: str) -> Records[T]:
        """The records of a JSON array, of JSON lines or of a single object, each as a `type_`.

        Raises `ReportError` where none is understood, and for a document of another syntax.
        """
        if self.syntax == "ndjson":
            parts = records.split(self.data, self.path)

            def made(part: tuple[bytes, int]) -> T:
                data, line = part
                try:
                    return json_documents.decoded(data, type_, self.path, expected)
                except ReportError as error:
                    raise records.at_line(error, line) from None

            return records.understood(((part, f"line {part[1]}") for part in parts), made)
        if self.syntax == "json" and isinstance(self.top, Mapping):
            return Records((self.decoded(type_, expected),), ())
        return self.each(self.decoded(list[msgspec.Raw], expected), type_, "$", expected)

    def _placed(self, error: ReportError, where: str) -> ReportError:
        [problem, *_] = error.problems
        inner = (problem.found or "").removeprefix("JSON path ").removeprefix("$")
        line, column = json_documents.position(self.data, where + inner)
        return ReportError(
            problem.message,
            code=problem.code,
            path=problem.path,
            line=line,
            column=column,
            found=f"JSON path {where}{inner}",
            fix=problem.fix,
        )

    def element(self, expected: str) -> Element:
        """The root of an XML document; raises `ReportError` with its place, or for another syntax."""
        if self.syntax != "xml":
            raise self._not(expected, "XML")
        from gate.documents import xml as xml_documents  # noqa: PLC0415 - few checks have any

        return xml_documents.parsed(self.data, self.path)

    def lines(self, expected: str) -> list[str]:
        """The lines of a text document; raises `ReportError` for another syntax."""
        if self.syntax != "text":
            raise self._not(expected, "plain text")
        return self.data.decode("utf-8").splitlines()

    def _not(self, expected: str, syntax: str) -> ReportError:
        return wrong_shape(
            self.path,
            f"not {expected}",
            found=self.syntax,
            expected=syntax,
            fix="name the right format with --as",
        )


def wrong_shape(
    path: str,
    message: str,
    found: str | None = None,
    expected: str | None = None,
    fix: str | None = None,
) -> ReportError:
    """Why the file `path` as a whole is not what it seemed: `report_wrong_shape` at its first character."""
    return ReportError(
        message,
        code="report_wrong_shape",
        path=path,
        line=1,
        column=1,
        found=found,
        expected=expected,
        fix=fix,
    )


def _below(value: Any, names: Iterable[str | int]) -> Any:
    for name in names:
        if isinstance(value, Mapping) and isinstance(name, str):
            value = value.get(name)
        elif isinstance(value, list) and isinstance(name, int) and name < len(value):
            value = value[name]
        else:
            return None
    return value
