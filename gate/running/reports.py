"""Runs become files: each tool in a scratch folder of its own, two at a time, its exit code understood.

A tool's word counts in both directions: an exit code that is not known is an error, and "I found
something" beside a report of nothing is one too (answers.py, once the report is read).
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import msgspec

from gate import limits
from gate.errors import Problem, ReportError, StoreError, quoted
from gate.files import File, Made
from gate.running import REPORT, Progress, Run
from gate.running.process import Ended, Group, Stopped

LABEL: Final = "run:"
"""How the path of a report begins that gate had made."""
AT_ONCE: Final = 2
_SAID_CHARACTERS: Final = 400
_KEPT: Final = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "XDG_CACHE_HOME", "XDG_DATA_HOME",
    "GOPATH", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOROOT", "TRIVY_CACHE_DIR", "GRYPE_DB_CACHE_DIR",
    "OSV_SCALIBR_LOCAL_DB_CACHE_DIRECTORY", "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY",
)  # fmt: skip
"""What a tool sees of the environment: where it and its data lie; no credential of the pipeline."""
_NETWORK: Final = (
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GOPROXY", "GONOSUMDB",
    "PIP_INDEX_URL", "PIP_CERT", "NPM_CONFIG_REGISTRY", "npm_config_registry",
)  # fmt: skip
"""What it sees besides where the network was asked for."""
_OURS: Final = "GATE_"
"""How the variables begin that are gate's own: a token for the service is among them."""


def found(program: str) -> str | None:
    """Where a program is: beside gate (the extra `scan` installs there), or on PATH; None where it is not."""
    if os.sep in program:
        return program if os.access(program, os.X_OK) and not Path(program).is_dir() else None
    beside = shutil.which(program, path=sysconfig.get_path("scripts") or str(Path(sys.executable).parent))
    return shutil.which(program) or beside


def made(
    runs: Sequence[Run], root: Path, progress: Progress | None = None, keep: Path | None = None
) -> list[File]:
    """The report of every run, in their order; `root` is the folder the tools work in.

    A copy of each is left in the folder `keep`, of failed runs too.

    Raises `ReportError` with the problems of all runs that failed, were missing or took too long.
    """
    missing = [_missing(run) for run in runs if found(run.command[0]) is None]
    if missing:
        raise ReportError(problems=tuple(missing))
    group, watched = Group(), _Watched(runs, progress)
    files: list[File | None] = [None] * len(runs)
    problems: list[tuple[int, Problem]] = []
    with ThreadPoolExecutor(AT_ONCE, "run") as pool:
        try:
            waiting = {
                pool.submit(watched.run, number, group, root, keep): number for number in range(len(runs))
            }
            for done in as_completed(waiting):
                number = waiting[done]
                try:
                    files[number] = done.result()
                except ReportError as error:
                    problems += [(number, problem) for problem in error.problems]
        except BaseException:
            group.end()
            raise
    if problems:
        raise ReportError(problems=tuple(problem for _, problem in sorted(problems, key=lambda one: one[0])))
    labels = _labels(runs)
    return [
        msgspec.structs.replace(file, path=label)
        for label, file in zip(labels, files, strict=True)
        if file is not None
    ]


class _Watched:
    """The runs, and who is told how far they are."""

    def __init__(self, runs: Sequence[Run], progress: Progress | None) -> None:
        self._runs, self._progress = runs, progress
        self._lock = threading.Lock()
        self._running: list[str] = []
        self._done = 0

    def run(self, number: int, group: Group, root: Path, keep: Path | None) -> File:
        run = self._runs[number]
        kept = keep / _labels(self._runs)[number].removeprefix(LABEL).replace("#", "-") if keep else None
        self._tell(run.name, began=True)
        try:
            return _made(run, group, root, kept)
        finally:
            self._tell(run.name, began=False)

    def _tell(self, name: str, *, began: bool) -> None:
        with self._lock:
            if began:
                self._running.append(name)
            else:
                self._running.remove(name)
                self._done += 1
            if self._progress is not None:
                self._progress(self._done, len(self._runs), tuple(self._running))


def _labels(runs: Sequence[Run]) -> list[str]:
    """`run:bandit`, and `run:bandit#2` for a second one."""
    labels: list[str] = []
    for run in runs:
        count = sum(1 for label in labels if label.partition("#")[0] == f"{LABEL}{run.name}")
        labels.append(f"{LABEL}{run.name}" + (f"#{count + 1}" if count else ""))
    return labels


