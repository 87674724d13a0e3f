"""The API server as gate asks it: which one, with whose rights, and never a part of a list for the whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate import bootstrap
from gate.admission.known import Known
from gate.cluster import access, audit, client
from gate.cluster.client import Access, Cluster, Refused
from gate.errors import GateError, SettingsError
from gate.model import Point
from gate.service import standing

Answer = tuple[int, bytes]


class ApiServer:
    """Answers what a test puts in, one after another, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, str | None]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.asked.append((self.command, self.path, self.headers.get("Authorization")))
                status, body = api.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PATCH = do_DELETE = do_POST = _answer  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setattr(client, "BUSY_PAUSES_S", (0.0, 0.0))
    one = ApiServer()
    yield one
    one.server.shutdown()
    one.server.server_close()
    one.thread.join()


def cluster(api: ApiServer, **more: Any) -> Cluster:
    return Cluster(Access(url=api.url, context=None, said="a test", **more))


def page(*names: str, following: str = "") -> Answer:
    return 200, json.dumps(
        {"metadata": {"continue": following}, "items": [{"n": name} for name in names]}
    ).encode()


def refusal(status: int, **metadata: str) -> Answer:
    return status, json.dumps({"kind": "Status", "message": "no", "metadata": metadata}).encode()


def names(asked: Cluster) -> list[str]:
    return [json.loads(item)["n"] for item in asked.items("/api/v1/pods")]


def test_pages_are_followed_to_the_last(api: ApiServer) -> None:
    api.answers = [page("a", "b", following="t1"), page("c", following="t2"), page("d")]

    assert ["a", "b", "c", "d"] == names(cluster(api))
    assert ["", "t1", "t2"] == [path.partition("continue=")[2] for _, path, _ in api.asked]


def test_a_list_whose_pages_expired_goes_on_where_the_server_says(api: ApiServer) -> None:
    api.answers = [page("a", following="t1"), refusal(410, **{"continue": "t1b"}), page("b")]

    assert ["a", "b"] == names(cluster(api))


@pytest.mark.parametrize(
    "answers",
    [
        [page("a", following="t"), refusal(410)],
        [page("a", following="t"), *[refusal(410, **{"continue": "t"})] * 3],
        [page("a", following="t"), refusal(403)],
        [page("a", following="t"), (200, b"<html>")],
        [page("a", following="t"), (200, b'{"items": 1}')],
        [page("a", following="t"), (200, b"{}")],
        [page("a", following="t"), (200, b'{"metadata":{"contin')],
        [page("a", following="t"), (302, b"")],
    ],
    ids=[
        "gone",
        "gone for ever",
        "forbidden",
        "a page of a proxy",
        "no list",
        "no items",
        "cut off",
        "elsewhere",
    ],
)
def test_a_part_of_a_list_is_never_taken_for_the_whole(api: ApiServer, answers: list[Answer]) -> None:
    api.answers = list(answers)

    with pytest.raises(GateError):
        names(cluster(api))


def test_a_busy_server_is_asked_again(api: ApiServer) -> None:
    api.answers = [refusal(429), refusal(429), page("a")]

    assert ["a"] == names(cluster(api))


def test_what_is_refused_names_the_verb_the_place_and_the_missing_right(api: ApiServer) -> None:
    api.answers = [refusal(403)]

    with pytest.raises(
        Refused, match=r"get /api/v1/secrets/x, found HTTP 403: no; give the account this right"
    ):
        cluster(api).value("/api/v1/secrets/x")


def test_what_is_not_there_is_none_and_deleting_it_is_no_error(api: ApiServer) -> None:
    api.answers = [refusal(404), refusal(404), (200, b"{}")]

    assert cluster(api).value("/x") is None
    assert [False, True] == [cluster(api).deleted("/x") for _ in range(2)]


def test_the_token_is_read_for_each_request(api: ApiServer, tmp_path: Path) -> None:
    api.answers = [(200, b"{}"), (200, b"{}")]
    token = tmp_path / "token"
    asked = cluster(api, token_file=token)
    for text in ("one\n", "two\n"):
        token.write_text(text)
        asked.value("/x")

    assert ["Bearer one", "Bearer two"] == [authorization for _, _, authorization in api.asked]


def test_a_server_that_is_away_or_a_token_that_is_not_there_is_an_error(
    api: ApiServer, tmp_path: Path
) -> None:
    with pytest.raises(GateError, match="did not answer"):
        Cluster(Access(url="http://127.0.0.1:1", context=None, said="")).value("/x")
    with pytest.raises(GateError, match="token cannot be read"):
        cluster(api, token_file=tmp_path / "none").value("/x")


