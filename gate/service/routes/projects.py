"""Projects and their settings: a gate.yaml each, in versions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Path, Request
from pydantic import Field
from starlette.responses import Response

from gate.bundle import unknown_rules
from gate.errors import SettingsError
from gate.service import answers, asking, project_settings
from gate.service.asking import Cursor, IfMatch, Limit, Once, Ours, Who
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.stores import events, projects
from gate.stores.database import Connection
from gate.stores.idempotency import Answer
from gate.stores.projects import Project
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "projects")
Key = Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]


class SettingsIn(Body):
    """What a project asks of gate."""

    settings: Annotated[str, Field(max_length=1_048_576)]
    """A gate.yaml, as text."""


@ROUTES.add("GET", "/projects", Permission.PROJECTS_READ)
def list_projects(
    request: Request, service: Ours, who: Who, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Projects, newest first."""
    with service.database.reading() as connection:
        return asking.listed(
            request, lambda: projects.listed(connection, who.project_ids, cursor, limit), _shown
        )


@ROUTES.add("GET", "/projects/{key:path}", Permission.PROJECTS_READ)
def show_project(service: Ours, who: Who, key: Key) -> Response:
    """One project with its settings; its version is the ETag."""
    with service.database.reading() as connection:
        found = who.project(connection, key)
    return answers.json(_shown(found), headers={"ETag": _etag(found.version)})


@ROUTES.add("PUT", "/projects/{key:path}", Permission.PROJECTS_WRITE)
def put_project(
    service: Ours, who: Who, key: Key, body: SettingsIn, once: Once, if_match: IfMatch = None
) -> Response:
    """Make it, or replace its settings, which wants If-Match: whoever was faster must have been read."""
    value = project_settings.parsed(body.settings)
    if value.project is not None and value.project != key:
        raise SettingsError(
            f"the settings are of project {value.project[:80]!r}",
            path=project_settings.LABEL,
            expected=repr(key),
            fix="correct `project`, or leave it out",
        )
    unknown = unknown_rules(
        service.bundle(value.policies.use), value.policies.actions, project_settings.OWN_RULES
    )
    if unknown:
        raise SettingsError(
            f"policies.actions names a rule that no policy has: {unknown[0]}", path=project_settings.LABEL
        )
    asked = asking.digest("PUT", key, body.settings, if_match)

    def work(transaction: Transaction) -> Answer:
        return _put(transaction, service, who, key, body.settings, if_match, asked)

    return asking.done_once(service, who, once, asked, work)


def _put(
    transaction: Transaction,
    service: Service,
    who: Caller,
    key: str,
    document: str,
    if_match: str | None,
    asked: str,
) -> Answer:
    connection = transaction.connection
    value = project_settings.parsed(document)
    found = projects.by_key(connection, key)
    if found is not None and not who.sees(found.id):
        raise not_found()
    project_id, before = (
        _made(connection, service, who, key, transaction.now) if found is None else _of(found, if_match)
    )
    is_done = projects.replaced(
        connection,
        project_id,
        before,
        document,
        project_settings.environments(value),
        who.principal,
        transaction.now,
    )
    if not is_done:
        raise Refusal(412, "somebody else was faster; read it again")
    events.told(
        connection,
        at=transaction.now,
        project_id=project_id,
        by=who.principal,
        action="project.settings_replaced" if before else "project.created",
        target=key,
        version=before + 1,
    )
    made = projects.by_id(connection, project_id)
    body = msgspec.json.encode({**_shown(made), "not_used": project_settings.without_meaning(value)})
    status, location = (200, None) if before else (201, f"/api/v1/projects/{key}")
    return Answer(request_sha256=asked, status=status, location=location, body=body)


def _made(connection: Connection, service: Service, who: Caller, key: str, at: str) -> tuple[str, int]:
    if not who.may(Permission.PROJECTS_CREATE):
        raise not_found()
    project_id = service.new_id()
    projects.created(connection, project_id, key, at)
    return project_id, 0


def _of(found: Project, if_match: str | None) -> tuple[str, int]:
    if if_match is None:
        raise Refusal(
            428, f"the project is there; send If-Match: {_etag(found.version)} to replace its settings"
        )
    if if_match.strip() != _etag(found.version):
        raise Refusal(412, f"its settings are at version {found.version}; read them again")
    return found.id, found.version


def _etag(version: int) -> str:
    return f'"{version}"'


def _shown(found: Project | None) -> dict[str, Any]:
    value = msgspec.structs.asdict(found) if found is not None else {}
    return {
        "project": value["key"],
        "version": value["version"],
        "settings": value["document"],
        "created_at": value["created_at"],
        "updated_at": value["updated_at"],
        "updated_by": value["updated_by"],
    }
