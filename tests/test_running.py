"""Tools run for a decision: bounds, exit codes, what a tool sees, and every way in which one fails."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gate import limits
from gate.errors import Problem, ReportError
from gate.running import Run, reports
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, Result, gate

PYTHON = sys.executable
LOOKED = "import sys, json; print(json.dumps(json.loads(sys.argv[1]))); sys.exit(int(sys.argv[2]))"


def a_run(code: str, *arguments: str, **facts: object) -> Run:
    """A run of a line of Python."""
    return Run(**{"name": "tool", "command": (PYTHON, "-c", code, *arguments), **facts})  # type: ignore[arg-type]


def refused(folder: Path, *runs: Run) -> Problem:
    with pytest.raises(ReportError) as caught:
        reports.made(runs, folder)
    [problem] = caught.value.problems
    return problem


def yaml(folder: Path, entry: str, more: str = "") -> Path:
    (folder / "gate.yaml").write_text(f"version: 1\nproject: acme/web\ninputs:\n  - {entry}\n{more}", "utf-8")
    return folder


def checked(folder: Path, *arguments: str) -> Result:
    return gate(folder, "check", "-o", "json", "--ci", "none", *arguments)


def printed(report: object, code: int) -> str:
    """A run input of gate.yaml whose tool prints `report` and ends with `code`."""
    return f"run: {json.dumps([PYTHON, '-c', LOOKED, json.dumps(report), str(code)])}"


def has_ended(pid: int) -> bool:
    """Whether a process ends within ten seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


# ------------------------------------------------------------------------------- what comes back


def test_what_a_tool_prints_is_its_report(tmp_path: Path) -> None:
    [file] = reports.made([a_run("print('found')", format="bandit")], tmp_path)

    assert b"found\n" == file.data
    assert "run:tool" == file.path
    assert "bandit" == file.declared


def test_what_a_tool_says_on_stderr_is_no_part_of_its_report(tmp_path: Path) -> None:
    [file] = reports.made([a_run("import sys; print('log', file=sys.stderr); print('report')")], tmp_path)

    assert b"report\n" == file.data


def test_a_report_may_be_a_file(tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'w').write('in a file'); print('log')"
    [file] = reports.made([a_run(code, "{report}")], tmp_path)

    assert b"in a file" == file.data


def test_files_come_in_the_order_of_their_runs_and_two_of_one_name_differ(tmp_path: Path) -> None:
    slow, fast = a_run("import time; time.sleep(0.2); print('slow')"), a_run("print('fast')")
    files = reports.made([slow, fast], tmp_path)

    assert [("run:tool", b"slow\n"), ("run:tool#2", b"fast\n")] == [(file.path, file.data) for file in files]


def test_a_tool_works_in_the_folder_that_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    [file] = reports.made([a_run("import os; print(os.getcwd())", folder="below")], tmp_path)

    assert str((tmp_path / "below").resolve()) == file.data.decode().strip()


def test_its_scratch_folder_is_gone_afterwards(tmp_path: Path) -> None:
    [file] = reports.made([a_run("import os; print(os.environ['TMPDIR'])")], tmp_path)

    assert not Path(file.data.decode().strip()).exists()


def test_a_kept_report_is_for_its_owner_alone(tmp_path: Path) -> None:
    reports.made([a_run("print('a secret')")], tmp_path, keep=tmp_path / "kept")
    place = tmp_path / "kept" / "tool"

    assert "a secret\n" == place.read_text()
    assert 0o600 == stat.S_IMODE(place.stat().st_mode)


def test_a_report_of_a_tool_that_failed_is_kept_too(tmp_path: Path) -> None:
    with pytest.raises(ReportError):
        reports.made([a_run("print('half'); exit(9)")], tmp_path, keep=tmp_path / "kept")

    assert "half\n" == (tmp_path / "kept" / "tool").read_text()


