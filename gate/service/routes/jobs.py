"""Jobs: what became of work that was put off."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from gate.service import answers
from gate.service.asking import Ours, Who
from gate.service.permissions import Permission
from gate.service.problems import not_found
from gate.service.routing import Routes
from gate.stores import jobs, projects
from gate.stores.jobs import State

ROUTES = Routes("/api/v1", "jobs")


@ROUTES.add("GET", "/jobs/{job_id}", Permission.DECISIONS_READ)
def show_job(service: Ours, who: Who, job_id: str) -> Response:
    """One job: `queued`, `running`, `succeeded` or `failed`; `Location` leads to the decision it made."""
    with service.database.reading() as connection:
        found = jobs.by_id(connection, job_id) if "\x00" not in job_id else None
        is_known = found is not None and (
            who.project_ids is None if found.project_id is None else who.sees(found.project_id)
        )
        if found is None or not is_known:
            raise not_found()
        keys = projects.keys(connection, [found.project_id] if found.project_id else [])
    value = msgspec.structs.asdict(found)
    project_id = value.pop("project_id")
    # Who asked is told by `by`; as which token is nobody's business.
    value["document"] = {key: given for key, given in found.document.items() if key != "caller"}
    value |= {"state": found.state.value, "project": keys.get(project_id or "")}
    decision_id = (found.result or {}).get("decision_id")
    headers = {}
    if found.state is State.SUCCEEDED and isinstance(decision_id, str):
        headers["Location"] = f"/api/v1/decisions/{decision_id}"
    return answers.json(value, headers=headers)
