"""The supervised children: right answers, deadlines that hold, no child left behind."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from gate import bootstrap
from gate.engines import manifests as engine_manifests
from gate.engines.embedded import Engine
from gate.engines.protocol import Op, evaluation_header
from gate.errors import PolicyError, ReportError

POLICY = """package policy.sums
# METADATA
# title: a sum that is too large
# custom: {id: SUM-1}
deny contains {"rule": "SUM-1", "message": sprintf("%d", [input.a + input.b])} if input.a + input.b > 10
cubic := count([1 | some a in input.items; some b in input.items; some c in input.items; a + b + c < 0])
paths := graph.reachable_paths(input.graph, {"0"})
big := count([numbers.range(1, 1000000) | some i in numbers.range(1, 200)])
clock := time.now_ns()
"""
COMPLETE_GRAPH = {"graph": {str(a): [str(b) for b in range(9) if b != a] for a in range(9)}}
CUBIC = {"items": list(range(1_000))}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as engine:
        engine.load("sums", {"modules": [{"path": "sums.rego", "text": POLICY}], "rego_version": "v1"})
        yield engine


def asked(engine: Engine, entry: str, given: object, timeout_s: float = 10.0) -> object:
    answer = engine.evaluate(
        "sums", [f"policy.sums.{entry}"], msgspec.json.encode(given), now_ns=1, seed="s", timeout_s=timeout_s
    )
    return answer[f"policy.sums.{entry}"]


def sum_of(engine: Engine, a: int) -> object:
    return asked(engine, "deny", {"a": a, "b": 10})


def said(a: int) -> object:
    return [{"message": str(a + 10), "rule": "SUM-1"}] if a > 0 else []


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not, but is one too many as well."""
    return Path(f"/proc/{pid}").exists()


