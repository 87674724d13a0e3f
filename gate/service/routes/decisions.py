"""Decisions: asked for, looked up, listed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from gate import times
from gate.model import Decision, Point
from gate.presentation import Presentation
from gate.service import answers, asking, auth, deciding, putting_off, recording, replaying, tables
from gate.service.asking import Cursor, Limit, Once, Ours, Who
from gate.service.auth import Caller
from gate.service.context import OtherRequest, Service
from gate.service.deciding import Decided
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routing import Routes, straight
from gate.service.submission import MetaWithFiles, MetaWithReports, Submission, of_json, submission
from gate.stores import decisions, projects
from gate.stores.database import Clash
from gate.stores.decisions import Filter, Overtaken, Recording, Summary
from gate.stores.idempotency import Answer
from gate.stores.writer import Transaction

LOGGER = logging.getLogger("gate.decisions")
ROUTES = Routes("/api/v1", "decisions")
Asked = Annotated[Submission, Depends(submission)]


ASKED = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/MetaWithReports"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["meta"],
                    "properties": {
                        "meta": {"$ref": "#/components/schemas/MetaWithFiles"},
                        "report[]": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                },
                "encoding": {"meta": {"contentType": "application/json"}},
            },
        },
    }
}
"""Bodies that `submission` reads by itself, as OpenAPI tells them."""
MODELS: tuple[type[BaseModel], ...] = (MetaWithReports, MetaWithFiles)


def decide_straight(request: Request, body: bytes) -> Response:
    """`decide` for a small JSON body, in one thread: who asks is known before the body is looked at."""
    auth.authorized(request)
    key = asking.key_in(request.headers.get("idempotency-key"))
    service: Service = request.app.state.service
    return decide(request, service, auth.caller_of(request), of_json(body), key)


@ROUTES.add(
    "POST",
    "/decisions",
    Permission.DECISIONS_WRITE,
    status_code=201,
    openapi_extra=ASKED,
    media_types=answers.MEDIA_TYPES,
)
@straight(decide_straight)
def decide(request: Request, service: Ours, who: Who, asked: Asked, key: Once) -> Response:
    """May this pass, here, now? Recorded before it is answered; `outcome` is in the answer.

    With `Prefer: respond-async`, or more than 5 MiB of reports and no `Prefer: wait=…`: 202, and `Location` is the job.
    """
    media_type = answers.chosen(request)
    with service.database.reading() as connection:
        project = who.project(connection, asked.meta.project)
    given = _decided_once(service, who, project, asked, key, may_wait=putting_off.is_wanted(request, asked))
    if isinstance(given, Answer):
        headers = {"Location": given.location or "", "Preference-Applied": "respond-async"}
        return Response(given.body, 202, headers, media_type="application/json")
    shown, location, status = given
    return answers.decision(shown, media_type, status, {"Location": location})


def _decided_once(
    service: Service,
    who: Caller,
    project: projects.Project,
    asked: Submission,
    key: str | None,
    *,
    may_wait: bool,
) -> tuple[Presentation, str, int] | Answer:
    """The decision, or the answer that it is put off."""
    try:
        before = service.answered(who.principal, key, asked.sha256)
        if before is None and may_wait:
            before = putting_off.put_off(service, who, project, asked, key)
        if before is not None:
            return before if before.status == 202 else again_of(service, before)
        return recorded_once(
            service, who, project, lambda: deciding.decided(service, who, project, asked), key, asked.sha256
        )
    except OtherRequest:
        raise asking.other_request() from None
    except Clash:
        raise Refusal(409, "the decision clashes with one that is there") from None


def recorded_once(
    service: Service,
    who: Caller,
    project: projects.Project,
    decide_it: Callable[[], Decided],
    key: str | None,
    request_sha256: str,
) -> tuple[Presentation, str, int]:
    """What `decide_it` gives, recorded; the decision of the first time where `key` was used meanwhile.

    Decided anew where a waiver was revoked while it was decided (THREATS.md G8).
    """
    began = time.perf_counter()
    for _ in range(recording.TRIES):
        decided = decide_it()
        ready = deciding.recording(decided, who.principal, project)
        location = f"/api/v1/decisions/{ready.decision.decision_id}"
        answer = Answer(request_sha256=request_sha256, status=201, location=location, body=b"")

        def work(transaction: Transaction, ready: Recording = ready, answer: Answer = answer) -> Answer:
            recording.recorded(transaction, service, ready)
            return answer

        try:
            known = service.once(who.principal, key, request_sha256, work)
        except Overtaken:
            continue
        if known is answer:
            _told(service, who, decided.presentation.decision, time.perf_counter() - began)
            return decided.presentation, location, 201
        return again_of(service, known)
    raise recording.overtaken()


def _told(service: Service, who: Caller, decision: Decision, took_s: float) -> None:
    """Count the decision and log its line: who asked, about what, and how it came out."""
    service.metrics.decided(decision, Point.CI.value, took_s)
    line = {
        "decision_id": decision.decision_id,
        "outcome": decision.outcome.value,
        "project": decision.project,
        "environment": decision.environment,
        "subject_digest": decision.subject.digest,
        "policy_revision": decision.policy.revision,
        "by": who.principal,
        "milliseconds": round(took_s * 1000, 1),
    }
    LOGGER.info("decision", extra=line)


def again_of(service: Service, before: Answer) -> tuple[Presentation, str, int]:
    """The decision of an earlier answer, its place and status."""
    location = before.location or ""
    with service.database.reading() as connection:
        shown = deciding.presented(connection, location.rpartition("/")[2])
    return shown, location, before.status


@ROUTES.add("POST", "/evaluate", Permission.EVALUATE, openapi_extra=ASKED, media_types=answers.MEDIA_TYPES)
def evaluate(request: Request, service: Ours, who: Who, asked: Asked) -> Response:
    """The same judgement with nothing recorded: it counts for no promotion and no admission."""
    media_type = answers.chosen(request)
    with service.database.reading() as connection:
        project = who.project(connection, asked.meta.project)
    return answers.decision(deciding.decided(service, who, project, asked).presentation, media_type)


@ROUTES.add("GET", "/decisions", Permission.DECISIONS_READ, media_types=(tables.CSV,))
def list_decisions(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    environment: str | None = None,
    outcome: Literal["pass", "warn", "fail", "needs_approval"] | None = None,
    digest: str | None = None,
    branch: str | None = None,
    since: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Decisions, newest first."""
    with service.database.reading() as connection:
        wanted = Filter(
            project_ids=who.projects(connection, project),
            environment=_text(environment),
            outcome=outcome,
            digest=_text(digest),
            branch=_text(branch),
            since=_instant(since),
        )
        page = decisions.listed
        return asking.listed(
            request,
            lambda: page(connection, wanted, cursor, limit),
            lambda one: _row(one, projects.keys(connection, [one.project_id])),
            tables.DECISIONS,
        )


