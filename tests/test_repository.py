"""The commit whose configuration judges, and what git says of files and changes, in real clones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gate import limits, repository
from gate.ci import Run
from gate.errors import GateError

AUTHOR = {
    "GIT_AUTHOR_NAME": "Wei", "GIT_AUTHOR_EMAIL": "wei@example.com", "GIT_AUTHOR_DATE": "2026-11-22T10:00:00Z",
    "GIT_COMMITTER_NAME": "Wei", "GIT_COMMITTER_EMAIL": "wei@example.com", "GIT_COMMITTER_DATE": "2026-11-22T10:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file",
}  # fmt: skip


def git(top: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(top), *arguments],
        env=os.environ | AUTHOR,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode().strip()


def commit(top: Path, files: Mapping[str, str | None], message: str = "m") -> str:
    """The commit that sets these files, None removes one."""
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            (top / path).unlink()
        else:
            (top / path).write_text(text, encoding="utf-8")
    git(top, "add", "-A")
    git(top, "commit", "-q", "--allow-empty", "-m", message)
    return git(top, "rev-parse", "HEAD")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with one commit on `master` that has a gate.yaml."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "master")
    commit(folder, {"gate.yaml": "version: 1\n", "src/a.py": "a\n"})
    return folder


def clone(origin: Path, *options: str) -> Path:
    folder = origin.parent / "clone"
    git(origin.parent, "clone", "-q", *options, f"file://{origin}", str(folder))
    return folder


def merge_request(target: str | None = "master") -> Run:
    return Run(system="gitlab", target_branch=target, merge_request=True)


def refused(expected: str) -> pytest.RaisesExc[GateError]:
    return pytest.raises(GateError, match=expected)


# ------------------------------------------------------------------------------------------- places


def test_the_top_of_a_repository_is_found_from_below(top: Path) -> None:
    assert top.resolve() == repository.top_level(top / "src")


def test_outside_of_a_repository_there_is_no_top(tmp_path: Path) -> None:
    assert repository.top_level(tmp_path) is None


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with refused("git rev-parse failed") as caught:
        repository.top_level(tmp_path / "absent")
    assert (3, "git_failed") == (caught.value.exit_code, caught.value.problems[0].code)


def test_the_callers_git_variables_do_not_lead_elsewhere(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")

    assert top.resolve() == repository.top_level(top)
    assert 40 == len(repository.head(top))
    assert () == repository.changed(top, "HEAD")


def test_without_git_nothing_is_decided(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with refused("git is not installed; install git") as caught:
        repository.head(top)
    assert 3 == caught.value.exit_code


def test_a_repository_without_commits_has_no_head(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    with refused("no commit is checked out"):
        repository.head(tmp_path)


# ---------------------------------------------------------------------------------------- references


def test_a_reference_is_resolved_to_its_commit(top: Path) -> None:
    first = repository.head(top)
    second = commit(top, {"b": "b"})
    git(top, "tag", "-a", "v1", "-m", "v1")

    assert [second, second, first, first, second] == [
        repository.resolved(top, name) for name in ("master", "v1", "HEAD~1", first[:12], "HEAD")
    ]


def test_a_branch_comes_before_a_tag_of_its_name(top: Path) -> None:
    """Who may push tags must not choose whose configuration judges."""
    first = repository.head(top)
    commit(top, {"b": "b"})
    git(top, "tag", "evil")
    git(top, "branch", "main", first)
    git(top, "tag", "main")

    assert first == repository.resolved(top, "main")
    assert first == repository.merge_base(top, "main")


def test_a_tag_alone_is_no_target_branch(top: Path) -> None:
    git(top, "tag", "release")

    with refused("the target branch is not in this clone"):
        repository.merge_base(top, "release")


def test_a_branch_of_the_remote_needs_no_prefix(top: Path) -> None:
    git(top, "branch", "release/1")
    copy = clone(top)

    assert repository.head(top) == repository.resolved(copy, "release/1")
    assert repository.head(top) == repository.resolved(copy, "origin/release/1")


@pytest.mark.parametrize("name", ["-h", "--help", "--output=x", "", "a\nb", ":/m", "HEAD:gate.yaml", "a\0"])
def test_what_git_could_take_for_something_else_is_refused(top: Path, name: str) -> None:
    for ask in (repository.resolved, repository.merge_base, repository.changed):
        with refused("no commit, branch or tag") as caught:
            ask(top, name)
        assert "base_missing" == caught.value.problems[0].code
    with refused("no commit, branch or tag"):
        repository.shown(top, name, "gate.yaml")


def test_a_base_that_is_not_in_the_clone_names_the_command_to_fetch_it(top: Path) -> None:
    with refused("not in this clone, found 'relase'") as caught:
        repository.resolved(top, "relase")

    (problem,) = caught.value.problems
    assert (3, "base_missing") == (caught.value.exit_code, problem.code)
    assert "run: git fetch --no-tags origin +refs/heads/relase:refs/remotes/origin/relase" == problem.fix


def test_a_commit_that_is_not_in_the_clone_is_fetched_by_its_id(top: Path) -> None:
    with refused(f"run: git fetch --no-tags origin {'a' * 40}$"):
        repository.resolved(top, "a" * 40)


def test_a_command_to_copy_holds_no_command_of_a_branchs_name(top: Path) -> None:
    with refused(r"origin '\+refs/heads/x;curl\$IFS-evil:refs/remotes/origin/x;curl\$IFS-evil'$"):
        repository.merge_base(top, "x;curl$IFS-evil")


# ---------------------------------------------------------------------------------------- merge base


def test_the_merge_base_is_the_newest_shared_commit(top: Path) -> None:
    base = commit(top, {"b": "b"})
    git(top, "checkout", "-q", "-b", "feature")
    commit(top, {"gate.yaml": "version: 1\nthresholds: {secrets: 99}\n"})
    git(top, "checkout", "-q", "master")
    commit(top, {"c": "c"})
    git(top, "checkout", "-q", "feature")

    assert base == repository.merge_base(top, "master")


def test_the_remotes_target_comes_before_a_local_branch_of_its_name(top: Path) -> None:
    copy = clone(top)
    base = repository.head(copy)
    commit(copy, {"gate.yaml": "version: 1\nproject: mine\n"})

    assert base == repository.merge_base(copy, "master")


def test_a_shallow_clone_is_told_to_be_deepened(top: Path) -> None:
    git(top, "checkout", "-q", "-b", "feature")
    commit(top, {"b": "b"})
    copy = clone(top, "--depth", "1", "--branch", "feature")

    with refused("run: git fetch --no-tags --unshallow origin .refs/heads/master:refs/remotes/origin/master"):
        repository.merge_base(copy, "master")


def test_a_shallow_clone_of_both_without_their_shared_commit_is_no_base(top: Path) -> None:
    git(top, "checkout", "-q", "-b", "feature")
    commit(top, {"b": "b"})
    git(top, "checkout", "-q", "master")
    commit(top, {"c": "c"})
    git(top, "checkout", "-q", "feature")
    copy = clone(top, "--depth", "1", "--no-single-branch")

    with refused("no commit shared with the target branch is in this clone"):
        repository.merge_base(copy, "master")


def test_branches_without_any_shared_commit_have_no_base(top: Path) -> None:
    git(top, "checkout", "-q", "--orphan", "other")
    commit(top, {"b": "b"})

    with refused("no commit shared"):
        repository.merge_base(top, "master")


def test_replaced_commits_are_not_believed(top: Path) -> None:
    first = repository.head(top)
    second = commit(top, {"gate.yaml": "version: 1\nproject: evil\n"})
    git(top, "replace", first, second)

    assert b"version: 1\n" == repository.shown(top, first, "gate.yaml")


# ------------------------------------------------------------------------------------ files at a commit


def test_a_file_is_shown_as_it_was(top: Path) -> None:
    first = repository.head(top)
    commit(top, {"gate.yaml": "version: 1\nproject: x\n"})
    (top / "gate.yaml").write_text("not committed")

    assert b"version: 1\n" == repository.shown(top, first, "gate.yaml")
    assert b"a\n" == repository.shown(top, first, "./src/a.py")


@pytest.mark.parametrize("path", ["absent.yaml", "src/absent", "gate.yaml/x", "*", "gate.yam?", "src/*.py"])
def test_a_file_that_is_not_in_the_commit_is_none(top: Path, path: str) -> None:
    assert repository.shown(top, "HEAD", path) is None


def test_line_ends_and_attributes_do_not_change_what_is_shown(top: Path) -> None:
    (top / ".gitattributes").write_text("*.yaml text eol=crlf export-subst ident\n")
    commit(top, {"w.yaml": "$Id$ $Format:%H$\n"})

    assert b"$Id$ $Format:%H$\n" == repository.shown(top, "HEAD", "w.yaml")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "src/../../x", "a\\b"])
def test_a_path_out_of_the_repository_is_refused(top: Path, path: str) -> None:
    with refused("a path outside of the repository"):
        repository.shown(top, "HEAD", path)


def test_a_link_is_refused(top: Path) -> None:
    (top / "link.yaml").symlink_to("src/a.py")
    commit(top, {})

    with refused("link.yaml: no regular file, found mode 120000"):
        repository.shown(top, "HEAD", "link.yaml")


def test_a_folder_is_refused(top: Path) -> None:
    with refused("no regular file, found mode 040000"):
        repository.shown(top, "HEAD", "src/")


def test_too_large_a_file_is_refused(top: Path) -> None:
    with refused("the file is too large, found 11 bytes, expected at most 10"):
        repository.shown(top, "HEAD", "gate.yaml", limit_bytes=10)


def test_a_commit_that_is_not_there_is_an_error_not_an_absent_file(top: Path) -> None:
    with refused("git ls-tree failed"):
        repository.shown(top, "f" * 40, "gate.yaml")


def test_a_partial_clone_fetches_nothing_and_lets_no_file_be_absent(top: Path) -> None:
    git(top, "config", "uploadpack.allowFilter", "true")
    copy = clone(top, "--filter=blob:none", "--no-checkout")

    with refused("git cat-file failed"):
        repository.shown(copy, "HEAD", "gate.yaml")


def test_the_files_below_a_folder_are_listed(top: Path) -> None:
    commit(
        top,
        {"policies/a.rego": "", "policies/b/c.rego": "", "policies2/d.rego": "", "policies/中 d.rego": ""},
    )

    assert ("policies/a.rego", "policies/b/c.rego", "policies/中 d.rego") == repository.files(
        top, "HEAD", "policies/"
    )
    assert () == repository.files(top, "HEAD", "absent")
    assert 4 < len(repository.files(top, "HEAD", "."))


def test_a_link_among_the_files_is_refused_not_left_out(top: Path) -> None:
    commit(top, {"policies/a.rego": ""})
    (top / "policies" / "link.rego").symlink_to("a.rego")
    commit(top, {})

    with pytest.raises(GateError, match=r"policies/link\.rego: no plain file"):
        repository.files(top, "HEAD", "policies/")


# ---------------------------------------------------------------------------------------- changes


def test_what_a_change_adds_edits_removes_and_renames_is_listed(top: Path) -> None:
    base = commit(top, {"old name": "x" * 100, "gone": "x"})
    git(top, "mv", "old name", "new\tname")
    commit(top, {"gone": None, "gate.yaml": "version: 1\n#\n", "中": "x"})

    assert ("gate.yaml", "gone", "new\tname", "old name", "中") == repository.changed(top, base)


def test_an_edit_that_is_not_committed_counts(top: Path) -> None:
    (top / "gate.yaml").write_text("version: 1\nproject: x\n")

    assert ("gate.yaml",) == repository.changed(top, "HEAD")


def test_a_committed_edit_that_the_pipeline_puts_back_counts(top: Path) -> None:
    base = repository.head(top)
    commit(top, {"gate.yaml": "version: 1\nproject: x\n"})
    (top / "gate.yaml").write_text("version: 1\n")

    assert ("gate.yaml",) == repository.changed(top, base)


def test_attributes_of_the_change_hide_nothing(top: Path) -> None:
    base = repository.head(top)
    git(top, "config", "diff.none.textconv", "true")
    git(top, "config", "diff.none.command", "true")
    commit(top, {".gitattributes": "* diff=none -diff\n", "gate.yaml": "version: 1\n#\n"})

    assert (".gitattributes", "gate.yaml") == repository.changed(top, base)


# ------------------------------------------------------------------------------------------- facts


def test_the_facts_of_a_clone(top: Path) -> None:
    git(top, "remote", "add", "origin", "https://ci:secret-token@git.example/acme/web.git")

    assert repository.Facts(
        origin="https://git.example/acme/web.git",
        branch="master",
        author="wei@example.com",
        commit=repository.head(top),
    ) == repository.facts(top)


def test_a_detached_head_has_no_branch(top: Path) -> None:
    git(top, "checkout", "-q", "--detach")

    assert repository.facts(top).branch is None


def test_a_repository_without_commits_knows_little(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "master")

    assert repository.Facts(branch="master") == repository.facts(tmp_path)


# --------------------------------------------------------------------- whose configuration judges a change


def test_a_merge_request_is_judged_by_its_base_whatever_it_edits(top: Path) -> None:
    base = repository.head(top)
    git(top, "checkout", "-q", "-b", "feature")
    commit(top, {"gate.yaml": "version: 1\nthresholds: {secrets: 99}\n"})

    judging = repository.judging_commit(top, None, merge_request())
    assert base == judging
    assert b"version: 1\n" == repository.shown(top, base, "gate.yaml")


def test_a_base_without_gate_yaml_is_not_replaced_by_the_changes_own(top: Path) -> None:
    base = commit(top, {"gate.yaml": None})
    git(top, "checkout", "-q", "-b", "feature")
    commit(top, {"gate.yaml": "version: 1\n"})

    assert base == repository.judging_commit(top, None, merge_request())
    assert repository.shown(top, base, "gate.yaml") is None


def test_without_a_merge_request_the_checked_out_commit_judges_not_the_work_tree(top: Path) -> None:
    (top / "gate.yaml").write_text("version: 1\nthresholds: {secrets: 99}\n")

    assert repository.head(top) == repository.judging_commit(
        top, None, Run(system="jenkins", branch="master")
    )


def test_outside_of_ci_the_work_tree_judges(top: Path) -> None:
    assert repository.judging_commit(top, None, None) is None
    assert repository.judging_commit(None, None, None) is None


def test_config_from_comes_before_everything(top: Path) -> None:
    first = repository.head(top)
    commit(top, {"b": "b"})

    assert [first, first] == [repository.judging_commit(top, first, ci) for ci in (None, merge_request())]


def test_a_merge_request_with_an_unknown_target_is_not_judged_by_itself(top: Path) -> None:
    with refused("target branch gitlab does not name, .*; pass --config-from") as caught:
        repository.judging_commit(top, None, merge_request(None))
    assert 3 == caught.value.exit_code


@pytest.mark.parametrize(
    ("config_from", "ci"), [("master", None), (None, merge_request()), (None, Run(system="tekton"))]
)
def test_in_ci_without_a_clone_nothing_is_decided(config_from: str | None, ci: Run | None) -> None:
    with refused("no git repository to read the configuration from") as caught:
        repository.judging_commit(None, config_from, ci)
    assert 3 == caught.value.exit_code


def test_a_target_that_is_not_in_the_clone_is_not_replaced_by_head(top: Path) -> None:
    with refused("the target branch is not in this clone"):
        repository.judging_commit(top, None, merge_request("release"))


def test_files_as_large_as_a_baseline_are_read_by_default(top: Path) -> None:
    commit(top, {"big": "x" * (limits.CONFIG_BYTES + 1)})

    assert limits.CONFIG_BYTES + 1 == len(repository.shown(top, "HEAD", "big") or b"")
