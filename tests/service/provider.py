"""A real OpenID provider, a process of its own over TLS: signs JWTs, rotates keys, answers badly when told to.

`https://localhost:PORT/NAME` is an issuer for each of NAMES, each with keys of its own. What tests say to it
goes to `/control`. It believes whoever comes: `/authorize` logs in the person that was set.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gate.service import own_certificate
from tests.data import REPOSITORY

NAMES: Final = ("github", "gitlab", "people")
CLIENT: Final = "gate-of-the-tests"
SECRET: Final = "a-secret-of-the-tests"
JOB: Final = "a-token-of-a-runner"


class Keys:
    """The keys of one issuer, newest last."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self.keys: list[RSAKey | ECKey] = []
        self.rotate()

    def rotate(self) -> None:
        self._number += 1
        kid = f"{self._name}-{self._number}"
        self.keys = [
            RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}),
            ECKey.generate_key("P-256", {"kid": f"{kid}-ec", "use": "sig"}),
        ]

    def signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """`claims`, signed by the key of the algorithm that `header` names; None in a header takes it out."""
        algorithm = header.get("alg", "RS256")
        key = self.keys[0 if algorithm.startswith("RS") else 1]
        whole = {"alg": algorithm, "kid": key.kid, **header}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, claims, key, algorithms=[algorithm])