@ROUTES.add("GET", "/decisions/{decision_id}", Permission.DECISIONS_READ, media_types=answers.MEDIA_TYPES)
def show_decision(request: Request, service: Ours, who: Who, decision_id: str) -> Response:
    """One decision, in the format that `Accept` names."""
    media_type = answers.chosen(request)
    with service.database.reading() as connection:
        visible(connection, who, decision_id)
        return answers.decision(deciding.presented(connection, decision_id), media_type)


@ROUTES.add("GET", "/decisions/{decision_id}/diff", Permission.DECISIONS_READ)
def compare_decisions(
    service: Ours,
    who: Who,
    decision_id: str,
    base: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")],
) -> Response:
    """What the decision has that `base` has not, and the other way round."""
    with service.database.reading() as connection:
        for one in (decision_id, base):
            visible(connection, who, one)
        return answers.json(replaying.difference(connection, base, decision_id))


@ROUTES.add("POST", "/decisions/{decision_id}/replay", Permission.AUDIT_READ)
def replay_decision(service: Ours, who: Who, decision_id: str) -> Response:
    """Make it again exactly as it was, from its stored input and policies, and compare; nothing is recorded."""
    with service.database.reading() as connection:
        row = visible(connection, who, decision_id)
    return answers.json(replaying.replayed(service, row))


def visible(connection: Any, who: Caller, decision_id: str) -> Summary:
    """The decision's row; 404 where it is not there or of a project the caller may not know of."""
    found = decisions.summary(connection, _text(decision_id) or "")
    if found is None or not who.sees(found.project_id):
        raise not_found()
    return found


def _row(one: Summary, keys: dict[str, str]) -> dict[str, Any]:
    value = msgspec.structs.asdict(one)
    return {"decision_id": value.pop("id"), "project": keys.get(value.pop("project_id")), **value}


def _text(value: str | None) -> str | None:
    """A filter's text; raises for what no column holds (PostgreSQL has no NUL)."""
    if value is not None and "\x00" in value:
        raise Refusal(422, "a NUL character is in no name")
    return value


def _instant(text: str | None) -> str | None:
    if text is None:
        return None
    at = times.instant(text)
    if at is None:
        raise Refusal(422, f"since: {text[:40]!r} is no time, expected RFC 3339")
    return times.sortable(at)
