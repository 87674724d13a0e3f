"""Where a result is: artifact locations to paths and web addresses, as text.

No path is ever opened, no address ever asked (THREATS.md B4). A path is given below its
`uriBaseId`: the absolute root behind that differs from machine to machine and would give every
finding another identity (SARIF 3.14.14). Spelling (`./`, backslashes) is `gate/normalize.py`'s work.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from scanners.sarif import log

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""Two letters at least: `C:` is a drive."""
_DRIVE: Final = re.compile(r"/([A-Za-z]:)")
_NOT_A_NAME: Final = re.compile("[\x00-\x1f\x7f\ufffd]")


class Place(NamedTuple):
    """One artifact: a path or a web address, both None where nothing is said."""

    file: str | None = None
    url: str | None = None


class Places:
    """The artifacts of one run."""

    def __init__(self, run: log.Run) -> None:
        self._run = run
        self._roots = _roots(run)
        self._known: dict[tuple[str | None, str | None, int | None], Place] = {}

    def of(self, location: log.ArtifactLocation | None) -> Place:
        """Where `location` is; below an absolute folder that the run names, relative to it."""
        if location is None:
            return Place()
        key = (location.uri, location.uri_base_id, location.index)
        if key not in self._known:
            self._known[key] = self._read(location)
        return self._known[key]

    def _read(self, location: log.ArtifactLocation) -> Place:
        at: log.ArtifactLocation | None = location
        if location.uri is None and location.index is not None:
            artifacts = self._run.artifacts or []
            at = artifacts[location.index].location if 0 <= location.index < len(artifacts) else None
        if at is None or not at.uri:
            return Place()
        if at.uri[:8].lower().startswith(("http://", "https://")):
            return Place(url=at.uri)
        path = _path(_below_base(at.uri, at.uri_base_id, self._run))
        return Place(file=next((path[len(root) :] for root in self._roots if path.startswith(root)), path))


def _roots(run: log.Run) -> tuple[str, ...]:
    """The absolute folders a run names, longest first, each with its final slash."""
    bases = [*(run.original_uri_base_ids or {}).values()]
    bases += [one.working_directory for one in run.invocations or () if one.working_directory]
    paths = {_path(base.uri).rstrip("/") + "/" for base in bases if base.uri and _is_absolute(base.uri)}
    return tuple(sorted(paths - {"/"}, key=lambda path: (-len(path), path)))


def _below_base(uri: str, base: str | None, run: log.Run) -> str:
    """`uri` with the relative folders of its chain of base ids put before it."""
    bases, seen = run.original_uri_base_ids or {}, set[str]()
    while base is not None and base not in seen and not _is_absolute(uri):
        seen.add(base)
        entry = bases.get(base)
        if entry is None or not entry.uri or _is_absolute(entry.uri):
            break
        uri, base = f"{entry.uri.strip().rstrip('/')}/{uri}", entry.uri_base_id
    return uri


def _is_absolute(uri: str) -> bool:
    return uri.startswith(("/", "\\")) or _SCHEME.match(uri) is not None


def _path(uri: str) -> str:
    """`uri` without `file:` and percent-encoding; as it stands where that gives no printable name."""
    text = uri
    if text[:5].lower() == "file:":
        text = text[5:]
        # kube-score writes `file://deploy/web.yaml`: what stands where a host belongs is a folder.
        text = text[2:].removeprefix("localhost/") if text.startswith("//") else text
        text = "/" + text.lstrip("/") if text.startswith("/") else text
        text = _DRIVE.sub(r"\1", text, count=1) if _DRIVE.match(text) else text
    plain = unquote(text)
    return text if _NOT_A_NAME.search(plain) else plain
