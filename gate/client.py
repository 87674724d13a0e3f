"""The service's client: asks, waits, asks again where that is right, and gives values or a `GateError`.

A decision is asked for under one idempotency key, so that asking again after a lost answer makes no second one.
Redirects are not followed: a token is for the host that was named.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3

from gate import __version__, limits
from gate.errors import GateError, Problem, SettingsError, quoted
from gate.files import File
from gate.presentation import Presentation

PRESENTATION: Final = "application/vnd.gate.presentation+json"
TIMEOUT_S: Final = 60.0
"""How long a request may take with all its repetitions, where `--timeout` says nothing."""
WAITED_FOR_BYTES: Final = 64 * limits.MIB
"""A larger request is decided about after it was answered: no proxy in between waits so long."""
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_AGAIN: Final = frozenset({429, 502, 503})
_EXCHANGE: Final = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_CONNECT_S: Final = 5.0


class _Detail(msgspec.Struct, frozen=True):
    code: str = "refused"
    detail: str = ""
    pointer: str | None = None
    path: str | None = None
    line: int | None = None
    column: int | None = None
    found: str | None = None
    expected: str | None = None
    fix: str | None = None


class _Problem(msgspec.Struct, frozen=True):
    """What of RFC 9457 and ours is told on."""

    status: int
    title: str = ""
    detail: str = ""
    code: str = "refused"
    request_id: str = ""
    exit_code: int = 3
    errors: tuple[_Detail, ...] = ()


class _Exchanged(msgspec.Struct, frozen=True):
    access_token: str


class _JobResult(msgspec.Struct, frozen=True):
    decision_id: str | None = None
    error: str | None = None
    code: str = "job_failed"


class _Job(msgspec.Struct, frozen=True):
    """What of a job is looked at."""

    id: str
    state: str
    result: _JobResult | None = None


class Client:
    """One service, asked with one token."""

    def __init__(
        self, url: str, token: str | None, timeout_s: float = TIMEOUT_S, traceparent: str | None = None
    ) -> None:
        """`token`: None before there is one. `traceparent`: of the job that asks (W3C Trace Context), told on where it is one. Raises `SettingsError` for what is no URL of a service."""
        self._url = _checked(url)
        self._token = token
        is_one = traceparent is not None and _TRACEPARENT.fullmatch(traceparent)
        self._trace: dict[str, str] = {"traceparent": str(traceparent)} if is_one else {}
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(num_pools=2, retries=False)

    def decide(self, meta: Mapping[str, Any], files: Sequence[File], key: str) -> Presentation:
        """The recorded decision about `files`, asked under the idempotency key `key`.

        `meta` as `MetaWithFiles` of the API, without `files`. Raises `GateError` where there is none.
        """
        named = [{"path": file.path, "format": file.declared} for file in files]
        parts: list[tuple[str, Any]] = [
            ("meta", (None, msgspec.json.encode({**meta, "files": named}), "application/json"))
        ]
        parts += [("report[]", ("report", file.data, "application/octet-stream")) for file in files]
        body, content_type = urllib3.encode_multipart_formdata(parts)
        headers = {
            "Content-Type": content_type,
            "Idempotency-Key": key,
            "Accept": PRESENTATION,
            "Prefer": f"wait={self._timeout_s:.0f}" if len(body) <= WAITED_FOR_BYTES else "respond-async",
        }
        status, data = self._answered("POST", "/api/v1/decisions", headers, body)
        return self._of_job(_decoded(data, _Job)) if status == 202 else _presentation(data)

    def _of_job(self, job: _Job) -> Presentation:
        """The decision that a job makes, once it is made; raises `GateError` where it makes none, or not in time."""
        deadline = time.monotonic() + self._timeout_s
        path = f"/api/v1/jobs/{quote(job.id, safe='')}"
        while job.state in ("queued", "running"):
            if time.monotonic() > deadline:
                raise GateError(
                    f"job {job.id} is not done yet",
                    code="timeout",
                    fix="ask again with a longer --timeout: it goes on",
                )
            time.sleep(_FIRST_PAUSE_S)
            job = _decoded(self._asked("GET", path, {"Accept": "application/json"}), _Job)
        result = job.result or _JobResult()
        if job.state != "succeeded" or result.decision_id is None:
            raise GateError(result.error or f"job {job.id} made no decision", code=result.code)
        return self.decision(result.decision_id)

    def decision(self, decision_id: str) -> Presentation:
        """A recorded decision."""
        path = f"/api/v1/decisions/{quote(decision_id, safe='')}"
        return _presentation(self._asked("GET", path, {"Accept": PRESENTATION}))

    def promoted(self, wanted: Mapping[str, Any], key: str) -> Presentation:
        """The recorded decision whether a digest may enter an environment; `wanted` as `PromotionIn` of the API."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "Accept": PRESENTATION}
        return _presentation(self._asked("POST", "/api/v1/promotions", headers, msgspec.json.encode(wanted)))

    def exchanged(self, id_token: str, project: str | None) -> str:
        """The service's token for the ID token of a CI job (RFC 8693), in `project` where that is named."""
        form = {**_EXCHANGE, "subject_token": id_token, **({"audience": project} if project else {})}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        # Asked again, another token is given: nothing is done twice by it.
        status, data = self._answered(
            "POST", "/api/v1/auth/token", headers, urlencode(form).encode(), may_repeat=True
        )
        token: str = _decoded(data, _Exchanged).access_token
        if status != 200 or not token.isascii() or not token.isprintable() or not token:
            raise GateError("the service answered without a token", code="server_answer")
        return token

    def ask(self, method: str, path: str, value: object = None, **headers: str) -> Any:
        """The JSON answer of any route of the API; None where it has none."""
        body = None if value is None else msgspec.json.encode(value)
        given = {"Accept": "application/json", **headers}
        if body is not None:
            given["Content-Type"] = "application/json"
        data = self._asked(method, path, given, body)
        return _decoded(data, object) if data else None

    def streamed(self, path: str, accept: str) -> Iterator[bytes]:
        """The body of a success piece by piece, however long; raises `GateError` where it ends too early."""
        headers = self._headers({"Accept": accept})
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=self._timeout_s)
        try:
            response = self._pool.request(
                "GET",
                f"{self._url}{path}",
                headers=headers,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status != 200:
                    raise _refusal(response.status, response.read(limits.MIB), self._url)
                yield from response.stream(limits.MIB)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._url, error) from None

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        its_token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {**headers, **self._trace, **its_token, "User-Agent": f"gate/{__version__}"}

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        """The body of a success."""
        return self._answered(method, path, headers, body)[1]

    def _answered(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        may_repeat: bool = False,
    ) -> tuple[int, bytes]:
        """Status and body of a success; asks again until the deadline where the service is away or busy."""
        deadline = time.monotonic() + self._timeout_s
        pause_s = _FIRST_PAUSE_S
        while True:
            left_s = deadline - time.monotonic()
            wait_s = pause_s
            try:
                status, data, after_s = self._once(method, path, headers, body, left_s)
            except urllib3.exceptions.HTTPError as error:
                failure = _unreachable(self._url, error)
                if not may_repeat and not _may_repeat(method, headers):
                    raise failure from None
            else:
                if status < 300:
                    return status, data
                failure = _refusal(status, data, self._url)
                if status not in _AGAIN:
                    raise failure
                wait_s = max(wait_s, after_s)
            if time.monotonic() + wait_s >= deadline:
                raise failure
            time.sleep(wait_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, left_s: float
    ) -> tuple[int, bytes, float]:
        """Status, body, and seconds of Retry-After."""
        timeout = urllib3.Timeout(connect=min(_CONNECT_S, max(left_s, 0.1)), read=max(left_s, 0.1))
        response = self._pool.request(
            method,
            f"{self._url}{path}",
            body=body,
            headers=self._headers(headers),
            timeout=timeout,
            redirect=False,
            preload_content=False,
        )
        try:
            data = response.read(limits.SERVICE_UPLOAD_BYTES + 1)
            if len(data) > limits.SERVICE_UPLOAD_BYTES:
                raise GateError(f"{self._url} answered with too much", code="server_answer")
            after = response.headers.get("Retry-After", "")
            return response.status, data, float(after) if after.isdecimal() else 0.0
        finally:
            response.release_conn()


