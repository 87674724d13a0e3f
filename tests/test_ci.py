"""What each CI system says of a run, from the variables its vendor documents."""

from __future__ import annotations

import pytest

from gate import ci
from gate.ci import Run
from gate.errors import GateError

GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/web",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_SHA": "c0ffee",
    "GITHUB_ACTOR": "wei",
    "GITHUB_REF": "refs/heads/master",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_REF_NAME": "master",
    "GITHUB_HEAD_REF": "",
    "GITHUB_BASE_REF": "",
}
GITHUB_PULL = GITHUB | {
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_HEAD_REF": "feature/x",
    "GITHUB_BASE_REF": "master",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "acme/web",
    "CI_PROJECT_URL": "https://gitlab.example/acme/web",
    "CI_COMMIT_SHA": "c0ffee",
    "CI_COMMIT_REF_NAME": "master",
    "GITLAB_USER_EMAIL": "wei@example.com",
    "GITLAB_USER_LOGIN": "wei",
}
GITLAB_BRANCH = GITLAB | {"CI_COMMIT_BRANCH": "master"}
GITLAB_MERGE = GITLAB | {
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/x",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "master",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/web",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/web",
}
JENKINS = {
    "JENKINS_URL": "https://jenkins.example/",
    "GIT_URL": "https://ci:token@git.example/acme/web.git",
    "GIT_COMMIT": "c0ffee",
    "GIT_BRANCH": "origin/feature/y",
}
JENKINS_CHANGE = JENKINS | {
    "BRANCH_NAME": "PR-7",
    "CHANGE_ID": "7",
    "CHANGE_BRANCH": "feature/x",
    "CHANGE_TARGET": "master",
    "CHANGE_AUTHOR": "wei",
    "CHANGE_AUTHOR_EMAIL": "wei@example.com",
}
AZURE = {
    "TF_BUILD": "True",
    "SYSTEM_TEAMPROJECT": "acme",
    "BUILD_REPOSITORY_NAME": "web",
    "BUILD_REPOSITORY_URI": "https://acme@dev.azure.example/acme/_git/web",
    "BUILD_SOURCEVERSION": "c0ffee",
    "BUILD_SOURCEBRANCH": "refs/heads/master",
    "BUILD_REASON": "IndividualCI",
    "BUILD_REQUESTEDFOREMAIL": "wei@example.com",
}
AZURE_PULL = AZURE | {
    "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
    "BUILD_REASON": "PullRequest",
    "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/master",
}
BITBUCKET = {
    "BITBUCKET_BUILD_NUMBER": "5",
    "BITBUCKET_REPO_FULL_NAME": "acme/web",
    "BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.example/acme/web",
    "BITBUCKET_COMMIT": "c0ffee",
    "BITBUCKET_BRANCH": "feature/x",
}
GITEE = {
    "GITEE_PIPELINE_BUILD_NUMBER": "5",
    "GITEE_REPO": "web",
    "GITEE_BRANCH": "master",
    "GITEE_COMMIT": "c0ffee",
    "GITEE_PIPELINE_TRIGGER_USER": "wei",
}
GITEE_PULL = GITEE | {"GITEE_PULL_ID": "7", "GITEE_SOURCE_BRANCH": "feature/x", "GITEE_SOURCE_COMMIT": "deed"}
TEKTON = {
    "GATE_CI": "tekton",
    "GATE_CI_REPOSITORY": "https://git.example/acme/web.git",
    "GATE_CI_COMMIT": "c0ffee",
    "GATE_CI_BRANCH": "refs/heads/feature/x",
    "GATE_CI_AUTHOR": "wei",
}


