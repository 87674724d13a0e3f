"""What admission decided, as its spool hands it over: the same record again replaces itself."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from gate.feed import AdmissionRecord
from gate.stores.packing import packed
from gate.stores.schema import ADMISSION_RECORDS, ADMISSIONS
from gate.stores.writer import Transaction


def recorded(transaction: Transaction, given: AdmissionRecord) -> None:
    """Keep a record, unless a newer state of it is there; a first admission goes to the feed.

    A spool may send an older state after a newer one: the greater count stays.
    """
    connection = transaction.connection
    is_it = ADMISSION_RECORDS.c.record_id == given.record_id
    there = connection.execute(select(ADMISSION_RECORDS.c.count).where(is_it)).scalar()
    if there is not None and there > given.count:
        return
    connection.execute(delete(ADMISSION_RECORDS).where(is_it))
    row = msgspec.structs.asdict(given)
    row["outcome"] = given.outcome.value
    row["digests"] = msgspec.json.encode(given.digests).decode()
    row["decision"] = None if given.decision is None else packed(msgspec.json.encode(given.decision))
    connection.execute(insert(ADMISSION_RECORDS), row)
    if given.outcome in ("pass", "warn") and given.environment and given.project:
        for digest in given.digests:
            _admitted(transaction, given.project, given.environment, digest, given.first_at)


def _admitted(transaction: Transaction, project: str, environment: str, digest: str, first_at: str) -> None:
    key = {"project": project, "environment": environment, "digest": digest}
    connection = transaction.connection
    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {**key, "first_at": first_at}
    done = made(ADMISSIONS).values(row).on_conflict_do_nothing().returning(ADMISSIONS.c.digest)
    if connection.execute(done).first() is not None:
        transaction.changes.append({"kind": "admitted", **key})
