"""What an operator sees: health, numbers, logs, limits, certificates, traces, an end in order."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import urllib3
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gate.service import own_certificate
from gate.service.rates import Rates
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service.server import ADMIN, Server, submission

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("alone"), None, "--metrics-port", "0") as running:
        yield running


def metrics(server: Server) -> str:
    port = next(int(match[1]) for line in server.log if (match := re.search(r"metrics.* port (\d+)", line)))
    return urllib3.request("GET", f"http://127.0.0.1:{port}/metrics").data.decode()


# ---------------------------------------------------------------------------- health and numbers


def test_readiness_tells_each_part(server: Server) -> None:
    answer = server.request("GET", "/readyz", token=None)

    assert 200 == answer.status
    assert {"policies": "ok", "certificate": "ok", "database": "ok"} == answer.json["parts"]


def test_numbers_on_a_port_of_their_own_are_not_beside_the_api(alone: Server) -> None:
    assert 404 == alone.request("GET", "/metrics", token=None).status
    assert "gate_build_info" in metrics(alone)


def test_what_happened_is_counted(alone: Server) -> None:
    alone.project("acme/counted")
    alone.decide("acme/counted", BANDIT_EVAL)
    alone.decide("acme/counted", '{"results": []}')
    alone.request("GET", "/api/v1/audit/verify")
    told = metrics(alone)

    for line in (
        'gate_decisions_total{environment="",outcome="fail",point="ci"} 1.0',
        'gate_decision_duration_seconds_count{environment=""} 1.0',
        'gate_policy_evaluations_total{engine="opa",result="ok"} 1.0',
        'gate_findings_ingested_total{kind="code",severity="high"} 1.0',
        'gate_report_parse_failures_total{kind="other",reason="format_unknown"} 1.0',
        'gate_http_requests_total{code="422",method="POST",route="/api/v1/decisions"} 1.0',
        'gate_waivers{state="active"} 0.0',
        "gate_approvals_pending 0.0",
        'gate_audit_chain_ok{by="verify"} 1.0',
        "gate_store_up 1.0",
    ):
        assert line in told, line


def test_no_label_grows_with_what_is_sent(alone: Server) -> None:
    before = metrics(alone).count("\n")
    for number in range(60):
        alone.request("GET", f"/nothing/{number}")
        alone.request("GET", f"/api/v1/decisions/{number}")
    alone.request("BREW", "/livez")

    assert metrics(alone).count("\n") < before + 80


# ------------------------------------------------------------------------------------------ logs


def test_a_decision_is_one_line_and_no_text_begins_another(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        server.project("acme/web")
        meta = {"subject": {"author": "wei", "branch": "a\u009b31m\u2028{}"}}
        made = server.decide("acme/web", CLEAN_BANDIT, meta=meta)
        server.request("GET", "/api/v1/projects/%0A%7B%22level%22:%22error%22%7D")
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    decisions = [line for line in lines if line["logger"] == "gate.decisions"]

    assert [made.json["decision_id"]] == [line["decision_id"] for line in decisions]
    assert ("pass", "acme/web") == (decisions[0]["outcome"], decisions[0]["project"])
    assert decisions[0]["milliseconds"] > 0
    assert all(line.isascii() for line in server.log if line.startswith("{"))
    assert ADMIN not in "".join(server.log)


def test_nobody_waits_for_whoever_does_not_read_the_log(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        server.project("acme/web")
        # Standard error is a pipe of 64 KiB that this test does not read.
        statuses = {server.decide("acme/web", CLEAN_BANDIT).status for _ in range(300)}
        code = server.stop()

    assert ({201}, 0) == (statuses, code)


# ---------------------------------------------------------------------------------------- limits


def test_a_token_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with Server(tmp_path, None, "--requests-per-minute", "20") as server:
        answers = [server.request("GET", "/api/v1/tokens/self") for _ in range(45)]
        other = server.request("GET", "/livez", token=None)
    refused = [answer for answer in answers if answer.status == 429]

    assert 200 == answers[0].status
    assert ("20", "19") == tuple(answers[0].headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining"))
    assert len(refused) >= 5
    assert 0 < int(refused[0].headers["Retry-After"]) <= 60
    assert "too_many_requests" == refused[0].json["code"]
    assert 200 == other.status


def test_an_address_that_guesses_tokens_is_stopped() -> None:
    rates = Rates(wrong_tokens=3)
    for _ in range(3):
        assert not rates.guesses("10.0.0.1").is_over
        rates.guessed("10.0.0.1")

    assert rates.guesses("10.0.0.1").is_over
    assert not rates.guesses("10.0.0.2").is_over


@pytest.mark.parametrize(
    "start", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"POST /api/v1/decisions HTTP/1.1\r\n"]
)
def test_headers_that_do_not_end_hold_no_connection(alone: Server, start: bytes) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", alone.port)) as slow:
        slow.sendall(start)
        slow.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError):
            assert b"" == slow.recv(1)

    assert 4 < time.monotonic() - began < PATIENCE_S


def test_slow_connections_do_not_keep_others_out(alone: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", alone.port)) for _ in range(300)]
    try:
        for one in slow:
            one.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        statuses = [alone.request("GET", "/livez", token=None).status for _ in range(20)]
    finally:
        for one in slow:
            one.close()

    assert {200} == set(statuses)


def test_headers_that_are_too_large_are_cut_off(alone: Server) -> None:
    with socket.create_connection(("127.0.0.1", alone.port)) as large:
        large.settimeout(PATIENCE_S)
        answer = b""
        with contextlib.suppress(ConnectionError):
            large.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 300_000)
            answer = large.recv(100)

    assert not answer.startswith(b"HTTP/1.1 200")


# ------------------------------------------------------------------------------------------- TLS


def test_a_replaced_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    first = own_certificate.files(tmp_path / "a", ("localhost", "127.0.0.1"), datetime.now(UTC))
    second = own_certificate.files(tmp_path / "b", ("localhost", "127.0.0.1"), datetime.now(UTC))
    pair = {"served.pem": (first.certificate, second.certificate), "served.key": (first.key, second.key)}
    for name, (file, _) in pair.items():
        (tmp_path / name).write_bytes(file.read_bytes())
    flags = ("--tls-certificate", str(tmp_path / "served.pem"), "--tls-key", str(tmp_path / "served.key"))
    with Server(tmp_path, None, *flags) as server:
        before = _served(server.port)
        (tmp_path / "served.pem").write_bytes(b"half of a certif")
        halfway = _served(server.port)
        for name, (_, file) in pair.items():
            (tmp_path / name).write_bytes(file.read_bytes())
        deadline = time.monotonic() + PATIENCE_S
        while (after := _served(server.port)) == before and time.monotonic() < deadline:
            pass
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _served(server.port, ssl.TLSVersion.TLSv1_2)

    assert before == halfway
    assert (
        ssl.PEM_cert_to_DER_cert(
            second.certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
        )
        == after
    )


def _served(port: int, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = newest
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as safe:
        return safe.getpeercert(binary_form=True)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="without its key"):
        Server(tmp_path, None, "--tls-certificate", "x.pem")


# --------------------------------------------------------------------------------------- the end


def test_a_server_that_is_told_to_end_is_unready_and_still_answers(tmp_path: Path) -> None:
    with Server(tmp_path, None, "--drain", "1.5") as server:
        server.project("acme/web")
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 1
        while (ready := server.request("GET", "/readyz").status) == 200 and time.monotonic() < deadline:
            pass
        made = server.decide("acme/web", CLEAN_BANDIT)
        code = server.process.wait(PATIENCE_S)

    assert (503, 201, 0) == (ready, made.status, code)


# ---------------------------------------------------------------------------------------- traces


class _Collector(http.server.BaseHTTPRequestHandler):
    received: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_the_trace_of_a_pipeline_is_continued(tmp_path: Path) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        endpoint = f"http://127.0.0.1:{listening.server_port}"
        with Server(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as server:
            server.project("acme/web")
            given = submission("acme/web", BANDIT_EVAL)
            made = server.json("POST", "/api/v1/decisions", given, traceparent=f"00-{trace}-{parent}-01")
        listening.shutdown()
        thread.join()
    spans = {
        span.name: span
        for body in _Collector.received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == trace
    }
    told = {one.key: one.value.string_value for one in spans["gate.evaluate"].attributes}

    assert {"POST /api/v1/decisions", "gate.ingest", "gate.normalise", "gate.evaluate"} == set(spans)
    assert parent == spans["POST /api/v1/decisions"].parent_span_id.hex()
    assert "fail" == told["gate.outcome"]
    assert f"00-{trace}-{parent}-01" == made.headers["traceparent"]
    assert b"eval(text)" not in b"".join(_Collector.received)
