"""gate's webhook as a process, and its configuration in the API server with the defaults that it ships."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.e2e import feed as feeds
from tests.e2e.certificates import Authority
from tests.e2e.cluster import Cluster, free_ports, process, until
from tests.e2e.feed import Feed
from tests.test_deploy import registered

NAME: Final = "validate.gate.internal"
CONFIGURATION: Final = "gate-e2e"
"""Not the chart's own name, which tests/e2e/test_cluster.py registers and takes away."""
OWN_NAMESPACE: Final = "gate-system"
OTHER_GATE: Final = "gate-helm"
"""Where tests/e2e/test_helm.py installs the chart: as its own namespace, not asked about."""
NAMESPACES: Final = ("prod", "warned", "watched", "unmapped", OWN_NAMESPACE)
PLATFORM: Final = """version: 1
admission:
  images:
    - {match: registry.example/acme/**, require: decision}
    - {match: docker.io/library/**, require: allow, why: mirrored}
    - {match: "**", require: deny}
  namespaces:
    - {match: prod, environment: production, project: acme/web}
    - {match: warned, environment: staging, mode: warn}
    - {match: watched, environment: staging, mode: audit}
  environments:
    - {name: staging}
    - {name: production, stale_after: 1h}
  connect: true
"""
POLICY: Final = """# METADATA
# title: pods of this test
# scope: package
# custom: {scope: object, points: [admission], operations: [CREATE, UPDATE, DELETE, CONNECT]}
package policy.kubernetes.e2e

# METADATA
# title: No privileged container
# custom: {id: E2E-1, severity: high, fix: remove privileged}
deny contains {"rule": "E2E-1", "message": sprintf("container %s is privileged", [c.name])} if {
	input.request.operation != "DELETE"
	some c in _containers
	c.securityContext.privileged
}

# METADATA
# title: Containers name a team
# custom: {id: E2E-2, severity: low, fix: set the label team}
deny contains {"rule": "E2E-2", "message": "no label team"} if {
	input.request.operation == "CREATE"
	input.object.kind == "Pod"
	not input.object.metadata.labels.team
}

# METADATA
# title: No host network
# custom: {id: E2E-3, severity: high, fix: remove hostNetwork}
deny contains {"rule": "E2E-3", "message": "the pod is on the host's network"} if _spec.hostNetwork

# METADATA
# title: No host processes
# custom: {id: E2E-4, severity: high, fix: remove hostPID}
deny contains {"rule": "E2E-4", "message": "the pod sees the host's processes"} if _spec.hostPID

# METADATA
# title: What is protected stays
# custom: {id: E2E-5, severity: high, fix: take the label protected away first}
deny contains {"rule": "E2E-5", "message": "it is protected"} if {
	input.request.operation == "DELETE"
	input.object.metadata.labels.protected
}

# METADATA
# title: No shell in production
# custom: {id: E2E-6, severity: high, fix: use logs}
deny contains {"rule": "E2E-6", "message": sprintf("exec of %v", [input.object.command])} if {
	input.request.operation == "CONNECT"
}

# METADATA
# title: Not more than ten
# custom: {id: E2E-7, severity: low, fix: ask for fewer}
deny contains {"rule": "E2E-7", "message": sprintf("%d replicas", [input.object.spec.replicas])} if {
	input.object.kind == "Scale"
	input.object.spec.replicas > 10
}

_spec := object.get(input.object, ["spec", "template", "spec"], object.get(input.object, "spec", {}))

_containers contains c if some c in _spec.containers

_containers contains c if some c in _spec.ephemeralContainers
"""


class Webhook:
    """A webhook that can be stopped, started, and given other files."""

    def __init__(self, folder: Path, feed: Feed, *more: str) -> None:
        self._more = more
        self.folder = folder
        self.feed = feed
        self.log = folder / "webhook.log"
        self.port = free_ports(1)[0]
        self.authority = Authority(folder)
        self.policies = folder / "policies"
        self.policies.mkdir()
        (self.policies / "e2e.rego").write_text(POLICY, "utf-8")
        (folder / "platform.yaml").write_text(PLATFORM, "utf-8")
        (folder / "token").write_text(feeds.TOKEN, "utf-8")
        self.renew()
        self._running: contextlib.ExitStack | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def renew(self) -> int:
        """Put another certificate in place; its number."""
        return self.authority.pair(self.folder / "tls.crt", self.folder / "tls.key")

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            str(Path(sys.executable).with_name("gate")),
            "webhook",
            "serve",
            f"--port={self.port}",
            "--certificate=tls.crt",
            "--key=tls.key",
            "--config=platform.yaml",
            "--policy=policies",
            "--data-dir=data",
            f"--feed={self.feed.url}",
            "--token-file=token",
            *self._more,
        ]
        self._running = contextlib.ExitStack()
        self._process = self._running.enter_context(process(command, self.log, cwd=self.folder))
        running = self._process
        until(lambda: running.poll() is not None or self.is_ready(), "the webhook is ready")
        assert running.poll() is None, self.log.read_text("utf-8")[-2000:]

    def kill(self) -> None:
        """End it without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.stop()

    def stop(self) -> None:
        """End it in order."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def state(self) -> dict[str, Any]:
        """`/readyz`."""
        answer: dict[str, Any] = json.loads(self.text("/readyz"))
        return answer

    def text(self, path: str) -> str:
        """What it says at `path`."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        with urllib.request.urlopen(
            f"https://127.0.0.1:{self.port}{path}", context=context, timeout=5
        ) as answer:
            text: str = answer.read().decode()
            return text

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.state()["ready"])
        except OSError:
            return False


@contextlib.contextmanager
def installed(cluster: Cluster, folder: Path) -> Iterator[Webhook]:
    """A webhook that runs and is called by the API server."""
    feed = Feed()
    webhook = Webhook(folder, feed)
    try:
        webhook.start()
        for name in NAMESPACES:
            cluster.kubectl("create", "namespace", name)
        made = cluster.apply(configuration(webhook))
        assert made.returncode == 0, made.stderr
        probe = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "prod"}}
        probe["spec"] = {"containers": [{"name": "a", "image": "refused.example/a"}]}
        until(
            lambda: NAME in cluster.apply(probe, "--dry-run=server").stderr,
            "the API server calls the webhook",
        )
        yield webhook
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)
        webhook.stop()
        feed.close()


def configuration(webhook: Webhook) -> dict[str, Any]:
    """What the chart registers, with everything that may be asked for, by address instead of by Service."""
    values = ("webhook.delete=true", "webhook.scale=true", "webhook.connect=true")
    made: dict[str, Any] = registered(*values, f"webhook.excludedNamespaces={{{OTHER_GATE}}}")
    made["metadata"]["name"] = CONFIGURATION
    for one in made["webhooks"]:
        one["clientConfig"] = {
            "url": f"https://127.0.0.1:{webhook.port}/admission/validate",
            "caBundle": base64.b64encode(webhook.authority.pem).decode(),
        }
    return made
