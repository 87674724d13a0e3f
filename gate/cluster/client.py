"""A Kubernetes API server, asked over HTTPS: pages of lists, single objects, server-side apply. Nothing is cached.

Small on purpose: no discovery cache, no retries but of what was not looked at (HTTP 429). What it is refused is told with the verb and
the resource, so that whoever reads it knows which right is missing.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
import urllib3

from gate import limits
from gate.errors import GateError, quoted

TIMEOUT_S: Final = 30.0
CONNECTIONS: Final = 16
"""Kept open: a watch holds one for each kind."""
PAGE: Final = 500
"""Objects in one page: bounds memory here and in the API server."""
PAGE_BYTES: Final = 256 * limits.MIB
"""A page of 500 objects of half a megabyte; more is refused."""
BUSY_PAUSES_S: Final = (1.0, 2.0, 4.0)
"""Between two tries where the API server says that it has no time now."""
ROUNDS: Final = 3
"""How often a list whose pages expired is begun again."""
WATCH_MARGIN_S: Final = 10.0
"""How long after its own end a watch may be silent before its connection is given up."""
WATCH_LINE_BYTES: Final = 16 * limits.MIB
"""One event: an object has at most about 3 MiB (KUBERNETES.md), JSON of it somewhat more."""
MANAGER: Final = "gate"
"""Owner of the fields that server-side apply sets."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How an API server is reached."""

    url: str
    context: ssl.SSLContext | None
    token: str | None = None
    token_file: Path | None = None
    """Read for each request: a mounted token is replaced while this runs."""
    said: str
    """Where this was read from, for messages."""


class Page(msgspec.Struct, frozen=True):
    """A page of a list; objects stay the bytes they came as."""

    items: tuple[msgspec.Raw, ...]
    metadata: dict[str, Any] = {}


class Refused(GateError):
    """The API server answered, and not with what was asked for."""

    def __init__(self, status: int, message: str, what: str, url: str) -> None:
        self.status = status
        self.body_continue: str | None = None
        is_right = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        super().__init__(
            f"the API server refuses to {what}",
            code="cluster_refused",
            path=url,
            found=f"HTTP {status}: {message[:300]}",
            fix="give the account this right, and no more" if is_right else None,
        )


_PAGES: Final = msgspec.json.Decoder(Page)


