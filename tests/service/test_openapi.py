"""The API as it is described: committed, complete, the same as what is served. `UPDATE=1` writes it anew."""

from __future__ import annotations

import json
import os

from gate.service.permissions import Permission
from gate.service.routing import PERMISSION
from tests.data import REPOSITORY
from tests.service.server import Server

FILE = REPOSITORY / "docs" / "openapi.json"


def test_the_committed_description_is_what_is_served(server: Server) -> None:
    served = server.request("GET", "/api/v1/openapi.json").json
    if os.environ.get("UPDATE") == "1":
        FILE.write_text(json.dumps(served, indent=1, sort_keys=True) + "\n", "utf-8")

    assert json.loads(FILE.read_text("utf-8")) == served


def test_every_operation_tells_its_permission_its_problems_and_its_token() -> None:
    paths = json.loads(FILE.read_text("utf-8"))["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]

    assert [] == [one["operationId"] for one in operations if one[PERMISSION] not in tuple(Permission)]
    assert [] == [one["operationId"] for one in operations if "default" not in one["responses"]]
    assert [] == [
        one["operationId"]
        for one in operations
        if ("security" in one) != (one[PERMISSION] != Permission.PUBLIC)
    ]


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(FILE.read_text("utf-8"))
    text = FILE.read_text("utf-8")
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert set() == named - set(document["components"]["schemas"])