class State:
    """What the provider is and does just now."""

    def __init__(self, port: int) -> None:
        self.url = f"https://localhost:{port}"
        self.keys = {name: Keys(name) for name in NAMES}
        self.mode = "well"
        self.asked: list[str] = []
        self.person: dict[str, Any] = {"sub": "42", "preferred_username": "wei"}
        self.id_token: dict[str, Any] = {}
        """Claims and, under `header`, headers of the next ID tokens, instead of the right ones."""
        self.codes: dict[str, dict[str, str]] = {}
        self.job: dict[str, Any] = {}

    def discovery(self, name: str) -> dict[str, Any]:
        issuer = f"{self.url}/{name}"
        return {
            "issuer": issuer if self.mode != "another issuer" else "https://other.example",
            "jwks_uri": f"{issuer}/keys" if self.mode != "keys inside" else "https://169.254.169.254/keys",
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
        }

    def controlled(self, asked: dict[str, Any]) -> object:
        match asked["do"]:
            case "mint":
                return self.keys[asked["issuer"]].signed(asked["header"], asked["claims"])
            case "rotate":
                self.keys[asked["issuer"]].rotate()
            case "mode":
                self.mode = asked["mode"]
            case "person":
                self.person, self.id_token = asked["person"], asked["id_token"]
            case "job":
                self.job = asked["claims"]
            case "asked":
                told, self.asked = self.asked, []
                return told
        return None

    def of_a_job(self, name: str, query: dict[str, str], authorization: str) -> tuple[int, object]:
        """As a runner of GitHub gives jobs their ID tokens."""
        if authorization != f"Bearer {JOB}" or query.get("api-version") != "2.0":
            return 403, {}
        return 200, {"value": self.keys[name].signed({}, {**self.job, "aud": query["audience"]})}

    def authorized(self, query: dict[str, str]) -> str:
        code = secrets.token_urlsafe()
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def tokens(self, fields: dict[str, str], authorization: str) -> tuple[int, object]:
        known = self.codes.pop(fields.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        told = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        if known is None or authorization != f"Basic {basic}" or known.get("code_challenge") != told:
            return 400, {"error": "invalid_grant"}
        if known["redirect_uri"] != fields.get("redirect_uri") or known["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims: dict[str, Any] = {"iss": f"{self.url}/people", "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": known["nonce"], **self.person, **self.id_token}
        header = claims.pop("header", {})
        signed = self.keys["people"].signed(header, {k: v for k, v in claims.items() if v is not None})
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": signed}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    state: State

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name, _, rest = parts.path.strip("/").partition("/")
        self.state.asked.append(parts.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if self.state.mode == "down" or name not in NAMES:
            self._answer(503, {})
        elif self.state.mode == "redirect":
            self._answer(302, {}, Location=f"{self.state.url}/{name}/elsewhere")
        elif self.state.mode == "endless":
            self._endless()
        elif self.state.mode == "trickle":
            self._trickle()
        elif rest == ".well-known/openid-configuration":
            self._answer(200, self.state.discovery(name))
        elif rest == "keys":
            self._answer(200, {"keys": [key.as_dict(private=False) for key in self.state.keys[name].keys]})
        elif rest == "job":
            self._answer(*self.state.of_a_job(name, query, self.headers.get("Authorization", "")))
        elif rest == "authorize":
            self._answer(302, {}, Location=self.state.authorized(query))
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/control":
            self._answer(200, self.state.controlled(json.loads(body)))
            return
        if self.state.mode == "down":
            self._answer(503, {})
            return
        fields = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        self._answer(*self.state.tokens(fields, self.headers.get("Authorization", "")))

    def _answer(self, status: int, value: object, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for key, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(key, text)
        self.end_headers()
        self.wfile.write(data)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b" " * 65_536)

    def _trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(600):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)


def main(folder: Path) -> None:
    """Answer until the end of standard input."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    own = own_certificate.files(folder, ("localhost",), datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    # The handshake is each connection's own: one that stalls holds up nobody else.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Handler.state = State(server.server_address[1])
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


class Provider:
    """The process, and what tests say to it; a context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.provider", folder],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.ca = folder / "ca.crt"
        self.url = f"https://localhost:{self.port}"
        self.pool = urllib3.HTTPSConnectionPool("localhost", self.port, ca_certs=str(self.ca), retries=False)

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.close()
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _control(self, **asked: object) -> Any:
        return self.pool.request("POST", "/control", body=json.dumps(asked)).json()

    def token(self, issuer: str, claims: Mapping[str, Any], **header: Any) -> str:
        """`claims`, signed; a header of None is left out."""
        made: str = self._control(do="mint", issuer=issuer, claims=dict(claims), header=header)
        return made

    def rotate(self, issuer: str) -> None:
        """Have other keys, and forget those before."""
        self._control(do="rotate", issuer=issuer)

    def mode(self, mode: str) -> None:
        """Answer so from now on."""
        self._control(do="mode", mode=mode)

    def logs_in(self, person: Mapping[str, Any], **id_token: Any) -> None:
        """Who logs in, and what of the ID token is wrong then."""
        self._control(do="person", person=dict(person), id_token=id_token)

    def runs(self, claims: Mapping[str, Any]) -> dict[str, str]:
        """Run a job of GitHub with those claims: the variables that its runner sets."""
        self._control(do="job", claims=dict(claims))
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/github/job?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB,
        }

    def asked(self) -> list[str]:
        """The paths that were asked for since the last time."""
        told: list[str] = self._control(do="asked")
        return told

    def keys(self, issuer: str) -> list[dict[str, Any]]:
        """The public keys, as everybody sees them."""
        found: list[dict[str, Any]] = self.pool.request("GET", f"/{issuer}/keys").json()["keys"]
        return found

    def settings(self, **more: Any) -> dict[str, Any]:
        """Section `identity` of a platform file that believes it."""
        ci = [
            {
                "name": name,
                "kind": name,
                "issuer": f"{self.url}/{name}",
                "audience": "https://gate.example",
            }
            for name in ("github", "gitlab")
        ]
        network = {"private": ["127.0.0.0/8", "::1/128"], "ports": [self.port], "ca_file": str(self.ca)}
        secret = self.ca.with_name("client-secret")
        secret.write_text(SECRET + "\n", "utf-8")
        login = {
            "issuer": f"{self.url}/people",
            "client_id": CLIENT,
            "client_secret_file": str(secret),
            "scopes": ["openid", "profile", "email", "groups"],
        }
        return {"url": "https://gate.example", "ci": ci, "login": login, "network": network, **more}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
