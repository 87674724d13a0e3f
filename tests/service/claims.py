"""Claims as CI systems make them, tokens that nobody should believe, and the exchange itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import RSAKey

from tests.service.provider import Provider
from tests.service.server import Answer, Server

GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"
COMMIT: Final = "a" * 40
Claims = dict[str, Any]


def github(provider: Provider, repository: str, /, **changed: Any) -> Claims:
    """Claims as GitHub makes them for a push to main; None takes one out."""
    now = int(time.time())
    claims = {
        "iss": f"{provider.url}/github",
        "aud": "https://gate.example",
        "sub": f"repo:{repository}:ref:refs/heads/main",
        "jti": uuid4().hex,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 300,
        "repository": repository,
        "repository_id": "1001",
        "repository_owner": repository.partition("/")[0],
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "true",
        "sha": COMMIT,
        "actor": "wei",
        "event_name": "push",
        "environment": "production",
        "job_workflow_ref": f"{repository}/.github/workflows/gate.yml@refs/heads/main",
        "run_id": "77",
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def gitlab(provider: Provider, repository: str, /, **changed: Any) -> Claims:
    """Claims as GitLab makes them for a push to main."""
    now = int(time.time())
    claims = {
        "iss": f"{provider.url}/gitlab",
        "aud": "https://gate.example",
        "sub": f"project_path:{repository}:ref_type:branch:ref:main",
        "jti": uuid4().hex,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 3_600,
        "project_id": "22",
        "project_path": repository,
        "namespace_path": repository.partition("/")[0],
        "user_login": "wei",
        "user_email": "wei@example.com",
        "pipeline_id": "13",
        "pipeline_source": "push",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "sha": COMMIT,
        "ci_config_ref_uri": f"gitlab.example/{repository}//.gitlab-ci.yml@refs/heads/main",
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def exchanged(server: Server, token: str, **fields: str) -> Answer:
    """The answer to an exchange; an empty field is left out."""
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": ID_TOKEN, **fields}
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    return server.request(
        "POST", "/api/v1/auth/token", body, token=None, content_type="application/x-www-form-urlencoded"
    )


def trusting(server: Server, provider: str = "github", **conditions: Any) -> tuple[str, str]:
    """A fresh project and the repository that it trusts."""
    name = f"acme/{uuid4().hex[:12]}"
    server.project(name)
    rule = {
        "project": name,
        "provider": provider,
        "repository": name,
        "repository_id": "1001" if provider == "github" else "22",
        **conditions,
    }
    made = server.json("POST", "/api/v1/trusts", rule)
    assert 201 == made.status, made.body
    return name, name


def encoded(value: object) -> str:
    """A part of a JWT."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(header: object, claims: object, signature: bytes = b"") -> str:
    """A token whose signature is whatever one likes."""
    return f"{encoded(header)}.{encoded(claims)}.{encoded(signature)}"


def with_public_key_as_secret(provider: Provider, claims: Claims, kid: str | None = None) -> str:
    """HS256 with the issuer's public key for a secret: the confusion of algorithms."""
    key = next(one for one in provider.keys("github") if one["kty"] == "RSA")
    public = RSAKey.import_key(key).public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': kid or key['kid']})}.{encoded(claims)}"
    return f"{signing}.{encoded(hmac.new(public, signing.encode(), hashlib.sha256).digest())}"


def bent(token: str, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> str:
    """`token` with parts changed and the signature left as it is."""
    parts = token.split(".")
    for index, changed in enumerate((header, claims)):
        if changed is not None:
            value = json.loads(base64.urlsafe_b64decode(parts[index] + "==="))
            parts[index] = encoded({**value, **changed})
    return ".".join(parts)
