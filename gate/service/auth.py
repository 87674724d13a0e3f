"""Who is asking, and what they may: tokens made, read and compared; the caller's projects.

A token is `gate_` + 52 characters of base32 (256 bits and 4 of padding) + 6 hexadecimal digits of CRC-32, so that a
scanner finds one that leaked and a typing error is told from a stranger. Only its digest is kept.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec
from starlette.requests import Request

from gate import times
from gate.errors import StoreError
from gate.service import login, memberships
from gate.service.ci_claims import Facts
from gate.service.context import Service
from gate.service.permissions import INSTANCE_WIDE, ROLES, Grant, Permission, Role
from gate.service.problems import Refusal, not_found
from gate.service.rates import Left
from gate.service.routing import permission_of
from gate.stores import projects, sessions, tokens
from gate.stores.database import Connection
from gate.stores.projects import Project
from gate.stores.sessions import Session
from gate.stores.teams import Membership

PREFIX: Final = "gate_"
SECRET_BYTES: Final = 32
NOTED_EVERY_S: Final = 60.0
"""How exactly it is known when a session was last used."""
LONGEST_TOKEN: Final = 4_096
SHORTEST_OWN_TOKEN: Final = 32
"""Characters of a token that an operator chose (GATE_BOOTSTRAP_TOKEN)."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, for something that wants `permission`."""

    principal: str
    """The person or machine; what approvals and waivers compare."""
    token_id: str
    """Of the token or the session."""
    grants: tuple[Grant, ...]
    permission: Permission = Permission.SELF_READ
    """What the route wants: it is only ever granted where a role there brings it, not where another role counts."""
    groups: tuple[str, ...] = ()
    """Of the identity provider; a token has none."""
    facts: Facts | None = None
    """What a CI system vouched for; None where nobody did."""
    teams: tuple[Membership, ...] = ()
    """The teams of a person."""

    def may(self, permission: Permission) -> bool:
        """Whether a role has it, in whatever projects that counts; who one is, everybody may ask."""
        return (
            permission is Permission.SELF_READ
            or any(_brings(grant, permission) for grant in self.grants)
            or any(memberships.brings(one, permission) for one in self.teams)
        )

    @property
    def is_everywhere(self) -> bool:
        """Whether the caller has `permission` in the whole instance, not in a team alone."""
        return any(grant.project_id is None and _brings(grant, self.permission) for grant in self.grants)

    @property
    def team_ids(self) -> tuple[str, ...] | None:
        """The teams in which the caller has `permission`; None: all."""
        here = tuple(one.team_id for one in self.teams if memberships.brings(one, self.permission))
        return None if self.is_everywhere else here

    def in_namespace(self, name: str) -> bool:
        """Whether the caller has `permission` in that namespace of the cluster."""
        return self.is_everywhere or any(
            name in one.namespaces and memberships.brings(one, self.permission) for one in self.teams
        )

    def wanting(self, permission: Permission) -> Caller:
        """The same caller, for what wants another permission; 403 where no role brings it anywhere."""
        if not self.may(permission):
            raise forbidden(permission)
        return msgspec.structs.replace(self, permission=permission)

    @property
    def project_ids(self) -> tuple[str, ...] | None:
        """The projects in which the caller has `permission`; None: all."""
        where = [grant.project_id for grant in self.grants if _brings(grant, self.permission)]
        return None if None in where else tuple(dict.fromkeys(one for one in where if one is not None))

    def sees(self, project_id: str) -> bool:
        """Whether the caller has `permission` in the project."""
        ids = self.project_ids
        return ids is None or project_id in ids

    def knows(self, project_id: str) -> bool:
        """Whether the caller may know that the project is there."""
        return any(grant.project_id in (None, project_id) for grant in self.grants)

    def project(self, connection: Connection, key: str) -> Project:
        """The project of that name; 404 for one that is not there and for one of others alike.

        403 where it is there and the caller's role in it does not bring `permission`.
        """
        found = projects.by_key(connection, key)
        if found is None or not self.knows(found.id):
            raise not_found()
        if not self.sees(found.id):
            raise forbidden(self.permission)
        return found

    def roles(self, connection: Connection) -> list[dict[str, str | None]]:
        """Each role and the project it counts in; None: everywhere."""
        keys = projects.keys(connection, {grant.project_id for grant in self.grants if grant.project_id})
        return [
            {"role": grant.role.value, "project": keys.get(grant.project_id) if grant.project_id else None}
            for grant in self.grants
        ]

    def projects(self, connection: Connection, keys: Iterable[str]) -> tuple[str, ...] | None:
        """Ids of the named projects, or of all the caller may know (None: without bound)."""
        named = tuple(self.project(connection, key).id for key in keys)
        return named or self.project_ids


def _brings(grant: Grant, permission: Permission) -> bool:
    return permission in ROLES[grant.role] and (grant.project_id is None or permission not in INSTANCE_WIDE)


