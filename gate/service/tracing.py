"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says whereto; else nothing is imported or made.

A pipeline's trace is continued: its client sends the TRACEPARENT of its job (W3C Trace Context). Spans hold
outcomes, digests and numbers, never what a report says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from gate import __version__
from gate.errors import SettingsError

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
EXPORT_S: Final = 2
"""How long a collector may take; nothing but the export waits for it."""


class Tracing:
    """Spans that are made and left; this one makes none."""

    def request(self, name: str, parent: str) -> AbstractContextManager[Any]:
        """The span of a request; `parent` is its traceparent, or empty."""
        return nullcontext()

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[Any]:
        """A span below the current one."""
        return nullcontext()

    def close(self) -> None:
        """Send what waits."""


class _Exporting(Tracing):
    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - only where wanted
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        resource = Resource.create({"service.name": "gate", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_S)))
        self._tracer = self._provider.get_tracer("gate", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._server = SpanKind.SERVER

    def request(self, name: str, parent: str) -> AbstractContextManager[Any]:
        context = self._propagator.extract({"traceparent": parent}) if is_traceparent(parent) else None
        return self._tracer.start_as_current_span(
            name, context=context, kind=self._server, record_exception=False
        )

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name, attributes=attributes, record_exception=False)

    def close(self) -> None:
        self._provider.shutdown()


def is_traceparent(text: str) -> bool:
    """Whether `text` is one, of the version that is known."""
    return TRACEPARENT.fullmatch(text) is not None


def of(environ: Mapping[str, str]) -> Tracing:
    """What `environ` asks for; raises `SettingsError` where it cannot be had."""
    named = next((name for name in ENDPOINTS if environ.get(name)), None)
    if named is None:
        return Tracing()
    try:
        return _Exporting()
    except ImportError:
        raise SettingsError(
            f"{named} is set, and OpenTelemetry is not installed",
            code="usage",
            fix="pip install 'gate[otel]', or unset it",
        ) from None