class Cluster:
    """One API server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.url = access.url.rstrip("/")
        self._pool = urllib3.PoolManager(ssl_context=access.context, retries=False, maxsize=CONNECTIONS)

    def value(self, path: str) -> dict[str, Any] | None:
        """The object at `path`; None where there is none. Raises `GateError`."""
        try:
            return self._object("GET", path)
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def pages(self, path: str, **query: str) -> Iterator[Page]:
        """The pages of one list as it was at one moment; raises `GateError` where they expire meanwhile."""
        following = ""
        while True:
            asked = query | {"limit": str(PAGE)} | ({"continue": following} if following else {})
            page = _page(self._asked("GET", path, query=asked), f"{self.url}{path}")
            yield page
            following = str(page.metadata.get("continue") or "")
            if not following:
                return

    def lines(self, path: str, timeout_s: float, **query: str) -> Iterator[bytes]:
        """What a watch tells, line by line as it arrives; first an empty one, when the API server has agreed.

        Ends where the API server ends it; raises `GateError` where that is not within `timeout_s` and a margin.
        """
        answer = self._opened(f"{self.url}{path}?{urlencode(query)}", timeout_s + WATCH_MARGIN_S)
        try:
            if answer.status != HTTPStatus.OK:
                raise _refusal(answer.status, answer.read(limits.MIB), f"watch {path}", self.url)
            yield b""
            left = b""
            for piece in answer.stream(limits.MIB):
                *whole, left = (left + piece).split(b"\n")
                if len(left) > WATCH_LINE_BYTES:
                    raise _no_answer(self.url, f"a line of more than {WATCH_LINE_BYTES} bytes")
                yield from (line for line in whole if line)
        except urllib3.exceptions.HTTPError as error:
            raise _no_answer(self.url, str(error)[:200]) from None
        finally:
            # Not given back: what is left of an answer that was not read to its end is no answer to the next.
            answer.close()

    def _opened(self, url: str, timeout_s: float) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                "GET",
                url,
                headers={"Accept": "application/json"} | self._authorization(),
                timeout=urllib3.Timeout(connect=TIMEOUT_S, read=timeout_s),
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _no_answer(self.url, str(error)[:200]) from None

    def items(self, path: str, **query: str) -> Iterator[bytes]:
        """Every object of the list at `path`, page by page.

        Raises `GateError`, also where pages expire faster than they are read: a part of a list is no list.
        """
        following = ""
        for _ in range(ROUNDS):
            try:
                while True:
                    asked = query | {"limit": str(PAGE)} | ({"continue": following} if following else {})
                    page = _page(self._asked("GET", path, query=asked), f"{self.url}{path}")
                    yield from (bytes(item) for item in page.items)
                    following = str(page.metadata.get("continue") or "")
                    if not following:
                        return
            except Refused as error:
                if error.status != HTTPStatus.GONE or not error.body_continue:
                    raise
                # The rest of the list as it is now: what was there all the time is in it.
                following = error.body_continue
        raise GateError(
            "the list expires faster than it is read", code="cluster_unreachable", path=f"{self.url}{path}"
        )

    def applied(self, path: str, value: Mapping[str, Any], *, forced: bool = True) -> dict[str, Any]:
        """What the object at `path` is after `value` was applied to it by the server."""
        query = {"fieldManager": MANAGER, "force": "true" if forced else "false"}
        kind = "application/apply-patch+yaml"
        return self._object("PATCH", path, query=query, body=value, kind=kind)

    def merged(
        self, path: str, value: object, *, kind: str = "application/merge-patch+json"
    ) -> dict[str, Any]:
        """What the object at `path` is after the patch `value`."""
        return self._object("PATCH", path, body=value, kind=kind)

    def created(self, path: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it was made."""
        return self._object("POST", path, body=value)

    def deleted(self, path: str) -> bool:
        """Whether there was an object to delete."""
        try:
            self._asked("DELETE", path)
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def _object(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        content = self._asked(method, path, **more)
        try:
            return msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise _no_answer(self.url, f"an answer that is no JSON object: {error}") from None

    def _asked(self, method: str, path: str, **more: Any) -> bytes:
        for pause_s in BUSY_PAUSES_S:
            try:
                return self._once(method, path, **more)
            except Refused as error:
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
            time.sleep(pause_s)
        return self._once(method, path, **more)

    def _once(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        kind: str = "application/json",
    ) -> bytes:
        headers = {"Accept": "application/json"} | self._authorization()
        if body is not None:
            headers["Content-Type"] = kind
        url = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._pool.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=TIMEOUT_S,
                redirect=False,
                preload_content=False,
            )
            try:
                content: bytes = answer.read(PAGE_BYTES + 1)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise _no_answer(self.url, str(error)[:200]) from None
        if len(content) > PAGE_BYTES:
            raise _no_answer(self.url, f"more than {PAGE_BYTES} bytes in one answer")
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(answer.status, content, f"{method.lower()} {path}", self.url)
        return content

    def _authorization(self) -> dict[str, str]:
        token = self._access.token
        if self._access.token_file is not None:
            try:
                token = self._access.token_file.read_text("utf-8").strip()
            except OSError as error:
                raise GateError(
                    "the token cannot be read",
                    code="cluster_unreachable",
                    path=str(self._access.token_file),
                    found=error.strerror,
                ) from None
        return {"Authorization": f"Bearer {token}"} if token else {}


def segment(text: str) -> str:
    """`text` as one segment of a path, whatever it holds."""
    return quote(text, safe="")


def _page(content: bytes, url: str) -> Page:
    try:
        return _PAGES.decode(content)
    except msgspec.DecodeError as error:
        raise _no_answer(url, f"an answer that is no list: {error}") from None


def _refusal(status: int, content: bytes, what: str, url: str) -> Refused:
    try:
        told = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    error = Refused(status, str(told.get("message") or quoted(content[:80])), what, url)
    metadata = told.get("metadata")
    error.body_continue = metadata.get("continue") if isinstance(metadata, dict) else None
    return error


def _no_answer(url: str, found: str) -> GateError:
    return GateError("the API server did not answer", code="cluster_unreachable", path=url, found=found)