def _checked(url: str) -> str:
    parts = urlsplit(url)
    is_one = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    if not is_one or parts.username is not None or parts.password is not None:
        # The URL itself may hold a password.
        raise SettingsError(
            "--server is no URL of a service",
            code="usage",
            expected="https://gate.example, without credentials or query",
            fix="correct --server or GATE_SERVER_URL",
        )
    return url.rstrip("/")


def _may_repeat(method: str, headers: Mapping[str, str]) -> bool:
    return method in ("GET", "HEAD", "PUT", "DELETE") or "Idempotency-Key" in headers


def _presentation(data: bytes) -> Presentation:
    shown: Presentation = _decoded(data, Presentation)
    if not shown.decision.decision_id:
        raise GateError("the service answered without a decision", code="server_answer")
    return shown


def _decoded(data: bytes, type_: type[Any]) -> Any:
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise GateError(
            f"the service's answer is not understood: {str(error)[:200]}",
            code="server_answer",
            expected="a gate service of the same version",
            fix="check --server, and `gate version` on both sides",
        ) from None


def _unreachable(url: str, error: urllib3.exceptions.HTTPError) -> GateError:
    host = urlsplit(url).netloc
    return GateError(
        f"{host} did not answer: {type(error).__name__}",
        code="server_unreachable",
        fix="check --server and the network; nothing was decided here instead",
    )


def _refusal(status: int, data: bytes, url: str) -> GateError:
    """What the service said against it, as problems; an answer in another shape is told as such."""
    try:
        said = msgspec.json.decode(data, type=_Problem)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return GateError(
            f"{urlsplit(url).netloc} answered {status}",
            code="server_answer",
            found=quoted(data[:60].decode("utf-8", "replace")),
            expected="a gate service",
            fix="check --server: another program, or a proxy, answers there",
        )
    problems = tuple(
        Problem(
            code=one.code,
            message=one.detail if one.path or not one.pointer else f"{one.pointer}: {one.detail}",
            path=one.path,
            line=one.line,
            column=one.column,
            found=one.found,
            expected=one.expected,
            fix=one.fix,
        )
        for one in said.errors
    )
    text = f"the service refused ({said.status}): {said.detail or said.title}"
    its_id = f"the service's log has more under request {said.request_id}" if status >= 500 else None
    problems = problems or (Problem(code=said.code, message=text, fix=its_id),)
    kind = SettingsError if said.exit_code == SettingsError.exit_code else GateError
    return kind(problems=problems)
