"""Files to read: what a path, a folder and a glob give, and that nothing named is left out in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gate import files as reading
from gate import limits
from gate.errors import GateError, Problem, ReportError, SettingsError
from tests.command import files


def labels(folder: Path, *paths: str, declared: tuple[tuple[str, str], ...] = ()) -> list[str]:
    return [file.path for file in reading.read(paths, declared, folder)]


def refusal(folder: Path, *paths: str, error: type[GateError] = ReportError) -> Problem:
    with pytest.raises(error) as caught:
        list(reading.read(paths, [], folder))
    return caught.value.problems[0]


def test_a_file_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    files(tmp_path, report_txt="content")

    [file] = reading.read(["report.txt"], [], tmp_path)

    assert ("report.txt", b"content", None) == (file.path, file.data, file.declared)


def test_a_folder_gives_its_reports_sorted_and_deep(tmp_path: Path) -> None:
    files(tmp_path, r__b_json="", r__a_sarif="", r__deep__er__c_yaml="", r__readme_md="", r__x_JSON="")

    assert ["r/a.sarif", "r/b.json", "r/x.JSON", "r/deep/er/c.yaml"] == labels(tmp_path, "r")


def test_a_folder_gives_the_same_with_and_without_a_slash(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="")

    assert ["r/a.json"] == labels(tmp_path, "r/") == labels(tmp_path, "./r") == labels(tmp_path, "r")


@pytest.mark.parametrize(
    "hidden", [".hidden.json", ".git/a.json", "node_modules/a.json", "gate.yaml", "__pycache__/a.json"]
)
def test_a_folder_leaves_out_what_is_hidden_and_what_is_no_input(tmp_path: Path, hidden: str) -> None:
    files(tmp_path, r__a_json="")
    path = tmp_path / "r" / hidden
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")

    assert ["r/a.json"] == labels(tmp_path, "r")


def test_a_hidden_file_is_read_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / ".a.json").write_text("")

    assert [".a.json"] == labels(tmp_path, ".a.json")


def test_a_folder_leaves_out_what_is_no_regular_file(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="")
    os.mkfifo(tmp_path / "r" / "pipe.json")

    assert ["r/a.json"] == labels(tmp_path, "r")


@pytest.mark.parametrize(
    ("name", "target"), [("b.json", "../outside/b.json"), ("b", "../outside"), ("b.json", "no")]
)
def test_a_link_out_of_a_folder_is_refused_for_left_out_it_would_hide_a_report(
    tmp_path: Path, name: str, target: str
) -> None:
    files(tmp_path, r__a_json="", outside__b_json="")
    (tmp_path / "r" / name).symlink_to(target)

    problem = refusal(tmp_path, "r")

    assert ("link_out", f"r/{name}") == (problem.code, problem.path)


def test_a_glob_that_finds_a_link_out_of_the_working_directory_is_refused(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="", outside__b_json="")
    (tmp_path / "r" / "b.json").symlink_to("../outside/b.json")

    assert ("link_out", "b.json") == ((p := refusal(tmp_path / "r", "*.json")).code, p.path)
    assert ["r/a.json", "r/b.json"] == labels(tmp_path, "r/*.json")


def test_a_link_within_its_folder_is_read(tmp_path: Path) -> None:
    """So are mounted volumes of Kubernetes laid out."""
    files(tmp_path, **{"r__..data__a_json": "content"})
    (tmp_path / "r" / "a.json").symlink_to("..data/a.json")

    assert [("r/a.json", b"content")] == [(f.path, f.data) for f in reading.read(["r"], [], tmp_path)]


def test_a_hidden_link_is_left_out_as_other_hidden_files_are(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="")
    (tmp_path / "r" / ".b.json").symlink_to("/nowhere")
    (tmp_path / "r" / "node_modules").symlink_to("/")

    assert ["r/a.json"] == labels(tmp_path, "r")


def test_a_link_is_followed_where_it_is_named(tmp_path: Path) -> None:
    files(tmp_path, a_json="content")
    (tmp_path / "link.json").symlink_to("a.json")

    assert [b"content"] == [file.data for file in reading.read(["link.json"], [], tmp_path)]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd: this system names no pipes")
def test_a_pipe_is_read_where_it_is_named(tmp_path: Path) -> None:
    content = b"kind: Pod\n" * 3_000
    reading_end, writing_end = os.pipe()
    with os.fdopen(writing_end, "wb") as pipe:
        pipe.write(content)

    [file] = reading.read([f"/dev/fd/{reading_end}"], [], tmp_path)
    os.close(reading_end)

    assert content == file.data


def test_a_glob_gives_its_matches_sorted(tmp_path: Path) -> None:
    files(tmp_path, r__b_json="", r__a_json="", r__x__c_json="", r__d_txt="")

    assert ["r/a.json", "r/b.json"] == labels(tmp_path, "r/*.json")
    assert ["r/a.json", "r/b.json", "r/x/c.json"] == labels(tmp_path, "r/**/*.json")


def test_a_glob_may_be_absolute_or_begin_above(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="", x__b_json="")

    assert [f"{tmp_path}/r/a.json"] == labels(tmp_path / "x", f"{tmp_path}/r/*.json")
    assert ["../r/a.json"] == labels(tmp_path / "x", "../r/*.json")


def test_a_glob_leaves_out_what_is_hidden_unless_it_spells_it(tmp_path: Path) -> None:
    files(tmp_path, a_json="", node_modules__b_json="")
    files(tmp_path / ".gate", c_json="")

    assert ["a.json"] == labels(tmp_path, "**/*.json")
    assert [".gate/c.json"] == labels(tmp_path, ".gate/*.json")
    assert ["node_modules/b.json"] == labels(tmp_path, "node_modules/*.json")


def test_a_file_with_the_signs_of_a_glob_in_its_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "a[1].json").write_text("")

    assert ["a[1].json"] == labels(tmp_path, "a[1].json")


@pytest.mark.parametrize("path", ["absent.json", "absent/", "*.sarif", "r/**/*.xml"])
def test_a_path_that_gives_nothing_is_an_error_that_names_it(tmp_path: Path, path: str) -> None:
    files(tmp_path, r__a_json="")

    problem = refusal(tmp_path, "r", path)

    assert ("no_inputs", path.rstrip("/")) == (problem.code, problem.path)


def test_a_dangling_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "r.json").symlink_to("nowhere")

    assert "no_inputs" == refusal(tmp_path, "r.json").code


def test_nothing_named_is_an_error(tmp_path: Path) -> None:
    assert ("no_inputs", "nothing to check") == ((p := refusal(tmp_path)).code, p.message)


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="")

    assert ["r/a.json"] == labels(tmp_path, "r", "r/a.json", "./r/a.json", "r/*.json")


def test_a_declared_file_has_its_format_also_inside_a_folder(tmp_path: Path) -> None:
    files(tmp_path, r__a_json="", r__b_json="")

    found = reading.read(["r"], [("zap", "./r/b.json")], tmp_path)

    assert {"r/a.json": None, "r/b.json": "zap"} == {file.path: file.declared for file in found}


def test_what_is_declared_is_read_without_being_named_again(tmp_path: Path) -> None:
    files(tmp_path, a_txt="")

    assert ["a.txt"] == labels(tmp_path, declared=(("trivy", "a.txt"),))


def test_what_is_declared_and_absent_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, a_json="")

    with pytest.raises(ReportError, match=r"b.json: no such file or folder"):
        list(reading.read(["a.json"], [("trivy", "b.json")], tmp_path))


@pytest.mark.parametrize("wildcard", ["r", "r/*.json"])
def test_a_format_declared_for_many_files_is_that_of_each_not_declared_by_itself(
    tmp_path: Path, wildcard: str
) -> None:
    files(tmp_path, r__a_json="", r__b_json="", r__c_json="")

    found = reading.read(["r"], [("trivy", "r/b.json"), ("zap", wildcard)], tmp_path)

    assert ["zap", "trivy", "zap"] == [file.declared for file in found]


def test_a_file_that_is_too_large_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, a_json="12345", b_json="123456")
    monkeypatch.setattr(limits, "REPORT_BYTES", 5)

    assert ["a.json"] == labels(tmp_path, "a.json")
    assert ("report_too_large", "b.json") == ((p := refusal(tmp_path, "b.json")).code, p.path)


def test_too_many_files_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, r__a_json="", r__b_json="", r__c_json="")
    monkeypatch.setattr(limits, "REPORTS", 2)

    assert ("too_large", "3", "at most 2") == ((p := refusal(tmp_path, "r")).code, p.found, p.expected)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Permissions would not stop the superuser; the first byte of its own memory does."""
    assert "cannot be read: Input/output error" == refusal(tmp_path, "/proc/self/mem").message


def test_content_that_cannot_be_read_is_the_error_the_caller_wants(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^d: cannot be read: Is a directory; check the path"):
        reading.content(tmp_path, "d", SettingsError)


@pytest.mark.parametrize(
    ("text", "pair"), [("zap=r.xml", ("zap", "r.xml")), ("zap=a=b.xml", ("zap", "a=b.xml"))]
)
def test_a_declaration_is_a_format_and_a_path(text: str, pair: tuple[str, str]) -> None:
    assert [pair] == reading.declarations([text])


@pytest.mark.parametrize("text", ["", "zap", "zap=", "=r.xml", "="])
def test_a_declaration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="expected --as FORMAT=PATH"):
        reading.declarations([text])
