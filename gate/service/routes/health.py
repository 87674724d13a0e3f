"""Whether the process lives, whether it can decide, and a few numbers."""

from __future__ import annotations

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from gate.errors import GateError, StoreError
from gate.service import answers
from gate.service.asking import Ours
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import RETRY_AFTER_S, not_found
from gate.service.routing import Routes
from gate.stores import changes

ROUTES = Routes("", "health")
_AGAIN = {"Retry-After": RETRY_AFTER_S}


@ROUTES.add("GET", "/livez", Permission.PUBLIC)
async def live() -> Response:
    """The process answers; nothing else is looked at."""
    return answers.json({"status": "ok"})


@ROUTES.add("GET", "/readyz", Permission.PUBLIC)
def ready(service: Ours) -> Response:
    """Whether it can decide now: not stopping, policies loaded, database there."""
    if service.is_stopping:
        return answers.json({"status": "stopping"}, 503, _AGAIN)
    parts = {
        "policies": _policies(service),
        "certificate": _certificate(service),
        "database": _database(service),
    }
    if all(said == "ok" for said in parts.values()):
        return answers.json({"status": "ok", "parts": parts})
    return answers.json({"status": "not ready", "parts": parts}, 503, _AGAIN)


def _policies(service: Service) -> str:
    try:
        service.bundle(("builtin:default",))
    except GateError as error:
        return error.problems[0].code
    return "ok"


def _certificate(service: Service) -> str:
    """Whether callers can still trust what is served; there may be none."""
    if service.certificate is None:
        return "ok"
    return "ok" if service.now() < service.certificate.expires_at else "expired"


def _database(service: Service) -> str:
    try:
        with service.database.reading() as connection:
            changes.epoch(connection)
    except StoreError as error:
        return error.problems[0].code
    return "ok"


@ROUTES.add("GET", "/metrics", Permission.PUBLIC, media_types=("text/plain",))
def metrics(service: Ours) -> Response:
    """Numbers in Prometheus' text format; on a port of their own where `--metrics-port` names one."""
    if not service.has_metrics_here:
        raise not_found()
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@ROUTES.add("GET", "/api/v1/openapi.json", Permission.PUBLIC)
async def openapi(request: Request) -> Response:
    """The API, as OpenAPI 3.1."""
    return answers.json(request.app.openapi())
