"""Promotions: may this digest enter that environment, on what is known of it already?"""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from gate import settings
from gate.service import answers, asking, project_settings, reevaluation
from gate.service.asking import Once, Ours, Who
from gate.service.auth import Caller
from gate.service.context import OtherRequest, Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routes.decisions import again_of, recorded_once, visible
from gate.service.routing import Body, Routes
from gate.service.submission import Digest, Key, Name, Text
from gate.stores import decisions, events, projects
from gate.stores.database import Connection
from gate.stores.decisions import Summary
from gate.stores.projects import Project
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "promotions")


class PromotionIn(Body):
    """What is asked."""

    project: Key
    environment: Name
    digest: Digest
    branch: Text | None = None
    """Of the pipeline that asks; absent: the one that the evidence came from."""


class Noting(Body):
    """Why."""

    note: Text | None = None


class Nothing(Body):
    """No further wishes."""


@ROUTES.add("POST", "/promotions", Permission.DECISIONS_WRITE, status_code=201)
def promote(request: Request, service: Ours, who: Who, body: PromotionIn, key: Once) -> Response:
    """May the digest enter the environment? A decision on the evidence of its last one, recorded before it is answered.

    The evidence is of the environment that this one requires, else of the digest's newest decision.
    """
    with service.database.reading() as connection:
        project = who.project(connection, body.project)
        base = _evidence(connection, project, body)
    asked = asking.digest("POST promotions", body.model_dump(mode="json"))
    return _decided(request, service, who, project, base, (body.environment, body.branch, asked), key)


@ROUTES.add("POST", "/decisions/{decision_id}/re-evaluate", Permission.DECISIONS_WRITE, status_code=201)
def re_evaluate(
    request: Request,
    service: Ours,
    who: Who,
    decision_id: str,
    body: Nothing,  # noqa: ARG001 - there is one, and it is empty
    key: Once,
) -> Response:
    """The same question asked again today: what was handed over then, the policies and waivers of now."""
    with service.database.reading() as connection:
        base = visible(connection, who, decision_id)
        project = projects.by_id(connection, base.project_id)
        if project is None:
            raise not_found()
        _refuse_older(connection, project, base)
    asked = asking.digest("POST re-evaluate", decision_id)
    return _decided(request, service, who, project, base, (base.environment, None, asked), key)


@ROUTES.add("POST", "/decisions/{decision_id}/revoke", Permission.APPROVALS_GIVE)
def revoke_decision(service: Ours, who: Who, decision_id: str, body: Noting) -> Response:
    """Take a decision back: it counts for no promotion and lets nothing in any more. Its record stays."""

    def work(transaction: Transaction) -> None:
        connection = transaction.connection
        found = visible(connection, who, decision_id)
        project = projects.by_id(connection, found.project_id)
        if project is None:
            raise not_found()
        if found.revoked_at is not None:
            raise Refusal(409, f"it was taken back at {found.revoked_at}", code="already_decided")
        decisions.revoked(transaction, project.key, found)
        more = {"note": body.note} if body.note is not None else {}
        events.told(
            connection,
            at=transaction.now,
            project_id=found.project_id,
            by=who.principal,
            action="decision.revoked",
            target=found.id,
            environment=found.environment,
            digest=found.subject_digest,
            **more,
        )

    service.writer.submit(work)
    with service.database.reading() as connection:
        found = visible(connection, who, decision_id)
    return answers.json({"decision_id": found.id, "outcome": found.outcome, "revoked_at": found.revoked_at})


def _decided(
    request: Request,
    service: Service,
    who: Caller,
    project: Project,
    base: Summary,
    asked: tuple[str | None, str | None, str],
    key: str | None,
) -> Response:
    media_type = answers.chosen(request)
    environment, branch, request_sha256 = asked
    try:
        before = service.answered(who.principal, key, request_sha256)
        shown, location, status = (
            again_of(service, before)
            if before is not None
            else recorded_once(
                service,
                who,
                project,
                lambda: reevaluation.again(
                    service, project, base.id, environment, by=who.principal, branch=branch
                ),
                key,
                request_sha256,
            )
        )
    except OtherRequest:
        raise asking.other_request() from None
    return answers.decision(shown, media_type, status, {"Location": location})


def _refuse_older(connection: Connection, project: Project, base: Summary) -> None:
    """Raise where more is known of the digest by now: older evidence must not come out on top."""
    if base.subject_digest is None or base.environment is None:
        return
    newest = decisions.newest_summary(connection, project.id, base.subject_digest, base.environment)
    if newest is not None and newest.id != base.id:
        raise Refusal(409, f"decision {newest.id} is newer; decide that again", code="not_newest")


def _evidence(connection: Connection, project: Project, body: PromotionIn) -> Summary:
    """The decision whose evidence counts; raises `Refusal` 422 where there is none, or it was taken back."""
    named = settings.environment(project_settings.parsed(project.document), body.environment)
    found = None
    if named.requires is not None:
        found = decisions.newest_summary(connection, project.id, body.digest, named.requires.environment)
    found = found or decisions.newest_summary(connection, project.id, body.digest, None)
    if found is None:
        raise Refusal(
            422,
            "/digest: nothing is known of it in this project; hand its reports over with gate check --server",
            code="evidence_unknown",
        )
    if found.revoked_at is not None:
        raise Refusal(
            409,
            f"its decision {found.id} was taken back; hand its reports over once more",
            code="evidence_revoked",
        )
    return found
