"""A real API server on loopback: etcd and kube-apiserver, built from their Go modules once and kept.

No node, no controller: what is tested is the API server's own way through admission. Everything lives
in a folder of the test's, on free ports, and ends with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench import machine
from tests.data import absent
from tests.e2e.certificates import key_file

SERVERS: Final = Path(__file__).parent / "servers"
PACKAGES: Final = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
VERSION: Final = "v1.36.3"
BUILD_TIMEOUT_S: Final = 3_000.0
READY_S: Final = 90.0
TOKEN: Final = "e2e-admin"
DEVELOPER: Final = "e2e-developer"


def servers() -> Path:
    """The folder with etcd, kube-apiserver and kubectl; skips by name where there is no Go."""
    sums = hashlib.sha256((SERVERS / "go.mod").read_bytes() + (SERVERS / "go.sum").read_bytes())
    place = machine.CACHE.parent / f"servers-{VERSION}-{sums.hexdigest()[:12]}"
    if all((place / name).is_file() for name in PACKAGES):
        return place
    go = shutil.which("go") or shutil.which("go", path=Path(sys.executable).parent)
    if go is None:
        absent("Go, to build kube-apiserver and etcd with")
    place.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.write("building kube-apiserver, etcd and kubectl, once, in about ten minutes\n")
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        for name, package in PACKAGES.items():
            command = [go, "build", "-trimpath", "-ldflags", _link_flags(), "-o", f"{folder}/{name}", package]
            subprocess.run(
                command,
                cwd=SERVERS,
                env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"},
                check=True,
                timeout=BUILD_TIMEOUT_S,
            )
        place.mkdir(exist_ok=True)
        for name in PACKAGES:
            (Path(folder) / name).replace(place / name)
    return place


def _link_flags() -> str:
    """Without a version a server calls itself v0.0.0, and clients that read versions fail."""
    _, major, minor = VERSION.removeprefix("v").split(".")[0], *VERSION.removeprefix("v").split(".")[:2]
    values = {
        "gitVersion": VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
    }
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def free_ports(number: int) -> list[int]:
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Cluster:
    """A running API server."""

    def __init__(self, folder: Path, port: int, kubectl: Path) -> None:
        self.folder = folder
        self.url = f"https://127.0.0.1:{port}"
        self.audit_log = folder / "audit.log"
        self.ca = folder / "pki" / "apiserver.crt"
        self._kubectl = kubectl
        self.server = contextlib.ExitStack()
        """Ends the API server, while its etcd goes on."""
        self._command: list[str] = []

    def start(self, command: list[str]) -> None:
        """Start the API server and wait until it answers."""
        self._command = command
        running = self.server.enter_context(process(command, self.folder / "apiserver.log"))
        _wait_until_ready(self, running)

    def restart(self) -> None:
        """End the API server and start it again, at the same address."""
        self.server.close()
        self.start(self._command)

    def kubectl(
        self, *arguments: str, stdin: object = None, token: str = TOKEN
    ) -> subprocess.CompletedProcess[str]:
        """What `kubectl ARGUMENTS` said; `stdin` is an object to send as JSON."""
        return subprocess.run(
            [
                str(self._kubectl),
                f"--server={self.url}",
                f"--token={token}",
                f"--certificate-authority={self.ca}",
                "--request-timeout=30s",
                *arguments,
            ],
            input=None if stdin is None else json.dumps(stdin),
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def apply(self, value: object, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`kubectl create -f -` of `value`."""
        return self.kubectl("create", "-f", "-", *arguments, stdin=value)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str = "application/json",
        token: str = TOKEN,
    ) -> tuple[int, Any]:
        """Status and JSON of one request to the API server."""
        asked = urllib.request.Request(  # noqa: S310 - https to loopback
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": kind, "Accept": "application/json"},
        )
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(asked, context=context, timeout=40) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def audited(self, name: str, resource: str = "pods") -> list[dict[str, str]]:
        """Annotations of the audit events about the object `name`."""
        events = [json.loads(line) for line in self.audit_log.read_text("utf-8").splitlines()]
        return [
            event.get("annotations", {})
            for event in events
            if event.get("objectRef", {}).get("resource") == resource
            and (event["objectRef"].get("name") == name or f'"{name}"' in json.dumps(event))
        ]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """An API server with its etcd, in `folder`; its logs are shown where it does not start."""
    place = servers()
    etcd_port, peer_port, port = free_ports(3)
    etcd_url = f"http://127.0.0.1:{etcd_port}"
    cluster = Cluster(folder, port, place / "kubectl")
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            process([str(place / "etcd"), *_etcd_flags(folder, etcd_url, peer_port)], folder / "etcd.log")
        )
        stack.callback(cluster.server.close)
        cluster.start([str(place / "kube-apiserver"), *_flags(folder, etcd_url, port)])
        yield cluster


@contextlib.contextmanager
def process(command: Sequence[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, ended as a group."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, **more
        )
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


def until(condition: Any, what: str, timeout_s: float = 20.0) -> None:
    """Wait for `condition()`; fails with `what` where it does not come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.05)


def _etcd_flags(folder: Path, url: str, peer_port: int) -> list[str]:
    peer = f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def _flags(folder: Path, etcd_url: str, port: int) -> list[str]:
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n{DEVELOPER},developer,2,"developers"\n', "utf-8")
    key = folder / "service-accounts.key"
    key_file(key)
    policy = folder / "audit.yaml"
    policy.write_text(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Request}]\n",
        "utf-8",
    )
    return [
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'pki'}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={folder / 'audit.log'}",
        "--audit-log-mode=blocking",
        "--v=1",
    ]


def _wait_until_ready(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(OSError, ValueError):
            if cluster.request("GET", "/api/v1/namespaces/default")[0] == 200:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            logs = [
                f"{name}: {(cluster.folder / name).read_text('utf-8', 'replace')[-3000:]}"
                for name in ("etcd.log", "apiserver.log")
            ]
            raise AssertionError("the API server did not become ready\n" + "\n".join(logs))
        time.sleep(0.1)
