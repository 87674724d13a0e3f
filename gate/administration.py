"""What administrators and owners of teams ask of the service, as values: tokens, projects, teams.

A page is followed by the next until there is none: what these give is whole, or an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec

from gate.client import Client
from gate.errors import GateError

T = TypeVar("T")
Kind = Literal["person", "group"]
_MOST_PAGES: Final = 1_000
_PAGE: Final = 500


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What the service knows of a token."""

    id: str
    name: str
    owner: str
    role: str
    project: str | None
    """None: the whole instance."""
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    token: str | None = None
    """The token itself: only where it was made just now."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project and its settings."""

    project: str
    version: int
    settings: str
    created_at: str
    updated_at: str
    updated_by: str
    not_used: tuple[str, ...] = ()
    """Keys of the settings that the service does not look at; told where they were put."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a team."""

    kind: Kind
    name: str
    issuer: str
    is_owner: bool
    roles: tuple[str, ...]
    added_at: str
    added_by: str


class TeamName(msgspec.Struct, frozen=True, kw_only=True):
    """A team in a list."""

    team: str
    created_at: str
    created_by: str


class Team(TeamName, frozen=True, kw_only=True):
    """A team, who is in it and what is its."""

    members: tuple[Member, ...]
    projects: tuple[str, ...]
    namespaces: tuple[str, ...]


class Administration:
    """One service, administered; every method raises `GateError` where it refuses or is away."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create_token(
        self, *, name: str, owner: str, role: str, project: str | None, expires_in_days: int
    ) -> Token:
        """A fresh token."""
        wanted = {
            "name": name,
            "owner": owner,
            "role": role,
            "project": project,
            "expires_in_days": expires_in_days,
        }
        made = self._asked(Token, "POST", "/tokens", wanted)
        if not made.token:
            raise GateError("the service answered without the token", code="server_answer")
        return made

    def tokens(self, project: str | None = None) -> list[Token]:
        """Tokens of a project, or (None) all, newest first."""
        return self._all(Token, "/tokens", f"&project={_part(project)}" if project else "")

    def revoke_token(self, token_id: str) -> None:
        """Have a token count no longer."""
        self._client.ask("DELETE", f"/api/v1/tokens/{_part(token_id)}")

    def projects(self) -> list[Project]:
        """Every project that the caller may know of, newest first."""
        return self._all(Project, "/projects")

    def project(self, key: str) -> Project:
        """One project."""
        return self._asked(Project, "GET", f"/projects/{quote(key)}")

    def put_project(self, key: str, settings: str, version: int | None = None) -> Project:
        """Make a project, or (`version`: what was read) replace its settings."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return self._asked(Project, "PUT", f"/projects/{quote(key)}", {"settings": settings}, **headers)

    def teams(self) -> list[TeamName]:
        """Teams that the caller may know of, newest first."""
        return self._all(TeamName, "/teams")

    def team(self, name: str) -> Team:
        """One team."""
        return self._asked(Team, "GET", f"/teams/{_part(name)}")

    def create_team(self, name: str) -> Team:
        """A team of nobody, with nothing."""
        return self._asked(Team, "POST", "/teams", {"name": name})

    def remove_team(self, name: str) -> None:
        """Have there be no such team."""
        self._client.ask("DELETE", f"/api/v1/teams/{_part(name)}")

    def put_member(self, team: str, kind: Kind, name: str, roles: Sequence[str], *, is_owner: bool) -> Team:
        """Take somebody in, or change what they are."""
        wanted = {"kind": kind, "name": name, "roles": list(roles), "is_owner": is_owner}
        return self._asked(Team, "PUT", f"/teams/{_part(team)}/members", wanted)

    def remove_member(self, team: str, kind: Kind, name: str) -> None:
        """Have somebody be in the team no longer."""
        self._client.ask("DELETE", f"/api/v1/teams/{_part(team)}/members/{kind}/{_part(name)}")

    def give(self, team: str, what: Literal["projects", "namespaces"], name: str) -> Team:
        """Make a project or a namespace the team's."""
        return self._asked(Team, "PUT", f"/teams/{_part(team)}/{what}/{quote(name)}")

    def take(self, team: str, what: Literal["projects", "namespaces"], name: str) -> None:
        """Make it nobody's."""
        self._client.ask("DELETE", f"/api/v1/teams/{_part(team)}/{what}/{quote(name)}")

    def _asked(self, kind: type[T], method: str, path: str, value: object = None, **headers: str) -> T:
        return _converted(self._client.ask(method, f"/api/v1{path}", value, **headers), kind)

    def _all(self, kind: type[T], path: str, query: str = "") -> list[T]:
        found: list[T] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = self._client.ask("GET", f"/api/v1{path}?limit={_PAGE}{query}{cursor}")
            found += _converted(page["items"] if isinstance(page, dict) else page, list[kind])  # type: ignore[valid-type]
            following = page.get("next")
            if following is None:
                return found
            cursor = f"&cursor={_part(following)}"
        raise GateError(f"{path} has more than {_MOST_PAGES * _PAGE} entries", code="too_many")


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise GateError(
            f"the service's answer is not understood: {str(error)[:200]}",
            code="server_answer",
            expected="a gate service of the same version",
            fix="check --server, and `gate version` on both sides",
        ) from None


def _part(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")
