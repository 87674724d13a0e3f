"""Where a decision comes from, as a CI system vouched for it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from gate.service import answers
from gate.service.asking import Ours, Who
from gate.service.permissions import Permission
from gate.service.routes.decisions import visible
from gate.service.routing import Routes
from gate.stores import decisions

ROUTES = Routes("/api/v1", "decisions")


@ROUTES.add("GET", "/decisions/{decision_id}/origin", Permission.DECISIONS_READ)
def show_origin(service: Ours, who: Who, decision_id: str) -> Response:
    """The run that asked, as verified (null: nobody vouched for it), and what it claimed otherwise."""
    with service.database.reading() as connection:
        visible(connection, who, decision_id)
        document = decisions.origin(connection, decision_id)
    if document is None:
        return answers.json({"verified": None, "claimed": {}})
    return answers.json(msgspec.Raw(document.encode()))
