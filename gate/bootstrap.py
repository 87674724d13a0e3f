"""The only place that chooses implementations: engine, adapters, store, outputs.

Everything here is a few lines that hand one part to another; nothing here decides anything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import bundle as bundles
from gate import limits, policy_files, stored, turns
from gate.bundle import Bundle
from gate.conftest import inputs as conftest_inputs
from gate.conftest import policies as conftests
from gate.documents import json as json_documents
from gate.documents import manifests
from gate.engines import installed
from gate.engines import manifests as engine_manifests
from gate.engines.embedded import Engine
from gate.errors import PolicyError, Problem, ReportError, StoreError, quoted
from gate.evaluate import Python
from gate.files import File
from gate.ingest import Read, ingest, ingest_parts, is_manifest
from gate.kubernetes import gatekeeper
from gate.model import Decision, Violation
from gate.pipeline import Judgement
from gate.presentation import Excerpt, Presentation
from gate.running import answers

CONTEXT_LINES = 1
"""Source lines shown before the one that a violation points at."""
_LITERAL_VALUE = re.compile(r"""((?:^|[\s{,"'])value["']?\s*:\s*)\S.*""")
_PLAIN_CONTEXT = re.compile(r"\s*(?:- )?(?:name: [\w.-]+|[\w./-]+:|)\s*")
_ANY_VALUE = re.compile(r"(:\s+)\S.*")
engine = installed.engine
engine_executable = installed.engine_executable
INPUT_SCHEMA = Path(__file__).parent / "schemas" / "input.v1.schema.json"


def manifest_reader(engine: Engine) -> manifests.ReadMany:
    """The engine's manifest reader as the function that reads one file."""
    return _reader((), engine)


def template_reader(engine: Engine, ahead: Sequence[tuple[str, bytes]] = ()) -> manifests.Read:
    """The same for one file with exact positions, as Gatekeeper's templates want them.

    Files that are `ahead` (label and bytes) are read in one frame: a library has hundreds.
    """
    told = engine_manifests.answers(engine, [data for _, data in ahead]) if ahead else []
    answers = {path: (data, answer) for (path, data), answer in zip(ahead, told, strict=True)}

    def read(data: bytes, path: str, wanted: Sequence[tuple[int, str]]) -> Any:
        known, answer = answers.get(path, (None, None))
        if wanted or answer is None or known != data:
            return engine_manifests.one(engine, data, path, wanted)
        refusal = engine_manifests.refused(answer, path)
        if refusal is not None:
            raise refusal
        documents = [
            {"index": one.index, "line": one.line, "value": msgspec.json.decode(one.value)}
            for one in answer.documents
        ]
        return {"documents": documents, "positions": []}

    return read


def configuration_readers(engine: Engine) -> dict[str, conftest_inputs.Reader]:
    """What reads configuration for Conftest's policies, by name; HCL is read by the engine."""
    return {**conftest_inputs.readers(), "hcl2": lambda text, path: engine_manifests.hcl(engine, text, path)}


PLACED_AT_ONCE: Final = 500
"""Files whose places are asked for in one frame."""
READ_AT_ONCE_BYTES: Final = 256 * limits.KIB
"""Manifests that go to the engine in one frame: enough for all cores, so few that reading goes on meanwhile."""


def ingested(given: Iterable[File], engine: Engine, *, configuration: bool = False) -> tuple[Read, ...]:
    """Every file, read by the adapter that knows it; all problems are told, not only the first.

    With `configuration` Conftest's policies see it too, and files that only they are about are read.
    """
    from scanners import SCANNERS

    readers = configuration_readers(engine) if configuration else None
    reads: list[Read] = []
    problems: list[Problem] = []
    for batch, read in _answered(given, engine):
        for file in batch:
            try:
                one = _in_parts(file.stored, file) if file.stored else None
                if one is None:
                    data = stored.content(file.stored) if file.stored else file.data
                    one = ingest(
                        data,
                        file.path,
                        SCANNERS,
                        read,
                        file.declared,
                        configuration=readers,
                        is_named=file.is_named,
                    )
                reads.append(answers.told(one, file))
            except ReportError as error:
                problems.extend(error.problems)
            finally:
                if file.stored:
                    file.stored.close()
    if problems:
        raise ReportError(problems=tuple(problems))
    return tuple(reads)


def _in_parts(place: stored.Stored, file: File) -> Read | None:
    """A file that is too large to be held, read piece by piece; None where it must be held all the same."""
    from gate.engines import cut
    from scanners import SCANNERS
    from scanners.parts import ARRAYS, MARKS, UNREAD

    with stored.opened(place) as opened:
        head = opened.stream.read(stored.HEAD_BYTES)
        if not any(mark in head for mark in MARKS):
            return None
        arrays = [path.split(".") for paths in (*ARRAYS.values(), UNREAD) for path in paths]
        parts = cut.parts(engine_executable(), opened.stream, arrays, file.path, opened.sha256)
        return ingest_parts(parts, SCANNERS, ARRAYS, file.declared) if parts else None


def tallies() -> Mapping[str, Sequence[tuple[str, Sequence[Mapping[str, Any]]]]]:
    """What is counted of the formats that may be too large to be kept."""
    from scanners.tallies import TALLIES

    return TALLIES


def adapters_imported() -> frozenset[str]:
    """Import every adapter, for a process that may not learn anything later (gate/service/shapes.py); their names."""
    from scanners import SCANNERS

    return frozenset({name: scanner.adapter for name, scanner in SCANNERS.items()})


def _answered(given: Iterable[File], engine: Engine) -> Iterator[tuple[Sequence[File], manifests.ReadMany]]:
    """Batches of the files in their order, each with what reads its manifests.

    The engine has two batches to work on while the next is read and the last is looked at.
    """
    if isinstance(given, tuple) and not any(is_manifest(f.data, f.path, f.declared) for f in given):
        # Nothing for the engine to read: threads would be started only to be ended.
        yield given, _reader((), engine)
        return
    asked = (partial(_batch, fresh, engine) for fresh in _batches(given))
    yield from turns.answered(asked, at_once=2, ahead=2)


def _batch(fresh: Sequence[File], engine: Engine) -> tuple[Sequence[File], manifests.ReadMany]:
    return fresh, _reader(fresh, engine)


def _batches(given: Iterable[File]) -> Iterator[Sequence[File]]:
    batch: list[File] = []
    size = 0
    for file in given:
        batch.append(file)
        size += len(file.data)
        if size > READ_AT_ONCE_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _reader(given: Sequence[File], engine: Engine) -> manifests.ReadMany:
    """What reads manifests: those `given` were sent together, any other is sent by itself."""
    ahead = [file for file in given if is_manifest(file.data, file.path, file.declared)]
    told = engine_manifests.answers(engine, [file.data for file in ahead]) if ahead else []
    answers = {file.path: (file.data, answer) for file, answer in zip(ahead, told, strict=True)}

    def read(data: bytes, path: str) -> Sequence[manifests.Document]:
        known, answer = answers.pop(path, (None, None))
        if answer is None or known != data:
            [answer] = engine_manifests.answers(engine, [data])
        refusal = engine_manifests.refused(answer, path)
        if refusal is not None:
            raise refusal
        return answer.documents

    return read


def bundle(sources: Sequence[str], root: Path, engine: Engine, *, python: bool) -> Bundle:
    """The policies of `sources`, compiled by `engine`; `python` tells whether Python ones may run."""
    return compiled(policy_files.collected(sources, root), root, engine, python=python)


def compiled(
    collected: policy_files.Collected,
    root: Path,
    engine: Engine,
    *,
    python: bool,
    conftest: conftests.Options | None = None,
) -> Bundle:
    """`collected` from below `root`, compiled by `engine`; without `conftest` all namespaces of Conftest's policies are."""
    rules: dict[str, Any] = {}
    packages: tuple[str, ...] = ()
    if collected.python and python:
        from gate.engines import python as python_engine

        modules = [(module.path, module.text) for module in collected.python]
        rules = python_engine.rules(modules)
        packages = tuple(sorted(python_engine.package(path) for path, _ in modules))
    return bundles.bundle(
        collected,
        engine.load,
        input_schema(),
        python_rules=rules,
        python_packages=packages,
        gatekeeper=gatekeeper.library(collected.manifests, template_reader(engine, collected.manifests)),
        conftest=_conftest(collected, root, engine, conftest or conftests.Options(all_namespaces=True)),
    )


def _conftest(
    given: policy_files.Collected, root: Path, engine: Engine, options: conftests.Options
) -> conftests.Library | None:
    if not given.conftest:
        return None
    modules = [(module.path, module.text) for module in given.conftest]
    files_of_rules = _files_of_rules(conftests.named_files(modules), root, engine)
    # One engine may hold the same files asked in two ways.
    told = msgspec.json.encode([options, files_of_rules], order="deterministic")
    asked = hashlib.sha256(told).hexdigest()[:12]
    name = f"{given.revision}/conftest/{asked}"
    return conftests.library(modules, options, engine.load, name, files_of_rules)


def _files_of_rules(named: Mapping[str, str], root: Path, engine: Engine) -> dict[str, Any]:
    """The values of files that Conftest's rules parse by name; raises `PolicyError` where one is not to be had."""
    values: dict[str, Any] = {}
    readers = configuration_readers(engine) if named else {}
    top = root.resolve()
    for path, module in named.items():
        place = root / path
        if not (place.is_file() and place.resolve().is_relative_to(top)):
            raise PolicyError(
                f"the rule parses {quoted(path)}, which is not there, or not below the working directory",
                code="policy_invalid",
                path=module,
                expected="a file that the rule may name",
            )
        try:
            values[path] = _value_of(place.read_bytes(), path, readers, engine)
        except ReportError as error:
            raise PolicyError(problems=error.problems) from None
    return values


def _value_of(data: bytes, path: str, readers: Mapping[str, conftest_inputs.Reader], engine: Engine) -> Any:
    """The one value of a file, as `parse_config_file` gives it; the list of them for a stream of YAML."""
    name = conftest_inputs.parser(path)
    if name is None and path.lower().endswith((".yaml", ".yml")):
        found = [msgspec.json.decode(one.value) for one in manifest_reader(engine)(data, path)]
        return found[0] if len(found) == 1 else found or None
    if name is None:
        return json_documents.parsed(data, path)
    return conftest_inputs.reader(name, path, readers)(data, path)


def input_schema() -> Any:
    """The JSON Schema of the policy input v1; the compiler checks every `input.…` against it."""
    return json_documents.parsed(INPUT_SCHEMA.read_bytes(), INPUT_SCHEMA.name)


def python() -> Python:
    """The engine of Python policies."""
    from gate.engines import python as python_engine

    return python_engine.evaluated


def places(
    engine: Engine, data: Mapping[str | None, bytes], wanted: Sequence[tuple[str, int, str]]
) -> dict[tuple[str, int, str], tuple[int, int]]:
    """Line and column of each wanted (file, document, JSON pointer) that is known."""
    by_file: dict[str, set[tuple[int, str]]] = {}
    for file, document, pointer in wanted:
        by_file.setdefault(file, set()).add((document, pointer))
    found: dict[tuple[str, int, str], tuple[int, int]] = {}
    names = sorted(by_file)
    for first in range(0, len(names), PLACED_AT_ONCE):
        batch = names[first : first + PLACED_AT_ONCE]
        asked = [sorted(by_file[file]) for file in batch]
        answers = engine_manifests.answers(engine, [data[file] for file in batch], asked)
        for file, pointers, answer in zip(batch, asked, answers, strict=True):
            refusal = engine_manifests.refused(answer, file)
            if refusal is not None:
                raise refusal
            for (document, pointer), position in zip(pointers, answer.positions, strict=True):
                place = manifests.place(position)
                if place is not None:
                    found[file, document, pointer] = place
    return found


def recorded(path: Path, decision: Decision) -> tuple[str, ...]:
    """Append `decision` to the record; what a person should know about it.

    Raises `StoreError` where that fails: then there is no decision.
    """
    from gate.stores import record_file

    return record_file.append(path, decision).notices


def decisions(path: Path) -> list[dict[str, Any]]:
    """Every recorded decision, oldest first; the chain is checked on the way."""
    from gate.stores import record_file

    return [msgspec.json.decode(entry.line)["decision"] for entry in record_file.entries(path)]


def verified(path: Path) -> int:
    """How many entries the record at `path` has; raises `StoreError` where it is absent or broken."""
    from gate.stores import record_file

    if not path.exists():
        raise StoreError("there is no record", code="record_absent", path=str(path), fix="check the path")
    return sum(1 for _ in record_file.entries(path))


def newest(path: Path, digest: str, environment: str) -> Decision | None:
    """The newest recorded decision about a digest in an environment."""
    from gate.stores import record_file

    record_file.mended(path)
    found = record_file.newest(path, digest, environment)
    return msgspec.convert(found, Decision) if found is not None else None


def presentation(judgement: Judgement, reads: Sequence[Read]) -> Presentation:
    """The judgement with what a person needs to read it."""
    data = {read.report.path: read.data for read in reads if read.scan.objects}
    return Presentation(
        decision=judgement.decision,
        rules=judgement.rules,
        findings={finding.fingerprint: finding for finding in judgement.findings},
        excerpts=_excerpts(judgement.decision.violations, data),
        components=len(judgement.components),
        objects=len(judgement.objects),
        sources=tuple(read.report for read in reads),
    )


def _without_values(line: str, *, everything: bool) -> str:
    """A line of a manifest without what may be a credential: literal values of variables, a Secret's data."""
    return (_ANY_VALUE if everything else _LITERAL_VALUE).sub(r"\1…", line)


def _context(line: str) -> str:
    """A line beside the one that is meant: only keys and names, whatever else it may hold is not shown."""
    return line if _PLAIN_CONTEXT.fullmatch(line) else f"{line[: len(line) - len(line.lstrip())]}…"


def _excerpts(found: Sequence[Violation], data: Mapping[str | None, bytes]) -> dict[str, Excerpt]:
    """Lines around violations in manifests: files that were named, never a path from a report."""
    lines_of: dict[str, list[str]] = {}
    result: dict[str, Excerpt] = {}
    for violation in found:
        at = violation.location
        if at is None or at.file is None or at.line is None or at.file not in data:
            continue
        if at.file not in lines_of:
            lines_of[at.file] = data[at.file].decode("utf-8").splitlines()
        lines = lines_of[at.file]
        first = max(at.line - CONTEXT_LINES, 1)
        is_secret = (violation.object or "").startswith("Secret/")
        before = [_context(line) for line in lines[first - 1 : at.line - 1]]
        meant = [_without_values(line, everything=is_secret) for line in lines[at.line - 1 : at.line]]
        shown = (*before, *meant)
        result[violation.fingerprint] = Excerpt(first_line=first, lines=shown, line=at.line, column=at.column)
    return result