# ------------------------------------------------------------------------------------------------- kubeconfig


def kubeconfig(
    folder: Path, *, server: dict[str, Any] | None = None, user: dict[str, Any] | None = None
) -> str:
    value = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"} | (server or {})}],
        "users": [{"name": "u", "user": user or {"token": "secret"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(value))
    return str(path)


@pytest.mark.parametrize(
    ("server", "user", "expected"),
    [
        ({"server": "http://127.0.0.1"}, {}, "no https address"),
        ({"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify is set"),
        ({"certificate-authority-data": "%%"}, {}, "no base64"),
        ({"certificate-authority-data": "eA=="}, {}, "does not load"),
        ({}, {"exec": {"command": "rm"}}, "known by exec, which gate does not run"),
        ({}, {"auth-provider": {"name": "x"}}, "auth-provider"),
        (
            {},
            {"client-certificate-data": "eA==", "client-key-data": "eA=="},
            "client certificate does not load",
        ),
    ],
)
def test_a_kubeconfig_that_is_not_safe_or_not_whole_is_refused(
    tmp_path: Path, server: dict[str, Any], user: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected):
        access.cluster(kubeconfig(tmp_path, server=server, user=user), None, {})


def test_a_token_from_a_file_stands_for_a_program_that_would_make_one(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, user={"exec": {"command": "rm"}})

    assert "https://127.0.0.1:6443" == access.cluster(path, None, {}, token_file=tmp_path / "token").url


@pytest.mark.parametrize(
    ("environ", "context", "expected"),
    [
        ({"KUBECONFIG": "a:b"}, None, "names several files"),
        ({"HOME": "/nowhere"}, None, "cannot be read"),
        ({}, "other", "there is no context 'other'"),
    ],
)
def test_a_cluster_that_nobody_said_is_refused(
    tmp_path: Path, environ: dict[str, str], context: str | None, expected: str
) -> None:
    named = kubeconfig(tmp_path) if context else None

    with pytest.raises(SettingsError, match=expected):
        access.cluster(named, context, environ)


# ------------------------------------------------------------------------------------------- an audit of it


def test_an_audit_judges_a_page_before_it_asks_for_the_last(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bounds its memory: nothing of a cluster is collected before it is judged."""
    monkeypatch.setattr(audit, "AT_ONCE", 1)
    pods = [{"metadata": {"name": f"p{n}", "namespace": "prod"}, "spec": PRIVILEGED} for n in range(3)]
    pages = [
        {"metadata": {"continue": str(n + 1) if n < 2 else ""}, "items": [one]} for n, one in enumerate(pods)
    ]
    api.answers = [(200, json.dumps(page).encode()) for page in pages]
    counts = audit.Counts()
    with bootstrap.engine() as engine:
        sources = standing.Sources(policies=("builtin:kubernetes",), root=tmp_path)
        ground = standing.loaded(sources, engine, Known(), Point.BACKGROUND)
        asked = audit.Asked(
            ground=ground,
            known=Known(),
            engine=engine,
            now=datetime(2026, 11, 28, tzinfo=UTC),
            new_id=lambda: "d",
        )
        found = audit.audited(cluster(api), asked, counts)
        first = next(found)
        pages_at_first = len(api.asked)
        rest = [next(found), next(found)]

    assert 2 >= pages_at_first
    assert ["Pod/prod/p0", "Pod/prod/p1", "Pod/prod/p2"] == [audit.name(one.value) for one in (first, *rest)]
    assert 3 == counts.objects
    assert audit.denies(counts)


def test_an_audit_whose_list_breaks_off_ends_with_an_error(api: ApiServer, tmp_path: Path) -> None:
    first = {"metadata": {"continue": "t"}, "items": [{"metadata": {"name": "p"}, "spec": PRIVILEGED}]}
    api.answers = [(200, json.dumps(first).encode()), refusal(500)]
    with bootstrap.engine() as engine:
        sources = standing.Sources(policies=("builtin:kubernetes",), root=tmp_path)
        asked = audit.Asked(
            ground=standing.loaded(sources, engine, Known(), Point.BACKGROUND),
            known=Known(),
            engine=engine,
            now=datetime(2026, 11, 28, tzinfo=UTC),
            new_id=lambda: "d",
        )
        with pytest.raises(GateError, match="HTTP 500"):
            list(audit.audited(cluster(api), asked, audit.Counts()))


PRIVILEGED = {"containers": [{"name": "a", "image": "nginx", "securityContext": {"privileged": True}}]}
