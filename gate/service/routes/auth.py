"""An ID token of a CI system for a token of gate (RFC 8693)."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from gate import limits
from gate.service import answers, exchange
from gate.service.asking import Ours
from gate.service.context import Service
from gate.service.id_tokens import Opened, Refused, opened
from gate.service.identity import Identity
from gate.service.outbound import Unreached
from gate.service.permissions import Permission
from gate.service.problems import RETRY_AFTER_S, Detail, Refusal
from gate.service.routing import Body, Routes, refuse_other_type
from gate.service.submission import Key

ROUTES = Routes("/api/v1", "auth")
FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES: Final = 32 * limits.KIB
GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
SUBJECT_TYPES: Final = (
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:jwt",
)
_NOT_HERE: Final = ("actor_token", "actor_token_type", "resource", "scope")
"""Whoever asks for less, or for somebody else, must not be given something that ignores it."""


class ExchangeIn(Body):
    """What is exchanged."""

    grant_type: Annotated[str, Field(description=GRANT)]
    subject_token: Annotated[str, Field(description="The ID token.")]
    subject_token_type: Annotated[str, Field(description=" or ".join(SUBJECT_TYPES))]
    requested_token_type: str | None = None
    audience: Key | None = None
    """The project; needed where rules of several fit the run."""


ASKED: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {FORM: {"schema": {"$ref": "#/components/schemas/ExchangeIn"}}},
    }
}

MODELS: Final[tuple[type[BaseModel], ...]] = (ExchangeIn,)
"""Bodies that `form` reads by itself, as OpenAPI tells them."""


async def form(request: Request) -> dict[str, str]:
    """The fields of the form; raises `Refusal` for what is not wholly understood."""
    refuse_other_type(request, (FORM,))
    data = await request.body()
    if len(data) > FORM_BYTES:
        raise Refusal(413, f"expected at most {FORM_BYTES} bytes")
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError:
        raise Refusal(400, "the form cannot be read", code="invalid_request") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refusal(400, "a field is there twice", code="invalid_request")
    return fields


@ROUTES.add("POST", "/auth/token", Permission.PUBLIC, openapi_extra=ASKED)
def exchange_token(
    request: Request, service: Ours, fields: Annotated[dict[str, str], Depends(form)]
) -> Response:
    """A token of a quarter of an hour, for one project, for the ID token of a CI job (RFC 8693)."""
    identity = service.identity
    if identity is None or not identity.settings.ci:
        raise Refusal(404, "no CI system is believed here: the platform's file has no `identity.ci`")
    token, project = _asked(fields)
    source = request.client.host if request.client else "unknown"
    given = _given(service, identity, token, project, source)
    body = {
        "access_token": given.token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": exchange.LIFE_S,
        "scope": given.role.value,
        "project": given.project,
    }
    return answers.json(body, headers={"Pragma": "no-cache"})


def _asked(fields: dict[str, str]) -> tuple[str, str | None]:
    """The ID token and the project that was named."""
    if fields.get("grant_type") != GRANT:
        raise _invalid("grant_type", f"expected {GRANT}", "unsupported_grant_type")
    if fields.get("subject_token_type") not in SUBJECT_TYPES:
        raise _invalid("subject_token_type", f"expected {' or '.join(SUBJECT_TYPES)}")
    if fields.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise _invalid("requested_token_type", f"expected {ACCESS_TOKEN}")
    if found := next((name for name in _NOT_HERE if name in fields), None):
        raise _invalid(found, "not known here; leave it out")
    if not fields.get("subject_token"):
        raise _invalid("subject_token", "missing")
    if fields.get("audience") == "":
        raise _invalid("audience", "empty; name a project, or leave it out")
    return fields["subject_token"], fields.get("audience")


def _given(
    service: Service, identity: Identity, token: str, project: str | None, source: str
) -> exchange.Given:
    name = ""
    try:
        _refuse_too_many(service, source, name)
        read = opened(token)
        name = _named(read)
        _refuse_too_many(service, source, name)
        given = exchange.given(service, identity, read, project)
    except Refused as refused:
        service.attempts.failed(source, name)
        raise Refusal(400, f"the token is not accepted: {refused}", code="invalid_grant") from None
    except Unreached as unreached:
        raise Refusal(503, str(unreached), headers={"Retry-After": RETRY_AFTER_S}) from None
    service.attempts.succeeded(source, name)
    return given


def _refuse_too_many(service: Service, source: str, name: str) -> None:
    if wait_s := service.attempts.wait_s(source, name):
        raise Refusal(429, "too many tokens that count for nothing", headers={"Retry-After": str(wait_s)})


def _named(read: Opened) -> str:
    """Whom a token names; not believed yet."""
    claims = read.claims
    return f"{claims.get('iss')} {claims.get('repository') or claims.get('project_path')}"


def _invalid(field: str, detail: str, code: str = "invalid_request") -> Refusal:
    error = Detail(code=code, detail=detail, pointer=f"/{field}")
    return Refusal(400, f"{field}: {detail}", code=code, errors=[error])
