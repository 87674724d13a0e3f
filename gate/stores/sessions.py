"""Browsers that are logged in: whose they are and until when. Never the cookie itself."""

from __future__ import annotations

import hmac
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from gate.stores.identity_schema import SESSIONS
from gate.stores.tokens import identity

_NOBODY: Final = "0" * 64
_AT_A_TIME: Final = 100


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One login."""

    id: str
    principal: str
    issuer: str
    subject: str
    groups: tuple[str, ...]
    """As the identity provider said at the login."""
    created_at: str
    expires_at: str
    used_at: str | None = None
    """About when it was last used; None: not since it began."""

    @property
    def last(self) -> str:
        """When it was last used or began."""
        return max(self.used_at or "", self.created_at)


def created(connection: Connection, secret: str, session: Session) -> None:
    """Put `session` down as what the cookie `secret` stands for; those that ended before make room."""
    old = select(SESSIONS.c.id).where(SESSIONS.c.expires_at < session.created_at).limit(_AT_A_TIME)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(old)))
    row = msgspec.structs.asdict(session)
    row["groups"] = msgspec.json.encode(session.groups).decode()
    connection.execute(insert(SESSIONS), {**row, "sha256": identity(secret)[1]})


def known(connection: Connection, secret: str, now: str, idle_since: str) -> Session | None:
    """The session of the cookie `secret`, if it is one, still counts at `now` and was used after `idle_since`."""
    its_id, digest = identity(secret)
    row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == its_id)).one_or_none()
    # Compared also where there is none: the time taken tells nothing.
    is_same = hmac.compare_digest(row.sha256 if row else _NOBODY, digest)
    if row is None or not is_same or row.ended_at is not None or row.expires_at <= now:
        return None
    found = Session(
        id=row.id,
        principal=row.principal,
        issuer=row.issuer,
        subject=row.subject,
        groups=msgspec.json.decode(row.groups, type=tuple[str, ...]),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
    return found if found.last > idle_since else None


def used(connection: Connection, session_id: str, at: str) -> None:
    """Put down that somebody uses it."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(used_at=at))


def ended(connection: Connection, session_id: str, at: str) -> None:
    """Let it count no longer."""
    is_it = (SESSIONS.c.id == session_id) & SESSIONS.c.ended_at.is_(None)
    connection.execute(update(SESSIONS).where(is_it).values(ended_at=at))
