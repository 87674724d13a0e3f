"""Whether the process lives, whether it can decide, and a few numbers."""

from __future__ import annotations

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from gate.service import answers
from gate.service.asking import Ours
from gate.service.permissions import Permission
from gate.service.routing import Routes
from gate.stores import changes

ROUTES = Routes("", "health")


@ROUTES.add("GET", "/livez", Permission.PUBLIC)
async def live() -> Response:
    """The process answers; nothing else is looked at."""
    return answers.json({"status": "ok"})


@ROUTES.add("GET", "/readyz", Permission.PUBLIC)
def ready(service: Ours) -> Response:
    """Whether it can decide now: not stopping, policies loaded, database there."""
    if service.is_stopping:
        return answers.json({"status": "stopping"}, 503)
    service.bundle(("builtin:default",))
    with service.database.reading() as connection:
        changes.epoch(connection)
    return answers.json({"status": "ok"})


@ROUTES.add("GET", "/metrics", Permission.PUBLIC)
async def metrics(request: Request) -> Response:
    """Numbers in Prometheus' text format."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@ROUTES.add("GET", "/api/v1/openapi.json", Permission.PUBLIC)
async def openapi(request: Request) -> Response:
    """The API, as OpenAPI 3.1."""
    return answers.json(request.app.openapi())
