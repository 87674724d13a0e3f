"""A version's code runs on the next version's tables: by rule, and for real (THREATS.md J12).

By rule: steps only grow. For real: servers of the code before the newest step go on while today's migrates their
database, and both write to it.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from gate.stores import migrations
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.data import REPOSITORY, absent
from tests.service import postgresql
from tests.service.server import ADMIN, Server
from tests.service.test_authorization import A_WAIVER

STEPS: Final = sorted((REPOSITORY / "gate" / "stores" / "migrations" / "versions").glob("r[0-9]*.py"))
GROWS: Final = {"create_table", "create_index", "add_column", "f", "get_bind"}
"""What a step may call of `op`: nothing that older code notices."""
REVIEWED: Final = {("r0003_release_workflow.py", "execute"), ("r0008_large_lists.py", "drop_index")}
"""What procrastinate's own tables take, in a schema of theirs; an index that a longer one with the same beginning replaces."""


def shrinking(source: str, file: str = "") -> list[str]:
    """What of a step takes away, renames or narrows what older code reads and writes."""
    tree = ast.parse(source)
    made = {
        str(call.args[0].value)
        for call in _calls(tree)
        if _name(call) == "create_table" and isinstance(call.args[0], ast.Constant)
    }
    found = []
    for call in _calls(tree):
        name = _name(call)
        if name not in GROWS and (file, name) not in REVIEWED:
            found.append(name)
        if name == "create_index" and _said(call, "unique") not in (None, False):
            of = call.args[1]
            if not (isinstance(of, ast.Constant) and of.value in made):
                found.append("create_index unique")
        if name == "add_column" and not _is_optional(call.args[1]):
            found.append("add_column not null without a default of the server's")
    return found


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("op", "batch_op")
        ):
            yield node


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _said(call: ast.Call, name: str) -> object:
    value = next((one.value for one in call.keywords if one.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else value


def _is_optional(column: ast.expr) -> bool:
    if not isinstance(column, ast.Call):
        return False
    constrained = any(isinstance(one, ast.Call) and "Constraint" in ast.unparse(one) for one in column.args)
    is_free = _said(column, "nullable") is True or _said(column, "server_default") is not None
    return is_free and not constrained and _said(column, "unique") is not True


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_a_step_only_grows(step: Path) -> None:
    assert [] == shrinking(step.read_text("utf-8"), step.name)


@pytest.mark.parametrize(
    "line",
    [
        "op.drop_column('tokens', 'facts')",
        "op.drop_table('tokens')",
        "op.drop_index('ix')",
        "op.rename_table('a', 'b')",
        "op.alter_column('tokens', 'facts', nullable=False)",
        "op.add_column('tokens', sa.Column('x', sa.Text(), nullable=False))",
        "op.add_column('tokens', sa.Column('x', sa.Text()))",
        "op.add_column('tokens', sa.Column('x', sa.Text(), sa.CheckConstraint('x'), nullable=True))",
        "op.add_column('tokens', sa.Column('x', sa.Text(), nullable=True, unique=True))",
        "op.create_index('ix', 'tokens', ['x'], unique=True)",
        "op.create_unique_constraint('uq', 'tokens', ['x'])",
        "op.create_check_constraint('ck', 'tokens', 'x')",
        "op.create_foreign_key('fk', 'a', 'b', ['x'], ['y'])",
        "op.execute('UPDATE tokens SET role = 1')",
        "with op.batch_alter_table('tokens') as batch_op: batch_op.drop_column('x')",
    ],
)
def test_a_step_that_older_code_would_notice_is_seen(line: str) -> None:
    assert [] != shrinking(f"def upgrade():\n    {line}\n")


def test_every_step_follows_one_other() -> None:
    """Two branches merged side by side would leave two heads."""
    before = [
        line.partition("=")[2].strip()
        for step in STEPS
        for line in step.read_text("utf-8").splitlines()
        if line.startswith("down_revision")
    ]

    assert len(STEPS) == len(set(before))


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the commit before the newest step came, as git has it."""
    newest = STEPS[-1].relative_to(REPOSITORY)
    git = ("git", "-C", str(REPOSITORY))
    asked = (*git, "log", "--no-renames", "--diff-filter=A", "--format=%H", "--reverse", "--", str(newest))
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    commits = told.stdout.split()
    if told.returncode != 0 or (REPOSITORY / ".git" / "shallow").exists():
        absent_history()
    if not commits:
        pytest.skip(f"{newest.name} is not committed yet: there is no commit before it")
    archive = subprocess.run(
        (*git, "archive", f"{commits[0]}^", "gate", "scanners", "policies"), capture_output=True, check=False
    )
    if archive.returncode != 0:
        absent_history()
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def absent_history() -> None:
    """A copy without history says so and skips; one that has it must run this."""
    if (REPOSITORY / ".git").exists():
        absent("the history of this clone (git fetch --unshallow)")
    pytest.skip("this is no clone: the code before the newest step is not here")


def test_older_servers_go_on_while_the_newer_code_migrates_and_writes(
    older: Path, cluster: Path, tmp_path: Path
) -> None:
    url = postgresql.created(cluster)
    environ = {**os.environ, "PYTHONPATH": str(older)}
    head = subprocess.check_output(
        [sys.executable, "-c", "from gate.stores import migrations; print(migrations.head())"],
        cwd=older,
        env=environ,
        text=True,
    ).strip()
    with Server(tmp_path / "older", url, PYTHONPATH=str(older)) as before:
        first = used(before)
        subprocess.run(
            [Path(sys.executable).with_name("gate"), "migrate"],
            cwd=tmp_path,
            env={**os.environ, "GATE_DATABASE_URL": url},
            check=True,
            capture_output=True,
        )
        second = used(before)
        with Server(tmp_path / "newer", url) as after:
            third = used(after)
            seen = [
                (server.request("GET", f"/api/v1/decisions/{one}").status, replayed(server, one))
                for server in (before, after)
                for one in (first, second, third)
            ]
            whole = [server.request("GET", "/api/v1/audit/verify").status for server in (before, after)]
        fourth = used(before)

    assert head != migrations.head()
    assert [(200, True)] * 6 == seen
    assert [200, 200] == whole
    assert 4 == len({first, second, third, fourth})


def replayed(server: Server, decision_id: str) -> bool:
    answer = server.json("POST", f"/api/v1/decisions/{decision_id}/replay")
    return answer.status == 200 and answer.json["reproduced"] is True


def used(server: Server) -> str:
    """A decision that everything a release takes was done for: token, evidence, approval, promotion, waiver."""
    name = f"team/{uuid4().hex[:12]}"
    settings = "version: 1\nenvironments: [{name: live, approvals: {number: 1}}]\n"
    project = server.project(name, settings)
    bot, lin = server.token("ci", project, "bot"), server.token("approver", project, "lin")
    waiver = server.json("POST", "/api/v1/waivers", {"project": project, **A_WAIVER}, token=ADMIN).json
    approved = server.json(
        "POST", f"/api/v1/waivers/{waiver['id']}/approve", {"sha256": waiver["sha256"]}, token=lin
    )
    subject = {"name": "web", "digest": f"sha256:{uuid4().hex}{uuid4().hex}", "author": "wei"}
    meta = {"environment": "live", "subject": subject}
    failed = server.decide(project, BANDIT_EVAL, token=bot)
    waits = server.decide(project, CLEAN_BANDIT, meta=meta, token=bot)
    [asked] = server.request("GET", f"/api/v1/approvals?project={project}").json["items"]
    given = server.json("POST", f"/api/v1/approvals/{asked['id']}/approve", {}, token=lin)
    wanted = {"project": project, "environment": "live", "digest": subject["digest"]}
    promoted = server.json("POST", "/api/v1/promotions", wanted, token=bot)

    assert [201, 200, 201, 201, 200, 201] == [
        one.status for one in (failed, approved, waits, promoted, given, promoted)
    ], given.body
    assert ["needs_approval", "pass"] == [waits.json["outcome"], promoted.json["outcome"]]
    found: str = promoted.json["decision_id"]
    return found
