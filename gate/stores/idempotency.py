"""Answers by idempotency key: written with what they tell of, so that asking twice does nothing twice."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from gate.stores.packing import packed, unpacked
from gate.stores.schema import IDEMPOTENCY
from gate.stores.writer import Transaction


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered."""

    request_sha256: str
    status: int
    location: str | None
    body: bytes


def known(connection: Connection, principal: str, key: str, oldest: str) -> Answer | None:
    """What `principal` was answered under `key`, at `oldest` or later."""
    query = select(IDEMPOTENCY).where(
        IDEMPOTENCY.c.principal == principal, IDEMPOTENCY.c.key == key, IDEMPOTENCY.c.created_at >= oldest
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Answer(
        request_sha256=row.request_sha256, status=row.status, location=row.location, body=unpacked(row.body)
    )


_OUT_OF_DATE = delete(IDEMPOTENCY).where(
    IDEMPOTENCY.c.principal == bindparam("its_principal"),
    IDEMPOTENCY.c.key == bindparam("its_key"),
    IDEMPOTENCY.c.created_at < bindparam("oldest"),
)
_INSERT = insert(IDEMPOTENCY)


def kept(transaction: Transaction, principal: str, key: str, answer: Answer, oldest: str) -> None:
    """Keep `answer` in the transaction of what it tells of; one older than `oldest` makes room.

    The transaction ends in `Clash` where somebody else was faster.
    """
    transaction.later(_OUT_OF_DATE, {"its_principal": principal, "its_key": key, "oldest": oldest})
    row = {
        "principal": principal,
        "key": key,
        "request_sha256": answer.request_sha256,
        "status": answer.status,
        "location": answer.location,
        "body": packed(answer.body),
        "created_at": transaction.now,
    }
    transaction.later(_INSERT, row)
