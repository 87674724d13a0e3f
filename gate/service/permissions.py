"""Who may do what: roles, and the permissions each brings. Docs and tests read this table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec


class Permission(StrEnum):
    """What a route wants; every route names exactly one."""

    PUBLIC = "public"
    """Anybody, without a token: health, and the description of the API."""
    SELF_READ = "self:read"
    """Anybody with a token."""
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    PROJECTS_CREATE = "projects:create"
    DECISIONS_READ = "decisions:read"
    DECISIONS_WRITE = "decisions:write"
    EVALUATE = "evaluate"
    REPORTS_READ = "reports:read"
    REPORTS_WRITE = "reports:write"
    FINDINGS_READ = "findings:read"
    WAIVERS_READ = "waivers:read"
    WAIVERS_REQUEST = "waivers:request"
    WAIVERS_APPROVE = "waivers:approve"
    APPROVALS_READ = "approvals:read"
    APPROVALS_GIVE = "approvals:give"
    AUDIT_READ = "audit:read"
    AUDIT_VERIFY = "audit:verify"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    TRUSTS_READ = "trusts:read"
    TRUSTS_WRITE = "trusts:write"
    ADMISSION_READ = "admission:read"
    ADMISSION_WRITE = "admission:write"
    GRANTS_REQUEST = "grants:request"
    """Break-glass, asked for or taken back."""
    GRANTS_APPROVE = "grants:approve"
    METRICS_READ = "metrics:read"
    TEAMS_READ = "teams:read"
    TEAMS_WRITE = "teams:write"
    """Which teams there are, and what is theirs."""
    TEAMS_DELEGATE = "teams:delegate"
    """Who is in a team, as what."""


class Role(StrEnum):
    """What a token is, in one project or in the whole instance."""

    VIEWER = "viewer"
    CI = "ci"
    DEVELOPER = "developer"
    APPROVER = "approver"
    POLICY_OWNER = "policy_owner"
    AUDITOR = "auditor"
    ADMIN = "admin"
    ADMISSION = "admission"


INSTANCE_ONLY: Final = frozenset({Role.ADMIN, Role.ADMISSION})
"""Roles that no token of a single project can have."""

_P = Permission
_VIEW: Final = frozenset(
    {
        _P.SELF_READ,
        _P.PROJECTS_READ,
        _P.DECISIONS_READ,
        _P.FINDINGS_READ,
        _P.WAIVERS_READ,
        _P.APPROVALS_READ,
    }
)
_ASK: Final = frozenset({_P.DECISIONS_WRITE, _P.EVALUATE, _P.REPORTS_READ, _P.REPORTS_WRITE})
_TRUST: Final = frozenset({_P.TRUSTS_READ, _P.TRUSTS_WRITE})

ROLES: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEW,
    Role.CI: _VIEW | _ASK,
    Role.DEVELOPER: _VIEW | _ASK | {_P.WAIVERS_REQUEST},
    Role.APPROVER: _VIEW
    | {_P.REPORTS_READ, _P.WAIVERS_REQUEST, _P.WAIVERS_APPROVE, _P.APPROVALS_GIVE}
    | {_P.GRANTS_REQUEST, _P.GRANTS_APPROVE},
    Role.POLICY_OWNER: _VIEW
    | {_P.REPORTS_READ, _P.EVALUATE, _P.WAIVERS_REQUEST, _P.PROJECTS_WRITE, _P.GRANTS_REQUEST}
    | _TRUST,
    Role.AUDITOR: _VIEW | {_P.REPORTS_READ, _P.AUDIT_READ, _P.AUDIT_VERIFY, _P.TRUSTS_READ, _P.TEAMS_READ},
    Role.ADMIN: frozenset(_P)
    - {_P.WAIVERS_APPROVE, _P.APPROVALS_GIVE, _P.ADMISSION_WRITE, _P.GRANTS_APPROVE},
    Role.ADMISSION: frozenset({_P.SELF_READ, _P.ADMISSION_READ, _P.ADMISSION_WRITE}),
}
"""An administrator neither approves nor speaks for a cluster: who gives out tokens gives no consent."""

INSTANCE_WIDE: Final = frozenset(
    {
        _P.PROJECTS_CREATE,
        _P.AUDIT_VERIFY,
        _P.TOKENS_READ,
        _P.TOKENS_WRITE,
        _P.ADMISSION_READ,
        _P.ADMISSION_WRITE,
        _P.GRANTS_REQUEST,
        _P.GRANTS_APPROVE,
        _P.METRICS_READ,
        _P.TEAMS_READ,
        _P.TEAMS_WRITE,
        _P.TEAMS_DELEGATE,
    }
)
"""What only a token of the whole instance may do: it is about all projects at once."""


OF_NAMESPACES: Final = frozenset({_P.GRANTS_REQUEST, _P.GRANTS_APPROVE})
"""What a role in a team brings in the namespaces of the team."""


def of_roles(roles: Iterable[str]) -> frozenset[Permission]:
    """What these roles bring together."""
    return frozenset[Permission]().union(*(ROLES[Role(role)] for role in roles))


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One role, and where."""

    role: Role
    project_id: str | None
    """None: every project, and the instance itself."""
