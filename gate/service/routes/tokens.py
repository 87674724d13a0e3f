"""Tokens: made, listed, revoked. The token itself is in one answer, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from gate import principals, times
from gate.service import answers, asking
from gate.service.asking import Cursor, Limit, Ours, Who
from gate.service.auth import SECRET_BYTES, new_token
from gate.service.permissions import INSTANCE_ONLY, Permission, Role
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Key, Text
from gate.stores import events, projects, tokens
from gate.stores.tokens import Token
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "tokens")


class TokenIn(Body):
    """A token that is wanted."""

    name: Text
    owner: Text
    """The person or machine that will act with it; approvals compare it."""
    role: str
    project: Key | None = None
    """None: the whole instance."""
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


@ROUTES.add("GET", "/tokens/self", Permission.SELF_READ)
def show_own_token(service: Ours, who: Who) -> Response:
    """What the caller's token is."""
    with service.database.reading() as connection:
        known = tokens.by_id(connection, who.token_id)
        if known is None:
            raise not_found()
        keys = projects.keys(connection, [known.project_id] if known.project_id else [])
    return answers.json(_shown(known, keys))


@ROUTES.add("GET", "/tokens", Permission.TOKENS_READ)
def list_tokens(
    request: Request,
    service: Ours,
    who: Who,
    project: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Tokens, newest first, revoked ones too."""
    with service.database.reading() as connection:
        project_id = who.project(connection, project).id if project is not None else None
        return asking.listed(
            request,
            lambda: tokens.listed(
                connection, project_id, everything=project is None, cursor=cursor, limit=limit
            ),
            lambda one: _shown(one, projects.keys(connection, [one.project_id] if one.project_id else [])),
        )


@ROUTES.add("POST", "/tokens", Permission.TOKENS_WRITE, status_code=201)
def create_token(service: Ours, who: Who, body: TokenIn) -> Response:
    """A fresh token. It takes no Idempotency-Key: an answer that is kept would keep the token."""
    role = _role(body.role, body.project)
    if not principals.is_named(body.owner):
        raise Refusal(422, "/owner: names nobody")
    with service.database.reading() as connection:
        project = who.project(connection, body.project) if body.project is not None else None
    token = new_token(service.randomness(SECRET_BYTES))
    now = service.now()
    kept = Token(
        id=tokens.identity(token)[0],
        name=body.name,
        owner=body.owner,
        project_id=project.id if project else None,
        role=role.value,
        created_at=times.sortable(now),
        created_by=who.principal,
        expires_at=times.sortable(now + timedelta(days=body.expires_in_days)),
        revoked_at=None,
    )

    def work(transaction: Transaction) -> None:
        tokens.created(transaction.connection, token, kept)
        events.told(
            transaction.connection,
            at=transaction.now,
            project_id=kept.project_id,
            by=who.principal,
            action="token.created",
            target=kept.id,
            owner=kept.owner,
            role=kept.role,
        )

    service.writer.submit(work)
    keys = {project.id: project.key} if project else {}
    return answers.json(
        {**_shown(kept, keys), "token": token}, 201, {"Location": f"/api/v1/tokens/{kept.id}"}
    )


@ROUTES.add("DELETE", "/tokens/{token_id}", Permission.TOKENS_WRITE, status_code=204)
def revoke_token(service: Ours, who: Who, token_id: str) -> Response:
    """Take it back, at once and for good."""
    if "\x00" in token_id:
        raise not_found()

    def work(transaction: Transaction) -> bool:
        known = tokens.by_id(transaction.connection, token_id)
        if known is None:
            return False
        if known.revoked_at is None:
            tokens.revoked(transaction.connection, token_id, transaction.now)
            events.told(
                transaction.connection,
                at=transaction.now,
                project_id=known.project_id,
                by=who.principal,
                action="token.revoked",
                target=token_id,
            )
        return True

    if not service.writer.submit(work):
        raise not_found()
    return Response(status_code=204)


def _role(name: str, project: str | None) -> Role:
    if name not in tuple(Role):
        raise Refusal(422, f"/role: found {name[:40]!r}, expected one of {', '.join(Role)}")
    role = Role(name)
    if project is not None and role in INSTANCE_ONLY:
        raise Refusal(422, f"/role: {role} is for the whole instance; leave `project` out")
    return role


def _shown(known: Token, keys: dict[str, str]) -> dict[str, Any]:
    value = msgspec.structs.asdict(known)
    project_id, facts = value.pop("project_id"), value.pop("facts")
    return {
        **value,
        "project": keys.get(project_id) if project_id else None,
        "facts": msgspec.Raw(facts.encode()) if facts else None,
    }
