"""People: logged in at their identity provider by the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

    1. `begun`: the browser keeps state, nonce and verifier, and goes to the provider
    2. `person`: it comes back with the same state; the code and the verifier buy an ID token with the same nonce
    3. `started`: a session, of which the store knows the digest alone

What a browser keeps between 1 and 2 is in a cookie that no other host can set (`__Host-`): there is nothing to
fill up here, and whoever begins a login in another browser cannot have it finished in this one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec
from authlib.oauth2.auth import encode_client_secret_basic
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gate import principals, times
from gate.documents import json
from gate.errors import ReportError
from gate.service.context import Service
from gate.service.id_tokens import Expected, Refused, opened, text, verified
from gate.service.identity import Identity
from gate.service.identity_settings import LoginSettings
from gate.service.outbound import Answered
from gate.stores import events, sessions
from gate.stores.sessions import Session
from gate.stores.tokens import identity as identity_of
from gate.stores.writer import Transaction

CALLBACK: Final = "/auth/callback"
BEGIN_COOKIE: Final = "__Host-gate-login"
SESSION_COOKIE: Final = "__Host-gate-session"
CSRF_HEADER: Final = "X-CSRF-Token"
BEGUN_S: Final = 600
"""How long a login may take."""
SECRET_BYTES: Final = 32
MOST_GROUPS: Final = 1_000
_PART: Final = re.compile(r"[A-Za-z0-9_-]{20,100}")
_NEXT: Final = re.compile(r"/([A-Za-z0-9_.~%!$&'()*+,;=:@?-][A-Za-z0-9_.~%!$&'()*+,;=:@/?-]{0,500})?")


class _Client(NamedTuple):
    client_id: str
    client_secret: str


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A login on its way; as the browser keeps it."""

    state: str
    nonce: str
    verifier: str
    next: str

    def cookie(self) -> str:
        """The value of its cookie."""
        return ".".join((self.state, self.nonce, self.verifier, _encoded(self.next.encode())))


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who was logged in."""

    principal: str
    issuer: str
    subject: str
    groups: tuple[str, ...]


def begun(service: Service, wanted: str | None) -> Begun:
    """A fresh login that leads to the local path `wanted`, or to the start where that is none."""
    is_local = wanted is not None and _NEXT.fullmatch(wanted) is not None
    return Begun(
        state=_encoded(service.randomness(SECRET_BYTES)),
        nonce=_encoded(service.randomness(SECRET_BYTES)),
        verifier=_encoded(service.randomness(SECRET_BYTES)),
        next=wanted if is_local and wanted is not None else "/",
    )


def read(cookie: str | None) -> Begun:
    """The login that the browser has begun; raises `Refused` where it has not."""
    parts = (cookie or "").split(".")
    if len(parts) != 4 or not all(_PART.fullmatch(part) for part in parts[:3]):
        raise Refused("it was not begun in this browser, or more than ten minutes ago")
    try:
        wanted = base64.urlsafe_b64decode(parts[3] + "===").decode("ascii")
    except ValueError:
        wanted = "/"
    return Begun(
        state=parts[0],
        nonce=parts[1],
        verifier=parts[2],
        next=wanted if _NEXT.fullmatch(wanted) else "/",
    )


def address(identity: Identity, login: LoginSettings, given: Begun) -> str:
    """Where the browser goes; raises `Unreached` where the provider cannot be asked."""
    location: str = prepare_grant_uri(
        identity.keys(login.issuer).endpoint("authorization_endpoint"),
        login.client_id,
        "code",
        redirect_uri=_callback(identity),
        scope=" ".join(login.scopes),
        state=given.state,
        nonce=given.nonce,
        code_challenge=create_s256_code_challenge(given.verifier),
        code_challenge_method="S256",
    )
    return location


def person(
    service: Service, identity: Identity, login: LoginSettings, given: Begun, query: dict[str, str]
) -> Person:
    """Who came back with `query`.

    Raises `Refused` where anything is not as it was begun, `Unreached` where the provider cannot be asked.
    """
    if not hmac.compare_digest(query.get("state", "").encode("utf-8", "replace"), given.state.encode()):
        raise Refused("its state is another one")
    # RFC 9207: another provider's answer must not be taken for this one's.
    if query.get("iss", login.issuer) != login.issuer:
        raise Refused("its issuer is another one")
    if "error" in query or not query.get("code"):
        raise Refused(f"the provider did not log anybody in: {query.get('error', 'no code')[:60]!r}")
    token = _bought(identity, login, given, query["code"])
    expected = Expected(issuer=login.issuer, audience=login.client_id, max_age_s=BEGUN_S, nonce=given.nonce)
    claims = verified(opened(token), identity.keys(login.issuer), expected, service.now())
    if claims.get("azp", login.client_id) != login.client_id:
        raise Refused("it was made for another client")
    return Person(
        principal=_principal(claims),
        issuer=login.issuer,
        subject=text(claims, "sub"),
        groups=_groups(claims.get(login.groups_claim, [])),
    )


def started(service: Service, login: LoginSettings, known: Person) -> str:
    """The cookie of a fresh session."""
    secret = _encoded(service.randomness(SECRET_BYTES))
    now = service.now()
    session = Session(
        id=identity_of(secret)[0],
        principal=known.principal,
        issuer=known.issuer,
        subject=known.subject,
        groups=known.groups,
        created_at=times.sortable(now),
        expires_at=times.sortable(now + timedelta(seconds=float(login.session))),
    )

    def work(transaction: Transaction) -> None:
        sessions.created(transaction.connection, secret, session)
        _told(transaction, session, "session.started")

    service.writer.submit(work)
    return secret


def ended(service: Service, session: Session) -> None:
    """The person has logged out."""

    def work(transaction: Transaction) -> None:
        sessions.ended(transaction.connection, session.id, transaction.now)
        _told(transaction, session, "session.ended")

    service.writer.submit(work)


def csrf_token(secret: str) -> str:
    """What a page says beside the cookie; only whoever can read answers of ours knows it."""
    return hashlib.sha256(f"csrf:{secret}".encode("utf-8", "replace")).hexdigest()


def _told(transaction: Transaction, session: Session, action: str) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=None,
        by=session.principal,
        action=action,
        target=session.id,
        issuer=session.issuer,
        subject=session.subject,
    )


def _bought(identity: Identity, login: LoginSettings, given: Begun, code: str) -> str:
    """The ID token for `code`."""
    endpoint = identity.keys(login.issuer).endpoint("token_endpoint")
    body: str = prepare_token_request(
        "authorization_code", redirect_uri=_callback(identity), code=code, code_verifier=given.verifier
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    client = _Client(login.client_id, identity.client_secret.value() if identity.client_secret else "")
    _, headers, body = encode_client_secret_basic(client, "POST", endpoint, headers, body)
    try:
        data = identity.outbound.fetched(endpoint, body=body.encode(), headers=headers)
    except Answered as answered:
        if answered.status != 400:
            raise
        raise Refused("the provider does not know this code, or no longer") from None
    try:
        answer = json.parsed(data, "answer")
    except ReportError:
        raise Refused("the provider answered no JSON") from None
    token = answer.get("id_token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        raise Refused("the provider gave no ID token")
    return token


def _principal(claims: dict[str, Any]) -> str:
    """By every name that commits and CI systems may call the person: login and address (gate/principals.py)."""
    login = claims.get("preferred_username")
    name = text(claims, "preferred_username") if login not in (None, "") else None
    # Anybody can write anything into an address that nobody has verified.
    email = text(claims, "email") if claims.get("email_verified") is True and claims.get("email") else None
    if name is not None and email is not None and name != email:
        found = f"{name} <{email}>"
    else:
        found = email or name or text(claims, "sub")
    if not principals.is_named(found):
        raise Refused("it names nobody")
    return found


def _groups(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > MOST_GROUPS:
        raise Refused(f"its groups are no list, or more than {MOST_GROUPS}")
    if not all(isinstance(one, str) and one and one.isprintable() and len(one) <= 1_000 for one in given):
        raise Refused("one of its groups is no text that can be read")
    return tuple(dict.fromkeys(given))


def _callback(identity: Identity) -> str:
    return (identity.settings.url or "").rstrip("/") + CALLBACK


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
