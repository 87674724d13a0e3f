"""What is counted, under names that stay (docs/operations.md), with labels that cannot grow without bound.

No label is ever an image, a path, a flaw or a person; names of environments are a project's own, so only the
first `ENVIRONMENTS` have a label of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gate import __version__
from gate.errors import GateError, StoreError
from gate.model import Decision
from gate.stores import standing
from gate.stores.database import Database
from gate.stores.standing import Standing

ENVIRONMENTS: Final = 50
OTHER: Final = "other"
FRESH_S: Final = 10.0
"""How long what the store was asked for is told again, however often somebody scrapes."""
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of one process; `registry` has them all."""

    def __init__(self, database: Database, engine_version: str) -> None:
        self.registry = registry = CollectorRegistry()
        self._environments: set[str] = set()
        self._decisions = Counter(
            "gate_decisions",
            "Decisions recorded.",
            ("environment", "outcome", "point"),
            registry=registry,
        )
        self._decision_s = Histogram(
            "gate_decision_duration_seconds",
            "From the request's end to the recorded decision.",
            ("environment",),
            buckets=SECONDS,
            registry=registry,
        )
        self._evaluations = Counter(
            "gate_policy_evaluations", "Evaluations.", ("engine", "result"), registry=registry
        )
        self._evaluation_s = Histogram(
            "gate_policy_evaluation_duration_seconds",
            "One judgement.",
            ("engine",),
            buckets=SECONDS,
            registry=registry,
        )
        self._findings = Counter(
            "gate_findings_ingested", "Findings of decisions.", ("kind", "severity"), registry=registry
        )
        self._failures = Counter(
            "gate_report_parse_failures",
            "Requests whose reports were not understood.",
            ("kind", "reason"),
            registry=registry,
        )
        self._requests = Counter(
            "gate_http_requests", "Requests answered.", ("method", "route", "code"), registry=registry
        )
        self._request_s = Histogram(
            "gate_http_request_duration_seconds",
            "One request.",
            ("route",),
            buckets=SECONDS,
            registry=registry,
        )
        self._job_s = Histogram(
            "gate_job_duration_seconds",
            "One attempt of a job.",
            ("task",),
            buckets=SECONDS,
            registry=registry,
        )
        self.chain_ok = Gauge(
            "gate_audit_chain_ok",
            "Whether the record was whole when it was last verified here; absent before.",
            ("by",),
            registry=registry,
        )
        self._bundles = Gauge(
            "gate_bundle_info", "Policies loaded.", ("name", "digest_short"), registry=registry
        )
        self.certificate_ends = Gauge(
            "gate_tls_certificate_expiry_timestamp_seconds",
            "When the served certificate ends; 0 where none is served.",
            registry=registry,
        )
        Gauge(
            "gate_build_info", "This version.", ("version", "engine", "engine_version"), registry=registry
        ).labels(__version__, "opa", engine_version).set(1)
        registry.register(_OfTheStore(database))

    def decided(self, decision: Decision, point: str, seconds: float) -> None:
        """One recorded decision."""
        environment = self._environment(decision.environment)
        self._decisions.labels(environment, decision.outcome.value, point).inc()
        self._decision_s.labels(environment).observe(seconds)
        for kind, severities in decision.counts.items():
            for severity, number in severities.items():
                self._findings.labels(kind, severity).inc(number)

    def not_understood(self, formats: Iterable[str], known: Collection[str], reason: str) -> None:
        """Reports that were refused; `formats` as whoever sent them declared them."""
        named = {name if name in known else OTHER for name in formats}
        self._failures.labels(named.pop() if len(named) == 1 else OTHER, reason).inc()

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """One judgement, counted with how it ended."""
        started = time.perf_counter()
        result = "error"
        try:
            yield
            result = "ok"
        except GateError as error:
            result = "timeout" if error.problems[0].code == "timeout" else "error"
            raise
        finally:
            self._evaluations.labels("opa", result).inc()
            self._evaluation_s.labels("opa").observe(time.perf_counter() - started)

    @contextmanager
    def job(self, kind: str) -> Iterator[None]:
        """One attempt of a job, however it ends."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._job_s.labels(kind).observe(time.perf_counter() - started)

    def answered(self, method: str, route: str | None, code: int, seconds: float) -> None:
        """One HTTP request; `route` is its template, None where none fits."""
        route = route or OTHER
        self._requests.labels(method if method in METHODS else OTHER, route, str(code)).inc()
        self._request_s.labels(route).observe(seconds)

    def loaded(self, name: str, revision: str) -> None:
        """Policies that were compiled."""
        self._bundles.labels(name, revision.removeprefix("sha256:")[:12]).set(1)

    def _environment(self, name: str | None) -> str:
        if name is None:
            return ""
        if name not in self._environments and len(self._environments) >= ENVIRONMENTS:
            return OTHER
        self._environments.add(name)
        return name


class _OfTheStore(Collector):
    """What is read from the store when somebody scrapes: waivers, approvals, jobs, and whether it answers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: Standing | None = None
        self._asked = float("-inf")

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is asked at registration."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families, without values where the store does not answer."""
        known = self._standing()
        up = GaugeMetricFamily("gate_store_up", "Whether the database answered.")
        up.add_metric((), 0 if known is None else 1)
        yield up
        if known is None:
            return
        waivers = GaugeMetricFamily("gate_waivers", "Waivers by state.", labels=("state",))
        for state, number in known.waivers.items():
            waivers.add_metric((state,), number)
        yield waivers
        soonest = GaugeMetricFamily(
            "gate_waiver_expiry_timestamp_seconds", "When the next active waiver ends."
        )
        if known.next_expiry is not None:
            soonest.add_metric((), known.next_expiry)
        yield soonest
        pending = GaugeMetricFamily("gate_approvals_pending", "Approvals asked for and not given.")
        pending.add_metric((), known.approvals_pending)
        yield pending
        jobs = GaugeMetricFamily("gate_jobs", "Jobs by queue and state.", labels=("queue", "state"))
        for (kind, state), number in known.jobs.items():
            jobs.add_metric((kind, state), number)
        yield jobs

    def _standing(self) -> Standing | None:
        with self._lock:
            if time.monotonic() - self._asked > FRESH_S:
                self._known = _asked(self._database)
                self._asked = time.monotonic()
            return self._known


def _asked(database: Database) -> Standing | None:
    try:
        with database.reading() as connection:
            return standing.of(connection)
    except StoreError:
        return None
