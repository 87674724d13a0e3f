"""The other end of docs/adr/0006: changes handed out, records taken, over HTTP on loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from gate import times
from gate.admission.desk import _now
from gate.feed import AdmissionRecord, Change, Decided, Page
from gate.scales import Outcome

TOKEN = "e2e-feed"


class Feed:
    """A store that holds what a test puts in."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.records: list[AdmissionRecord] = []
        self.is_away = False
        self._news = threading.Condition()
        feed = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                after = int(asked["after"][0]) if asked.get("epoch") == ["one"] else 0
                self._answer(feed.page(after, float(asked["wait"][0])))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                given = msgspec.json.decode(body, type=list[AdmissionRecord])
                if not feed.is_away:
                    feed.records.extend(given)
                self._answer({"kept": len(given)})

            def _answer(self, value: object) -> None:
                is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                body = msgspec.json.encode(value)
                self.send_response(503 if feed.is_away else 200 if is_known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def page(self, after: int, wait_s: float) -> Page:
        """The changes behind `after`, waiting a little for one."""
        with self._news:
            self._news.wait_for(lambda: len(self.changes) > after or self.is_away, min(wait_s, 1.0))
            shown = tuple(self.changes[after:])
        return Page(
            epoch="one",
            as_of=times.rfc3339(_now()),
            last=after + len(shown),
            has_more=False,
            changes=shown,
        )

    def decide(
        self,
        digest: str,
        outcome: Outcome,
        environment: str = "production",
        expires_at: str | None = None,
    ) -> None:
        """Tell of a new decision."""
        with self._news:
            number = len(self.changes) + 1
            now = times.rfc3339(_now())
            self.changes.append(
                Decided(
                    sequence=number,
                    at=now,
                    project="acme/web",
                    environment=environment,
                    digest=digest,
                    decision_id=f"decision-{number}",
                    outcome=outcome,
                    decided_at=now,
                    expires_at=expires_at,
                    policy_revision="sha256:0",
                )
            )
            self._news.notify_all()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
