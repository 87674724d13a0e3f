"""Reports by the digest of their bytes: kept once, seen only by the projects that handed them over."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from gate.stores import paging
from gate.stores.packing import packed, unpacked
from gate.stores.paging import Page
from gate.stores.schema import REPORT_UPLOADS, REPORTS
from gate.stores.writer import Transaction


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One report on its way into the store."""

    sha256: str
    path: str
    format: str | None
    size: int
    content: bytes | None
    """Compressed; None where it is withheld."""
    withheld: str | None = None


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One report as a project handed it over."""

    sha256: str
    path: str
    format: str | None
    by: str
    at: str
    size: int
    withheld: str | None


_COLUMNS = (
    REPORT_UPLOADS.c.sha256,
    REPORT_UPLOADS.c.path,
    REPORT_UPLOADS.c.format,
    REPORT_UPLOADS.c.by,
    REPORT_UPLOADS.c.at,
    REPORTS.c.size,
    REPORTS.c.withheld,
)
_INSERTS = {
    name: tuple(dialect.insert(table).on_conflict_do_nothing() for table in (REPORTS, REPORT_UPLOADS))
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_JOINED = select(*_COLUMNS).join(REPORTS, REPORTS.c.sha256 == REPORT_UPLOADS.c.sha256)


def ready(sha256: str, path: str, format_: str | None, data: bytes, withheld: str | None) -> Kept:
    """What is kept of a report's bytes."""
    content = packed(data) if withheld is None else None
    return Kept(sha256=sha256, path=path, format=format_, size=len(data), content=content, withheld=withheld)


def kept(transaction: Transaction, project_id: str, given: Iterable[Kept], by: str, at: str) -> None:
    """Keep `given` for the project; what is there already stays as it is."""
    insert_report, insert_upload = _INSERTS["postgresql" if transaction.is_postgresql else "sqlite"]
    for one in given:
        report = {
            "sha256": one.sha256,
            "size": one.size,
            "content": one.content,
            "withheld": one.withheld,
            "created_at": at,
        }
        transaction.later(insert_report, report, one.sha256)
        upload = {
            "project_id": project_id,
            "sha256": one.sha256,
            "path": one.path,
            "format": one.format,
            "by": by,
            "at": at,
        }
        transaction.later(insert_upload, upload, f"{project_id}/{one.sha256}")


def upload(connection: Connection, project_ids: Iterable[str] | None, sha256: str) -> Upload | None:
    """The report, if one of the projects (None: any) handed it over."""
    query = _JOINED.where(REPORT_UPLOADS.c.sha256 == sha256)
    if project_ids is not None:
        query = query.where(REPORT_UPLOADS.c.project_id.in_(list(project_ids)))
    row = connection.execute(query.order_by(REPORT_UPLOADS.c.at).limit(1)).first()
    return None if row is None else Upload(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def content(connection: Connection, sha256: str) -> bytes | None:
    """The bytes; None where they are withheld or not there."""
    row = connection.execute(select(REPORTS.c.content).where(REPORTS.c.sha256 == sha256)).first()
    return unpacked(row.content) if row is not None and row.content is not None else None


def listed(connection: Connection, project_id: str, cursor: str | None, limit: int) -> Page[Upload]:
    """What the project handed over, newest first."""
    query = _JOINED.where(REPORT_UPLOADS.c.project_id == project_id)
    keys = (REPORT_UPLOADS.c.at, REPORT_UPLOADS.c.sha256)
    rows = connection.execute(paging.after(query, keys, cursor, limit)).all()
    found = [Upload(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name
    return paging.page(found, limit, ("at", "sha256"))
