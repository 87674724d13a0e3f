"""Who is asking, and what they may: tokens made, read and compared; the caller's projects.

A token is `gate_` + 52 characters of base32 (256 bits and 4 of padding) + 6 hexadecimal digits of CRC-32, so that a
scanner finds one that leaked and a typing error is told from a stranger. Only its digest is kept.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Final

import msgspec
from starlette.requests import Request

from gate.service.context import Service
from gate.service.permissions import INSTANCE_WIDE, ROLES, Permission, Role
from gate.service.problems import Refusal, not_found
from gate.service.rates import Left
from gate.service.routing import permission_of
from gate.stores import projects, tokens
from gate.stores.database import Connection
from gate.stores.projects import Project

PREFIX: Final = "gate_"
SECRET_BYTES: Final = 32
LONGEST_TOKEN: Final = 4_096
SHORTEST_OWN_TOKEN: Final = 32
"""Characters of a token that an operator chose (GATE_BOOTSTRAP_TOKEN)."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking."""

    principal: str
    """The person or machine; what approvals and waivers compare."""
    token_id: str
    role: Role
    project_id: str | None
    """None: every project."""
    groups: tuple[str, ...] = ()
    """Of the person; those an environment may want an approver to be in."""

    def may(self, permission: Permission) -> bool:
        """Whether the role has it, in whatever projects the token is for."""
        has_it = permission in ROLES[self.role]
        return has_it and (self.project_id is None or permission not in INSTANCE_WIDE)

    @property
    def project_ids(self) -> tuple[str, ...] | None:
        """The projects of which the caller may know; None: of all."""
        return None if self.project_id is None else (self.project_id,)

    def sees(self, project_id: str) -> bool:
        """Whether the caller may know of the project."""
        return self.project_id is None or self.project_id == project_id

    def project(self, connection: Connection, key: str) -> Project:
        """The project of that name; 404 for one that is not there and for one of others alike."""
        found = projects.by_key(connection, key)
        if found is None or not self.sees(found.id):
            raise not_found()
        return found

    def projects(self, connection: Connection, keys: Iterable[str]) -> tuple[str, ...] | None:
        """Ids of the named projects, or of all the caller may know (None: without bound)."""
        named = tuple(self.project(connection, key).id for key in keys)
        return named or self.project_ids


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
        caller = _caller(request, service)
    except Refusal as refusal:
        if refusal.status_code == 401:
            service.rates.guessed(address)
        raise
    left = service.rates.asked(caller.token_id)
    request.state.rate = left.headers()
    if left.is_over:
        raise _too_often(left, "requests with this token")
    if permission is None or not caller.may(permission):
        wanted = permission.value if permission else "a permission that was never declared"
        raise Refusal(403, f"role {caller.role} has not {wanted}", headers={})
    request.state.caller = caller


def caller_of(request: Request) -> Caller:
    """The caller that `authorized` let through."""
    caller: Caller = request.state.caller
    return caller


def _caller(request: Request, service: Service) -> Caller:
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
        principal=known.owner, token_id=known.id, role=Role(known.role), project_id=known.project_id
    )


def _too_often(left: Left, what: str) -> Refusal:
    headers = {"Retry-After": str(left.reset_s), **left.headers()}
    return Refusal(429, f"more than {left.most} {what} in a minute", headers=headers)


def _unauthenticated(detail: str, error: str) -> Refusal:
    return Refusal(401, detail, headers={"WWW-Authenticate": f'Bearer realm="gate"{error}'})
