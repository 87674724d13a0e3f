"""govulncheck's JSON (`-format json`): flaws in Go modules, one finding for each flaw and module.

The tool writes a stream of messages, and repeats a finding for the module, the package and every symbol
it reaches: all of them are one, and `confidence` says how far the code reaches (symbol high, package
medium, module low). A stream has no end of its own, so one without findings proves nothing; SARIF
(`-format sarif`) has one. The Go database has no severities. Also reads messages gathered in an array,
and the single object of the versions before 1.0. Not read: traces, call stacks.

Source: golang.org/x/vuln, `internal/govulncheck`; real reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import field

from gate.documents.document import Document, wrong_shape
from gate.documents.records import Records
from gate.model import Evidence, FixState, Observation, Scan, Status
from scanners import flaws

_EXPECTED: Final = "govulncheck's JSON"
_REACH: Final = ("low", "medium", "high")


class _Osv(msgspec.Struct):
    id: str
    aliases: list[str] | None = None
    summary: str = ""


class _Frame(msgspec.Struct):
    module: str
    version: str = ""
    package: str = ""
    function: str = ""


class _Finding(msgspec.Struct):
    osv: str
    trace: list[_Frame]
    fixed_version: str = ""


class _Config(msgspec.Struct):
    scanner_name: str = ""
    scanner_version: str | None = None


class _Message(msgspec.Struct):
    """One message; exactly one of them is there, and those that are not known are progress."""

    config: _Config | None = None
    osv: _Osv | None = None
    finding: _Finding | None = None


class _OldFlaw(msgspec.Struct):
    osv: _Osv = field(name="OSV")
    module: str = field(name="ModPath", default="")
    symbol: str = field(name="Symbol", default="")
    call_sink: int = field(name="CallSink", default=0)


class _Module(msgspec.Struct, rename="pascal"):
    path: str
    version: str = ""


class _Old(msgspec.Struct, rename="pascal"):
    vulns: list[_OldFlaw] | None
    modules: list[_Module] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is of govulncheck, or None."""
    if str(document.at_record("config", "scanner_name")) == "govulncheck" or (
        document.at_record("config", "protocol_version") and document.at_record("config", "go_version")
    ):
        return "its first message is govulncheck's config"
    if {"Calls", "Imports", "Requires", "Vulns"} <= document.keys:
        return "Calls, Imports, Requires and Vulns (before 1.0)"
    return None


def parse(document: Document) -> Scan:
    """One observation for each flaw and module.

    Raises `ReportError` where the first message is no config.
    """
    if "Vulns" in document.keys:
        return _old(document.decoded(_Old, _EXPECTED))
    messages = document.records(_Message, _EXPECTED)
    if messages.good[0].config is None:
        raise wrong_shape(
            document.path,
            "the first message is not the config of govulncheck",
            expected=_EXPECTED,
            fix="hand over all that govulncheck wrote",
        )
    return _stream(messages, is_open=document.syntax == "ndjson" or bool(document.keys))


def _stream(messages: Records[_Message], *, is_open: bool) -> Scan:
    known = {message.osv.id: message.osv for message in messages.good if message.osv}
    reached: dict[tuple[str, str], list[_Finding]] = {}
    for message in messages.good:
        if message.finding and message.finding.trace:
            at = message.finding.trace[0]
            reached.setdefault((message.finding.osv, at.module), []).append(message.finding)
    proves_nothing = is_open and not reached
    config = messages.good[0].config or _Config()
    return Scan(
        format="govulncheck",
        scanner="govulncheck",
        scanner_version=config.scanner_version,
        status=Status.PARTIAL if proves_nothing else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(_observations(reached, known)),
        rejected=messages.rejected,
        notes=("a stream without findings may have been cut; write SARIF (-format sarif), which has an end",)
        if proves_nothing
        else (),
    )


def _observations(
    reached: Mapping[tuple[str, str], list[_Finding]], known: Mapping[str, _Osv]
) -> Iterable[Observation]:
    for (id_, module), found in reached.items():
        reach = max(bool(one.trace[0].package) + bool(one.trace[0].function) for one in found)
        yield _observation(
            known.get(id_) or _Osv(id_),
            module,
            found[0].trace[0].version,
            _REACH[reach],
            [one.fixed_version for one in found],
        )


def _old(report: _Old) -> Scan:
    versions = {module.path: module.version for module in report.modules or ()}
    reached: dict[tuple[str, str], list[_OldFlaw]] = {}
    for flaw in report.vulns or ():
        reached.setdefault((flaw.osv.id, flaw.module), []).append(flaw)
    return Scan(
        format="govulncheck",
        scanner="govulncheck",
        status=Status.OK if versions else Status.EMPTY_TARGET,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(
            _observation(
                found[0].osv,
                module,
                versions.get(module, ""),
                _REACH[2 if any(one.call_sink for one in found) else 0],
                None,
            )
            for (_, module), found in reached.items()
        ),
        notes=() if versions else ("no module was looked at",),
    )


def _observation(osv: _Osv, module: str, version: str, reach: str, fixed: list[str] | None) -> Observation:
    seen = flaws.observed(
        flaws.Flaw(
            id=osv.id,
            package=module,
            version=version or None,
            system="go",
            title=f"{osv.summary or osv.id} in {module}",
            names=osv.aliases or (),
            fixed=fixed or (),
            unfixed=FixState.UNKNOWN if fixed is None else FixState.NOT_FIXED,
        ),
        "govulncheck",
    )
    return msgspec.structs.replace(seen, finding=msgspec.structs.replace(seen.finding, confidence=reach))