def _made(run: Run, group: Group, root: Path, kept: Path | None) -> File:
    with (
        tempfile.TemporaryDirectory(prefix="gate-run-", ignore_cleanup_errors=True) as scratch,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as said,
    ):
        home = Path(scratch)
        for name, content in run.settings.items():
            (home / name).write_text(content, "utf-8")
        report = home / "report"
        places = {REPORT: str(report), "{home}": scratch}
        command = [_filled(argument, places) for argument in run.command]
        command[0] = found(command[0]) or command[0]
        try:
            ended = group.run(
                command,
                cwd=root / run.folder,
                environment=_environment(run, home),
                output=output,
                said=said,
                timeout_s=run.timeout_s,
            )
        except Stopped:
            raise ReportError("ended because gate ends", code="interrupted", path=_path(run)) from None
        except OSError as error:
            raise ReportError(
                f"{run.name} does not start: {error.strerror}",
                code="tool_failed",
                path=_path(run),
                fix=run.fix,
            ) from None
        is_in_file = any(REPORT in argument for argument in run.command)
        if is_in_file:
            data = _bounded(report.read_bytes() if report.is_file() else b"", run)
        else:
            output.seek(0)
            data = _bounded(output.read(limits.REPORT_BYTES + 1), run)
    if kept is not None:
        _keep(kept, data)
    _refuse_failure(run, ended, data, scratch)
    return File(
        path=_path(run),
        data=data,
        declared=run.format,
        made=Made(
            how=f"{_shown(run.command)} (exit code {ended.code})",
            says_findings=ended.code in run.findings,
            root=str(root.resolve()),
            folder=run.folder,
        ),
    )


def _keep(place: Path, data: bytes) -> None:
    """Write a report to `place`, for its owner alone: it may hold a secret."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise StoreError(
            f"cannot be written: {error.strerror}", code="output_unwritable", path=str(place)
        ) from None


def _filled(argument: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        argument = argument.replace(name, place)
    return argument


def _environment(run: Run, home: Path) -> dict[str, str]:
    """What the tool sees: temporary files stay in its scratch folder, and go with it."""
    if run.is_own_command:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    else:
        names = (*_KEPT, *(_NETWORK if run.has_network else ()))
        kept = {name: os.environ[name] for name in names if name in os.environ}
    own = {name: _filled(value, {"{home}": str(home)}) for name, value in run.environment.items()}
    return {**kept, "TMPDIR": str(home), "NO_COLOR": "1", **own}


def _bounded(data: bytes, run: Run) -> bytes:
    if len(data) > limits.REPORT_BYTES:
        raise ReportError(
            f"{run.name} printed too much",
            code="too_large",
            path=_path(run),
            expected=f"at most {limits.REPORT_BYTES} bytes",
        )
    return data


def _refuse_failure(run: Run, ended: Ended, data: bytes, scratch: str) -> None:
    """Raise for every end but those that the tool says mean "looked", and for a report that is not there."""
    told = _told(ended.said, scratch)
    if ended.code is None:
        raise ReportError(
            f"{run.name} did not end within {run.timeout_s:g} s",
            code="timeout",
            path=_path(run),
            fix="scan less, or give it more time",
        )
    if ended.code not in run.clean | run.findings:
        how = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
        known = ", ".join(str(code) for code in sorted(run.clean | run.findings))
        raise ReportError(
            f"{run.name} failed: {told}",
            code="tool_failed",
            path=_path(run),
            found=how,
            expected=f"exit code {known}",
            fix=run.fix,
        )
    if not data.strip():
        raise ReportError(
            f"{run.name} wrote no report: {told}",
            code="report_empty",
            path=_path(run),
            found=f"exit code {ended.code} and no output",
            expected="its report",
            fix=run.fix,
        )


def _missing(run: Run) -> Problem:
    return Problem(
        code="tool_missing",
        message=f"{run.name} is not installed",
        path=_path(run),
        found=f"no {quoted(run.command[0])} on PATH",
        expected="the program",
        fix=run.fix,
    )


def _path(run: Run) -> str:
    return f"{LABEL}{run.name}"


def _told(said: str, scratch: str) -> str:
    """The last lines of what a tool said, on one line that no terminal obeys."""
    lines = [" ".join(line.split()) for line in said.replace(scratch, "…").splitlines()]
    text = "; ".join([line for line in lines if line][-4:])
    plain = "".join(character if character.isprintable() else "?" for character in text)
    shown = plain if len(plain) <= _SAID_CHARACTERS else "…" + plain[-_SAID_CHARACTERS:]
    return shown or "no message"


def _shown(command: Sequence[str]) -> str:
    """A command as one reads it, cut where it is long."""
    text = " ".join(command)
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= _SAID_CHARACTERS else plain[: _SAID_CHARACTERS - 1] + "…"
