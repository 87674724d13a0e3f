"""The git repository around gate: commits, files at a commit, what a change touches.

An edge: it runs `git` with fixed arguments, without shell, pager, hooks, replaced objects, external
diffs and network, and without the caller's `GIT_*` variables. It changes nothing and fetches nothing;
what is not in the clone is an error that names the command to fetch it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from gate import limits
from gate.ci import Run, without_credentials
from gate.errors import GateError, quoted

TIMEOUT_S: Final = 30.0
_OPTIONS: Final = (
    "--no-pager", "--no-replace-objects", "--literal-pathspecs", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
)  # fmt: skip
_SETTINGS: Final = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    # A partial clone would fetch what is missing: no protocol, no network, an error instead.
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PLAIN_NAME: Final = re.compile(r"(?!HEAD$)[^~^:@{}\\\s]+")
"""What can name a branch; anything else is a revision expression for git alone."""
_AUTHOR: Final = re.compile(rb"^author [^\n]*<([^<>\n]*)>", re.MULTILINE)
_FILE_MODES: Final = ("100644", "100755")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the clone says of itself; None where it does not."""

    origin: str | None = None
    """URL of the remote `origin`, without credentials."""
    branch: str | None = None
    """None where HEAD is detached, as in most CI systems."""
    author: str | None = None
    """E-mail of the author of HEAD; a claim, anyone can write it."""
    commit: str | None = None


def top_level(start: Path) -> Path | None:
    """The top folder of the work tree around `start`; None outside of any repository.

    Raises `GateError` where git refuses the repository (its owner is somebody else).
    """
    result = _run(start, "rev-parse", "--show-toplevel")
    if result.returncode == 0:
        return Path(os.fsdecode(result.stdout.removesuffix(b"\n")))
    if b"not a git repository" in result.stderr:
        return None
    raise _failed(start, result)


def head(top: Path) -> str:
    """The checked-out commit; raises `GateError` where there is none yet."""
    commit = _commit(top, "HEAD")
    if commit is None:
        raise GateError(
            "no commit is checked out",
            code="base_missing",
            path=str(top),
            fix="commit something, or pass --ci none",
        )
    return commit


def resolved(top: Path, reference: str) -> str:
    """The commit that `reference` (branch, remote branch, tag, expression) names; branches before tags.

    Raises `GateError`, with the command to fetch it, where it is not in the clone.
    """
    _refuse_option(reference)
    names = [reference]
    if _PLAIN_NAME.fullmatch(reference) and not _COMMIT.fullmatch(reference):
        # Whoever may push a tag `main` must not choose what `main` means.
        names = [
            f"refs/heads/{reference}",
            f"refs/remotes/{reference}",
            f"refs/remotes/origin/{reference}",
            reference,
        ]
    for name in names:
        if commit := _commit(top, name):
            return commit
    raise _missing(top, reference, "not in this clone")


def merge_base(top: Path, target: str) -> str:
    """The newest commit that HEAD and the branch `target` share, the remote's `target` if it is known.

    Raises `GateError`, with the command to fetch, where the branch or the shared commit is not in the clone.
    """
    _refuse_option(target)
    tips = (_commit(top, f"refs/{kind}/{target}") for kind in ("remotes/origin", "heads"))
    tip = next((tip for tip in tips if tip), None)
    if tip is None:
        raise _missing(top, target, "the target branch is not in this clone")
    result = _run(top, "merge-base", head(top), tip)
    base = result.stdout.decode("ascii", "replace").strip()
    if result.returncode == 0 and _COMMIT.fullmatch(base):
        return base
    if result.returncode == 1:
        raise _missing(top, target, "no commit shared with the target branch is in this clone")
    raise _failed(top, result)


