"""People log in and out; a browser asks who it is."""

from __future__ import annotations

import html
from typing import Final

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gate.service import answers, login
from gate.service.asking import Ours, Who
from gate.service.auth import session_of
from gate.service.context import Service
from gate.service.id_tokens import Refused
from gate.service.identity import Identity
from gate.service.identity_settings import LoginSettings
from gate.service.outbound import Unreached
from gate.service.permissions import Permission
from gate.service.problems import RETRY_AFTER_S, Refusal
from gate.service.routing import Routes

ROUTES = Routes("", "login")
_BACK: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={0}">'
    '<title>gate</title><p>Logged in. <a href="{0}">Go on</a></p></html>'
)
"""A page of ours, not a redirect: the session's cookie is SameSite=Strict, and a redirect would come from outside."""


@ROUTES.add("GET", "/auth/login", Permission.PUBLIC, status_code=303)
def begin_login(service: Ours, next: str | None = None) -> Response:
    """Go to the identity provider; `next` is the local path to come back to."""
    identity, settings = _wanted(service)
    given = login.begun(service, next)
    try:
        response = RedirectResponse(login.address(identity, settings, given), 303)
    except Unreached as unreached:
        raise _away(unreached) from None
    # Lax: the provider sends the browser back from another site.
    _set(response, login.BEGIN_COOKIE, given.cookie(), login.BEGUN_S, "lax")
    return response


@ROUTES.add("GET", login.CALLBACK, Permission.PUBLIC)
def finish_login(request: Request, service: Ours) -> Response:
    """The identity provider sends the browser back here."""
    identity, settings = _wanted(service)
    pairs = request.query_params.multi_items()
    query = dict(pairs)
    try:
        if len(query) != len(pairs):
            raise Refused("a parameter is there twice")
        given = login.read(request.cookies.get(login.BEGIN_COOKIE))
        known = login.person(service, identity, settings, given, query)
    except Refused as refused:
        raise Refusal(
            400, f"nobody is logged in: {refused}", code="login_refused", headers=_forget()
        ) from None
    except Unreached as unreached:
        raise _away(unreached) from None
    response = HTMLResponse(_BACK.format(html.escape(given.next)))
    secret = login.started(service, settings, known)
    _set(response, login.SESSION_COOKIE, secret, int(settings.session), "strict")
    response.delete_cookie(login.BEGIN_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


@ROUTES.add("POST", "/auth/logout", Permission.SELF_READ, status_code=204)
def log_out(request: Request, service: Ours, who: Who) -> Response:
    """End the session; a token is revoked, not logged out."""
    session = session_of(request)
    if session is None:
        raise Refusal(400, f"{who.principal[:80]!r} has a token and no session; revoke it instead")
    login.ended(service, session)
    response = Response(status_code=204, headers={"Clear-Site-Data": '"cookies"'})
    response.delete_cookie(login.SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


@ROUTES.add("GET", "/api/v1/session", Permission.SELF_READ)
def show_session(request: Request, service: Ours, who: Who) -> Response:
    """Who asks, what they are where (`project` null: everywhere), and what a page sends back as X-CSRF-Token."""
    session = session_of(request)
    secret = request.cookies.get(login.SESSION_COOKIE) if session is not None else None
    with service.database.reading() as connection:
        roles = who.roles(connection)
    value = {
        "principal": who.principal,
        "groups": who.groups,
        "roles": roles,
        # Of the provider: what an owner takes into a team.
        "subject": session.subject if session is not None else None,
        "teams": [{"team": one.team, "is_owner": one.is_owner, "roles": one.roles} for one in who.teams],
        "expires_at": session.expires_at if session is not None else None,
        "csrf_token": login.csrf_token(secret) if secret is not None else None,
    }
    return answers.json(value)


def _wanted(service: Service) -> tuple[Identity, LoginSettings]:
    identity = service.identity
    if identity is None or identity.login is None:
        raise Refusal(404, "nobody logs in here: the platform's file has no `identity.login`")
    return identity, identity.login


def _away(unreached: Unreached) -> Refusal:
    return Refusal(503, str(unreached), headers={"Retry-After": RETRY_AFTER_S})


def _set(response: Response, name: str, value: str, seconds: int, same_site: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax" if same_site == "lax" else "strict",
    )


def _forget() -> dict[str, str]:
    attributes = "Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
    return {"Set-Cookie": f'{login.BEGIN_COOKIE}=""; {attributes}'}
