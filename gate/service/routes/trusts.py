"""Rules of projects about runs of CI systems: made, listed, taken away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from gate.service import answers, asking
from gate.service.asking import Cursor, Limit, Once, Ours, Who
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Key, Name, Text
from gate.stores import events, projects, trusts
from gate.stores.idempotency import Answer
from gate.stores.trusts import Conditions, Trust
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "trusts")
Glob = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x20\x7f\[\]]+$")]
Globs = Annotated[list[Glob], Field(min_length=1, max_length=50)]


class TrustIn(Body):
    """A rule that is wanted. Every condition that is given must fit the run."""

    project: Key
    provider: Name
    """A name of `identity.ci` in the platform's file."""
    repository: Annotated[
        str, Field(min_length=3, max_length=500, pattern=r"^[^\s\x00-\x1f/*?]+(/[^\s\x00-\x1f/*?]+)+$")
    ]
    repository_id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,19}$")]
    role: Literal["ci", "viewer"] = "ci"
    refs: Globs | None = None
    environments: Annotated[list[Text], Field(min_length=1, max_length=50)] | None = None
    workflows: Globs | None = None
    protected: bool = False
    changes: bool = False


@ROUTES.add("GET", "/trusts", Permission.TRUSTS_READ)
def list_trusts(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Rules, newest first."""
    with service.database.reading() as connection:
        ids = who.projects(connection, project)
        return asking.listed(
            request,
            lambda: trusts.listed(connection, ids, cursor, limit),
            lambda one: _shown(one, projects.keys(connection, [one.project_id])),
        )


@ROUTES.add("POST", "/trusts", Permission.TRUSTS_WRITE, status_code=201)
def create_trust(service: Ours, who: Who, body: TrustIn, once: Once) -> Response:
    """Have runs of a repository be given tokens of a project."""
    known = service.identity.settings.ci if service.identity is not None else ()
    if body.provider not in [one.name for one in known]:
        names = ", ".join(one.name for one in known) or "none"
        raise Refusal(422, f"/provider: {body.provider!r} is not in the platform's file; known: {names}")
    with service.database.reading() as connection:
        project = who.project(connection, body.project)
    fields = body.model_dump(exclude={"project", "provider", "repository_id"})
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    conditions = Conditions(**{**fields, **lists})
    trust_id = service.new_id()

    def work(transaction: Transaction) -> Answer:
        trust = Trust(
            id=trust_id,
            project_id=project.id,
            provider=body.provider,
            repository_id=body.repository_id,
            conditions=conditions,
            created_at=transaction.now,
            created_by=who.principal,
        )
        trusts.created(transaction.connection, trust)
        _told(transaction, who.principal, "trust.created", trust)
        shown = msgspec.json.encode(_shown(trust, {project.id: project.key}))
        return Answer(request_sha256=asked, status=201, location=f"/api/v1/trusts/{trust_id}", body=shown)

    asked = asking.digest("POST", "trusts", body.model_dump())
    return asking.done_once(service, who, once, asked, work)


@ROUTES.add("GET", "/trusts/{trust_id}", Permission.TRUSTS_READ)
def show_trust(service: Ours, who: Who, trust_id: str) -> Response:
    """One rule."""
    with service.database.reading() as connection:
        found = trusts.by_id(connection, trust_id) if "\x00" not in trust_id else None
        if found is None or not who.sees(found.project_id):
            raise not_found()
        return answers.json(_shown(found, projects.keys(connection, [found.project_id])))


@ROUTES.add("DELETE", "/trusts/{trust_id}", Permission.TRUSTS_WRITE, status_code=204)
def remove_trust(service: Ours, who: Who, trust_id: str) -> Response:
    """Take it away; tokens that it gave end by themselves within a quarter of an hour."""
    if "\x00" in trust_id:
        raise not_found()

    def work(transaction: Transaction) -> bool:
        found = trusts.by_id(transaction.connection, trust_id)
        if found is None or not who.sees(found.project_id):
            return False
        trusts.removed(transaction.connection, trust_id)
        _told(transaction, who.principal, "trust.removed", found)
        return True

    if not service.writer.submit(work):
        raise not_found()
    return Response(status_code=204)


def _told(transaction: Transaction, by: str, action: str, trust: Trust) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=trust.project_id,
        by=by,
        action=action,
        target=trust.id,
        provider=trust.provider,
        repository_id=trust.repository_id,
        conditions=msgspec.to_builtins(trust.conditions),
    )


def _shown(trust: Trust, keys: dict[str, str]) -> dict[str, Any]:
    value = msgspec.to_builtins(trust)
    return {"project": keys.get(value.pop("project_id")), **value.pop("conditions"), **value}