def run(variables: dict[str, str], **changes: str) -> Run:
    found = ci.detected(variables | changes)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (GITHUB, Run(system="github", project="acme/web", repository="https://github.example/acme/web", commit="c0ffee", branch="master", author="wei")),
        (GITHUB_PULL, Run(system="github", project="acme/web", repository="https://github.example/acme/web", commit="c0ffee", branch="feature/x", author="wei", target_branch="master", merge_request=True)),
        (GITLAB_BRANCH, Run(system="gitlab", project="acme/web", repository="https://gitlab.example/acme/web", commit="c0ffee", branch="master", author="wei@example.com")),
        (GITLAB_MERGE, Run(system="gitlab", project="acme/web", repository="https://gitlab.example/acme/web", commit="c0ffee", branch="feature/x", author="wei@example.com", target_branch="master", merge_request=True)),
        (JENKINS, Run(system="jenkins", project="acme/web", repository="https://git.example/acme/web.git", commit="c0ffee", branch="feature/y")),
        (JENKINS_CHANGE, Run(system="jenkins", project="acme/web", repository="https://git.example/acme/web.git", commit="c0ffee", branch="feature/x", author="wei@example.com", target_branch="master", merge_request=True)),
        (AZURE, Run(system="azure", project="acme/web", repository="https://dev.azure.example/acme/_git/web", commit="c0ffee", branch="master", author="wei@example.com")),
        (AZURE_PULL, Run(system="azure", project="acme/web", repository="https://dev.azure.example/acme/_git/web", commit="c0ffee", branch="feature/x", author="wei@example.com", target_branch="master", merge_request=True)),
        (BITBUCKET, Run(system="bitbucket", project="acme/web", repository="http://bitbucket.example/acme/web", commit="c0ffee", branch="feature/x")),
        (BITBUCKET | {"BITBUCKET_PR_ID": "7", "BITBUCKET_PR_DESTINATION_BRANCH": "master"}, Run(system="bitbucket", project="acme/web", repository="http://bitbucket.example/acme/web", commit="c0ffee", branch="feature/x", target_branch="master", merge_request=True)),
        (GITEE, Run(system="gitee", project="web", commit="c0ffee", branch="master", author="wei")),
        (GITEE_PULL, Run(system="gitee", project="web", commit="deed", branch="feature/x", author="wei", target_branch="master", merge_request=True)),
        (TEKTON, Run(system="tekton", project="acme/web", repository="https://git.example/acme/web.git", commit="c0ffee", branch="feature/x", author="wei")),
        (TEKTON | {"GATE_CI_TARGET_BRANCH": "master"}, Run(system="tekton", project="acme/web", repository="https://git.example/acme/web.git", commit="c0ffee", branch="feature/x", author="wei", target_branch="master", merge_request=True)),
    ],
)  # fmt: skip
def test_a_run_is_described_as_its_system_says(variables: dict[str, str], expected: Run) -> None:
    assert expected == ci.detected(variables)


@pytest.mark.parametrize(("marker", "system"), [("FORGEJO_ACTIONS", "forgejo"), ("GITEA_ACTIONS", "gitea")])
def test_gitea_and_forgejo_are_not_taken_for_github(marker: str, system: str) -> None:
    assert system == run(GITHUB_PULL, **{marker: "true"}).system


@pytest.mark.parametrize(
    "variables", [{}, {"CI": "true"}, {"GITLAB_CI": ""}, {"GITHUB_ACTIONS": "false"}, {"GATE_CI": "none"}]
)
def test_outside_of_known_systems_there_is_no_run(variables: dict[str, str]) -> None:
    assert ci.detected(variables) is None


def test_another_system_may_know_a_jenkins() -> None:
    assert "github" == run(GITHUB, JENKINS_URL="https://jenkins.example").system


ALL = {
    "github": GITHUB,
    "gitlab": GITLAB_BRANCH,
    "jenkins": JENKINS | {"BUILD_TAG": "jenkins-web-1"},
    "azure": AZURE,
    "bitbucket": BITBUCKET,
    "gitee": GITEE,
    "tekton": TEKTON,
}


def test_variables_of_two_systems_are_refused() -> None:
    pairs = [(a, b) for a in ALL for b in ALL if a != b]
    for a, b in pairs:
        with pytest.raises(GateError, match="contradicting CI variables") as caught:
            ci.detected(ALL[a] | ALL[b])

        assert ("ci_contradicting", 3) == (caught.value.problems[0].code, caught.value.exit_code)


