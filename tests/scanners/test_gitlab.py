from __future__ import annotations

from typing import Any

import pytest

from gate.model import Status
from scanners import gitlab
from tests.scanners.builders import document

RUN = {"type": "dependency_scanning", "status": "success", "scanner": {"id": "gemnasium"}}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([], Status.EMPTY_TARGET),
        ([{"path": "go.mod", "dependencies": []}], Status.EMPTY_TARGET),
        ([{"path": "go.mod"}], Status.EMPTY_TARGET),
        ([{"path": "go.mod", "dependencies": [{"package": {"name": "x"}}]}], Status.OK),
    ],
)
def test_clean_dependency_scanning_that_lists_no_dependency_has_an_empty_target(
    files: list[dict[str, Any]], status: Status
) -> None:
    report = {"version": "15.0.0", "scan": RUN, "vulnerabilities": [], "dependency_files": files}

    assert status == gitlab.parse(document(report)).status
