"""The application: every route, behind one permission check and one outermost layer."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from gate import __version__
from gate.service import auth, problems
from gate.service.context import Service
from gate.service.edge import Edge
from gate.service.routes import (
    admission,
    approvals,
    audit,
    baselines,
    decisions,
    events,
    findings,
    grants,
    health,
    jobs,
    login,
    origins,
    projects,
    promotions,
    reports,
    teams,
    tokens,
    trusts,
    waivers,
)
from gate.service.routes import (
    auth as auth_routes,
)
from gate.service.routing import Routes, undeclared

ROUTES: Final[tuple[Routes, ...]] = (
    health.ROUTES,
    projects.ROUTES,
    decisions.ROUTES,
    origins.ROUTES,
    reports.ROUTES,
    findings.ROUTES,
    tokens.ROUTES,
    auth_routes.ROUTES,
    login.ROUTES,
    trusts.ROUTES,
    audit.ROUTES,
    admission.ROUTES,
    waivers.ROUTES,
    approvals.ROUTES,
    promotions.ROUTES,
    baselines.ROUTES,
    jobs.ROUTES,
    events.ROUTES,
    grants.ROUTES,
    teams.ROUTES,
)


def application(service: Service) -> FastAPI:
    """The application in front of `service`; raises where a route declares no permission."""
    app = FastAPI(
        title="gate",
        version=__version__,
        summary="May this pass, here, now?",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(auth.authorized)],
    )
    app.state.service = service
    for routes in ROUTES:
        routes.install(app)
    if names := undeclared(app):
        raise RuntimeError(f"routes without a permission: {', '.join(names)}")
    problems.install(app)
    app.add_middleware(Edge, service=service)
    app.openapi = lambda: description(app)  # type: ignore[method-assign]  # FastAPI's own way to do this
    return app


def description(app: FastAPI) -> dict[str, Any]:
    """The API as OpenAPI 3.1: problems at every operation, tokens where one is wanted."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    made = get_openapi(
        title=app.title, version="1", summary=app.summary, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for model in (*decisions.MODELS, *auth_routes.MODELS):
        its_own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(its_own.pop("$defs", {}))
        schemas[model.__name__] = its_own
    schemas["Problem"] = PROBLEM
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path in made["paths"].values():
        for operation in path.values():
            _completed(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    app.openapi_schema = made
    return made


PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": [
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "request_id",
        "exit_code",
        "errors",
    ],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "exit_code": {"type": "integer", "description": "How `gate check` ends on it: 2 or 3."},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def _completed(operation: dict[str, Any]) -> None:
    answer = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {"description": "A problem.", "content": answer}
    if operation["x-permission"] != "public":
        operation["security"] = [{"token": []}]
