"""Files that the engine reads (engine/PROTOCOL.md): manifests by the cluster's own reader, HCL by Conftest's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from gate import limits
from gate.documents.manifests import Answer
from gate.engines import protocol
from gate.engines.embedded import Engine
from gate.engines.protocol import Op
from gate.errors import PolicyError, ReportError

_LIMITS: Final = {
    "bytes": limits.MANIFEST_BYTES,
    "document_bytes": limits.YAML_BYTES,
    "depth": limits.YAML_DEPTH,
    "aliases": limits.YAML_ALIASES,
    "nodes": limits.YAML_NODES,
    "documents": limits.MANIFEST_DOCUMENTS,
}

_HCL_LIMITS: Final = {"bytes": limits.YAML_BYTES, "depth": limits.YAML_DEPTH}


def one(engine: Engine, data: bytes, path: str, pointers: Iterable[tuple[int, str]] = ()) -> Any:
    """What MANIFESTS answers for one file; raises `ReportError` with `path:line:col`."""
    header = {"limits": _LIMITS, "pointers": _pointers(pointers)}
    try:
        payload = _read(engine, Op.MANIFESTS, header, data)
    except PolicyError as error:
        raise protocol.as_report_error(error, path) from None
    return msgspec.json.decode(payload)


def hcl(engine: Engine, data: bytes, path: str) -> Any:
    """The value of an HCL file, as Conftest gives it; raises `ReportError` with `path:line:col`."""
    try:
        payload = engine.ask(Op.HCL, {"limits": _HCL_LIMITS}, data, timeout_s=limits.EVALUATION_TIMEOUT_S)
    except PolicyError as error:
        raise protocol.as_report_error(error, path) from None
    return msgspec.json.decode(payload)["value"]


class _Files(msgspec.Struct):
    files: list[Answer]


_FILES: Final = msgspec.json.Decoder(_Files)


def answers(
    engine: Engine, files: Sequence[bytes], wanted: Sequence[Sequence[tuple[int, str]]] | None = None
) -> list[Answer]:
    """What MANIFESTS_MANY answers for each of `files`: its documents, or with `wanted` places in it.

    Raises `PolicyError` where the engine fails; what is wrong with a file is in its answer.
    """
    header: dict[str, Any] = {"limits": _LIMITS, "count": len(files)}
    if wanted is not None:
        header["pointers"] = [_pointers(pointers) for pointers in wanted]
    body = protocol.parts(files)
    payload = _read(engine, Op.MANIFESTS_MANY, header, body)
    told = _FILES.decode(payload).files
    if len(told) != len(files):
        raise PolicyError(f"{len(files)} files were read, {len(told)} answered", code="engine_lost")
    return told


def refused(answer: Answer, path: str) -> ReportError | None:
    """Why the file `path` is refused, if it is."""
    if not bytes(answer.error):
        return None
    return protocol.as_report_error(protocol.failure(answer.error), path)


def _pointers(wanted: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    return [{"document": document, "pointer": pointer} for document, pointer in wanted]


def _read(engine: Engine, op: Op, header: dict[str, Any], body: bytes) -> memoryview:
    timeout_s = limits.EVALUATION_TIMEOUT_S + len(body) / limits.MANIFEST_RATE
    try:
        return engine.ask(op, header, body, timeout_s=timeout_s)
    except PolicyError as error:
        if error.problems[0].code != "timeout":
            raise
        raise PolicyError(
            f"manifests of {len(body)} bytes were not read within {timeout_s:.0f} s",
            code="timeout",
            expected=f"at least {limits.MANIFEST_RATE} bytes a second",
            fix="give the machine more time, or hand the manifests over in smaller files",
        ) from None
