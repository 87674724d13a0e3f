"""Ingest: the bytes of one file become a `Scan`, or a `ReportError` that says why not.

Nothing is skipped: a file that no adapter knows, or that two know, is refused. This stage opens no
file and knows no adapter; both are given to it.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from gate.conftest import inputs
from gate.documents import json as json_documents
from gate.documents import manifests, yaml_reports
from gate.documents import syntax as syntaxes
from gate.documents.document import Document
from gate.documents.envelope import decoded, is_wrapped, uncompressed
from gate.errors import ReportError, quoted
from gate.kubernetes import kustomizations, objects
from gate.kubernetes_object import RENDERED, KubernetesObject
from gate.model import Evidence, Report, Scan, Status

if TYPE_CHECKING:
    from gate.documents.parts import Parts

KUBERNETES: Final = "kubernetes"
_REPORT_GROUPS: Final = ("aquasecurity.github.io", "wgpolicyk8s.io", "openreports.io", "reports.kyverno.io")
"""What scanners write into a cluster: as manifests they would all be harmless."""
_SHOWN: Final = 20
"""Rejected elements named in a report's notes; all of them are in the scan."""


class Adapter(Protocol):
    """One format (scanners/__init__.py has them all)."""

    def detect(self, document: Document) -> str | None:
        """Why a document is of this format, or None."""

    def parse(self, document: Document) -> Scan:
        """What it says."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One file, read."""

    scan: Scan
    report: Report
    why: str
    """Why it was taken for this format."""
    data: bytes
    """UTF-8 text of the file, for positions and excerpts; empty where it was too large to be held."""
    configuration: tuple[inputs.Configured, ...] = ()
    """What Conftest's policies see of it, where such policies judge."""


def ingest(
    data: bytes,
    path: str,
    adapters: Mapping[str, Adapter],
    read_manifests: manifests.ReadMany,
    declared: str | None = None,
    *,
    configuration: Mapping[str, inputs.Reader] | None = None,
    is_named: bool = False,
) -> Read:
    """What the file `path` with the content `data` says, and its documents with `configuration`, the readers by name.

    `declared` is the format somebody named for it (`--as`, gate.yaml); without it the content
    decides. `is_named`: the file was named by itself, not found below a folder. Raises `ReportError` for everything that is not wholly understood.
    """
    text, notes = decoded(uncompressed(data, path), path)
    if declared is not None and declared != KUBERNETES and declared not in adapters:
        raise ReportError(
            f"format {quoted(declared)} is not known",
            code="format_unknown",
            path=path,
            expected=f"one of {', '.join(sorted([*adapters, KUBERNETES]))}",
        )
    if configuration is not None:
        return _configured(text, data, path, adapters, read_manifests, declared, notes, configuration)
    if declared == KUBERNETES:
        scan, why = _manifest_scan(text, path, read_manifests), "declared"
    elif _is_yaml(text, path) and (declared is None or text.lstrip()[:1] not in (b"{", b"[")):
        scan, why = _yaml_scan(text, path, adapters, read_manifests, declared)
    else:
        scan, why = _report_scan(text, path, adapters, read_manifests, declared)
    if is_named or path.endswith(RENDERED):
        _refuse_kustomization(scan, path)
    return Read(scan=scan, report=_report(scan, _sha256(data), path, notes), why=why, data=text)


def ingest_parts(
    parts: Parts,
    adapters: Mapping[str, Adapter],
    by_parts: Mapping[str, Collection[str]],
    declared: str | None = None,
) -> Read | None:
    """As `ingest`, of a document that is too large to be held; None where its format is none of `by_parts`.

    Those formats' adapters take the elements of the arrays that stand there one by one. Raises
    `ReportError` as `ingest` does.
    """
    text, path = parts.document, parts.path
    if declared is not None and declared not in by_parts:
        return None
    top = json_documents.outline(json_documents.parsed(text, path))
    document = Document(path=path, data=text, syntax="json", top=top, parts=parts)
    name, why = (declared, "declared") if declared is not None else _recognised(document, adapters)
    if name not in by_parts:
        return None
    scan = _with_rejected(adapters[name].parse(document))
    if left := parts.left(by_parts[name]):
        raise LookupError(f"{path}: the adapter of {name} did not read {left}")
    return Read(scan=scan, report=_report(scan, parts.sha256, path, ()), why=why, data=b"")