@pytest.mark.parametrize(
    "change",
    [
        GITHUB_PULL | {"GITHUB_ACTIONS": ""},
        GITLAB_MERGE | {"GITLAB_CI": ""},
        AZURE_PULL | {"TF_BUILD": ""},
        {"BITBUCKET_PR_ID": "7"},
        {"GITEE_PULL_ID": "7"},
        {"GATE_CI_TARGET_BRANCH": "master"},
        JENKINS_CHANGE,
    ],
)
def test_a_merge_request_of_another_system_is_not_overlooked(change: dict[str, str]) -> None:
    """Its marker may be gone, and another system's be there."""
    for variables in (GITHUB, GITLAB_BRANCH, JENKINS):
        if not set(variables) & set(change):
            with pytest.raises(GateError):
                ci.detected(variables | change)


def test_a_contradiction_says_what_it_is_and_what_to_do() -> None:
    with pytest.raises(GateError) as caught:
        ci.detected(GITLAB_MERGE | {"GITHUB_ACTIONS": "true"})

    assert (
        "contradicting CI variables, found GITHUB_ACTIONS and GITLAB_CI, expected those of one CI system; "
        "unset what does not belong to this pipeline, or pass --ci none and --config-from with the base"
    ) == str(caught.value)


def test_gitea_and_forgejo_set_what_github_sets() -> None:
    assert "forgejo" == run(GITHUB_PULL, FORGEJO_ACTIONS="true", GITEA_ACTIONS="true").system


@pytest.mark.parametrize("sign", ["BUILD_TAG", "EXECUTOR_NUMBER", "CHANGE_ID", "CHANGE_TARGET"])
def test_a_job_of_a_jenkins_is_not_taken_for_another_system(sign: str) -> None:
    with pytest.raises(GateError, match="GITHUB_ACTIONS and JENKINS_URL"):
        ci.detected(GITHUB | JENKINS | {sign: "1"})


@pytest.mark.parametrize("variables", [GITHUB_PULL, GITLAB_MERGE, AZURE_PULL, GITEE_PULL])
def test_anybodys_variables_are_no_merge_request_of_jenkins(variables: dict[str, str]) -> None:
    assert run(variables, CHANGE_ID="7") == run(variables)


def test_a_known_system_is_known_by_its_marker() -> None:
    assert [True, False] == [ci.is_known({"GITLAB_CI": "true"}), ci.is_known({"CI": "true"})]


