"""Baselines: what was released last into each environment, whether that is what runs, and the way back."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from gate import settings
from gate.service import answers, baselines, project_settings
from gate.service.asking import Ours, Who
from gate.service.permissions import Permission
from gate.service.problems import Refusal
from gate.service.routing import Routes
from gate.stores import releases
from gate.stores.projects import Project

ROUTES = Routes("/api/v1", "baselines")
ProjectKey = Annotated[str, Query(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Environment = Annotated[str, Path(max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")]


@ROUTES.add("GET", "/baselines", Permission.DECISIONS_READ)
def list_baselines(service: Ours, who: Who, project: ProjectKey) -> Response:
    """The baseline of each environment of a project, in the order of its settings; null where nothing was released."""
    with service.database.reading() as connection:
        found = who.project(connection, project)
        newest = releases.baselines(connection, found.id)
        names = [one.name for one in project_settings.parsed(found.document).environments]
        items = [
            {
                "environment": name,
                "baseline": baselines.baseline(connection, found, newest[name]) if name in newest else None,
                "drift": baselines.drift(connection, found, newest[name]) if name in newest else None,
            }
            for name in names
        ]
    return answers.json({"project": found.key, "items": items})


@ROUTES.add("GET", "/baselines/{environment}", Permission.DECISIONS_READ)
def show_baseline(service: Ours, who: Who, environment: Environment, project: ProjectKey) -> Response:
    """The last release of one environment, and whether it is what the cluster reports."""
    with service.database.reading() as connection:
        found = who.project(connection, project)
        name = _named(found, environment)
        newest = releases.baselines(connection, found.id).get(name)
        if newest is None:
            raise Refusal(404, f"nothing was released into {name} yet", code="nothing_released")
        value = {
            "baseline": baselines.baseline(connection, found, newest),
            "drift": baselines.drift(connection, found, newest),
        }
    return answers.json(value)


@ROUTES.add("GET", "/baselines/{environment}/rollback", Permission.DECISIONS_READ)
def plan_rollback(service: Ours, who: Who, environment: Environment, project: ProjectKey) -> Response:
    """The newest earlier release that passes today's policies, and what would differ; nothing is recorded."""
    with service.database.reading() as connection:
        found = who.project(connection, project)
    name = _named(found, environment)
    plan = baselines.plan(service, found, name)
    if plan is None:
        raise Refusal(404, f"nothing was released into {name} yet", code="nothing_released")
    return answers.json(plan)


def _named(project: Project, environment: str) -> str:
    return settings.environment(project_settings.parsed(project.document), environment).name
