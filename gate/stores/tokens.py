"""Tokens: their digests, whose they are, where they count and until when. Never a token itself."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gate.stores import paging
from gate.stores.often import Often
from gate.stores.paging import Page
from gate.stores.schema import TOKENS

_ID_CHARACTERS: Final = 16
_NOBODY: Final = "0" * 64
_AT_A_TIME: Final = 100
"""Most tokens of runs forgotten when one is made."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one token."""

    id: str
    name: str
    owner: str
    """The person or machine that acts with it."""
    project_id: str | None
    """None: the whole instance."""
    role: str
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    facts: str | None = None
    """JSON of what was verified of the run that it was given to; None for one that somebody made."""


_COLUMNS = tuple(column for column in TOKENS.c if column.name != "sha256")
_BY_ID = Often(select(TOKENS.c.sha256, *_COLUMNS).where(TOKENS.c.id == bindparam("its_id")))
_NAMES: Final = tuple(column.name for column in _COLUMNS)


def identity(token: str) -> tuple[str, str]:
    """The id under which `token` is found, and its digest."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    # The digest of the digest: whoever sees an id learns nothing of what is compared.
    return hashlib.sha256(digest.encode()).hexdigest()[:_ID_CHARACTERS], digest


def known(connection: Connection, token: str, now: str) -> Token | None:
    """The token, if it is one and still counts at `now`."""
    its_id, digest = identity(token)
    row = _BY_ID.row(connection, its_id=its_id)
    # Compared also where there is none: the time taken tells nothing.
    is_same = hmac.compare_digest(row[0] if row else _NOBODY, digest)
    if row is None or not is_same:
        return None
    found = Token(**dict(zip(_NAMES, row[1:], strict=True)))
    if found.revoked_at is not None or (found.expires_at is not None and found.expires_at <= now):
        return None
    return found


def created(connection: Connection, token: str, kept: Token) -> None:
    """Put `kept` down as what is known of `token`."""
    connection.execute(insert(TOKENS), {**msgspec.structs.asdict(kept), "sha256": identity(token)[1]})


def by_id(connection: Connection, token_id: str) -> Token | None:
    """The token of that id, revoked and expired ones too."""
    row = connection.execute(select(*_COLUMNS).where(TOKENS.c.id == token_id)).one_or_none()
    return None if row is None else _token(row)


def listed(
    connection: Connection, project_id: str | None, *, everything: bool, cursor: str | None, limit: int
) -> Page[Token]:
    """Tokens of one project (None: of the instance), or of all with `everything`."""
    query = select(*_COLUMNS)
    if not everything:
        query = query.where(TOKENS.c.project_id == project_id)
    rows = connection.execute(paging.after(query, (TOKENS.c.created_at, TOKENS.c.id), cursor, limit)).all()
    return paging.page([_token(row) for row in rows], limit, ("created_at", "id"))


def revoked(connection: Connection, token_id: str, at: str) -> None:
    """Take it back; the first time counts."""
    is_it = (TOKENS.c.id == token_id) & TOKENS.c.revoked_at.is_(None)
    connection.execute(update(TOKENS).where(is_it).values(revoked_at=at))


def prolonged(connection: Connection, token_id: str, expires_at: str) -> None:
    """Let it count until `expires_at`, unless it was revoked."""
    is_it = (TOKENS.c.id == token_id) & TOKENS.c.revoked_at.is_(None)
    connection.execute(update(TOKENS).where(is_it).values(expires_at=expires_at))


def forgotten(connection: Connection, before: str) -> None:
    """Remove tokens of runs that expired `before`; the audit log and their decisions tell of them."""
    old = (
        select(TOKENS.c.id).where(TOKENS.c.expires_at < before, TOKENS.c.facts.is_not(None)).limit(_AT_A_TIME)
    )
    connection.execute(delete(TOKENS).where(TOKENS.c.id.in_(old)))


def has_admin(connection: Connection, now: str) -> bool:
    """Whether an administrator's token still counts."""
    query = select(TOKENS.c.id).where(
        TOKENS.c.role == "admin",
        TOKENS.c.revoked_at.is_(None),
        TOKENS.c.expires_at.is_(None) | (TOKENS.c.expires_at > now),
    )
    return connection.execute(query.limit(1)).first() is not None


def _token(row: object) -> Token:
    return Token(**{column.name: getattr(row, column.name) for column in _COLUMNS})
