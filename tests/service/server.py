"""A real server process, and what a client of it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import urllib3

from tests.command import CI_MARKERS

ADMIN = "an-administrator-of-the-tests-0123456789"
_PORT = re.compile(r"gate answers on https?://127\.0\.0\.1:(\d+)")


class Answer(NamedTuple):
    """Status, headers and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Server:
    """One `gate serve`; stop it, or use it as a context manager."""

    def __init__(
        self, folder: Path, database_url: str | None = None, *arguments: str, **environ: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        variables = {name: value for name, value in os.environ.items() if name not in CI_MARKERS}
        variables |= {"GATE_BOOTSTRAP_TOKEN": ADMIN, "PYTHONWARNINGS": "error::ResourceWarning", **environ}
        if database_url is not None:
            variables["GATE_DATABASE_URL"] = database_url
        self.log: list[str] = []
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("gate"), "serve", "--port", "0", *arguments],
            cwd=folder,
            env={name: value for name, value in variables.items() if value},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = self._listening()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=80, retries=False, timeout=60)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listening(self) -> int:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if match := _PORT.search(line):
                return int(match[1])
        self.process.wait(10)
        self.process.stderr.close()
        raise AssertionError("".join(self.log))

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """End it, and wait; its exit code."""
        self.pool.close()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(40)
        if self.process.stderr is not None and not self.process.stderr.closed:
            self.log += self.process.stderr.readlines()
            self.process.stderr.close()
        return code

    def request(
        self, method: str, path: str, body: bytes | None = None, *, token: str | None = ADMIN, **headers: str
    ) -> Answer:
        """One request; headers as `content_type="…"`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        answer = self.pool.request(method, path, body=body, headers=given, redirect=False)
        return Answer(answer.status, answer.headers, answer.data)

    def json(self, method: str, path: str, value: object = None, **options: Any) -> Answer:
        """One request with a JSON body."""
        body = None if value is None else msgspec.json.encode(value)
        return self.request(method, path, body, content_type="application/json", **options)

    def project(self, key: str, settings: str = "version: 1\n") -> str:
        """A project with those settings, whatever it had before; its key."""
        there = self.request("GET", f"/api/v1/projects/{key}")
        match = {"if_match": there.headers["ETag"]} if there.status == 200 else {}
        put = self.json("PUT", f"/api/v1/projects/{key}", {"settings": settings}, **match)
        assert put.status in (200, 201), put.body
        return key

    def token(self, role: str, project: str | None = None, owner: str = "somebody") -> str:
        """A fresh token."""
        wanted = {"name": f"{role} of a test", "owner": owner, "role": role, "project": project}
        made = self.json("POST", "/api/v1/tokens", wanted)
        assert made.status == 201, made.body
        token: str = made.json["token"]
        return token

    def decide(
        self, project: str, *reports: object, meta: Mapping[str, Any] | None = None, **options: Any
    ) -> Answer:
        """Ask for a decision about reports, given as values."""
        return self.json(
            "POST", "/api/v1/decisions", submission(project, *reports, **(meta or {})), **options
        )


def submission(project: str, *reports: object, **meta: Any) -> dict[str, Any]:
    """The JSON of a request for a decision."""
    given = [
        {
            "path": f"report-{number}.json",
            "content": report if isinstance(report, str) else msgspec.json.encode(report).decode(),
        }
        for number, report in enumerate(reports)
    ]
    return {"project": project, "reports": given, **meta}