def test_progress_is_told_from_the_first_to_the_last(tmp_path: Path) -> None:
    told: list[tuple[int, int, tuple[str, ...]]] = []
    reports.made(
        [a_run("print(1)")],
        tmp_path,
        progress=lambda done, total, names: told.append((done, total, tuple(names))),
    )

    assert [(0, 1, ("tool",)), (1, 1, ())] == told


# --------------------------------------------------------------------------------- what it sees


def test_a_known_tool_sees_no_credential_of_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "PLAINTEXT")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    [file] = reports.made([a_run("import os; print(sorted(os.environ))")], tmp_path)

    assert b"AWS_SECRET_ACCESS_KEY" not in file.data
    assert b"HTTPS_PROXY" not in file.data


def test_with_the_network_it_sees_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    [file] = reports.made([a_run("import os; print(sorted(os.environ))", has_network=True)], tmp_path)

    assert b"HTTPS_PROXY" in file.data


def test_a_command_of_the_team_sees_its_environment_and_no_token_of_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANNER_TOKEN", "x")
    monkeypatch.setenv("GATE_TOKEN", "x")
    [file] = reports.made([a_run("import os; print(sorted(os.environ))", is_own_command=True)], tmp_path)

    assert b"SCANNER_TOKEN" in file.data
    assert b"GATE_TOKEN" not in file.data


def test_nothing_reads_stdin(tmp_path: Path) -> None:
    [file] = reports.made([a_run("import sys; print(repr(sys.stdin.read()))")], tmp_path)

    assert b"''\n" == file.data


def test_no_shell_sees_an_argument(tmp_path: Path) -> None:
    [file] = reports.made([a_run("import sys; print(sys.argv[1])", "$(touch pwned); `id`")], tmp_path)

    assert b"$(touch pwned); `id`\n" == file.data
    assert not (tmp_path / "pwned").exists()


# ---------------------------------------------------------------------------- each way of failing


def test_a_tool_that_is_not_installed_is_an_error(tmp_path: Path) -> None:
    problem = refused(tmp_path, Run(name="nobody", command=("no-such-tool-of-anybody",)))

    assert "tool_missing" == problem.code


def test_an_exit_code_that_is_not_known_is_an_error_whatever_was_printed(tmp_path: Path) -> None:
    problem = refused(tmp_path, a_run("print('{}'); exit(2)"))

    assert ("tool_failed", "exit code 2") == (problem.code, problem.found)


def test_a_killed_tool_is_an_error(tmp_path: Path) -> None:
    problem = refused(tmp_path, a_run("import os; print('{}', flush=True); os.kill(os.getpid(), 9)"))

    assert ("tool_failed", "signal 9") == (problem.code, problem.found)


@pytest.mark.parametrize("code", ["", "print(' ')", "exit(1)"])
def test_no_report_is_an_error_and_not_a_clean_one(tmp_path: Path, code: str) -> None:
    assert "report_empty" == refused(tmp_path, a_run(code)).code


def test_a_report_file_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    assert "report_empty" == refused(tmp_path, a_run("print('[]')", "{report}")).code


def test_a_tool_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    started = time.monotonic()
    problem = refused(tmp_path, a_run(code, timeout_s=1.0))

    assert "timeout" == problem.code
    assert time.monotonic() - started < 20
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_what_a_tool_leaves_running_is_ended(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid)"
    )
    [file] = reports.made([a_run(code)], tmp_path)

    assert has_ended(int(file.data))


def test_a_report_that_is_too_large_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPORT_BYTES", 1000)
    problem = refused(tmp_path, a_run("import sys; sys.stdout.write('x' * 5000)"))

    assert problem.code in ("too_large", "tool_failed")


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.running.process.MEMORY_BYTES", 256 * limits.MIB)
    code = "import time; time.sleep(0.3); print(len(bytearray(2**30)))"
    problem = refused(tmp_path, a_run(code, clean=frozenset({0}), findings=frozenset()))

    assert "tool_failed" == problem.code
    assert "MemoryError" in problem.message


