"""What a CI system says of the run gate is part of, from the variables its vendor documents.

Claims, all of them: whoever writes the pipeline can set variables, so facts from here are shown as
claimed. Variables of two systems at once are refused: which of them is believed decides whose gate.yaml
judges. Pure: the environment is an argument. `--ci none` and flags that override are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from gate.errors import GateError

Variables = Mapping[str, str]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline run; None where the system does not say."""

    system: str
    project: str | None = None
    """`acme/web`."""
    repository: str | None = None
    """URL, without credentials."""
    commit: str | None = None
    """What is checked out; of a merge request it may be the merge commit."""
    branch: str | None = None
    """Of a merge request its source branch. None for a tag, and for a branch of a fork: a fork's
    `master` is not the project's and must not feed production."""
    author: str | None = None
    """Who set the run off, as the system names people."""
    target_branch: str | None = None
    merge_request: bool = False


def detected(variables: Variables) -> Run | None:
    """The run that `variables` (the process environment) describe; None outside of known systems.

    Raises `GateError` where they describe two systems, or a merge request of another system than the
    one that is there: a change that sets one variable more must not be judged by its own gate.yaml.
    """
    present = [system for system in _SYSTEMS if _is_here(system, variables)]
    if not present:
        return None
    marker, _, family, read = present[0]
    others = [one[0] for one in present if one[2] != family]
    others = [name for name in others if name != _ADDRESS or _is_jenkins(variables)]
    if not others:
        # Jenkins' names for a merge request are anybody's without its address.
        others = [
            f"a merge request of {its_read(variables).system}"
            for its_marker, _, its_family, its_read in _SYSTEMS
            if its_family != family and (its_marker != _ADDRESS or variables.get(_ADDRESS))
            if its_read(variables).merge_request
        ]
    if others:
        raise GateError(
            "contradicting CI variables",
            code="ci_contradicting",
            found=" and ".join(dict.fromkeys([marker, *others])),
            expected="those of one CI system",
            fix="unset what does not belong to this pipeline, or pass --ci none and --config-from with the base",
        )
    run = read(variables)
    # No repository has a merge request from a branch to itself: the source is a fork's branch.
    is_forks = run.merge_request and run.branch is not None and run.branch == run.target_branch
    return msgspec.structs.replace(run, branch=None) if is_forks else run


def is_known(variables: Variables) -> bool:
    """Whether `variables` name any known system at all."""
    return any(_is_here(system, variables) for system in _SYSTEMS)


def _is_here(system: _System, variables: Variables) -> bool:
    marker, value, _, _ = system
    found = variables.get(marker, "")
    return bool(found) and (value is None or found.lower() == value)


def _is_jenkins(variables: Variables) -> bool:
    """Whether Jenkins runs this; jobs of other systems may know the address of a Jenkins they call."""
    return bool(_first(variables, "BUILD_TAG", "EXECUTOR_NUMBER", "CHANGE_ID", "CHANGE_TARGET"))


