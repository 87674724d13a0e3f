"""The ID token that a CI job offers, exchanged at the service for a token of a quarter of an hour.

    1. what the job offers is found: GATE_ID_TOKEN (GitLab), or GitHub's request URL and its token
    2. GitHub's is asked for, for this service's audience, at the address that the runner named and nowhere else
    3. whom it is for is read from it: a token for somebody else (a cloud, another service) is not sent
    4. it is sent to the service that was named, over TLS, once

Nothing of a token is ever in a message. Sources: GitHub, "OpenID Connect reference"; GitLab, "OpenID Connect
(OIDC) authentication using ID tokens"; RFC 8693; RFC 7519, section 4.1.3.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import urllib3

from gate import limits
from gate.client import Client
from gate.errors import GateError, SettingsError, quoted

ID_TOKEN: Final = "GATE_ID_TOKEN"  # noqa: S105 - the name of a variable
AUDIENCE: Final = "GATE_ID_TOKEN_AUDIENCE"
REQUEST_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
REQUEST_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
_LONGEST: Final = 16 * limits.KIB
_TIMEOUT_S: Final = 10.0


def is_offered(environ: Mapping[str, str]) -> bool:
    """Whether the job offers an ID token."""
    return bool(environ.get(ID_TOKEN)) or bool(environ.get(REQUEST_URL) and environ.get(REQUEST_TOKEN))


def exchanged(client: Client, url: str, project: str | None, environ: Mapping[str, str]) -> str:
    """The token that the service at `url` gives for the ID token of this job.

    Raises `SettingsError` where the ID token is not for this service, `GateError` where it cannot be had or the
    service does not accept it.
    """
    _refuse_in_clear(url)
    audience = environ.get(AUDIENCE) or _origin(url)
    token = environ.get(ID_TOKEN)
    if not token:
        token = _of_github(environ[REQUEST_URL], environ[REQUEST_TOKEN], audience)
    if len(token) > _LONGEST or not token.isascii() or not token.isprintable():
        raise _unreadable()
    _refuse_other(_audiences(token), audience)
    return client.exchanged(token, project)


def _origin(url: str) -> str:
    """The scheme, host and port of `url`: what a service is called where nobody gave it another audience."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _refuse_in_clear(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_here(parts.hostname or ""):
        raise SettingsError(
            "an ID token is not sent over plain http",
            code="usage",
            found=quoted(_origin(url)),
            expected="https://",
            fix="name the service by https, or give it a token of its own with GATE_TOKEN",
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _of_github(url: str, its_token: str, audience: str) -> str:
    """The ID token that GitHub makes for this job; asked for at the address the runner named, following nobody."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise GateError(
            f"{REQUEST_URL} is no address that an ID token is asked for at",
            code="id_token",
            expected="https://…, as the runner sets it",
            fix="let nothing in the workflow set it",
        )
    asked = f"{url}{'&' if parts.query else '?'}audience={quote(audience, safe='')}"
    headers = {"Authorization": f"Bearer {its_token}", "Accept": "application/json"}
    try:
        with urllib3.PoolManager(num_pools=1, retries=False) as pool:
            answer = pool.request(
                "GET", asked, headers=headers, timeout=_TIMEOUT_S, redirect=False, preload_content=False
            )
            data = answer.read(limits.MIB)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise GateError(
            f"{quoted(parts.netloc)} gave no ID token: {type(error).__name__}",
            code="id_token",
            fix="run the job again",
        ) from None
    if answer.status != 200:
        raise GateError(
            f"{quoted(parts.netloc)} gave no ID token: it answered {answer.status}",
            code="id_token",
            fix="give the job `permissions: id-token: write`",
        )
    try:
        return msgspec.json.decode(data, type=_GitHub).value
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise _unreadable() from None


class _GitHub(msgspec.Struct, frozen=True):
    value: str


def _audiences(token: str) -> tuple[str, ...]:
    """Whom `token` says it is for; nothing of it is verified here, the service does."""
    parts = token.split(".")
    if len(parts) != 3:
        raise _unreadable()
    try:
        data = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        claims: Any = msgspec.json.decode(data)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _unreadable() from None
    said = claims.get("aud") if isinstance(claims, dict) else None
    return tuple(str(one) for one in said) if isinstance(said, list) else (str(said or ""),)


def _refuse_other(said: tuple[str, ...], audience: str) -> None:
    """Raise unless the token is for this service alone: shown to it, another could be asked with it as well."""
    if said != (audience,):
        raise SettingsError(
            "the job's ID token is not for this service alone; it was not sent",
            code="usage",
            found=quoted(", ".join(said) or "no audience"),
            expected=quoted(audience),
            fix=f"give the job's token that audience, or name the service's own with {AUDIENCE}",
        )


def _unreadable() -> GateError:
    return GateError(
        "the job's ID token cannot be read",
        code="id_token",
        expected="a JWT, as GitHub and GitLab make them",
        fix=f"check `id_tokens` of the job ({ID_TOKEN})",
    )
