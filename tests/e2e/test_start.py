"""docs/admission.md, "Five minutes", typed as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.data import REPOSITORY
from tests.e2e.cluster import TOKEN, Cluster, free_ports, servers
from tests.e2e.test_cluster import person

DENIED = 'admission webhook "validate.try-gate.internal" denied the request'


def test_the_first_five_minutes_end_with_a_denied_pod(cluster: Cluster, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "admission.md").read_text("utf-8")
    [block] = re.findall(r"## Five minutes\n.*?```sh\n(.*?)```", page, re.DOTALL)
    [port] = free_ports(1)
    (tmp_path / "kubeconfig").write_text(person(cluster.url, cluster.ca, TOKEN))
    script = block.replace("--data-dir data", f"--data-dir data --port {port}").replace(":8443", f":{port}")
    done = subprocess.run(
        ["bash", "-c", "set -m\n" + script],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), str(servers()), os.environ["PATH"])),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    told = done.stdout + done.stderr
    assert "registered: validate.try-gate.internal" in done.stdout, told
    assert "denied the request" in done.stderr, told
    # Another webhook of these tests denies it too, and the API server shows the first that did.
    assert cluster.audited("bad")[-1].get("validate.try-gate.internal/decision-id") or DENIED in told, told
    assert "certificate: 90 days left" in done.stdout, told
    assert "try-gate: unregistered" in done.stdout, told