def _configured(
    text: bytes,
    data: bytes,
    path: str,
    adapters: Mapping[str, Adapter],
    read_manifests: manifests.ReadMany,
    declared: str | None,
    notes: tuple[str, ...],
    readers: Mapping[str, inputs.Reader],
) -> Read:
    """A file where Conftest's policies judge: whatever else it is, it is configuration too.

    What is neither manifest nor report is configuration alone; the others are read as ever, and refused
    as ever where they are broken.
    """
    name = inputs.parser(path) if declared is None else None
    documents: tuple[inputs.Configured, ...]
    if name is not None:
        scan, why = _configuration_scan(name), "its name"
        documents = inputs.read(text, path, name, readers)
    elif declared == KUBERNETES or (declared is None and _is_yaml(text, path)):
        answer = read_manifests(text, path)
        documents = inputs.yaml_documents(answer, path)
        is_other = posixpath.basename(path) not in kustomizations.NAMES
        if declared is None and is_other and not any(one.is_like_an_object for one in documents):
            scan, why = _configuration_scan("yaml"), "YAML without apiVersion and kind"
        else:
            scan = _manifest_scan(text, path, lambda *_: answer)
            why = "declared" if declared else "YAML"
    else:
        # Lines and text are reports of one tool or nothing; one value is configuration too.
        told = syntaxes.document(text, path).syntax
        syntax: Literal["json", "xml"] | None = told if told in ("json", "xml") else None
        try:
            scan, why = _report_scan(text, path, adapters, read_manifests, declared)
        except ReportError as error:
            if error.problems[0].code != "format_unknown" or syntax is None:
                raise
            scan, why = _configuration_scan(syntax), f"{syntax.upper()} that is no report"
        if syntax is not None:
            documents = inputs.values(text, path, syntax)
        else:
            documents = (
                inputs.yaml_documents(read_manifests(text, path), path) if scan.format == KUBERNETES else ()
            )
    return Read(
        scan=scan,
        report=_report(scan, _sha256(data), path, notes),
        why=why,
        data=text,
        configuration=documents,
    )


def _configuration_scan(name: str) -> Scan:
    return Scan(format=name, scanner=name, status=Status.OK, kinds=())


def _is_yaml(text: bytes, path: str) -> bool:
    # A JSON manifest in a .yaml file is read the same way.
    start = text.lstrip()[:1]
    if path == "-":
        return start not in (b"{", b"[", b"<", b"n", b"")  # `helm template | gate check -`
    is_named = path.lower().endswith((".yaml", ".yml")) or posixpath.basename(path) in kustomizations.NAMES
    return is_named and start not in (b"<", b"")


def _report_scan(
    text: bytes,
    path: str,
    adapters: Mapping[str, Adapter],
    read_manifests: manifests.ReadMany,
    declared: str | None,
) -> tuple[Scan, str]:
    document = syntaxes.document(text, path)
    name, why = (declared, "declared") if declared is not None else _recognised(document, adapters)
    if name == KUBERNETES:
        return _manifest_scan(text, path, read_manifests), why
    return _with_rejected(adapters[name].parse(document)), why


def _recognised(document: Document, adapters: Mapping[str, Adapter]) -> tuple[str, str]:
    """The format of a document, and why; raises `ReportError` unless it is of exactly one."""
    reasons = {name: why for name, adapter in adapters.items() if (why := adapter.detect(document))}
    first = document.top[0] if document.syntax == "ndjson" else document.top
    if objects.is_object(first) and not _claimed(document, reasons):
        reasons[KUBERNETES] = "it has apiVersion and kind"
    if not reasons:
        raise _unknown(document, adapters)
    if len(reasons) > 1:
        raise ReportError(
            "more than one format matches",
            code="format_ambiguous",
            path=document.path,
            line=1,
            column=1,
            found="; ".join(f"{name}: {why}" for name, why in sorted(reasons.items())),
            fix=f"name the right one: --as {min(reasons)}={document.path}",
        )
    [found] = reasons.items()
    return found


def _yaml_scan(
    text: bytes,
    path: str,
    adapters: Mapping[str, Adapter],
    read_manifests: manifests.ReadMany,
    declared: str | None,
) -> tuple[Scan, str]:
    """Manifests, or a report that is written as YAML (documents/yaml_reports.py)."""
    answer = read_manifests(text, path)
    value = yaml_reports.as_json(answer, path, _REPORT_GROUPS)
    document = syntaxes.document(value, path) if value is not None else None
    if document is None or not (declared or any(one.detect(document) for one in adapters.values())):
        if declared is not None:
            raise ReportError(
                "not one report",
                code="report_wrong_shape",
                path=path,
                line=answer[0].line if answer else 1,
                column=1,
                found=f"{len(answer)} YAML documents",
                expected=f"one document of the format {declared}, or Kubernetes objects that are reports",
            )
        return _manifest_scan(text, path, lambda *_: answer), "YAML"
    try:
        scan, why = _report_scan(document.data, path, adapters, read_manifests, declared)
    except ReportError as error:
        raise _placed_at(error, answer[0].line) from None
    return scan, f"YAML: {why}"


