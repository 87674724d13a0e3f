"""A CI system's ID token for one of gate's: a quarter of an hour, one project, no more than a rule of it gives.

1. read it, find its issuer among those configured; 2. verify it; 3. what run it tells of;
4. the project's rules about that repository; 5. the strongest role that one of them gives the run
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec

from gate import globs, times
from gate.service.auth import SECRET_BYTES, new_token
from gate.service.ci_claims import Facts, facts
from gate.service.context import Service
from gate.service.id_tokens import Expected, Opened, Refused, verified
from gate.service.identity import Identity
from gate.service.permissions import Role
from gate.stores import events, projects, tokens, trusts
from gate.stores.tokens import Token
from gate.stores.trusts import Conditions, Trust
from gate.stores.writer import Transaction

LIFE_S: Final = 900
"""PRODUCT.md (d): a quarter of an hour."""
FORGOTTEN_AFTER: Final = timedelta(days=1)
ROLES: Final = (Role.CI, Role.VIEWER)
"""What a rule may give, strongest first: no pipeline approves, and none writes the rules it is judged by."""
_NO_RULE: Final = "no rule of this project fits the run"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was given to a run."""

    token: str
    role: Role
    project: str


def given(service: Service, identity: Identity, opened: Opened, project: str | None) -> Given:
    """The token for the run that `opened` vouches for, in `project` or the only one with a rule for it.

    Raises `Refused` where there is none, `Unreached` where its issuer cannot be asked.
    """
    its = identity.ci(opened.issuer)
    if its is None:
        raise Refused("its issuer is not one that this service believes")
    expected = Expected(issuer=its.issuer, audience=its.audience, max_age_s=float(its.max_age))
    claims = verified(opened, identity.keys(its.issuer), expected, service.now())
    run = facts(its.kind, its.name, claims)
    with service.database.reading() as connection:
        rules = trusts.about(connection, run.provider, run.repository_id)
        keys = projects.keys(connection, {rule.project_id for rule in rules})
    chosen = _chosen(rules, keys, run, project)
    if chosen is None:
        raise Refused(f"{_NO_RULE} {run.repository} (id {run.repository_id}) at {run.ref}, {run.event}")
    project_id, role = chosen
    return Given(token=_kept(service, project_id, role, run), role=role, project=keys[project_id])


def role_for(conditions: Conditions, run: Facts) -> Role | None:
    """What a rule gives a run; None where it does not fit.

    A run that anybody can start keeps no role that writes, and one of a proposed change only where the
    rule says so.
    """
    fits = (
        conditions.repository == run.repository
        and _any_fits(conditions.refs, run.ref)
        and _any_fits(conditions.workflows, run.workflow)
        and (conditions.environments is None or run.environment in conditions.environments)
        and (run.is_protected or not conditions.protected)
    )
    if not fits:
        return None
    role = Role(conditions.role)
    may_write = run.access == "own" or (run.access == "change" and conditions.changes)
    return role if may_write or role is Role.VIEWER else Role.VIEWER


def _any_fits(patterns: Iterable[str] | None, text: str | None) -> bool:
    if patterns is None:
        return True
    return text is not None and any(globs.fits(pattern, text) for pattern in patterns)


def _chosen(
    rules: Iterable[Trust], keys: dict[str, str], run: Facts, project: str | None
) -> tuple[str, Role] | None:
    """Project id and role; None where no rule fits, or those of several projects do and none was named."""
    roles: dict[str, set[Role]] = {}
    for rule in rules:
        role = role_for(rule.conditions, run)
        if role is not None and project in (None, keys.get(rule.project_id)):
            roles.setdefault(rule.project_id, set()).add(role)
    if len(roles) != 1:
        if roles:
            raise Refused("rules of several projects fit the run; name one as `audience`")
        return None
    project_id, its_roles = roles.popitem()
    return project_id, min(its_roles, key=ROLES.index)


def _kept(service: Service, project_id: str, role: Role, run: Facts) -> str:
    token = new_token(service.randomness(SECRET_BYTES))
    now = service.now()
    kept = Token(
        id=tokens.identity(token)[0],
        name=f"run of {run.repository} at {run.ref}"[:1_000],
        owner=f"{run.provider}:{run.actor}",
        project_id=project_id,
        role=role.value,
        created_at=times.sortable(now),
        created_by=run.provider,
        expires_at=times.sortable(now + timedelta(seconds=LIFE_S)),
        revoked_at=None,
        facts=msgspec.json.encode(run).decode(),
    )

    def work(transaction: Transaction) -> None:
        tokens.forgotten(transaction.connection, times.sortable(now - FORGOTTEN_AFTER))
        tokens.created(transaction.connection, token, kept)
        events.told(
            transaction.connection,
            at=transaction.now,
            project_id=project_id,
            by=kept.owner,
            action="token.exchanged",
            target=kept.id,
            role=kept.role,
            repository=run.repository,
            ref=run.ref,
            commit=run.commit,
            run=run.run,
        )

    service.writer.submit(work)
    return token
