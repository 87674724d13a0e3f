"""Exports for auditors and spreadsheets: whole, or an error; no cell is a formula (THREATS.md C5)."""

from __future__ import annotations

import csv
import io
import json
import socket
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.service import tables
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, Result, gate
from tests.service.server import ADMIN, Server
from tests.service.test_authorization import A_WAIVER

TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def run(server: Server, folder: Path, *arguments: str) -> Result:
    return gate(folder, "audit", *arguments, "--server", server.url, "--token", ADMIN)


@given(st.recursive(st.none() | st.text() | st.integers() | st.booleans(), st.lists))
@example("=HYPERLINK(1)")
@example(" \t=1+1")
@example("\u200b=1+1")
@example("\ufeff@x")
@example(-1)
@example(["-1", "b"])
def test_no_cell_begins_a_formula(value: object) -> None:
    text = tables.cell(value)

    assert not text.lstrip().startswith(TRIGGERS)
    assert "\n" not in text
    assert "\r" not in text


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_a_row_is_one_line_of_quoted_cells_whatever_stands_in_it(values: list[str]) -> None:
    line = tables.lines([dict(zip("ab", values, strict=True))], ("a", "b"), with_head=False)
    [row] = csv.reader(io.StringIO(line.decode(), newline=""))

    assert 1 == line.count(b"\r\n")
    assert [tables.cell(value) for value in values] == row


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/api/v1/decisions", tables.DECISIONS),
        ("/api/v1/findings", tables.FINDINGS),
        ("/api/v1/components?name=log4j", tables.COMPONENTS),
        ("/api/v1/waivers", tables.WAIVERS),
        ("/api/v1/approvals", tables.APPROVALS),
        ("/api/v1/audit", tables.EVENTS),
    ],
)
def test_a_list_as_csv_has_the_rows_of_the_list_as_json(
    server: Server, path: str, columns: tuple[str, ...]
) -> None:
    waits = "version: 1\nenvironments: [{name: production, approvals: {number: 1}}]\n"
    project = server.project(f"team/{uuid4().hex[:12]}", waits)
    digest = f"sha256:{uuid4().hex}{uuid4().hex}"
    meta = {"environment": "production", "subject": {"name": "=cmd()", "digest": digest}}
    for report in (BANDIT_EVAL, CLEAN_BANDIT):
        server.decide(project, report, meta=meta)
    said = {"note": "=1+1", "ticket": "-1", "owner": "@wei"}
    assert 201 == server.json("POST", "/api/v1/waivers", {"project": project, **A_WAIVER, **said}).status
    asked = f"{path}{'&' if '?' in path else '?'}project={project}"
    rows = server.request("GET", asked).json["items"]
    answer = server.request("GET", asked, accept="text/csv")
    told = read(answer.body)

    assert ("text/csv; charset=utf-8", len(rows)) == (answer.headers["Content-Type"], len(told))
    assert all(list(columns) == list(row) for row in told)
    if not path.startswith("/api/v1/components"):
        assert {project} == {row["project"] for row in told}
    assert [] == [text for row in told for text in row.values() if text.startswith(TRIGGERS)]
    assert [] == [name for name in columns if rows and name.partition(".")[0] not in rows[0]]


def test_pages_of_csv_lead_on(server: Server, project: str) -> None:
    for _ in range(3):
        server.decide(project, CLEAN_BANDIT)
    first = server.request("GET", f"/api/v1/decisions?project={project}&limit=2", accept="text/csv")
    path = first.headers["Link"].partition(">")[0].removeprefix("<")
    rest = server.request("GET", path, accept="text/csv")

    assert [2, 1] == [len(read(first.body)), len(read(rest.body))]


def test_whoever_takes_json_as_well_is_given_json(server: Server) -> None:
    answer = server.request("GET", "/api/v1/decisions", accept="text/csv, application/json")

    assert "application/json" == answer.headers["Content-Type"]


def test_the_record_is_exported_as_lines_and_as_a_table(server: Server, project: str, tmp_path: Path) -> None:
    made = server.decide(project, CLEAN_BANDIT).json["decision_id"]
    lines = run(server, tmp_path, "export")
    table = run(server, tmp_path, "export", "--csv", "--file", "a.csv")
    [row] = [one for one in read((tmp_path / "a.csv").read_bytes()) if one["decision_id"] == made]
    [line] = [one for one in lines.out.splitlines() if made in one]

    assert (0, 0) == (lines.code, table.code), table.err
    assert lines.out.encode() == server.request("GET", "/api/v1/audit/export").body
    assert (project, "pass", json.loads(line)["digest"]) == (row["project"], row["outcome"], row["digest"])
    assert ["a.csv"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("kind", [(), ("--csv",)], ids=str)
def test_every_event_is_exported_once_and_in_order(
    server: Server, project: str, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    result = run(server, tmp_path, "export", "--events", *kind)
    rows: list[Any] = (
        read(result.out.encode()) if kind else [json.loads(line) for line in result.out.splitlines()]
    )
    numbers = [int(row["sequence"]) for row in rows]

    assert (0, sorted(set(numbers))) == (result.code, numbers)
    assert "project.created" in [row["action"] for row in rows if row["project"] == project]


def test_the_record_of_the_service_is_verified_from_the_command_line(server: Server, tmp_path: Path) -> None:
    result = run(server, tmp_path, "verify")
    both = run(server, tmp_path, "verify", "record.jsonl")

    assert (0, 2) == (result.code, both.code), result.err
    assert "every chain unbroken" in result.out


def test_only_who_may_verify_exports(server: Server, project: str, tmp_path: Path) -> None:
    token = server.token("auditor", project)
    result = gate(tmp_path, "audit", "export", "--file", "a", "--server", server.url, "--token", token)

    assert (3, []) == (result.code, list(tmp_path.iterdir()))


@pytest.mark.parametrize("target", ["absent/a.csv", "."])
def test_a_file_that_cannot_be_written_is_an_error(server: Server, tmp_path: Path, target: str) -> None:
    assert 2 == run(server, tmp_path, "export", "--file", target).code


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na,b\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na,b\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
        b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
    ids=["no last chunk", "shorter than said", "a chunk cut", "an error", "elsewhere", "nothing"],
)
def test_an_export_that_breaks_off_is_no_file(tmp_path: Path, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = Thread(target=once, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        result = gate(tmp_path, "audit", "export", "--file", "a", "--server", url, "--token", "x")
        thread.join(10)

    assert (3, []) == (result.code, list(tmp_path.iterdir())), result.err