def _placed_at(error: ReportError, line: int) -> ReportError:
    """`error` at the line where the report begins: places in its JSON are none of the file."""
    problems = tuple(msgspec.structs.replace(one, line=line, column=1) for one in error.problems)
    return ReportError(problems=problems)


def _claimed(document: Document, reasons: Mapping[str, str]) -> bool:
    """Whether a report in the shape of a Kubernetes object has its adapter."""
    versions = (document.at("apiVersion"), document.at("items", 0, "apiVersion"))
    return bool(reasons) and any(str(one).partition("/")[0].endswith(_REPORT_GROUPS) for one in versions)


def _unknown(document: Document, adapters: Mapping[str, Adapter]) -> ReportError:
    if document.syntax == "json":
        looked_like = json_documents.described(document.top)
    elif document.syntax == "ndjson":
        looked_like = f"JSON lines, the first a {json_documents.described(document.top[0])}"
    elif document.syntax == "text":
        looked_like = f"text that begins with {quoted(min(document.marks))}"
    else:
        looked_like = f"{document.syntax} with the root {quoted(document.top)}"
    return ReportError(
        f"kind not recognised (looked like: {looked_like})",
        code="format_unknown",
        path=document.path,
        line=1,
        column=1,
        expected=f"one of {', '.join(sorted([*adapters, KUBERNETES]))}",
        fix=f"--as {_meant(document)}={document.path}, or remove it; unknown files are never skipped silently",
    )


def _meant(document: Document) -> str:
    is_manifest = document.syntax == "text" and document.top.startswith(("apiVersion:", "kind:"))
    return KUBERNETES if is_manifest else "FORMAT"


def _manifest_scan(text: bytes, path: str, read_manifests: manifests.ReadMany) -> Scan:
    """The objects of a stream."""
    found = manifests.kubernetes_objects(read_manifests, text, path)
    for one in found:
        if one.group.endswith(_REPORT_GROUPS):
            raise _refused(
                one,
                path,
                "a report in the shape of a Kubernetes object, not a manifest",
                code="format_not_read",
                expected="manifests, or the scanner's own report",
                fix="hand reports over alone (kubectl get … -o json), if gate has their format",
            )
    status = Status.OK if found else Status.EMPTY_TARGET
    notes = () if found else ("the file holds no object",)
    kinds = (Evidence.MANIFESTS,)
    return Scan(format=KUBERNETES, scanner=KUBERNETES, status=status, kinds=kinds, objects=found, notes=notes)


def _refuse_kustomization(scan: Scan, path: str) -> None:
    """Raise for a kustomization that was named by itself, or that a tool made: nothing else of it would be judged."""
    for one in scan.objects:
        if one.group == kustomizations.GROUP:
            raise _refused(
                one,
                path,
                "a kustomization is no manifest: what it patches is seen only once it is built",
                code="kustomization",
                expected="manifests",
                fix=objects.FIX_OF_KUSTOMIZATION,
            )


def _refused(
    one: KubernetesObject, path: str, message: str, *, code: str, expected: str, fix: str
) -> ReportError:
    """The error for an object that is none to judge, at its place."""
    return ReportError(
        message,
        code=code,
        path=path,
        line=one.source.line if one.source else 1,
        column=1,
        found=f"{quoted(one.object.get('kind'))} of {quoted(one.group)}",
        expected=expected,
        fix=fix,
    )


def is_manifest(file: bytes, path: str, declared: str | None) -> bool:
    """Whether `ingest` will read the file with `read_manifests` as it is, told by a glance."""
    if is_wrapped(file):
        return False
    return declared == KUBERNETES or (declared is None and _is_yaml(file, path))


def _with_rejected(scan: Scan) -> Scan:
    """`scan` with its rejected elements told in its notes, and never `ok` where there are any."""
    if not scan.rejected:
        return scan
    count, more = len(scan.rejected), len(scan.rejected) - _SHOWN
    told = [f"not understood and left out: {one}" for one in scan.rejected[:_SHOWN]]
    told += [f"… and {more} more of {count}"] if more > 0 else []
    status = Status.PARTIAL if scan.status in (Status.OK, Status.EMPTY_TARGET) else scan.status
    return msgspec.structs.replace(scan, status=status, notes=(*scan.notes, *told))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _report(scan: Scan, sha256: str, path: str, notes: tuple[str, ...]) -> Report:
    return Report(
        format=scan.format,
        scanner=scan.scanner,
        scanner_version=scan.scanner_version,
        status=scan.status,
        sha256=f"sha256:{sha256}",
        created=scan.created,
        subject=scan.subject,
        findings=len(scan.observations),
        kinds=scan.kinds,
        path=path,
        notes=(*scan.notes, *notes),
    )
