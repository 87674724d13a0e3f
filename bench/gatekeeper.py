"""All templates of Gatekeeper's library against real manifests: `gate check` beside `gator test`, violation by violation."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import machine, processes
from bench.table import Row, Table, within

RATIO: Final = 0.2
"""Most of gator's wall time that gate may take."""
GATE: Final = "gate check"
GATOR: Final = "gator test"
MIB: Final = 1024 * 1024
CONTRADICTED: Final = re.compile(r"the template contradicts itself|eval_conflict_error")
"""How either says that a template gives two answers about an object; the constraint is violated then."""
_NAME: Final = re.compile(r"(?m)^(metadata:\n(?:  .*\n)*?  name: ).*$")

Violations = Counter[tuple[str, str, str]]
"""Constraint (`Kind.name`), object (`Kind/namespace/name`), message."""


def measured(folder: Path, quick: bool) -> Table:
    """Medians of rounds in turns, and whether both find the same."""
    title = "Gatekeeper's library against real manifests"
    data = machine.data()
    if not (data / "gatekeeper-library").is_dir() or not (data / "manifests").is_dir():
        return _nothing(title, "needs gatekeeper-library/ and manifests/ of the test data")
    try:
        gator = str(machine.peer(machine.GATOR))
    except machine.PeerMissing as missing:
        return _nothing(title, str(missing))
    env = machine.environment(folder / "bytecode")
    constraints = policies(data / "gatekeeper-library" / "library", folder / "policies")
    files = corpus(data / "manifests", folder, env)
    commands = {
        GATE: _gate("-o", "json=gate.json", "-q"),
        # Where a template has CEL too, gator would take that; gate judges by Rego.
        GATOR: [
            "sh",
            "-c",
            f"exec {gator} test --enable-k8s-native-validation=false -f policies -f k8s -o json >gator.json",
        ],
    }
    rounds = 1 if quick else 5
    runs: dict[str, list[processes.Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            run = processes.run(command, cwd=folder, env=env, watch=True)
            if run.code != 1:
                raise RuntimeError(f"{name} ended with {run.code}, expected 1: {run.out}")
            if number:
                runs[name].append(run)
    walls = {name: statistics.median(run.wall_s for run in turns) for name, turns in runs.items()}
    ratio = walls[GATE] / walls[GATOR]
    rows = [
        *(_row(name, turns) for name, turns in runs.items()),
        Row(
            what="gate / gator",
            figure=f"{ratio:.2f}",
            bar=f"{RATIO}",
            holds=within(ratio, RATIO),
            note="of wall time",
        ),
        *compared(by_gate(folder / "gate.json"), by_gator(folder / "gator.json"), folder / "policies"),
    ]
    return Table(
        name="gatekeeper",
        title=f"{title}: {constraints} constraints, {files} files, median of {rounds}",
        rows=tuple(rows),
    )


def _nothing(title: str, why: str) -> Table:
    return Table(name="gatekeeper", title=title, rows=(Row(what=GATOR, figure="-", note=why),))


def _gate(*more: str) -> list[str]:
    return [*machine.gate_command(), "check", "k8s", "--policy", "policies", "--ci", "none", *more]


def _row(name: str, turns: list[processes.Run]) -> Row:
    wall_s, cpu_s = (statistics.median(getattr(run, field) for run in turns) for field in ("wall_s", "cpu_s"))
    memory = max(run.together_bytes for run in turns) / MIB
    return Row(what=name, figure=f"{wall_s:.2f} s", note=f"CPU {cpu_s:.2f} s, memory {memory:.0f} MiB")


# ------------------------------------------------------------------------------- what is judged


def policies(library: Path, folder: Path) -> int:
    """Every template and sample constraint of `library` below `folder`; how many constraints there are.

    Some samples share a name; gator would keep the last of them, so each gets its own.
    """
    folder.mkdir()
    count = 0
    for template in sorted(library.glob("*/*/template.yaml")):
        shutil.copy(template, folder / f"template-{template.parent.parent.name}-{template.parent.name}.yaml")
        for sample in sorted(template.parent.glob("samples/*/constraint.yaml")):
            text, named = _NAME.subn(rf"\g<1>c{count}", sample.read_text("utf-8"), count=1)
            if not named:
                raise RuntimeError(f"{sample}: found no name at the place it always has")
            (folder / f"constraint-{count:03}.yaml").write_text(text, "utf-8")
            count += 1
    return count


def corpus(manifests: Path, folder: Path, env: dict[str, str]) -> int:
    """`manifests` as `k8s/` in `folder`, without what gate refuses (keys given twice); how many files."""
    shutil.copytree(manifests, folder / "k8s", ignore=shutil.ignore_patterns("*.md"))
    told = subprocess.run(_gate("-o", "json"), cwd=folder, env=env, stdout=subprocess.PIPE, check=False)
    for problem in msgspec.json.decode(told.stdout).get("problems", ()):
        (folder / problem["path"]).unlink()
    return sum(1 for path in (folder / "k8s").rglob("*") if path.is_file())


# ------------------------------------------------------------------------------ what both found


def compared(ours: Violations, theirs: Violations, folder: Path) -> list[Row]:
    """What both found, what gator alone found, what gate alone found and why.

    gator does not look into a `List`, and to it an object without a namespace lies in none: gate asks
    what the cluster will do, where each object of such a kind gets a namespace when it is applied.
    """
    missed = theirs - ours
    more = ours - theirs
    bound = {
        path.stem for path in folder.glob("constraint-*.yaml") if "namespaces:" in path.read_text("utf-8")
    }
    numbers = {f"c{int(stem.partition('-')[2])}" for stem in bound}
    without = sum(
        count
        for (rule, about, _), count in more.items()
        if about.split("/")[1] == "" and rule.rpartition(".")[2] in numbers
    )
    return [
        Row(what="violations of both", figure=f"{sum((ours & theirs).values()):,}"),
        Row(
            what="gator's alone",
            figure=f"{sum(missed.values()):,}",
            bar="0",
            holds=not missed,
            note=str(next(iter(missed), "")),
        ),
        Row(
            what="gate's alone",
            figure=f"{sum(more.values()):,}",
            note=f"{without:,} of objects without a namespace (constraints with `namespaces`), the rest in a List",
        ),
    ]


def by_gate(path: Path) -> Violations:
    """The violations of a decision."""
    return Counter(
        (one["rule"], one["object"], _message(one["message"])) for one in _read(path)["violations"]
    )


def by_gator(path: Path) -> Violations:
    """The violations that gator printed."""
    return Counter(
        (
            f"{one['constraint']['kind']}.{one['constraint']['metadata']['name']}",
            _called(one["violatingObject"]),
            _message(one["msg"]),
        )
        for one in _read(path)
    )


def _called(value: dict[str, Any]) -> str:
    metadata = value.get("metadata") or {}
    generated = metadata.get("generateName")
    name = metadata.get("name") or (f"{generated}*" if generated else "")
    return f"{value['kind']}/{metadata.get('namespace') or ''}/{name}"


def _message(text: str) -> str:
    return "contradiction" if CONTRADICTED.search(text) else text


def _read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
