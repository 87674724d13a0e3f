"""What admission adds to a call of the real API server: Pods created as a dry run, with the webhook and without."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from _pytest.outcomes import OutcomeException

from bench.table import Row, Table, percentile
from tests.e2e import cluster as clusters
from tests.e2e import webhook as webhooks
from tests.e2e.cluster import Cluster

CALLS: Final = 2_000
AT_ONCE: Final = 4
TITLE: Final = f"a Pod created as a dry run in the real API server, {AT_ONCE} at once"
_HISTOGRAM: Final = re.compile(
    r"apiserver_admission_webhook_admission_duration_seconds_(sum|count)"
    rf'\{{[^}}]*name="{re.escape(webhooks.NAME)}"[^}}]*\}} (\S+)'
)
POD: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"namespace": "prod", "labels": {"team": "web"}},
    "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
}


def measured(folder: Path, quick: bool) -> Table:
    """Medians and p99 seen by the client, and the mean that the API server itself counts for the webhook."""
    calls = CALLS // 10 if quick else CALLS
    try:
        clusters.servers()
    except OutcomeException as missing:
        row = Row(what="kube-apiserver", figure="-", note=str(missing))
        return Table(name="apiserver", title=TITLE, rows=(row,))
    for name in ("cluster", "webhook"):
        (folder / name).mkdir()
    with clusters.running(folder / "cluster") as cluster:
        cluster.kubectl("create", "namespace", "prod")
        _seconds(cluster, calls // 10)
        without = _seconds(cluster, calls)
        with webhooks.installed(cluster, folder / "webhook"):
            _seconds(cluster, calls // 10)
            before = _counted(cluster)
            beside = _seconds(cluster, calls)
            after = _counted(cluster)
    mean_ms = (after[0] - before[0]) / max(after[1] - before[1], 1) * 1_000
    rows = (
        _row("without the webhook", without),
        _row("with gate's webhook", beside),
        Row(
            what="added, p50",
            figure=f"{(statistics.median(beside) - statistics.median(without)) * 1e3:.1f} ms",
        ),
        Row(
            what="apiserver_admission_webhook_admission_duration_seconds",
            figure=f"{mean_ms:.1f} ms",
            note=f"mean of {after[1] - before[1]:.0f} calls",
        ),
    )
    return Table(name="apiserver", title=TITLE, rows=rows)


def _row(what: str, seconds: list[float]) -> Row:
    p50, p99 = (percentile(seconds, one) * 1_000 for one in (50, 99))
    return Row(what=f"{what}, p50", figure=f"{p50:.1f} ms", note=f"p99 {p99:.1f} ms, {len(seconds)} calls")


def _seconds(cluster: Cluster, calls: int) -> list[float]:
    """How long each of `calls` took; raises `RuntimeError` where one is not admitted."""
    with ThreadPoolExecutor(AT_ONCE, "client") as pool:
        parts = pool.map(lambda worker: _by(cluster, worker, calls // AT_ONCE), range(AT_ONCE))
        return [one for part in parts for one in part]


def _by(cluster: Cluster, worker: int, calls: int) -> list[float]:
    context = ssl.create_default_context(cafile=str(cluster.ca))
    connection = http.client.HTTPSConnection(urlsplit(cluster.url).netloc, context=context, timeout=30)
    headers = {"Authorization": f"Bearer {clusters.TOKEN}", "Content-Type": "application/json"}
    took: list[float] = []
    try:
        for number in range(calls):
            pod = POD | {"metadata": POD["metadata"] | {"name": f"pod-{worker}-{number}"}}
            started = time.perf_counter()
            connection.request("POST", "/api/v1/namespaces/prod/pods?dryRun=All", json.dumps(pod), headers)
            answer = connection.getresponse()
            body = answer.read()
            took.append(time.perf_counter() - started)
            if answer.status != http.client.CREATED:
                raise RuntimeError(f"the API server answered {answer.status}: {body[:500]!r}")
    finally:
        connection.close()
    return took


def _counted(cluster: Cluster) -> tuple[float, float]:
    """Seconds and calls that the API server has counted for the webhook."""
    context = ssl.create_default_context(cafile=str(cluster.ca))
    connection = http.client.HTTPSConnection(urlsplit(cluster.url).netloc, context=context, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {clusters.TOKEN}"})
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    total = {"sum": 0.0, "count": 0.0}
    for kind, value in _HISTOGRAM.findall(text):
        total[kind] += float(value)
    return total["sum"], total["count"]