def shown(top: Path, commit: str, path: str, limit_bytes: int = limits.BASELINE_BYTES) -> bytes | None:
    """The bytes of the file `path` (from the top, with `/`) at `commit`; None if it is not there.

    Raises `GateError` for a path out of the repository, for what is no regular file (a link may lead
    anywhere), for more than `limit_bytes`, and where the clone lacks the file's content.
    """
    entries = _entries(top, commit, path, recursive=False)
    if not entries:
        return None
    [(mode, identity, _)] = entries
    if mode not in _FILE_MODES:
        raise GateError(
            "no regular file", code="base_unreadable", path=f"{commit:.12}:{path}", found=f"mode {mode}",
            expected="a file", fix="replace the link or folder by the file itself",
        )  # fmt: skip
    size = int(_ran(top, "cat-file", "-s", identity))
    if size > limit_bytes:
        raise GateError(
            "the file is too large", code="base_unreadable", path=f"{commit:.12}:{path}",
            found=f"{size:,} bytes", expected=f"at most {limit_bytes:,}", fix="split it",
        )  # fmt: skip
    return _ran(top, "cat-file", "blob", identity)


def files(top: Path, commit: str, folder: str) -> tuple[str, ...]:
    """Paths of the files below `folder` at `commit`, sorted; empty if there are none.

    Raises `GateError` for a link or a submodule among them: what it leads to is not in the commit, and
    a policy that is left out passes everything it would have refused.
    """
    entries = _entries(top, commit, folder, recursive=True)
    for mode, _, path in entries:
        if mode not in _FILE_MODES:
            raise GateError(
                "no plain file, in what the configuration names", code="base_unreadable", path=path,
                found="a submodule" if mode == "160000" else "a link", expected="plain files",
                fix="put the file itself there; a link cannot be read from a commit",
            )  # fmt: skip
    return tuple(sorted(path for _, _, path in entries))


def changed(top: Path, base: str) -> tuple[str, ...]:
    """Paths that differ between `base` and HEAD, or `base` and the work tree, sorted.

    Both: a pipeline that puts a file back before it asks has changed it nevertheless.
    """
    _refuse_option(base)
    quiet = (
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--ignore-submodules=dirty",
        "--name-only",
        "-z",
    )
    names: set[bytes] = set()
    for sides in ((base, head(top)), (base,)):
        names.update(_ran(top, "diff", *quiet, *sides, "--").split(b"\0"))
    return tuple(sorted(name.decode("utf-8", "backslashreplace") for name in names if name))


def facts(top: Path) -> Facts:
    """Origin, branch, author and commit of the clone, as far as it knows them."""
    commit = _commit(top, "HEAD")
    author = _AUTHOR.search(_ran(top, "cat-file", "commit", commit)) if commit else None
    return Facts(
        origin=without_credentials(_said(top, "config", "--get", "remote.origin.url")),
        branch=_said(top, "symbolic-ref", "--quiet", "--short", "HEAD"),
        author=(author[1].decode("utf-8", "replace") or None) if author else None,
        commit=commit,
    )


def user(top: Path) -> str | None:
    """E-mail of whoever works in the clone, from git's configuration; None where it is not set."""
    return _said(top, "config", "--get", "user.email")


def judging_commit(top: Path | None, config_from: str | None, ci: Run | None) -> str | None:
    """The commit whose configuration judges (CONTRACTS.md); None for the work tree, outside of CI.

    `--config-from` first; in CI the merge base with the target branch, without a merge request the
    checked-out commit. Raises `GateError` rather than read a configuration the change may have edited.
    """
    if config_from is None and ci is None:
        return None
    if top is None:
        raise GateError(
            "no git repository to read the configuration from", code="base_missing",
            expected="a clone", fix="run in the clone, or pass --ci none to judge by the files that are here",
        )  # fmt: skip
    if config_from is not None:
        return resolved(top, config_from)
    if ci is not None and ci.merge_request:
        if not ci.target_branch:
            raise GateError(
                f"a merge request whose target branch {ci.system} does not name", code="base_missing",
                expected="a target branch", fix="pass --config-from with the target branch",
            )  # fmt: skip
        return merge_base(top, ci.target_branch)
    return head(top)


