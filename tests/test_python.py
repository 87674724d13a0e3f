"""Python policies: right answers, every mistake with its line, and no accident that reaches further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import limits
from gate.engines import python
from gate.errors import PolicyError, Problem
from gate.model import Point, Severity
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, files, gate
from tests.test_embedded import wait_until

HEAD = "from gate.policy import deny, policy, warn\n\n@policy(id='P-1', title='t', severity='low')\ndef check(given):\n"
"""Line 5 is the first of the body."""


def a_policy(body: str, head: str = HEAD) -> str:
    return head + "".join(f"    {line}\n" for line in body.splitlines())


def asked(body: str, given: object = None, timeout_s: float = 20.0) -> dict[str, list[Any]]:
    return python.evaluated([("team.py", a_policy(body))], msgspec.json.encode(given or {}), timeout_s)


def messages(body: str, given: object = None) -> list[str]:
    return [said["message"] for said in asked(body, given)["python.team.deny"]]


def refusal(body: str, timeout_s: float = 20.0) -> Problem:
    with pytest.raises(PolicyError) as caught:
        asked(body, timeout_s=timeout_s)
    [problem] = caught.value.problems
    return problem


def refused_file(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as caught:
        python.rules([("team.py", text)])
    return caught.value.problems


# -------------------------------------------------------------------------------------- answers


def test_a_policy_sees_the_input_and_says_what_it_finds() -> None:
    body = "yield deny(given['project'], remedy='r', finding='f')\nyield warn('w')"

    assert {
        "python.team.deny": [{"rule": "P-1", "message": "acme", "remedy": "r", "finding": "f"}],
        "python.team.warn": [{"rule": "P-1", "message": "w"}],
    } == asked(body, {"project": "acme"})


@pytest.mark.parametrize(
    "body", ["return [deny('m')]", "yield deny('m')", "return (deny('m'),)", "return iter([deny('m')])"]
)
def test_a_list_and_whatever_else_can_be_walked_is_an_answer(body: str) -> None:
    assert ["m"] == messages(body)


def test_a_policy_that_says_nothing_is_there_in_the_answer() -> None:
    assert {"python.team.deny": [], "python.team.warn": []} == asked("return []")


def test_a_policy_that_changes_its_input_changes_it_for_no_other() -> None:
    two = a_policy("given['findings'].clear()\nreturn []") + a_policy(
        "return [deny(str(len(given['findings'])))]", HEAD.partition("\n\n")[2].replace("P-1", "P-2")
    )

    answer = python.evaluated([("a.py", two), ("b.py", two)], b'{"findings": [1, 2]}', 20.0)

    assert [["2"], ["2"]] == [[one["message"] for one in answer[f"python.{name}.deny"]] for name in "ab"]


def test_a_policy_that_prints_answers_all_the_same() -> None:
    body = "import os\nprint('[' * 100_000)\nos.write(1, b'}')\nos.write(2, b'}')\nyield deny('m')"

    assert ["m"] == messages(body)


def test_a_policy_may_declare_a_dataclass_whose_types_are_texts() -> None:
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    n: int\n"

    answer = python.evaluated([("team.py", head + a_policy("yield deny(str(A(3).n))"))], b"{}", 20.0)

    assert "3" == answer["python.team.deny"][0]["message"]


def test_sets_have_the_same_order_in_every_run() -> None:
    body = "yield deny(' '.join({str(n) for n in range(50)}))"

    assert messages(body) == messages(body)


def test_standard_library_and_packaging_are_there() -> None:
    assert ["True"] == messages(
        "from packaging.version import Version as V\nyield deny(str(V('1.10') > V('1.9')))"
    )


# ------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("pass\nraise ValueError('no')", 6, "ValueError: no"),
        ("return given['absent']", 5, "KeyError: 'absent'"),
        ("yield deny('a')\n1 / 0", 6, "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)", 6, "SystemExit: 0"),
        ("raise KeyboardInterrupt", 5, "KeyboardInterrupt"),
        ("import nothing_of_this_name", 5, "ModuleNotFoundError"),
        ("yield deny(7)", 5, "TypeError: message is int, expected text"),
        ("yield warn('m', remedy=['a'])", 5, "TypeError: remedy is list, expected text"),
        ("yield deny('\\ud800')", 5, "UnicodeEncodeError"),
        ("def deeper(): deeper()\ndeeper()", 5, "RecursionError"),
    ],
)
def test_an_exception_is_told_with_its_file_and_line(body: str, line: int, message: str) -> None:
    problem = refusal(body)

    assert ("python_error", "team.py", line) == (problem.code, problem.path, problem.line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return None", "nothing, not even an empty list"),
        ("return deny('one')", "one dict"),
        ("return 'text'", "one str"),
        ("return True", "one bool"),
        ("yield 'text'", "'text'"),
        ("yield None", "None"),
        ("yield {'message': 'm'}", "{'message': 'm'}"),
        ("yield {**deny('m'), 'rule': 'P-2'}", "{'verb': 'deny', 'message': 'm', 'rule': 'P-2'}"),
        ("yield {**deny('m'), 'verb': 'allow'}", "{'verb': 'allow', 'message': 'm'}"),
        ("yield {'verb': 'deny'}", "{'verb': 'deny'}"),
        ("yield {'verb': 'deny', 'message': 1}", "{'verb': 'deny', 'message': 1}"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_at_the_policy(body: str, found: str) -> None:
    problem = refusal(body)

    assert ("policy_shape", "team.py", 3) == (problem.code, problem.path, problem.line)
    assert (found, True) == (problem.found, "deny(…)" in (problem.expected or ""))


def test_a_coroutine_is_no_answer() -> None:
    problem = refused_text(a_policy("return []", HEAD.replace("def check", "async def check")))

    assert "policy_shape" == problem.code


def refused_text(text: str) -> Problem:
    with pytest.raises(PolicyError) as caught:
        python.evaluated([("team.py", text)], b"{}", 20.0)
    return caught.value.problems[0]


def test_a_syntax_error_is_told_with_its_line() -> None:
    [problem] = refused_file(a_policy("x = (1,\ny = 2"))

    assert ("python_error", "team.py", 5) == (problem.code, problem.path, problem.line)
    assert "SyntaxError" in problem.message


def test_a_file_without_a_policy_is_an_error() -> None:
    [problem] = refused_file("x = 1\n")

    assert ("team.py", 1, "no policy in this file") == (problem.path, problem.line, problem.message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("id='P-1', title='t', severity='urgent'", "severity 'urgent' is not known"),
        ("id='P-1', title='t', effective_on='soon'", "effective_on 'soon' is no date"),
        ("id='a rule', title='t'", "rule id 'a rule' is no id"),
        ("id='', title='t'", "rule id '' is no id"),
        ("id=7, title='t'", "TypeError: id is int, expected text"),
        ("id='P-1', title='t', frameworks=[7]", "TypeError: a framework is int, expected text"),
        ("id='P-1'", "missing 1 required keyword-only argument: 'title'"),
        ("id='P-1', title='t', points=['admission']", "unexpected keyword argument 'points'"),
    ],
)
def test_a_policy_that_declares_itself_wrongly_is_refused_at_its_line(arguments: str, message: str) -> None:
    [problem] = refused_file(
        a_policy("return []", HEAD.replace("id='P-1', title='t', severity='low'", arguments))
    )

    assert ("team.py", 3) == (problem.path, problem.line)
    assert message in problem.message


def test_every_file_that_is_wrong_is_told_not_only_the_first() -> None:
    with pytest.raises(PolicyError) as caught:
        python.rules([("a.py", "x = 1"), ("b.py", "1 / 0")])

    assert ["a.py", "b.py"] == [problem.path for problem in caught.value.problems]


def test_an_id_used_twice_is_refused_with_both_places() -> None:
    with pytest.raises(PolicyError) as caught:
        python.rules([("a.py", a_policy("return []")), ("b.py", a_policy("return []"))])

    assert "b.py:3:1: rule id P-1 is used twice, found a.py:3" == str(caught.value)


def test_two_files_of_one_name_are_refused_for_one_would_answer_for_the_other() -> None:
    other = a_policy("return []", HEAD.replace("P-1", "P-2"))

    with pytest.raises(PolicyError, match=r"y/team.py:1:1: x/team.py has the same name; rename one of them"):
        python.rules([("x/team.py", a_policy("return []")), ("y/team.py", other)])


def test_a_file_called_like_a_module_of_python_is_refused() -> None:
    with pytest.raises(
        PolicyError, match=r"json.py:1:1: the file has the name of another module, found json"
    ):
        python.rules([("json.py", a_policy("return []"))])


def test_what_a_policy_declares_is_its_rule() -> None:
    head = HEAD.replace(
        "severity='low'",
        "severity='high', description='d', fix='x', frameworks=['F'], effective_on='2027-01-01'",
    )

    rule = python.rules([("policies/team.py", a_policy("return []", head))])["P-1"]

    assert ("python.team", "t", "d", "x", ("F",)) == (
        rule.policy, rule.title, rule.description, rule.fix, rule.frameworks,
    )  # fmt: skip
    assert (Severity.HIGH, "2027-01-01T00:00:00Z") == (rule.severity, rule.effective_on)
    assert ("policies/team.py", 3) == (rule.file, rule.line)


def test_a_python_policy_cannot_speak_at_admission() -> None:
    rule = python.rules([("team.py", a_policy("return []"))])["P-1"]

    assert (Point.CI, Point.BACKGROUND) == rule.points


# --------------------------------------------------------------------------------------- limits


def test_a_loop_ends_at_the_deadline_and_names_its_file() -> None:
    problem = refusal("while True: pass", timeout_s=0.5)

    assert ("timeout", "team.py") == (problem.code, problem.path)
    assert "within 0.5 s" in problem.message


def test_a_loop_that_catches_everything_ends_too() -> None:
    loop = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    try:\n        given['x']\n    except BaseException:\n        pass"

    assert "timeout" == refusal(loop, timeout_s=0.5).code


def test_all_files_together_have_one_deadline() -> None:
    slow = a_policy("import time\ntime.sleep(0.4)\nreturn []")

    with pytest.raises(PolicyError) as caught:
        python.evaluated([(f"{name}.py", slow) for name in "pqr"], b"{}", 0.7)

    assert "timeout" == caught.value.problems[0].code


def test_a_policy_that_sleeps_in_a_thread_has_answered_when_it_has_answered() -> None:
    body = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nyield deny('m')"

    assert ["m"] == messages(body)


def test_memory_is_bounded() -> None:
    problem = refusal("return [deny('x' * (2 * 1024 ** 3))]")

    assert "python_error" == problem.code
    assert f"MemoryError: the process may take {limits.PYTHON_POLICY_MIB} MiB" == problem.message


def test_violations_without_end_are_an_error() -> None:
    problem = refusal("import itertools\nreturn (deny('m') for _ in itertools.count())")

    assert ("policy_shape", "at most 100000 violations") == (problem.code, problem.expected)


def test_a_huge_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "ANSWER_BYTES", 1_000_000)

    assert "too_large" == refusal("return [deny('x' * 2_000_000)]").code


@pytest.mark.parametrize("code", ["0", "1", "7"])
def test_a_process_that_ends_itself_has_not_answered(code: str) -> None:
    problem = refusal(f"import os\nos._exit({code})")

    assert ("python_lost", "team.py", f"exit code {code}") == (problem.code, problem.path, problem.found)


def test_a_process_that_crashes_has_not_answered() -> None:
    problem = refusal("import faulthandler\nfaulthandler._sigsegv()")

    assert ("python_lost", "SIGSEGV") == (problem.code, problem.found)


@pytest.mark.parametrize(
    "answer", ["{}", "[]", "null", '{"rules": []}', '{"said": null}', '{"said": [], "x": 1}']
)
def test_an_answer_without_what_was_asked_for_is_none(answer: str) -> None:
    body = f"import os\nfor n in range(3, 10):\n    try:\n        os.write(n, {answer.encode()!r})\n    except OSError:\n        pass\nos._exit(0)"

    assert "python_lost" == refusal(body).code


def test_an_answer_in_somebody_elses_words_is_no_answer() -> None:
    forged = "import os\nfor n in range(3, 10):\n    try:\n        os.write(n, b'{}')\n    except OSError:\n        pass\nreturn []"

    assert "python_lost" == refusal(forged).code


@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.system('true')",
        "subprocess.run(['true'])",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('localhost', 80)",
        "os.kill(os.getppid(), 9)",
        "open('/tmp/gate-never', 'w')",
        "open(os.devnull, 'a')",
        "os.open('/tmp/gate-never', os.O_CREAT)",
        "os.remove('/tmp/gate-never')",
        "os.mkdir('/tmp/gate-never')",
        "os.rename('/tmp/gate-never', '/tmp/gate-ever')",
        "import ctypes",
    ],
)
def test_a_policy_starts_nothing_connects_nowhere_and_writes_no_file(attempt: str) -> None:
    """Superuser processes are not bound by RLIMIT_NPROC: the audit hook is what holds here."""
    problem = refusal(f"import os, socket, subprocess\n{attempt}\nreturn []")

    assert ("python_error", 6) == (problem.code, problem.line)
    assert "PermissionError: a policy only looks at its input" in problem.message


def test_the_environment_is_empty_and_the_folder_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TOKEN", "hunter2")
    body = "import os\nyield deny(repr((dict(os.environ), os.getcwd())))"

    assert [repr(({}, "/"))] == messages(body)


def test_the_limits_are_in_force_in_the_process_of_a_policy() -> None:
    names = list(python.bounds(3.0))
    body = f"import resource\nyield deny(repr([resource.getrlimit(getattr(resource, n)) for n in {names}]))"

    assert [repr([(bound, bound) for bound in python.bounds(20.0).values()])] == messages(body)


def limited(bounds: dict[str, int], attempt: str) -> subprocess.CompletedProcess[str]:
    """`attempt` in a process under `bounds` alone, without what else holds a policy back."""
    code = f"from gate.engines import python_runner\npython_runner._limit({bounds})\n{attempt}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_processor_time_is_bounded_without_the_deadline() -> None:
    assert limited({"RLIMIT_CPU": 1}, "while True: pass").returncode < 0


def test_no_byte_can_be_written_to_a_file(tmp_path: Path) -> None:
    ended = limited({"RLIMIT_FSIZE": 0}, f"open({str(tmp_path / 'x')!r}, 'w').write('a' * 10_000)")

    assert "File too large" in ended.stderr
    assert 0 == (tmp_path / "x").stat().st_size


def test_a_limit_that_is_lower_already_stays() -> None:
    attempt = "python_runner._limit({'RLIMIT_NOFILE': 64}); import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"

    assert "(20, 20)\n" == limited({"RLIMIT_NOFILE": 20}, attempt).stdout


def test_what_a_policy_left_behind_ends_with_it() -> None:
    """A way to start processes that tells no audit hook; whoever leaves the group would be left alone."""
    body = (
        "from multiprocessing import util\n"
        "yield deny(str(util.spawnv_passfds(b'/bin/sleep', [b'sleep', b'600'], ())))"
    )

    [pid] = messages(body)

    assert wait_until(lambda: not is_running(int(pid)))


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody reaps runs nothing."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


# -------------------------------------------------------------------------------- the whole way

TEAM = "from gate.policy import deny, policy\n\n@policy(id='TEAM-7', title='t', severity='high')\ndef check(given):\n    return [deny('found', finding=f['fingerprint']) for f in given['findings']]\n"
PYTHON_ON = "version: 1\npolicies: {python: true, use: [p]}\n"


def test_a_python_policy_judges_beside_the_floor(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p__team_py=TEAM, gate_yaml=PYTHON_ON)

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert 1 == result.code
    assert ["TEAM-7"] == [violation["rule"] for violation in result.json["violations"]]
    assert ["policy.evidence", "python.team"] == result.json["policy"]["packages"]


def test_a_python_policy_that_speaks_of_a_finding_nobody_has_is_an_error(tmp_path: Path) -> None:
    files(
        tmp_path, r_json=BANDIT_EVAL, p__team_py=TEAM.replace("f['fingerprint']", "'x'"), gate_yaml=PYTHON_ON
    )

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (3, "policy_shape") == (result.code, result.json["problems"][0]["code"])


def test_a_python_policy_that_takes_the_id_of_a_rego_rule_is_an_error(tmp_path: Path) -> None:
    files(
        tmp_path, r_json=BANDIT_EVAL, p__team_py=TEAM.replace("TEAM-7", "GATE-EVID-001"), gate_yaml=PYTHON_ON
    )

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert 3 == result.code
    assert "rule id GATE-EVID-001 is used twice" in result.out


@pytest.mark.parametrize("command", [("policy", "ls"), ("policy", "check"), ("explain", "TEAM-7")])
def test_no_command_runs_python_policies_while_they_are_off(tmp_path: Path, command: tuple[str, ...]) -> None:
    files(tmp_path, p__team_py="raise SystemExit('it ran')", gate_yaml=PYTHON_ON.replace("true", "false"))

    result = gate(tmp_path, *command)

    assert result.code in (2, 3)
    assert "it ran" not in result.err


@pytest.mark.parametrize("command", [("policy", "ls"), ("explain", "TEAM-7")])
def test_a_python_rule_is_listed_and_explained_where_it_is_on(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    files(tmp_path, p__team_py=TEAM, gate_yaml=PYTHON_ON)

    result = gate(tmp_path, *command)

    assert (0, True) == (result.code, "TEAM-7" in result.out)


def test_the_shipped_python_policies_are_there_by_name_and_in_no_other_set(tmp_path: Path) -> None:
    named = gate(tmp_path, "policy", "ls", "--python", "builtin:python")
    default = gate(tmp_path, "policy", "ls", "--python", "builtin:default")
    off = gate(tmp_path, "policy", "ls", "builtin:python")

    assert "GATE-VULN-011" in named.out
    assert "GATE-VULN-011" not in default.out
    assert (3, True) == (off.code, "policies.python: true" in off.err)


def test_the_shipped_python_policies_pass_their_tests(tmp_path: Path) -> None:
    result = gate(tmp_path, "policy", "test", "--python", "--run", "upgrades", "builtin:python", "-o", "json")

    tests = result.json["tests"]
    assert 0 == result.code
    assert {("python.upgrades_test", "pass")} == {(test["package"], test["outcome"]) for test in tests}


# ---------------------------------------------------------------------------------- their tests

TESTS = """import team