def without_credentials(url: str | None) -> str | None:
    """`url` without `user:token@`, which clones in CI carry; None where there is none."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.scheme or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def project_of(url: str | None) -> str | None:
    """`acme/web` of `https://host/acme/web.git` or `git@host:acme/web.git`."""
    if not url:
        return None
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url.rpartition(":")[2]
    return path.strip("/").removesuffix(".git") or None


def _first(variables: Variables, *names: str) -> str | None:
    """The first variable that is set and not empty."""
    return next((variables[name] for name in names if variables.get(name)), None)


def _branch(ref: str | None) -> str | None:
    """The branch a ref names; None for tags and for the refs of merge requests."""
    if ref is None or ref.startswith(("refs/tags/", "refs/pull/", "refs/merge-requests/")):
        return None
    return ref.removeprefix("refs/heads/")


def _actions(system: str) -> Callable[[Variables], Run]:
    """GitHub Actions, and Gitea's and Forgejo's, which set the same variables.

    Source: GitHub, "Default environment variables"; BASE_REF and HEAD_REF are set for `pull_request`
    and `pull_request_target` alone. A merge queue builds `gh-readonly-queue/BASE/…`.
    """

    def read(variables: Variables) -> Run:
        ref = variables.get("GITHUB_REF", "")
        base = _branch(_first(variables, "GITHUB_BASE_REF"))
        branch = _first(variables, "GITHUB_HEAD_REF") if base else ref
        queue, _, queued = ref.partition("/gh-readonly-queue/")
        if queue == "refs/heads" and queued:
            base, branch = queued.rpartition("/")[0] or None, None
        server, project = variables.get("GITHUB_SERVER_URL"), _first(variables, "GITHUB_REPOSITORY")
        is_tag = variables.get("GITHUB_REF_TYPE") == "tag"
        return Run(
            system=system,
            project=project,
            repository=without_credentials(f"{server}/{project}") if server and project else None,
            commit=_first(variables, "GITHUB_SHA"),
            branch=None if is_tag else _branch(branch or None),
            author=_first(variables, "GITHUB_ACTOR"),
            target_branch=base,
            merge_request=bool(base or queued or ref.startswith("refs/pull/")),
        )

    return read


def _gitlab(variables: Variables) -> Run:
    """Source: GitLab, "Predefined CI/CD variables"; CI_COMMIT_BRANCH is unset for tags and merge requests."""
    kinds = ("CI_MERGE_REQUEST", "CI_EXTERNAL_PULL_REQUEST")
    kind = next((kind for kind in kinds if variables.get(f"{kind}_IID")), None)
    source = _first(variables, f"{kind}_SOURCE_BRANCH_NAME" if kind else "CI_COMMIT_BRANCH")
    origin = _first(variables, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
    is_forks = origin is not None and origin != variables.get("CI_MERGE_REQUEST_PROJECT_PATH")
    return Run(
        system="gitlab",
        project=_first(variables, "CI_PROJECT_PATH"),
        repository=without_credentials(_first(variables, "CI_PROJECT_URL")),
        commit=_first(variables, "CI_COMMIT_SHA"),
        branch=None if kind and is_forks else source,
        author=_first(variables, "GITLAB_USER_EMAIL", "GITLAB_USER_LOGIN"),
        target_branch=_first(variables, f"{kind}_TARGET_BRANCH_NAME") if kind else None,
        merge_request=kind is not None,
    )


def _jenkins(variables: Variables) -> Run:
    """Source: Jenkins, "Global Variable Reference" (multibranch), and the Git plugin's variables."""
    is_change = bool(_first(variables, "CHANGE_ID", "CHANGE_TARGET"))
    url = without_credentials(_first(variables, "GIT_URL"))
    # The Git plugin writes `detached` where it knows no branch.
    remote = variables.get("GIT_BRANCH", "").removeprefix("origin/").removeprefix("detached")
    branch = _first(variables, "BRANCH_NAME") or remote or None
    if is_change:
        branch = None if variables.get("CHANGE_FORK") else _first(variables, "CHANGE_BRANCH")
    return Run(
        system="jenkins",
        project=project_of(url),
        repository=url,
        commit=_first(variables, "GIT_COMMIT"),
        branch=None if variables.get("TAG_NAME") else _branch(branch),
        author=_first(variables, "CHANGE_AUTHOR_EMAIL", "CHANGE_AUTHOR"),
        target_branch=_first(variables, "CHANGE_TARGET"),
        merge_request=is_change,
    )


