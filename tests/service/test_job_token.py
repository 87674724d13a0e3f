"""`gate check --server` in a job without a secret: the job's ID token is exchanged, and shown to nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, Result, files, gate
from tests.service.claims import COMMIT, encoded, github, gitlab, trusting
from tests.service.provider import Provider
from tests.service.server import Server

HERE = "https://gate.example"
Check = Callable[..., Result]


@pytest.fixture
def check(believing: Server, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """`gate check` of a clean report in a job with those variables and no token of its own."""
    for name in ("GATE_SERVER_URL", "GATE_TOKEN", "GATE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(provider.ca))
    files(tmp_path, b_json=CLEAN_BANDIT, flawed__b_json=BANDIT_EVAL)

    def run(project: str, *arguments: str, server: str = believing.url, **variables: str) -> Result:
        for name, value in {"GATE_ID_TOKEN_AUDIENCE": HERE, **variables}.items():
            monkeypatch.setenv(name, value)
        report = "flawed/b.json" if "flawed" in arguments else "b.json"
        rest = [one for one in arguments if one != "flawed"]
        return gate(tmp_path, "check", report, "--server", server, "--project", project, "-o", "json", *rest)

    return run


def test_a_job_of_github_checks_without_a_secret(believing: Server, provider: Provider, check: Check) -> None:
    project, repository = trusting(believing, "github")
    variables = provider.runs(github(provider, repository))
    passed, failed = check(project, **variables), check(project, "flawed", **variables)
    subject = passed.json["subject"]

    assert (0, 1) == (passed.code, failed.code), passed.err
    assert (COMMIT, "main", False) == (subject["commit"], subject["branch"], subject["claimed"])


def test_a_job_of_gitlab_checks_without_a_secret(believing: Server, provider: Provider, check: Check) -> None:
    project, repository = trusting(believing, "gitlab")
    result = check(project, GATE_ID_TOKEN=provider.token("gitlab", gitlab(provider, repository)))

    assert 0 == result.code, result.err
    assert result.json["subject"]["claimed"] is False


def test_other_commands_exchange_as_well(
    believing: Server, provider: Provider, check: Check, tmp_path: Path
) -> None:
    project, repository = trusting(believing, "gitlab")
    token = provider.token("gitlab", gitlab(provider, repository))
    made = check(project, GATE_ID_TOKEN=token).json["decision_id"]
    shown = gate(tmp_path, "decision", "show", made, "--server", believing.url)

    assert 0 == shown.code, shown.err


def test_a_token_that_was_given_goes_before_the_jobs(
    believing: Server, provider: Provider, check: Check
) -> None:
    project, repository = trusting(believing, "github")
    given = believing.token("viewer", project)
    provider.asked()
    result = check(project, "--token", given, **provider.runs(github(provider, repository)))
    asked = provider.asked()

    assert 3 == result.code
    assert "decisions:write" in result.out
    assert [] == [path for path in asked if path.endswith("/job")]


def test_a_job_that_no_rule_fits_is_refused_and_not_passed(
    believing: Server, provider: Provider, check: Check
) -> None:
    project, _ = trusting(believing, "github")
    result = check(project, **provider.runs(github(provider, "acme/other", repository_id="7")))

    assert (3, "invalid_grant") == (result.code, result.json["problems"][0]["code"])


@pytest.mark.parametrize(
    "audience", ["sts.amazonaws.com", "", None, [HERE, "sts.amazonaws.com"], [], f"{HERE}/", f"{HERE}.evil"]
)
def test_an_id_token_for_somebody_else_is_not_sent(
    provider: Provider, check: Check, audience: object
) -> None:
    with Listening() as stranger:
        claims = {**gitlab(provider, "acme/web"), "aud": audience}
        result = check("acme/web", server=stranger.url, GATE_ID_TOKEN=provider.token("gitlab", claims))

    assert (2, []) == (result.code, stranger.asked)
    assert "not for this service alone" in result.out


def test_without_another_word_the_audience_is_the_service_itself(provider: Provider, check: Check) -> None:
    with Listening() as service:
        claims = {**gitlab(provider, "acme/web"), "aud": service.url}
        token = provider.token("gitlab", claims)
        check("acme/web", server=f"{service.url}/", GATE_ID_TOKEN=token, GATE_ID_TOKEN_AUDIENCE="")

    assert ["/api/v1/auth/token"] == [path for path, _ in service.asked]


@pytest.mark.parametrize(
    "token", ["x", "a.b", "a.b.c", "a.é.c", f"a.{encoded([1])}.c", "a.b.c.d", "a" * 20_000]
)
def test_what_is_no_id_token_is_not_sent(check: Check, token: str) -> None:
    with Listening() as stranger:
        result = check("acme/web", server=stranger.url, GATE_ID_TOKEN=token)

    assert (True, []) == (result.code in (2, 3), stranger.asked)
    assert token not in result.out + result.err or token == "x"


def test_an_id_token_is_not_sent_in_clear(provider: Provider, check: Check) -> None:
    token = provider.token("gitlab", gitlab(provider, "acme/web"))
    result = check("acme/web", server="http://192.0.2.1:9", GATE_ID_TOKEN=token)

    assert (2, True) == (result.code, "plain http" in result.out)


def test_a_redirect_gets_neither_the_runners_token_nor_the_jobs(provider: Provider, check: Check) -> None:
    variables = provider.runs(github(provider, "acme/web"))
    provider.asked()
    provider.mode("redirect")
    try:
        result = check("acme/web", **variables)
    finally:
        provider.mode("well")

    assert (3, ["/github/job"]) == (result.code, provider.asked())
    assert "id-token: write" in result.out


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/job", "file:///etc/passwd", "https://u:p@localhost/job", "x"]
)
def test_an_address_that_no_runner_names_is_not_asked(check: Check, url: str) -> None:
    variables = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t0ken-of-a-runner"}
    result = check("acme/web", **variables)

    assert (3, "id_token") == (result.code, result.json["problems"][0]["code"])
    assert "t0ken-of-a-runner" not in result.out + result.err


def test_a_service_that_redirects_gets_the_id_token_and_nobody_else_does(
    provider: Provider, check: Check
) -> None:
    with Listening() as elsewhere, Listening(location=elsewhere.url) as service:
        token = provider.token("gitlab", gitlab(provider, "acme/web"))
        result = check("acme/web", server=service.url, GATE_ID_TOKEN=token)

    assert (3, 1, []) == (result.code, len(service.asked), elsewhere.asked)


@pytest.mark.parametrize(
    "answer", [{}, {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": 1}, []]
)
def test_an_answer_without_a_token_is_no_pass(provider: Provider, check: Check, answer: object) -> None:
    with Listening(answer=answer) as service:
        token = provider.token("gitlab", gitlab(provider, "acme/web"))
        result = check("acme/web", server=service.url, GATE_ID_TOKEN=token)

    assert (3, "server_answer", 1) == (result.code, result.json["problems"][0]["code"], len(service.asked))


def test_a_job_that_offers_nothing_is_told_what_to_do(check: Check) -> None:
    result = check(
        f"acme/{uuid4().hex}", ACTIONS_ID_TOKEN_REQUEST_URL="https://localhost/x", GATE_ID_TOKEN=""
    )

    assert (2, True) == (result.code, "docs/identity.md" in result.out)


class Listening:
    """Somebody who answers everything alike, and remembers what was asked."""

    def __init__(self, location: str | None = None, answer: object = None) -> None:
        self.asked: list[tuple[str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append((self.path, self.headers.get("Authorization", "")))
                self.rfile.read(int(self.headers["Content-Length"]))
                data = json.dumps(answer).encode()
                self.send_response(307 if location else 200)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Listening:
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