@pytest.mark.parametrize("marker", [{"GITLAB_CI": "true"}, {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"},
                                    {"JENKINS_URL": "x"}, {"BITBUCKET_BUILD_NUMBER": "1"}, {"GITEE_PIPELINE_BUILD_NUMBER": "1"},
                                    {"GATE_CI": "tekton"}])  # fmt: skip
def test_what_a_system_does_not_say_is_not_known(marker: dict[str, str]) -> None:
    found = run(marker)

    assert Run(system=found.system) == found


@pytest.mark.parametrize(
    "found",
    [
        run(GITHUB, GITHUB_REF="refs/tags/master", GITHUB_REF_TYPE="tag", GITHUB_REF_NAME="master"),
        run(GITLAB, CI_COMMIT_TAG="master"),
        run(JENKINS, BRANCH_NAME="master", TAG_NAME="master"),
        run(AZURE, BUILD_SOURCEBRANCH="refs/tags/master"),
        run(TEKTON, GATE_CI_BRANCH="refs/tags/master"),
    ],
    ids=lambda found: found.system,
)
def test_a_tag_named_like_a_branch_is_no_branch(found: Run) -> None:
    assert found.branch is None


@pytest.mark.parametrize(
    "found",
    [
        run(
            GITLAB_MERGE,
            CI_MERGE_REQUEST_SOURCE_PROJECT_PATH="mallory/web",
            CI_MERGE_REQUEST_SOURCE_BRANCH_NAME="master",
        ),
        run(JENKINS_CHANGE, CHANGE_FORK="mallory", CHANGE_BRANCH="master"),
        run(
            AZURE_PULL, SYSTEM_PULLREQUEST_ISFORK="True", SYSTEM_PULLREQUEST_SOURCEBRANCH="refs/heads/master"
        ),
        run(GITHUB_PULL, GITHUB_HEAD_REF="master"),
        run(
            BITBUCKET,
            BITBUCKET_PR_ID="7",
            BITBUCKET_BRANCH="master",
            BITBUCKET_PR_DESTINATION_BRANCH="master",
        ),
        run(GITEE_PULL, GITEE_SOURCE_BRANCH="master"),
    ],
    ids=lambda found: found.system,
)
def test_a_forks_branch_is_not_the_projects(found: Run) -> None:
    assert (None, "master", True) == (found.branch, found.target_branch, found.merge_request)


@pytest.mark.parametrize(
    "found",
    [
        run(GITHUB, GITHUB_REF="refs/pull/7/merge", GITHUB_REF_NAME="7/merge"),
        run(JENKINS, CHANGE_ID="7"),
        run(AZURE, BUILD_REASON="PullRequest", BUILD_SOURCEBRANCH="refs/pull/7/merge"),
        run(BITBUCKET, BITBUCKET_PR_ID="7"),
        run(GITLAB, CI_MERGE_REQUEST_IID="7"),
    ],
    ids=lambda found: found.system,
)
def test_a_merge_request_without_a_known_target_is_still_one(found: Run) -> None:
    assert (True, None) == (found.merge_request, found.target_branch)


def test_a_merge_queue_is_a_merge_request_into_its_base() -> None:
    found = run(GITHUB, GITHUB_REF="refs/heads/gh-readonly-queue/release/1.2/pr-7-c0ffee")

    assert (True, "release/1.2", None) == (found.merge_request, found.target_branch, found.branch)


def test_gitlab_pipelines_for_outside_pull_requests_are_merge_requests() -> None:
    names = {"IID": "7", "SOURCE_BRANCH_NAME": "feature/x", "TARGET_BRANCH_NAME": "master"}
    found = run(GITLAB_BRANCH | {f"CI_EXTERNAL_PULL_REQUEST_{name}": value for name, value in names.items()})

    assert (True, "feature/x", "master") == (found.merge_request, found.branch, found.target_branch)


def test_refs_of_forgejo_are_shortened() -> None:
    found = run(
        GITHUB_PULL,
        FORGEJO_ACTIONS="true",
        GITHUB_BASE_REF="refs/heads/master",
        GITHUB_HEAD_REF="refs/heads/f",
    )

    assert ("f", "master") == (found.branch, found.target_branch)


def test_a_detached_checkout_of_jenkins_has_no_branch() -> None:
    assert run(JENKINS, GIT_BRANCH="detached").branch is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ci:token@git.example/acme/web.git", "https://git.example/acme/web.git"),
        ("https://token@git.example:8443/acme/web", "https://git.example:8443/acme/web"),
        ("ssh://git@git.example/acme/web", "ssh://git.example/acme/web"),
        ("https://a@b:c@git.example/x", "https://git.example/x"),
        ("git@git.example:acme/web.git", "git@git.example:acme/web.git"),
        ("/srv/git/web.git", "/srv/git/web.git"),
        ("https://user:to[ken@git.example/x", None),
        ("", None),
        (None, None),
    ],
)
def test_credentials_never_stay_in_a_url(url: str | None, expected: str | None) -> None:
    assert expected == ci.without_credentials(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example/acme/web.git", "acme/web"),
        ("git@git.example:acme/web.git", "acme/web"),
        ("https://h", None),
    ],
)
def test_a_project_is_named_by_the_path_of_its_url(url: str, expected: str | None) -> None:
    assert expected == ci.project_of(url)