def _azure(variables: Variables) -> Run:
    """Source: Azure Pipelines, "Predefined variables"; branches come as `refs/heads/…`."""
    target = _branch(_first(variables, "SYSTEM_PULLREQUEST_TARGETBRANCH"))
    ref = variables.get("BUILD_SOURCEBRANCH", "")
    is_change = bool(target) or variables.get("BUILD_REASON") == "PullRequest" or ref.startswith("refs/pull/")
    source = _first(variables, "SYSTEM_PULLREQUEST_SOURCEBRANCH" if is_change else "BUILD_SOURCEBRANCH")
    is_forks = is_change and variables.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true"
    name, team = _first(variables, "BUILD_REPOSITORY_NAME"), _first(variables, "SYSTEM_TEAMPROJECT")
    return Run(
        system="azure",
        project=f"{team}/{name}" if team and name and "/" not in name else name,
        repository=without_credentials(_first(variables, "BUILD_REPOSITORY_URI")),
        commit=_first(variables, "BUILD_SOURCEVERSION"),
        branch=None if is_forks else _branch(source),
        author=_first(variables, "BUILD_REQUESTEDFOREMAIL", "BUILD_REQUESTEDFOR"),
        target_branch=target,
        merge_request=is_change,
    )


def _bitbucket(variables: Variables) -> Run:
    """Source: Bitbucket Cloud, "Variables and secrets". It names people by UUID alone: no author."""
    return Run(
        system="bitbucket",
        project=_first(variables, "BITBUCKET_REPO_FULL_NAME"),
        repository=without_credentials(_first(variables, "BITBUCKET_GIT_HTTP_ORIGIN")),
        commit=_first(variables, "BITBUCKET_COMMIT"),
        branch=_first(variables, "BITBUCKET_BRANCH"),
        target_branch=_first(variables, "BITBUCKET_PR_DESTINATION_BRANCH"),
        merge_request=bool(_first(variables, "BITBUCKET_PR_ID", "BITBUCKET_PR_DESTINATION_BRANCH")),
    )


def _gitee(variables: Variables) -> Run:
    """Source: Gitee Go, system parameters; in a pull request GITEE_BRANCH is the *target*."""
    is_change = bool(_first(variables, "GITEE_PULL_ID", "GITEE_SOURCE_BRANCH"))
    branch = _first(variables, "GITEE_BRANCH")
    return Run(
        system="gitee",
        project=_first(variables, "GITEE_REPO"),
        commit=_first(variables, "GITEE_SOURCE_COMMIT" if is_change else "GITEE_COMMIT"),
        branch=_branch(_first(variables, "GITEE_SOURCE_BRANCH") if is_change else branch),
        author=_first(variables, "GITEE_PIPELINE_TRIGGER_USER"),
        target_branch=_branch(branch) if is_change else None,
        merge_request=is_change,
    )


def _tekton(variables: Variables) -> Run:
    """Tekton sets no variables of its own: our Task hands its parameters on as `GATE_CI_…`."""
    target = _branch(_first(variables, "GATE_CI_TARGET_BRANCH"))
    url = without_credentials(_first(variables, "GATE_CI_REPOSITORY"))
    return Run(
        system="tekton",
        project=_first(variables, "GATE_CI_PROJECT") or project_of(url),
        repository=url,
        commit=_first(variables, "GATE_CI_COMMIT"),
        branch=_branch(_first(variables, "GATE_CI_BRANCH")),
        author=_first(variables, "GATE_CI_AUTHOR"),
        target_branch=target,
        merge_request=target is not None,
    )


_System = tuple[str, str | None, str, Callable[[Variables], Run]]
_ADDRESS: Final = "JENKINS_URL"
_SYSTEMS: Final[tuple[_System, ...]] = (
    ("GATE_CI", "tekton", "tekton", _tekton),
    # Both set GITHUB_ACTIONS too, and the same variables: no contradiction.
    ("FORGEJO_ACTIONS", "true", "actions", _actions("forgejo")),
    ("GITEA_ACTIONS", "true", "actions", _actions("gitea")),
    ("GITHUB_ACTIONS", "true", "actions", _actions("github")),
    ("GITLAB_CI", "true", "gitlab", _gitlab),
    ("TF_BUILD", "true", "azure", _azure),
    ("BITBUCKET_BUILD_NUMBER", None, "bitbucket", _bitbucket),
    ("GITEE_PIPELINE_BUILD_NUMBER", None, "gitee", _gitee),
    (_ADDRESS, None, "jenkins", _jenkins),
)
"""Variable, its value if one is meant, which systems are one, and the reader."""