def test_an_interruption_ends_what_still_runs(tmp_path: Path) -> None:
    def interrupt(done: int, _: int, __: Sequence[str]) -> None:
        if done:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        reports.made([a_run("print(1)"), a_run("import time; time.sleep(60)")], tmp_path, interrupt)

    assert time.monotonic() - started < 30


def test_every_failing_tool_is_told_not_only_the_first(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        reports.made([a_run("exit(7)", name="one"), a_run("exit(8)", name="two")], tmp_path)

    assert ["run:one", "run:two"] == [problem.path for problem in caught.value.problems]


def test_what_a_tool_says_cannot_move_the_cursor(tmp_path: Path) -> None:
    problem = refused(tmp_path, a_run(r"import sys; sys.stderr.write('\x1b[2Jgone\r'); exit(3)"))

    assert problem.message.isprintable()
    assert "gone" in problem.message


# ------------------------------------------------------------------------------- in gate.yaml


def test_a_run_of_gate_yaml_is_judged_like_a_file(tmp_path: Path) -> None:
    result = checked(yaml(tmp_path, printed(BANDIT_EVAL, 1)))

    assert 1 == result.code
    [report] = result.json["reports"]
    assert ("bandit", "run:" + Path(PYTHON).name) == (report["format"], report["path"])
    assert any(note.startswith("made by gate: ") for note in report["notes"])


def test_a_clean_run_passes(tmp_path: Path) -> None:
    assert 0 == checked(yaml(tmp_path, printed(CLEAN_BANDIT, 0))).code


def test_found_something_beside_a_report_of_nothing_decides_nothing(tmp_path: Path) -> None:
    result = checked(yaml(tmp_path, printed(CLEAN_BANDIT, 1)))

    assert 3 == result.code
    assert "tool_contradiction" == result.json["problems"][0]["code"]


def test_exit_codes_of_a_team_s_own_command_are_named_in_gate_yaml(tmp_path: Path) -> None:
    entry = "{" + printed(BANDIT_EVAL, 77) + ", exit_codes: [77]}"

    assert 1 == checked(yaml(tmp_path, entry)).code


def test_an_exit_code_that_gate_yaml_does_not_name_decides_nothing(tmp_path: Path) -> None:
    assert 3 == checked(yaml(tmp_path, printed(BANDIT_EVAL, 77))).code


def test_a_program_of_the_repository_is_refused(tmp_path: Path) -> None:
    result = checked(yaml(tmp_path, "run: [./scan.sh]"))

    assert 2 == result.code
    assert "which a change of the repository could replace" in result.json["problems"][0]["message"]


def test_a_run_that_is_too_slow_for_its_timeout_decides_nothing(tmp_path: Path) -> None:
    entry = "{run: ['" + PYTHON + "', -c, 'import time; time.sleep(60)'], timeout: 1s}"
    result = checked(yaml(tmp_path, entry))

    assert (3, "timeout") == (result.code, result.json["problems"][0]["code"])


@pytest.mark.parametrize("key", ["timeout: 1m", "exit_codes: [3]"])
def test_keys_of_a_run_are_refused_beside_a_path(tmp_path: Path, key: str) -> None:
    assert 2 == checked(yaml(tmp_path, "{path: reports, " + key + "}")).code


@pytest.mark.parametrize("codes", ["[0]", "[256]", "[-1]"])
def test_zero_never_means_found_something(tmp_path: Path, codes: str) -> None:
    assert 2 == checked(yaml(tmp_path, "{run: [true], exit_codes: " + codes + "}")).code


def test_absolute_paths_of_a_tool_become_relative(tmp_path: Path) -> None:
    place = str(tmp_path / "src" / "app.py")
    moved = {**BANDIT_EVAL, "results": [{**BANDIT_EVAL["results"][0], "filename": place}]}  # type: ignore[index]
    result = checked(yaml(tmp_path, printed(moved, 1)))

    assert "src/app.py" == result.json["violations"][0]["location"]["file"]