def a_finding():
    return {"fingerprint": "f1"}

def test_that_passes():
    assert 1 == len(team.check({"findings": [a_finding()]}))

def test_that_fails():
    assert [] == team.check({"findings": [a_finding()]})

def test_that_breaks():
    team.check({})

def test_that_ends_the_process():
    raise SystemExit(0)

def test_that_asserts_nothing_for_it_yields():
    yield 1
"""


def outcomes(folder: Path, *arguments: str) -> dict[str, tuple[str, int]]:
    result = gate(folder, "policy", "test", "p", "--python", "-o", "json", *arguments)
    return {test["name"]: (test["outcome"], test["line"]) for test in result.json["tests"]}


def test_tests_of_a_python_policy_come_out_one_by_one(tmp_path: Path) -> None:
    files(tmp_path, p__team_py=TEAM, p__team_test_py="")
    (tmp_path / "p" / "team_test.py").write_text(TESTS)

    assert {
        "test_that_passes": ("pass", 6),
        "test_that_fails": ("fail", 10),
        "test_that_breaks": ("error", 5),
        "test_that_ends_the_process": ("error", 16),
        "test_that_asserts_nothing_for_it_yields": ("error", 18),
    } == outcomes(tmp_path)


def with_tests(folder: Path, tests: str) -> Path:
    files(folder, p__team_py=TEAM)
    (folder / "p" / "team_test.py").write_text(tests)
    return folder


def test_a_failed_test_tells_its_assertion_and_the_exit_code_is_one(tmp_path: Path) -> None:
    result = gate(with_tests(tmp_path, TESTS), "policy", "test", "p", "--python")

    assert 1 == result.code
    assert (
        'p/team_test.py:10  test_that_fails  assert [] == team.check({"findings": [a_finding()]})'
        in result.out
    )


def test_tests_are_chosen_by_name(tmp_path: Path) -> None:
    assert {"test_that_passes"} == set(outcomes(with_tests(tmp_path, TESTS), "--run", "passes$"))


@pytest.mark.parametrize(
    ("tests", "line"), [("import os\n1 / 0", 2), ("def test_x(:\n", 1), ("import nothing_like_it", 1)]
)
def test_a_file_of_tests_that_does_not_run_is_an_error_with_its_line(
    tmp_path: Path, tests: str, line: int
) -> None:
    assert {"(file)": ("error", line)} == outcomes(with_tests(tmp_path, tests))


def test_a_file_of_tests_that_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "TEST_TIMEOUT_S", 0.5)

    assert {"(file)": ("error", 1)} == outcomes(with_tests(tmp_path, "def test_x():\n    while True: pass\n"))


def test_without_permission_python_tests_are_not_run_and_that_is_said(tmp_path: Path) -> None:
    result = gate(with_tests(tmp_path, "raise SystemExit('it ran')"), "policy", "test", "p")

    assert 3 == result.code
    assert "no policy tests found" in result.err
    assert "not run: p/team_test.py; --python runs them" in result.err


def test_gate_yaml_turns_the_tests_on_too(tmp_path: Path) -> None:
    folder = with_tests(tmp_path, "def test_x():\n    pass\n")
    files(folder, gate_yaml=PYTHON_ON)

    assert "1 of 1 policy tests passed" in gate(folder, "policy", "test").out


def test_tests_are_never_loaded_to_judge(tmp_path: Path) -> None:
    folder = with_tests(tmp_path, "raise SystemExit('it ran')")
    files(folder, r_json=CLEAN_BANDIT, gate_yaml=PYTHON_ON)

    assert 0 == gate(folder, "check", "r.json").code


def test_junit_has_a_case_for_every_test(tmp_path: Path) -> None:
    result = gate(with_tests(tmp_path, TESTS), "policy", "test", "p", "--python", "-o", "junit")

    assert '<testsuite name="python.team_test" tests="5" failures="1" errors="3" skipped="0">' in result.out
    assert "p/team_test.py:10: assert [] == team.check" in result.out


def test_the_shipped_policy_judges_a_real_report(tmp_path: Path) -> None:
    flaw = {
        "id": "PYSEC-2026-1",
        "fix_versions": ["2.31.4", "3.0"],
        "aliases": ["CVE-2026-0001"],
        "description": "d",
    }
    report = {"dependencies": [{"name": "requests", "version": "2.31.0", "vulns": [flaw]}], "fixes": []}
    use = "version: 1\npolicies: {python: true, use: ['builtin:python']}\n"
    files(tmp_path, r_json=report, gate_yaml=use)

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    [violation] = result.json["violations"]
    assert (1, "GATE-VULN-011", "upgrade to 2.31.4") == (result.code, violation["rule"], violation["remedy"])
