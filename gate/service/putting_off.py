"""Decisions that are put off: what was handed over is kept, the answer is a job, a worker decides.

Reports are read before anybody is told "accepted": what is not understood is refused at once. Those whose bytes are
not kept (they hold secrets) cannot wait, and are decided about at once.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from starlette.requests import Request

from gate import limits, settings
from gate.files import File
from gate.service import deciding, project_settings, recording
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.evidence import NotAgain
from gate.service.submission import Meta, Submission
from gate.stores import jobs, reports
from gate.stores.idempotency import Answer
from gate.stores.jobs import Job
from gate.stores.projects import Project
from gate.stores.writer import Transaction, Work

KIND: Final = "decide"
_PREFERENCE: Final = re.compile(r"\s*([A-Za-z-]+)")


def is_wanted(request: Request, asked: Submission) -> bool:
    """Whether the answer may be a job: the client prefers that, or there is much and it does not want to wait.

    Preferences as RFC 7240 has them: `respond-async`, `wait=60`.
    """
    given = ",".join(request.headers.getlist("prefer"))
    wanted = {found[1].lower() for part in given.split(",") if (found := _PREFERENCE.match(part))}
    if "respond-async" in wanted:
        return True
    return "wait" not in wanted and sum(len(file.data) for file in asked.files) > limits.SERVICE_AT_ONCE_BYTES


def put_off(
    service: Service, who: Caller, project: Project, asked: Submission, key: str | None
) -> Answer | None:
    """The answer 202, what was handed over and the job on the disk; None where it must be decided at once.

    Raises `GateError` and `Refusal` for what could never be decided, `OtherRequest` as `Service.once`.
    """
    value = project_settings.parsed(project.document)
    if asked.meta.environment is not None:
        settings.environment(value, asked.meta.environment)
    deciding.refuse_utf16(asked.files)
    reads = service.known_reports.read(project.id, asked.files, service.engine).reads
    kept = [deciding.kept_report(read) for read in reads]
    if any(report.content is None for report in kept):
        return None
    job_id = service.new_id()
    document = {
        "meta": asked.meta.model_dump(mode="json", exclude={"reports", "files"}),
        "files": [
            [file.path, file.declared, report.sha256] for file, report in zip(asked.files, kept, strict=True)
        ],
        "sha256": asked.sha256,
        "caller": msgspec.to_builtins(who),
    }
    location = f"/api/v1/jobs/{job_id}"
    body = msgspec.json.encode({"id": job_id, "kind": KIND, "state": "queued", "project": project.key})
    answer = Answer(request_sha256=asked.sha256, status=202, location=location, body=body)

    def work(transaction: Transaction) -> Answer:
        connection, now = transaction.connection, transaction.now
        reports.kept(transaction, project.id, kept, who.principal, now)
        jobs.queued(
            connection,
            job_id,
            kind=KIND,
            project_id=project.id,
            document=document,
            by=who.principal,
            at=now,
        )
        service.jobs_wait.set()
        return answer

    return service.once(who.principal, key, asked.sha256, work)


def decided(service: Service, project: Project, job: Job) -> Work[dict[str, Any]]:
    """What is to be written after the job's decision is made.

    Raises `GateError` and `Refusal` where there is none.
    """
    document = job.document
    caller = msgspec.convert(document["caller"], Caller)
    asked = Submission(
        meta=Meta.model_validate(document["meta"]),
        files=tuple(_files(service, document["files"])),
        sha256=document["sha256"],
    )
    given = deciding.decided(service, caller, project, asked)
    ready = deciding.recording(given, caller.principal, project)

    def work(transaction: Transaction) -> dict[str, Any]:
        recording.recorded(transaction, service, ready)
        return {"decision_id": ready.decision.decision_id, "outcome": ready.decision.outcome.value}

    return work


def _files(service: Service, named: list[list[str]]) -> list[File]:
    files: list[File] = []
    with service.database.reading() as connection:
        for path, declared, sha256 in named:
            data = reports.content(connection, sha256)
            if data is None:
                raise NotAgain(f"the bytes of {sha256} are no longer kept; hand them over once more")
            files.append(File(path=path, data=data, declared=declared))
    return files
