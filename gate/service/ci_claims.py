"""What a CI system's verified claims say of the run that asks: repository, ref, environment, event, actor.

One function a system. Whether the run may write is decided by *how it was started*: whatever somebody without
write access to the repository can start gets no role that writes (THREATS.md F5). Nothing is read from `sub`,
whose form a project can change.
Sources: GitHub, "OpenID Connect reference"; GitLab, "OpenID Connect (OIDC) Authentication Using ID Tokens".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from gate.service.id_tokens import Refused, text

Access = Literal["own", "change", "foreign"]
"""Who can start such a run: those who may push; whoever proposes a change, if a rule says so; anybody."""

_GITHUB: Final[Mapping[str, Access]] = {
    "push": "own",
    "schedule": "own",
    "workflow_dispatch": "own",
    "repository_dispatch": "own",
    "merge_group": "own",
    "release": "own",
    "pull_request": "change",
}
"""By `event_name`. pull_request_target, workflow_run, issue_comment and all others are started by strangers."""
_GITLAB: Final[Mapping[str, Access]] = {
    "push": "own",
    "web": "own",
    "schedule": "own",
    "api": "own",
    "trigger": "own",
    "pipeline": "own",
    "parent_pipeline": "own",
    "merge_request_event": "change",
}
"""By `pipeline_source`."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was verified of a run; kept with its token and with its decisions."""

    provider: str
    """Name in `identity.ci`."""
    issuer: str
    subject: str
    repository: str
    """Path: `acme/web`."""
    repository_id: str
    url: str
    """Of the repository; becomes `subject.repository`."""
    ref: str
    """Whole: `refs/heads/main`."""
    branch: str | None = None
    """None for a tag and for a proposed change: its name is its author's choice, also in a fork."""
    commit: str
    actor: str
    event: str
    environment: str | None = None
    workflow: str | None = None
    """Where the job is defined: GitHub's `job_workflow_ref`, GitLab's `ci_config_ref_uri`."""
    is_protected: bool = False
    access: Access
    run: str | None = None
    """Address of the run."""


def facts(kind: str, provider: str, claims: dict[str, Any]) -> Facts:
    """The run that `claims` tell of; raises `Refused` where they do not tell enough."""
    return _KINDS[kind](provider, claims)


def _github(provider: str, claims: dict[str, Any]) -> Facts:
    repository, ref, event = text(claims, "repository"), text(claims, "ref"), text(claims, "event_name")
    access = _GITHUB.get(event, "foreign")
    if ref.startswith("refs/pull/") and access == "own":
        raise Refused("its ref is a pull request's and its event is none")
    server = _server(claims, "https://token.actions.githubusercontent.com", "https://github.com")
    run = claims.get("run_id")
    return Facts(
        provider=provider,
        issuer=text(claims, "iss"),
        subject=text(claims, "sub"),
        repository=repository,
        repository_id=text(claims, "repository_id"),
        url=f"{server}/{repository}",
        ref=ref,
        branch=_branch(ref, access),
        commit=_commit(claims),
        actor=text(claims, "actor"),
        event=event,
        environment=_optional(claims, "environment"),
        workflow=_optional(claims, "job_workflow_ref"),
        is_protected=claims.get("ref_protected") == "true",
        access=access,
        run=f"{server}/{repository}/actions/runs/{run}" if isinstance(run, str) and run.isdecimal() else None,
    )


def _gitlab(provider: str, claims: dict[str, Any]) -> Facts:
    repository, event = text(claims, "project_path"), text(claims, "pipeline_source")
    access = _GITLAB.get(event, "foreign")
    # Since 18.2.2 a fork's pipeline in the target project names the fork; the job's own project tells them apart.
    its_job = _optional(claims, "job_project_id")
    if its_job is not None and its_job != claims.get("project_id"):
        access = "foreign"
    kind, name = text(claims, "ref_type"), text(claims, "ref")
    if kind not in ("branch", "tag"):
        raise Refused("ref_type is neither branch nor tag")
    ref = f"refs/{'heads' if kind == 'branch' else 'tags'}/{name}"
    whole = _optional(claims, "ref_path")
    if access == "own" and whole is not None and whole != ref:
        raise Refused("ref and ref_path name different refs")
    if access != "own":
        ref = whole if whole is not None and not whole.startswith("refs/heads/") else f"change/{name}"
    issuer, pipeline = text(claims, "iss"), claims.get("pipeline_id")
    is_number = isinstance(pipeline, str) and pipeline.isdecimal()
    return Facts(
        provider=provider,
        issuer=issuer,
        subject=text(claims, "sub"),
        repository=repository,
        repository_id=text(claims, "project_id"),
        url=f"{issuer.rstrip('/')}/{repository}",
        ref=ref,
        branch=_branch(ref, access),
        commit=_commit(claims, "sha"),
        actor=_optional(claims, "user_email") or text(claims, "user_login"),
        event=event,
        environment=_optional(claims, "environment"),
        workflow=_optional(claims, "ci_config_ref_uri"),
        is_protected=claims.get("ref_protected") == "true",
        access=access,
        run=f"{issuer.rstrip('/')}/{repository}/-/pipelines/{pipeline}" if is_number else None,
    )


_KINDS: Final[Mapping[str, Callable[[str, dict[str, Any]], Facts]]] = {
    "github": _github,
    "gitlab": _gitlab,
}


def _optional(claims: dict[str, Any], name: str) -> str | None:
    return None if claims.get(name) in (None, "") else text(claims, name)


def _commit(claims: dict[str, Any], name: str = "sha") -> str:
    commit = text(claims, name)
    if len(commit) not in (40, 64) or not set(commit) <= set("0123456789abcdef"):
        raise Refused(f"{name} is no commit")
    return commit


def _branch(ref: str, access: Access) -> str | None:
    is_branch = ref.startswith("refs/heads/") and access == "own"
    return ref.removeprefix("refs/heads/") if is_branch else None


def _server(claims: dict[str, Any], public: str, web: str) -> str:
    """The forge that people see; an enterprise server's issuer is below it."""
    issuer = text(claims, "iss")
    return web if issuer == public else issuer.removesuffix("/_services/token")
