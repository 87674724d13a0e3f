"""Findings and components across projects: what is open, and where is log4j?"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from gate.service import asking, tables
from gate.service.asking import Cursor, Limit, Ours, Who
from gate.service.permissions import Permission
from gate.service.problems import Refusal
from gate.service.routing import Routes
from gate.stores import components, findings, projects

ROUTES = Routes("/api/v1", "findings")
Words = Annotated[str | None, Query(max_length=1_000, pattern=r"^[^\x00]*$")]


@ROUTES.add("GET", "/findings", Permission.FINDINGS_READ, media_types=(tables.CSV,))
def list_findings(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    fingerprint: Words = None,
    kind: Words = None,
    severity: Literal["critical", "high", "medium", "low", "info", "unknown"] | None = None,
    rule: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Findings, last seen first; each once a project."""
    with service.database.reading() as connection:
        wanted = findings.Filter(
            project_ids=who.projects(connection, project),
            fingerprint=fingerprint,
            kind=kind,
            severity=severity,
            rule=rule,
        )
        return asking.listed(
            request,
            lambda: findings.listed(connection, wanted, cursor, limit),
            lambda one: {
                "project": projects.keys(connection, [one.project_id]).get(one.project_id),
                "first_seen": one.first_seen,
                "last_seen": one.last_seen,
                "decision_id": one.decision_id,
                "finding": msgspec.Raw(one.document.encode()),
            },
            tables.FINDINGS,
        )


@ROUTES.add("GET", "/components", Permission.FINDINGS_READ, media_types=(tables.CSV,))
def list_components(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    name: Words = None,
    purl: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Where a component is: by its name, or its package URL with or without a version."""
    if name is None and purl is None:
        raise Refusal(422, "name or purl: one of the two is needed")
    with service.database.reading() as connection:
        ids = who.projects(connection, project)

        def shown(one: components.Known) -> dict[str, Any]:
            value = msgspec.structs.asdict(one)
            project_id = value.pop("project_id")
            value.pop("identity")
            return {"project": projects.keys(connection, [project_id]).get(project_id), **value}

        return asking.listed(
            request,
            lambda: components.listed(connection, ids, name=name, purl=purl, cursor=cursor, limit=limit),
            shown,
            tables.COMPONENTS,
        )
