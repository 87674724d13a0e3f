"""`gate check --server`: the same output and exit codes; no service, no pass."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, Result, files, gate
from tests.service.server import Server

DIGEST = "sha256:" + "c" * 64


@pytest.fixture(autouse=True)
def without_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATE_SERVER_URL", "GATE_TOKEN", "GATE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def check(folder: Path, server: Server, project: str, *arguments: str, role: str = "ci") -> Result:
    token = server.token(role, project)
    common = ("--server", server.url, "--token", token, "--project", project)
    return gate(folder, "check", *arguments, *common)


@pytest.mark.parametrize(("report", "code"), [(CLEAN_BANDIT, 0), (BANDIT_EVAL, 1), ("[]", 3)])
def test_the_exit_code_is_the_local_one(
    server: Server, project: str, tmp_path: Path, report: object, code: int
) -> None:
    files(tmp_path, b_json=report)
    here = gate(tmp_path, "check", "b.json", "--project", project)
    there = check(tmp_path, server, project, "b.json")

    assert (code, code) == (here.code, there.code)


def test_waiting_for_approval_is_exit_4(server: Server, tmp_path: Path) -> None:
    settings = "version: 1\nenvironments: [{name: production, approvals: {number: 1}}]\n"
    project = server.project(f"team/{uuid4().hex[:12]}", settings)
    files(tmp_path, b_json=CLEAN_BANDIT)
    result = check(
        tmp_path, server, project, "b.json", "--environment", "production", "--subject", f"web@{DIGEST}"
    )

    assert 4 == result.code, result.err


def test_a_weaker_gate_yaml_changes_nothing(server: Server, project: str, tmp_path: Path) -> None:
    weak = "version: 1\nthresholds: {code: {high: 100}}\npolicies: {actions: {GATE-CODE-*: audit}}\n"
    files(tmp_path, b_json=BANDIT_EVAL, gate_yaml=weak)
    result = check(tmp_path, server, project, "b.json")

    assert 1 == result.code
    assert "not looked at" in result.err


def test_a_stricter_gate_yaml_is_heard(server: Server, tmp_path: Path) -> None:
    project = server.project(f"team/{uuid4().hex[:12]}", "version: 1\nenvironments: [{name: staging}]\n")
    strict = "version: 1\nenvironments: [{name: staging, evidence: {require: [sbom]}}]\n"
    files(tmp_path, b_json=CLEAN_BANDIT, gate_yaml=strict)
    result = check(tmp_path, server, project, "b.json", "--environment", "staging", "-o", "json")

    assert ["GATE-EVID-001"] == [violation["rule"] for violation in result.json["violations"]]


@pytest.mark.parametrize("flag", ["--policy", "--data", "--waivers", "--approvals", "--baseline"])
def test_what_the_service_decides_by_is_not_handed_over(
    server: Server, project: str, tmp_path: Path, flag: str
) -> None:
    files(tmp_path, b_json=CLEAN_BANDIT, x_yaml="version: 1\n")

    assert 2 == check(tmp_path, server, project, "b.json", flag, "x.yaml").code


def test_a_viewer_cannot_ask(server: Server, project: str, tmp_path: Path) -> None:
    files(tmp_path, b_json=CLEAN_BANDIT)
    result = check(tmp_path, server, project, "b.json", role="viewer")

    assert 3 == result.code
    assert "403" in result.err


def test_without_a_token_nobody_is_asked(tmp_path: Path) -> None:
    files(tmp_path, b_json=CLEAN_BANDIT)

    assert 2 == gate(tmp_path, "check", "b.json", "--server", "http://127.0.0.1:9").code


def test_a_service_that_cannot_be_reached_is_no_pass(tmp_path: Path) -> None:
    files(tmp_path, b_json=CLEAN_BANDIT)
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        asked = ("--server", url, "--token", "t", "--project", "p", "--timeout", "500ms")
        result = gate(tmp_path, "check", "b.json", *asked, "-o", "json")

    assert (3, "server_unreachable") == (result.code, result.json["problems"][0]["code"])


@contextmanager
def stranger(answer: bytes) -> Iterator[str]:
    """The URL of something that answers every connection with `answer`, and is no service."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answering() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.recv(1_000_000)
                        connection.sendall(answer)

        thread = Thread(target=answering)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 201 Created\r\nContent-Length: 18\r\n\r\n{"outcome":"pass"}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_whatever_else_answers_there_is_no_pass(tmp_path: Path, answer: bytes) -> None:
    files(tmp_path, b_json=CLEAN_BANDIT)
    with stranger(answer) as url:
        asked = ("--server", url, "--token", "t", "--project", "p", "--timeout", "500ms")
        result = gate(tmp_path, "check", "b.json", *asked)

    assert 3 == result.code


def test_a_recorded_decision_is_shown_again(server: Server, project: str, tmp_path: Path) -> None:
    made = server.decide(project, BANDIT_EVAL).json
    asked = ("--server", server.url, "--token", server.token("viewer", project))
    shown = gate(tmp_path, "decision", "show", made["decision_id"], *asked, "-o", "json")
    absent = gate(tmp_path, "decision", "show", "nothing", *asked)

    assert (1, made) == (shown.code, shown.json)
    assert 3 == absent.code
