"""Section `identity` of the platform's file: whom the service believes, and what the believed may (docs/identity.md).

It belongs to those who run the service: no project's settings change it. Read strictly, every problem with its
place; nothing is asked of any provider here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from gate import times
from gate.documents import shape, yaml
from gate.documents.shape import Duration
from gate.errors import Problem, SettingsError, quoted
from gate.service.outbound import Reach, Unreached, target
from gate.service.permissions import INSTANCE_ONLY, Role
from gate.service.secret_files import SecretFile

SECTION: Final = "identity"
OTHERS: Final = frozenset({"admission"})
"""Sections of the same file that others read."""
LONGEST_AGE_S: Final = 24 * 3_600.0
LONGEST_SESSION_S: Final = 24 * 3_600.0

Url = Annotated[str, Meta(pattern="^https://[^\\s]+$", max_length=500, title="an https:// URL")]
Text = Annotated[str, Meta(pattern="^[^\\x00-\\x1f\\x7f]+$", max_length=1_000, title="text")]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]*$", title="a name of a-z, 0-9, '.', '_', '-'")]
Projects = Annotated[
    str, Meta(pattern="^[A-Za-z0-9*?][A-Za-z0-9._/*?-]*$", title="a project, or a pattern of *, ** and ?")
]
Port = Annotated[int, Meta(ge=1, le=65_535, title="a port")]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file: keys that it does not have are refused."""


class CiSettings(_Section, frozen=True, kw_only=True):
    """One CI system whose ID tokens are exchanged for gate's."""

    name: Name
    """What rules of projects call it."""
    kind: Literal["github", "gitlab"]
    issuer: Url
    audience: Text
    """Exactly what a pipeline asks its token for; of this service alone."""
    max_age: Duration = msgspec.field(default_factory=lambda: Duration(3_600))
    """Oldest token that is exchanged."""


class LoginSettings(_Section, frozen=True, kw_only=True):
    """Where people log in."""

    issuer: Url
    client_id: Text
    client_secret_file: Text
    scopes: tuple[Text, ...] = ("openid", "profile", "email")
    groups_claim: Text = "groups"
    session: Duration = msgspec.field(default_factory=lambda: Duration(8 * 3_600))
    """How long a login counts."""
    idle: Duration = msgspec.field(default_factory=lambda: Duration(3_600))
    """How long one that nobody uses counts."""


class GroupRole(_Section, frozen=True, kw_only=True):
    """What members of a group of the identity provider are."""

    group: Text
    role: Role
    projects: Annotated[tuple[Projects, ...], Meta(min_length=1)] | None = None
    """None: the whole instance."""


class Network(_Section, frozen=True, kw_only=True):
    """Where providers may be besides port 443 of public addresses."""

    private: tuple[Text, ...] = ()
    """Networks, as 10.20.0.0/16."""
    ports: tuple[Port, ...] = (443,)
    ca_file: Text | None = None
    """PEM certificates that are believed instead of the system's."""


class IdentitySettings(_Section, frozen=True, kw_only=True):
    """The section."""

    url: Url | None = None
    """Where browsers find this service; needed for `login`."""
    ci: tuple[CiSettings, ...] = ()
    login: LoginSettings | None = None
    roles: tuple[GroupRole, ...] = ()
    network: Network = Network()


class _File(_Section, frozen=True, kw_only=True):
    version: Literal[1]
    identity: IdentitySettings = IdentitySettings()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The section, with what it names."""

    settings: IdentitySettings
    reach: Reach
    client_secret: SecretFile | None = None


def wanted(content: bytes, path: str) -> Wanted | None:
    """Section `identity` of the file `content` at `path`; None where it has none.

    Paths in it start at the file's folder. Raises `SettingsError` with every problem and its place.
    """
    parsed = yaml.parsed(content, path, SettingsError)
    if not isinstance(parsed.value, dict) or SECTION not in parsed.value:
        return None
    mine = {key: part for key, part in parsed.value.items() if key not in OTHERS}
    parsed = dataclasses.replace(parsed, value=mine)
    if found := shape.problems(parsed, shape.schema(_File), SettingsError.code):
        raise SettingsError(problems=found)
    settings: IdentitySettings = msgspec.convert(parsed.value, _File, dec_hook=_duration).identity
    if found := tuple(_contradictions(settings, parsed)):
        raise SettingsError(problems=found)
    folder, network = Path(path).parent, settings.network
    reach = Reach(
        private=tuple(ipaddress.ip_network(text) for text in network.private),
        ports=network.ports,
        ca_file=str(folder / network.ca_file) if network.ca_file else None,
    )
    secret = SecretFile(folder / settings.login.client_secret_file) if settings.login else None
    return Wanted(settings=settings, reach=reach, client_secret=secret)


def has_admission(content: bytes, path: str) -> bool:
    """Whether the file has something for admission."""
    value = yaml.parsed(content, path, SettingsError).value
    return not isinstance(value, dict) or SECTION not in value or bool(OTHERS & value.keys())


def _contradictions(settings: IdentitySettings, parsed: yaml.Parsed) -> Iterator[Problem]:
    def wrong(keys: tuple[str | int, ...], message: str, fix: str) -> Problem:
        return shape.problem(parsed, SettingsError.code, (SECTION, *keys), message, fix=fix)

    names = [one.name for one in settings.ci]
    issuers = [one.issuer for one in settings.ci]
    for index, one in enumerate(settings.ci):
        if one.name in names[:index] or one.issuer in issuers[:index]:
            yield wrong(("ci", index), f"{quoted(one.name)} or its issuer is there twice", "keep one of them")
        if not 0 < one.max_age <= LONGEST_AGE_S:
            yield wrong(("ci", index, "max_age"), "max_age is not from 1 s to 24 h", "shorten it")
        yield from _issuer(settings, ("ci", index, "issuer"), one.issuer, wrong)
    if settings.login is not None:
        yield from _issuer(settings, ("login", "issuer"), settings.login.issuer, wrong)
        if settings.url is None:
            yield wrong(("login",), "login without `url`", "say where browsers find this service")
        if "openid" not in settings.login.scopes:
            yield wrong(("login", "scopes"), "scopes without openid", "add openid")
        if not 0 < settings.login.session <= LONGEST_SESSION_S:
            yield wrong(("login", "session"), "session is not from 1 s to 24 h", "shorten it")
        if not 0 < settings.login.idle <= LONGEST_SESSION_S:
            yield wrong(("login", "idle"), "idle is not from 1 s to 24 h", "shorten it")
    yield from _of_roles(settings, wrong)


def _of_roles(settings: IdentitySettings, wrong: Any) -> Iterator[Problem]:
    for index, role in enumerate(settings.roles):
        if role.role is Role.ADMISSION or (role.projects is not None and role.role in INSTANCE_ONLY):
            where = "for no person" if role.role is Role.ADMISSION else "for the whole instance"
            yield wrong(("roles", index, "role"), f"{role.role} is {where}", "name another role")
    for index, network in enumerate(settings.network.private):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield wrong(("network", "private", index), f"no network: {error}", "write 10.20.0.0/16")


def _issuer(
    settings: IdentitySettings, keys: tuple[str | int, ...], issuer: str, wrong: Any
) -> Iterator[Problem]:
    try:
        target(issuer, settings.network.ports)
    except Unreached as error:
        yield wrong(keys, f"{quoted(issuer)} is never asked: {error}", "correct it")


def _duration(_: type, text: str) -> Duration:
    return Duration(times.duration_s(text) or 0.0)
