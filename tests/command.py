"""The command line, called in this process: what a user types and what comes back."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gate.cli import run

CI_MARKERS = (
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TF_BUILD",
    "BITBUCKET_BUILD_NUMBER",
    "GITEE_PIPELINE_BUILD_NUMBER",
    "GITEA_ACTIONS",
    "FORGEJO_ACTIONS",
    "GATE_CI",
)


class Result(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document it must be."""
        return msgspec.json.decode(self.out)


def gate(folder: Path, *arguments: str | Path, stdin: bytes = b"", in_ci: bool = False) -> Result:
    """`gate ARGUMENTS` with `folder` as the working directory; outside of any CI system if not `in_ci`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    hidden = () if in_ci else CI_MARKERS
    before, variables = Path.cwd(), {name: os.environ.pop(name, None) for name in hidden}
    real_stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    finally:
        os.chdir(before)
        sys.stdin = real_stdin
        os.environ.update({name: value for name, value in variables.items() if value is not None})
    return Result(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def files(folder: Path, **contents: object) -> Path:
    """Write files into `folder`: `a__b_json=…` is `a/b.json`; text, bytes, or a value as JSON."""
    for name, content in contents.items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, "utf-8")
        else:
            path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
    return folder


CLEAN_BANDIT = {
    "errors": [],
    "generated_at": "2026-11-22T10:00:00Z",
    "metrics": {"_totals": {"loc": 10}, "src/app.py": {"loc": 10}},
    "results": [],
}
"""A report of a scan that found nothing."""

EVAL = {
    "code": "1 x = 1\n2 eval(text)\n",
    "col_offset": 0,
    "filename": "src/app.py",
    "issue_confidence": "HIGH",
    "issue_cwe": {"id": 78, "link": ""},
    "issue_severity": "HIGH",
    "issue_text": "Use of eval",
    "line_number": 2,
    "line_range": [2],
    "more_info": "",
    "test_id": "B307",
    "test_name": "blacklist",
}
BANDIT_EVAL = {**CLEAN_BANDIT, "results": [EVAL]}
"""A report with one finding of high severity."""

POD = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: prod}
spec:
  containers:
    - name: web
      image: nginx:1.27
      securityContext:
        privileged: true
"""
RULE = """# METADATA
# title: a package of a team
# scope: package
# custom: {scope: subject}
package policy.team

# METADATA
# title: nothing of this kind
# scope: rule
# custom: {id: TEAM-1, severity: high}
deny contains {"rule": "TEAM-1", "message": "found one", "finding": f.fingerprint} if {
	some f in input.findings
	f.waived == null
	f.state == "new"
}
"""
"""A policy that denies every new finding that is not waived."""