# ------------------------------------------------------------------------------------ asking git


def _entries(top: Path, commit: str, path: str, *, recursive: bool) -> list[tuple[str, str, str]]:
    """Mode, object and path of what is at `path` in `commit`; of all below it where `recursive`."""
    parts = path.rstrip("/").split("/")
    if path.startswith("/") or ".." in parts or "\\" in path:
        raise GateError(
            "a path outside of the repository", code="base_unreadable", path=path,
            expected="a path below the repository's top", fix="keep the file in the repository",
        )  # fmt: skip
    _refuse_option(commit)
    plain = "/".join(part for part in parts if part not in ("", "."))
    below = ["--", plain] if plain or not recursive else []
    recursion = ["-r"] if recursive else []
    listed = _ran(top, "ls-tree", "-z", "--full-tree", *recursion, commit, *below)
    entries = []
    for line in filter(None, listed.split(b"\0")):
        meta, _, name = line.partition(b"\t")
        mode, _, identity = meta.decode("ascii").split(" ")
        entries.append((mode, identity, name.decode("utf-8", "backslashreplace")))
    return entries


def _commit(top: Path, name: str) -> str | None:
    result = _run(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    text = result.stdout.decode("ascii", "replace").strip()
    return text if result.returncode == 0 and _COMMIT.fullmatch(text) else None


def _said(top: Path, *arguments: str) -> str | None:
    result = _run(top, *arguments)
    return (result.stdout.decode("utf-8", "replace").strip() or None) if result.returncode == 0 else None


def _ran(top: Path, *arguments: str) -> bytes:
    result = _run(top, *arguments)
    if result.returncode != 0:
        raise _failed(top, result)
    return result.stdout


def _run(top: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """git's answer; raises `GateError` where there is no git, or none within `TIMEOUT_S`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *_OPTIONS, "-C", str(top), *arguments]
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env=kept | _SETTINGS,
        )
    except FileNotFoundError:
        raise GateError(
            "git is not installed", code="git_missing", fix="install git, or put it on PATH"
        ) from None
    except subprocess.TimeoutExpired:
        raise GateError(
            f"git {arguments[0]} did not end within {TIMEOUT_S:g} s", code="git_failed", path=str(top)
        ) from None


def _refuse_option(reference: str) -> None:
    # `:/text` would let a commit message choose the commit.
    if not reference or reference.startswith("-") or ":" in reference or not reference.isprintable():
        raise GateError(
            "no commit, branch or tag", code="base_missing", found=quoted(reference),
            expected="a name without a leading - and without :", fix="correct --config-from",
        )  # fmt: skip


def _failed(top: Path, result: subprocess.CompletedProcess[bytes]) -> GateError:
    said = result.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
    is_owner = "dubious ownership" in said
    return GateError(
        f"git {result.args[len(_OPTIONS) + 3]} failed",
        code="git_failed",
        path=str(top),
        found=quoted(said),
        fix=f"git config --global --add safe.directory {shlex.quote(str(top))}" if is_owner else None,
    )


def _missing(top: Path, name: str, what: str) -> GateError:
    """The refusal for a base that is not in the clone, with the command that brings it."""
    depth = ["--unshallow"] if _said(top, "rev-parse", "--is-shallow-repository") == "true" else []
    branch = name.removeprefix("origin/")
    spec = f"+refs/heads/{branch}:refs/remotes/origin/{branch}"
    command = ["git", "fetch", "--no-tags", *depth, "origin", name if _COMMIT.fullmatch(name) else spec]
    return GateError(
        what, code="base_missing", path=str(top), found=quoted(name), expected="its commits, to read gate.yaml there",
        fix=f"run: {shlex.join(command)}",
    )  # fmt: skip
