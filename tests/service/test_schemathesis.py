"""Requests made up from the API's own description: no 5xx, no answer that it does not tell of."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.data import REPOSITORY
from tests.service.server import ADMIN, Server

EXAMPLES = int(os.environ.get("GATE_EXAMPLES", "4"))
"""Requests for each operation; `make evidence` asks for more."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_path(
    REPOSITORY / "docs" / "openapi.json",
    config=SchemathesisConfig(),
)


@pytest.fixture(scope="module")
def tokens(server: Server) -> tuple[str, ...]:
    return ADMIN, server.token("ci", server.project(f"team/{uuid4().hex[:12]}"))


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_what_the_description_allows_is_answered_as_it_says(
    case: Any, server: Server, tokens: tuple[str, ...]
) -> None:
    # A question that waits for news waits for nothing here.
    (case.query or {}).pop("wait", None)
    if case.path == "/api/v1/events":
        case.query = {**(case.query or {}), "seconds": 0}
    for token in tokens:
        case.call_and_validate(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS
        )
