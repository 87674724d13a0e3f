"""Bad requests: the right problem each, and nothing stored."""

from __future__ import annotations

import base64
import gzip
import socket
from typing import Any

import msgspec
import pytest
import urllib3

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL
from tests.service.server import ADMIN, Server, submission

DEEP = b'{"project": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
JSON = "application/json"
BAD_BODIES = {
    "NaN": (b'{"project": NaN}', JSON, 400),
    "Infinity": (b'{"project": Infinity}', JSON, 400),
    "a number out of range": (b'{"project": 1e400}', JSON, 400),
    "a key twice": (b'{"project": "a", "project": "b"}', JSON, 400),
    "a lone surrogate": (b'{"project": "\\ud800"}', JSON, 400),
    "UTF-16": ('{"project": "a"}'.encode("utf-16"), JSON, 415),
    "UTF-16 in the type": (b"{}", "application/json; charset=utf-16", 415),
    "latin-1 bytes": (b'{"project": "\xe9"}', JSON, 400),
    "too deep": (DEEP, JSON, 400),
    "two documents": (b"{} {}", JSON, 400),
    "cut off": (b'{"project": "a"', JSON, 400),
    "nothing": (b"", JSON, 400),
    "another type": (b"{}", "text/plain", 415),
    "no object": (b"[]", JSON, 422),
    "an unknown key": (b'{"project": "a", "outcome": "pass"}', JSON, 422),
    "a text for a list": (b'{"project": "a", "report_ids": "x"}', JSON, 422),
    "a number for a text": (b'{"project": 1}', JSON, 422),
    "a NUL in a name": (b'{"project": "a\\u0000"}', JSON, 422),
    "no boundary": (b"x", "multipart/form-data", 400),
    "broken parts": (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 400),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("path", ["/api/v1/decisions", "/api/v1/evaluate", "/api/v1/reports"])
def test_a_body_that_is_not_understood_is_refused(server: Server, name: str, path: str) -> None:
    body, content_type, status = BAD_BODIES[name]
    answer = server.request("POST", path, body, content_type=content_type)

    assert (status, "application/problem+json") == (answer.status, answer.headers["Content-Type"]), (
        answer.body
    )


@pytest.mark.parametrize(
    "name", [name for name in BAD_BODIES if "parts" not in name and "boundary" not in name]
)
def test_every_route_with_a_body_reads_it_strictly(server: Server, name: str) -> None:
    body, content_type, _ = BAD_BODIES[name]
    statuses = {
        server.request(method, path, body, content_type=content_type).status
        for method, path in (
            ("PUT", "/api/v1/projects/a"),
            ("POST", "/api/v1/tokens"),
            ("POST", "/api/v1/admission/records"),
        )
    } - {403}  # an administrator speaks for no cluster

    assert statuses <= {400, 415, 422}


def test_every_problem_has_the_same_shape(server: Server) -> None:
    answers = [
        server.request("GET", "/api/v1/nothing"),
        server.request("GET", "/api/v1/decisions", token=None),
        server.request("PATCH", "/api/v1/decisions"),
        server.request("GET", "/api/v1/decisions?limit=0"),
        server.request("GET", "/api/v1/decisions?cursor=x"),
        server.request("GET", "/api/v1/decisions?since=x"),
        server.request("GET", "/api/v1/decisions/%00"),
        server.json("PUT", "/api/v1/projects/a", {"settings": "version: 2"}),
    ]
    keys = {"type", "title", "status", "detail", "instance", "code", "request_id", "exit_code", "errors"}

    assert [404, 401, 405, 422, 422, 422, 422, 422] == [answer.status for answer in answers]
    assert [keys] * len(answers) == [set(answer.json) for answer in answers]
    assert [answer.headers["X-Request-Id"] for answer in answers] == [
        answer.json["request_id"] for answer in answers
    ]


def test_a_request_id_is_kept_where_it_is_harmless(server: Server) -> None:
    kept = server.request("GET", "/livez", x_request_id="build-4711")
    hostile = server.request("GET", "/livez", x_request_id='x" onload=')

    assert "build-4711" == kept.headers["X-Request-Id"]
    assert "onload" not in hostile.headers["X-Request-Id"]


def test_gzip_is_read_and_a_bomb_is_refused(server: Server, project: str) -> None:
    plain = msgspec.json.encode(submission(project, CLEAN_BANDIT))
    bomb = gzip.compress(b'{"project": "' + b"a" * 50_000_000 + b'"}')
    options: dict[str, Any] = {"content_type": JSON, "content_encoding": "gzip"}
    read = server.request("POST", "/api/v1/decisions", gzip.compress(plain), **options)
    refused = server.request("POST", "/api/v1/decisions", bomb, **options)
    torn = server.request("POST", "/api/v1/decisions", gzip.compress(plain)[:-9], **options)
    other = server.request("POST", "/api/v1/decisions", plain, content_type=JSON, content_encoding="br")

    assert [201, 413, 400, 415] == [answer.status for answer in (read, refused, torn, other)]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    said = server.request("PUT", "/api/v1/projects/a", b"", content_type=JSON, content_length="11000000")

    assert 413 == said.status


def test_a_body_without_a_length_is_refused_once_it_is_too_large(server: Server) -> None:
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    head = (
        "PUT /api/v1/projects/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(12):
                connection.sendall(chunk)
            answer = connection.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            answer = b"HTTP/1.1 413"  # it closed the connection, which is what it says it does

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_multipart_body_that_was_cut_off_is_no_shorter_one(server: Server, project: str) -> None:
    fields: list[tuple[str, Any]] = [
        ("meta", (None, msgspec.json.encode({"project": project}), JSON)),
        ("report[]", ("a.json", msgspec.json.encode(CLEAN_BANDIT), JSON)),
        ("report[]", ("b.json", msgspec.json.encode(BANDIT_EVAL), JSON)),
    ]
    body, content_type = urllib3.encode_multipart_formdata(fields, "limit")
    cut = body[: body.rindex(b"--limit\r\n")]
    statuses = [
        server.request("POST", "/api/v1/decisions", part, content_type=content_type).status
        for part in (body, cut, body[:-6], cut + b"--limit\r\n")
    ]

    assert [201, 400, 400, 400] == statuses


def test_a_report_in_utf_16_is_refused(server: Server, project: str) -> None:
    report = base64.b64encode(msgspec.json.encode(CLEAN_BANDIT).decode().encode("utf-16")).decode()
    given = {"project": project, "reports": [{"path": "b.json", "content_base64": report}]}

    assert 415 == server.json("POST", "/api/v1/decisions", given).status


def test_a_nul_in_a_report_is_no_error_of_the_database(server: Server, project: str) -> None:
    report = {**BANDIT_EVAL, "results": [{**EVAL, "issue_text": "eval\x00", "test_name": "x\x00"}]}

    assert server.decide(project, report).status in (201, 422)


def test_hostile_names_reach_no_header_and_no_query(server: Server, project: str) -> None:
    names = ["a\r\nX: y", "../../etc/passwd", "'; DROP TABLE decisions; --", "a" * 5_000, "\u202e"]
    statuses = {
        server.json(
            "POST", "/api/v1/decisions", {**submission(project, CLEAN_BANDIT), "environment": name}
        ).status
        for name in names
    }
    found = server.request("GET", "/api/v1/findings?rule=%27%3B%20DROP%20TABLE%20findings")

    assert {422} == statuses
    assert (200, []) == (found.status, found.json["items"])
