"""The service from outside: a large report from upload to recorded decision, and small decisions a second.

A real `gate serve` on SQLite and on PostgreSQL (the tests' own cluster); the client runs on the same cores.
"""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.table import Row, Table, percentile, within
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL
from tests.service import postgresql
from tests.service.server import Server, submission

FINDINGS: Final = 10_000
FIRST_BAR_S: Final = 2.0
AGAIN_BAR_S: Final = 1.0
RATE_BAR: Final = 200
P99_BAR_MS: Final = 150
IN_FLIGHT: Final = 16
PROJECT: Final = "bench/web"


def measured(folder: Path, quick: bool) -> Table:
    """Both stores in turn."""
    rows: list[Row] = []
    for kind in ("sqlite", "postgresql"):
        with _server(folder / kind, kind) as server:
            server.project(PROJECT)
            rows += _large(server, kind, 1 if quick else 3)
            rows += _small(server, kind, 200 if quick else 2_000)
    return Table(
        name="service",
        title=f"gate serve; {FINDINGS} findings in one report, then small decisions, {IN_FLIGHT} in flight",
        rows=tuple(rows),
    )


@contextmanager
def _server(folder: Path, kind: str) -> Iterator[Server]:
    if kind == "sqlite":
        with Server(folder) as running:
            yield running
        return
    data = postgresql.initialized()
    postgresql.start(data)
    try:
        with Server(folder, postgresql.created(data)) as running:
            yield running
    finally:
        postgresql.stop(data, "immediate")
        shutil.rmtree(data.parent)


def _large(server: Server, kind: str, rounds: int) -> list[Row]:
    first: list[float] = []
    again: list[float] = []
    for number in range(rounds):
        results = [_finding(number, index) for index in range(FINDINGS)]
        body, content_type = _multipart(json.dumps({**CLEAN_BANDIT, "results": results}).encode())
        for took in (first, again):
            started = time.perf_counter()
            answer = server.request("POST", "/api/v1/decisions", body, content_type=content_type)
            took.append(time.perf_counter() - started)
            if answer.status != 201:
                raise RuntimeError(f"the service answered {answer.status}")
    return [
        _seconds(f"{kind}: upload to recorded decision", first, FIRST_BAR_S),
        _seconds(f"{kind}: the same again", again, AGAIN_BAR_S),
    ]


def _seconds(what: str, took: Sequence[float], bar: float) -> Row:
    worst = max(took)
    return Row(
        what=what,
        figure=f"{worst:.2f} s",
        bar=f"{bar:g} s",
        holds=within(worst, bar),
        note="worst of " + ", ".join(f"{one:.2f}" for one in took),
    )


def small_decisions(server: Server, requests: int) -> tuple[list[float], float]:
    """Seconds of each of so many small decisions, `IN_FLIGHT` at once, and how many a second they were."""
    token = server.token("ci", PROJECT)
    body = json.dumps(submission(PROJECT, BANDIT_EVAL)).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    took: list[float] = []
    lock, left = threading.Lock(), iter(range(requests))

    def one() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while True:
            with lock:
                if next(left, None) is None:
                    break
            started = time.perf_counter()
            connection.request("POST", "/api/v1/decisions", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise RuntimeError(f"the service answered {answer.status}")
            took.append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(IN_FLIGHT)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, len(took) / (time.perf_counter() - started)


def _small(server: Server, kind: str, requests: int) -> list[Row]:
    took, rate = small_decisions(server, requests)
    p99_ms = percentile(took, 99) * 1000
    is_bar = kind == "postgresql"
    return [
        Row(
            what=f"{kind}: decisions a second",
            figure=f"{rate:.0f}",
            bar=f"{RATE_BAR}" if is_bar else "",
            holds=rate >= RATE_BAR if is_bar else None,
        ),
        Row(
            what=f"{kind}: p99 of them",
            figure=f"{p99_ms:.0f} ms",
            bar=f"{P99_BAR_MS} ms" if is_bar else "",
            holds=within(p99_ms, P99_BAR_MS) if is_bar else None,
            note=f"p50 {percentile(took, 50) * 1000:.0f} ms",
        ),
    ]


def _finding(number: int, index: int) -> dict[str, Any]:
    return {
        **EVAL,
        "code": f"1 x = 1\n2 eval(text{index})\n",
        "filename": f"src/{number}/app{index % 200}.py",
        "issue_severity": "LOW",
        "line_number": index,
        "line_range": [index],
    }


def _multipart(report: bytes) -> tuple[bytes, str]:
    boundary = "gate-bench"
    meta = json.dumps({"project": PROJECT})
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{meta}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="report[]"; filename="bandit.json"\r\n\r\n'
    )
    return (
        head.encode() + report + f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/form-data; boundary={boundary}",
    )