def wait_until(condition: object, timeout_s: float = 10.0) -> bool:
    """Whether `condition()` became true in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        threading.Event().wait(0.01)
    return False


def test_a_thousand_evaluations_from_eight_threads_answer_as_one_thread_does(engine: Engine) -> None:
    alone = [sum_of(engine, a % 7) for a in range(1_000)]

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda a: sum_of(engine, a % 7), range(1_000)))

    assert [said(a % 7) for a in range(1_000)] == alone
    assert alone == together


def test_many_objects_are_evaluated_in_their_order(engine: Engine) -> None:
    overlays = [msgspec.json.encode({"a": a}) for a in range(500)]

    answers = engine.evaluate_many(
        "sums", ["policy.sums.deny"], b'{"b": 10}', overlays, now_ns=1, seed="s", timeout_s=10.0
    )

    assert [{"policy.sums.deny": said(a)} for a in range(500)] == answers


def test_a_cubic_comprehension_ends_at_its_deadline_while_others_go_on(engine: Engine) -> None:
    assert_ends_while_others_go_on(engine, "cubic", CUBIC)


def test_a_builtin_that_looks_at_no_clock_ends_at_its_deadline_while_others_go_on(engine: Engine) -> None:
    assert_ends_while_others_go_on(engine, "paths", COMPLETE_GRAPH)


def assert_ends_while_others_go_on(engine: Engine, entry: str, given: object) -> None:
    answers: list[object] = []
    stop = threading.Event()

    def others() -> None:
        for a in itertools.cycle(range(7)):
            if stop.is_set():
                return
            answers.append(sum_of(engine, a) == said(a))

    thread = threading.Thread(target=others)
    thread.start()
    started = time.monotonic()
    with pytest.raises(PolicyError) as caught:
        asked(engine, entry, given, timeout_s=1.0)
    took_s = time.monotonic() - started
    stop.set()
    thread.join()

    assert "timeout" == caught.value.problems[0].code
    assert took_s < 10.0  # 60 s and more without a deadline; generous, for machines are busy
    assert len(answers) > 10
    assert all(answers)


def test_a_killed_child_under_load_costs_no_answer(engine: Engine) -> None:
    stop = threading.Event()

    def killer() -> None:
        while not stop.wait(0.15):
            for pid in engine.children():
                os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=killer)
    thread.start()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda a: answer_or_lost(engine, a % 7), range(2_000)))
    stop.set()
    thread.join()

    wrong = [got for a, got in enumerate(answers) if got not in (said(a % 7), "lost")]
    assert [] == wrong
    assert answers.count("lost") < 20  # killed twice in a row; an error, never an answer


def answer_or_lost(engine: Engine, a: int) -> object:
    try:
        return sum_of(engine, a)
    except PolicyError as error:
        return "lost" if error.problems[0].code == "engine_lost" else error


def test_a_policy_that_eats_memory_costs_only_itself() -> None:
    with bootstrap.engine(memory_mib=256) as engine:
        engine.load("sums", {"modules": [{"path": "sums.rego", "text": POLICY}], "rego_version": "v1"})
        with pytest.raises(PolicyError) as caught:
            asked(engine, "big", {}, timeout_s=30.0)

        assert caught.value.problems[0].code in ("engine_lost", "timeout")
        assert said(3) == sum_of(engine, 3)


def test_fifty_thousand_evaluations_leave_memory_flat(engine: Engine) -> None:
    def resident_kib() -> int:
        pids = [os.getpid(), *engine.children()]
        lines = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
        return sum(int(text.split("VmRSS:")[1].split()[0]) for text in lines)

    def run(count: int) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda a: sum_of(engine, a % 7), range(count)))

    run(5_000)
    before = resident_kib()
    run(50_000)

    assert resident_kib() - before < 64 * 1024  # a leak of 2 KiB an evaluation would be 100 MiB


def test_asyncio_callers_get_their_own_answers(engine: Engine) -> None:
    async def all_of_them() -> list[object]:
        header = evaluation_header("sums", ["policy.sums.deny"], 1, "s", 10.0, strict=True)

        async def one(a: int) -> object:
            document = msgspec.json.encode({"a": a % 7, "b": 10})
            payload = await engine.ask_async(Op.EVALUATE, header, document, timeout_s=10.0, bundle="sums")
            return msgspec.json.decode(payload)["results"]["policy.sums.deny"]

        return await asyncio.gather(*(one(a) for a in range(500)))

    assert [said(a % 7) for a in range(500)] == asyncio.run(all_of_them())


def test_an_asyncio_caller_is_told_at_its_deadline(engine: Engine) -> None:
    header = evaluation_header("sums", ["policy.sums.paths"], 1, "s", 0.5, strict=True)
    body = msgspec.json.encode(COMPLETE_GRAPH)
    sum_of(engine, 1)

    with pytest.raises(PolicyError, match="not decided within"):
        asyncio.run(engine.ask_async(Op.EVALUATE, header, body, timeout_s=0.5, bundle="sums"))

    assert said(2) == sum_of(engine, 2)


async def sum_from_loop(engine: Engine, a: int, timeout_s: float = 10.0) -> object:
    header = evaluation_header("sums", ["policy.sums.deny"], 1, "s", timeout_s, strict=True)
    document = msgspec.json.encode({"a": a, "b": 10})
    payload = await engine.ask_async(Op.EVALUATE, header, document, timeout_s=timeout_s, bundle="sums")
    return msgspec.json.decode(payload)["results"]["policy.sums.deny"]


def test_one_loop_after_another_and_threads_between_them_are_answered(engine: Engine) -> None:
    for a in range(1, 4):
        assert said(a) == asyncio.run(sum_from_loop(engine, a))
        assert said(a) == sum_of(engine, a)


def test_a_thread_is_answered_while_a_loop_reads(engine: Engine) -> None:
    async def both() -> list[object]:
        await sum_from_loop(engine, 1)
        return await asyncio.gather(
            *(asyncio.to_thread(sum_of, engine, a) for a in range(7)),
            *(sum_from_loop(engine, a) for a in range(7)),
        )

    assert [said(a) for a in range(7)] * 2 == asyncio.run(both())


def test_a_coroutine_that_waits_in_the_thread_of_its_loop_is_answered(engine: Engine) -> None:
    async def blocking() -> tuple[object, object, object]:
        return await sum_from_loop(engine, 1), sum_of(engine, 2), await sum_from_loop(engine, 3)

    assert (said(1), said(2), said(3)) == asyncio.run(blocking())


def test_a_loop_that_ends_before_its_answers_leaves_the_next_one_whole(engine: Engine) -> None:
    async def given_up() -> None:
        await sum_from_loop(engine, 1)
        tasks = [asyncio.create_task(sum_from_loop(engine, a)) for a in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    asyncio.run(given_up())

    assert said(3) == asyncio.run(sum_from_loop(engine, 3))
    assert said(4) == sum_of(engine, 4)


def test_a_child_killed_while_a_loop_reads_costs_no_answer(engine: Engine) -> None:
    async def through_a_kill() -> list[object]:
        await sum_from_loop(engine, 1)
        tasks = [asyncio.create_task(sum_from_loop(engine, a % 7)) for a in range(50)]
        await asyncio.sleep(0)
        os.kill(engine.children()[0], signal.SIGKILL)
        return await asyncio.gather(*tasks)

    assert [said(a % 7) for a in range(50)] == asyncio.run(through_a_kill())


def test_a_large_answer_read_by_a_loop_is_whole(engine: Engine) -> None:
    body = msgspec.json.encode([{"name": "x" * 100, "number": n} for n in range(20_000)])

    async def large() -> int:
        await sum_from_loop(engine, 1)
        payload = await engine.ask_async(Op.MANIFESTS, {}, body, timeout_s=20.0)
        return len(msgspec.json.decode(payload)["documents"][0]["value"])

    assert 20_000 == asyncio.run(large())


def test_closing_leaves_no_process_and_no_zombie(engine: Engine) -> None:
    sum_of(engine, 1)
    pids = engine.children()

    engine.close()

    assert 1 == len(pids)
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import sys, time; from gate import bootstrap\n"
        "engine = bootstrap.engine(); engine.version; print(engine.children()[0], flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    # Its new parent reaps it at once, or this container has none that does: a zombie runs nothing.
    assert wait_until(
        lambda: not is_running(child) or "State:\tZ" in Path(f"/proc/{child}/status").read_text()
    )


def test_the_same_question_at_the_same_time_has_the_same_bytes(engine: Engine) -> None:
    assert asked(engine, "clock", {}) == asked(engine, "clock", {}) == 1


def test_undefined_is_an_error(engine: Engine) -> None:
    with pytest.raises(PolicyError) as caught:
        asked(engine, "no_such_rule", {})

    assert "undefined" == caught.value.problems[0].code


def test_a_bundle_that_was_never_loaded_is_an_error(engine: Engine) -> None:
    with pytest.raises(PolicyError, match="is not loaded"):
        engine.evaluate("other", ["policy.sums.deny"], b"{}", now_ns=1, seed="", timeout_s=5.0)


def test_a_policy_that_does_not_compile_is_told_with_its_place(engine: Engine) -> None:
    broken = "package policy.x\n\ndeny contains input.a iff true\n"

    with pytest.raises(PolicyError) as caught:
        engine.load("x", {"modules": [{"path": "x.rego", "text": broken}], "rego_version": "v1"})

    problem = caught.value.problems[0]
    assert ("x.rego", 3) == (problem.path, problem.line)
    assert problem.column is not None


def test_a_builtin_that_reaches_the_network_is_refused_with_its_place(engine: Engine) -> None:
    reaching = 'package policy.x\n\ndeny contains "m" if http.send({"method": "get", "url": input.url}).status_code == 1\n'

    with pytest.raises(PolicyError) as caught:
        engine.load("x", {"modules": [{"path": "x.rego", "text": reaching}], "rego_version": "v1"})

    problem = caught.value.problems[0]
    assert ("builtin_not_allowed", "x.rego", 3) == (problem.code, problem.path, problem.line)


def test_an_engine_that_is_not_there_is_told_by_its_path() -> None:
    with pytest.raises(PolicyError) as caught, Engine(Path("/no/such/gate-opa")) as engine:
        engine.start()

    assert "engine_missing" == caught.value.problems[0].code


def test_manifests_are_read_with_positions(engine: Engine) -> None:
    read = engine_manifests.one(engine, b"kind: A\n---\nkind: B\nspec:\n  x: 1\n", "k.yaml", [(1, "/spec/x")])

    assert [{"kind": "A"}, {"kind": "B", "spec": {"x": 1}}] == [one["value"] for one in read["documents"]]
    assert 5 == read["positions"][0]["line"]


def test_a_manifest_with_a_duplicate_key_is_refused_with_its_place(engine: Engine) -> None:
    with pytest.raises(ReportError) as caught:
        engine_manifests.one(engine, b"kind: A\nkind: B\n", "k.yaml")

    assert ("k.yaml", 2) == (caught.value.problems[0].path, caught.value.problems[0].line)


def test_one_failure_among_many_is_the_failure_of_all(engine: Engine) -> None:
    module = 'package policy.odd\ndeny contains x if x := f\nf := "a" if input.a\nf := "b" if input.b'
    engine.load("odd", {"modules": [{"path": "odd.rego", "text": module}]})

    with pytest.raises(PolicyError) as caught:
        engine.evaluate_many(
            "odd", ["policy.odd.deny"], b"{}", [b'{"a":1}', b'{"a":1,"b":1}'], now_ns=1, seed="", timeout_s=5
        )
    problem = caught.value.problems[0]
    assert ("eval_conflict_error", "odd.rego") == (problem.code, problem.path)