def new_token(randomness: bytes) -> str:
    """A token made of 32 random bytes."""
    if len(randomness) < SECRET_BYTES:
        raise ValueError("a token takes 32 random bytes")
    secret = base64.b32encode(randomness[:SECRET_BYTES]).decode().rstrip("=").lower()
    return f"{PREFIX}{secret}{zlib.crc32(secret.encode()):08x}"


def authorized(request: Request) -> None:
    """Let the request through if its caller has the permission of its route; leaves the caller in its state.

    Every route depends on this. One that declares no permission is for nobody.
    """
    permission = permission_of(request.scope.get("route"))
    if permission is Permission.PUBLIC:
        return
    service: Service = request.app.state.service
    address = request.client.host if request.client else ""
    guesses = service.rates.guesses(address)
    if guesses.is_over:
        raise _too_often(guesses, "requests without a valid token from this address")
    try:
        caller = _caller(request, service, permission or Permission.SELF_READ)
    except Refusal as refusal:
        if refusal.status_code == 401:
            service.rates.guessed(address)
        raise
    left = service.rates.asked(caller.token_id)
    request.state.rate = left.headers()
    if left.is_over:
        raise _too_often(left, "requests with this token")
    if permission is None:
        raise Refusal(403, "this needs a permission that was never declared")
    if not caller.may(permission):
        raise forbidden(permission)
    request.state.caller = caller


def forbidden(permission: Permission) -> Refusal:
    """The answer to somebody whose role does not bring `permission`."""
    return Refusal(403, f"your role there has not {permission.value}")


def caller_of(request: Request) -> Caller:
    """The caller that `authorized` let through."""
    caller: Caller = request.state.caller
    return caller


def session_of(request: Request) -> Session | None:
    """The session that asks; None where it is a token."""
    session: Session | None = request.state.session
    return session


def _caller(request: Request, service: Service, permission: Permission) -> Caller:
    """Who asks: by a token, else by the cookie of a session. Whoever shows both is who the token says."""
    request.state.session = None
    if "authorization" in request.headers:
        return _of_token(request, service, permission)
    secret = request.cookies.get(login.SESSION_COOKIE)
    identity = service.identity
    if not secret or identity is None or identity.login is None:
        raise _unauthenticated("no token; send `Authorization: Bearer TOKEN`", "")
    now, idle_s = service.now(), float(identity.login.idle)
    idle_since = times.sortable(now - timedelta(seconds=idle_s))
    with service.database.reading() as connection:
        known = sessions.known(connection, secret, times.sortable(now), idle_since)
        # One of another provider, before the platform's file was changed, counts for nothing now.
        if known is None or known.issuer != identity.login.issuer:
            raise _unauthenticated("the session has ended; log in at /auth/login", ', error="invalid_token"')
        grants, teams = memberships.grants(connection, identity.settings.roles, known)
    _refuse_forged(request, secret)
    _used(service, known, times.sortable(now - timedelta(seconds=min(idle_s / 4, NOTED_EVERY_S))))
    request.state.session = known
    return Caller(
        principal=known.principal,
        token_id=known.id,
        grants=grants,
        permission=permission,
        groups=known.groups,
        teams=teams,
    )


def _used(service: Service, session: Session, noted_before: str) -> None:
    """Put down that the session is used, now and then; a store that cannot be written to keeps nobody from reading."""
    if session.last < noted_before:
        with contextlib.suppress(StoreError):
            service.writer.submit(
                lambda transaction: sessions.used(transaction.connection, session.id, transaction.now)
            )


def _refuse_forged(request: Request, secret: str) -> None:
    """Raise for a change that another site may have had the browser ask for (THREATS.md F11)."""
    if request.method in ("GET", "HEAD"):
        return
    given = request.headers.get(login.CSRF_HEADER, "").encode("utf-8", "replace")
    is_ours = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if not is_ours or not hmac.compare_digest(given, login.csrf_token(secret).encode()):
        raise Refusal(403, f"{login.CSRF_HEADER} is not the one of GET /api/v1/session", code="csrf")


def _of_token(request: Request, service: Service, permission: Permission) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if not token:
        raise _unauthenticated("no token; send `Authorization: Bearer TOKEN`", "")
    if scheme.lower() != "bearer" or len(token) > LONGEST_TOKEN:
        raise _unauthenticated("expected `Authorization: Bearer TOKEN`", ', error="invalid_request"')
    with service.database.reading() as connection:
        known = tokens.known(connection, token, service.now_text())
    if known is None:
        raise _unauthenticated("the token is not known, expired or revoked", ', error="invalid_token"')
    return Caller(
        principal=known.owner,
        token_id=known.id,
        grants=(Grant(role=Role(known.role), project_id=known.project_id),),
        permission=permission,
        facts=None if known.facts is None else msgspec.json.decode(known.facts, type=Facts),
    )


def _too_often(left: Left, what: str) -> Refusal:
    headers = {"Retry-After": str(left.reset_s), **left.headers()}
    return Refusal(429, f"more than {left.most} {what} in a minute", headers=headers)


def _unauthenticated(detail: str, error: str) -> Refusal:
    return Refusal(401, detail, headers={"WWW-Authenticate": f'Bearer realm="gate"{error}'})
