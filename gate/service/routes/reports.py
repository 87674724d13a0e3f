"""Reports: handed over ahead of a decision, by digest afterwards."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from gate import bootstrap
from gate.service import asking, deciding
from gate.service.asking import Cursor, Limit, Once, Ours, Who
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routes.decisions import ASKED
from gate.service.routing import Routes
from gate.service.submission import Submission, submission
from gate.stores import reports
from gate.stores.idempotency import Answer
from gate.stores.reports import Upload
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "reports")
Sha256 = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$")]


@ROUTES.add("POST", "/reports", Permission.REPORTS_WRITE, status_code=201, openapi_extra=ASKED)
def hand_over(
    service: Ours, who: Who, asked: Annotated[Submission, Depends(submission)], key: Once
) -> Response:
    """Keep reports for later decisions; each must be understood. `report_ids` names them there."""
    if not asked.files:
        raise Refusal(422, "no reports; send them as report[] parts or under `reports`", code="no_inputs")
    with service.database.reading() as connection:
        project = who.project(connection, asked.meta.project)
    deciding.refuse_utf16(asked.files)
    reads = bootstrap.ingested(asked.files, service.engine)
    kept = [deciding.kept_report(read) for read in reads]

    def work(transaction: Transaction) -> Answer:
        connection = transaction.connection
        before = [reports.upload(connection, (project.id,), one.sha256) for one in kept]
        reports.kept(transaction, project.id, kept, who.principal, transaction.now)
        status = 200 if all(before) else 201
        shown = [
            {
                "sha256": one.sha256,
                "path": one.path,
                "format": one.format,
                "size": one.size,
                "withheld": one.withheld,
            }
            for one in kept
        ]
        return Answer(
            request_sha256=asked.sha256,
            status=status,
            location=None,
            body=msgspec.json.encode({"items": shown}),
        )

    return asking.done_once(service, who, key, asked.sha256, work)


@ROUTES.add("GET", "/reports", Permission.REPORTS_READ)
def list_reports(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[str, Query(max_length=200)],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What a project handed over, newest first."""
    with service.database.reading() as connection:
        found = who.project(connection, project)
        return asking.listed(request, lambda: reports.listed(connection, found.id, cursor, limit), _shown)


@ROUTES.add("GET", "/reports/{sha256}", Permission.REPORTS_READ, media_types=("application/octet-stream",))
def show_report(service: Ours, who: Who, sha256: Sha256) -> Response:
    """The bytes as they were handed over; 410 where only their digest is kept."""
    with service.database.reading() as connection:
        found = reports.upload(connection, who.project_ids, sha256)
        if found is None:
            raise not_found()
        data = reports.content(connection, sha256)
    if data is None:
        raise Refusal(410, found.withheld or "its bytes are no longer kept")
    headers = {"Content-Disposition": "attachment", "ETag": f'"{sha256}"'}
    return Response(data, 200, headers, media_type="application/octet-stream")


def _shown(one: Upload) -> dict[str, Any]:
    return msgspec.structs.asdict(one)
