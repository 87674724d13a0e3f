"""The remote way in: a command line and files become a submission, the service's decision comes back.

The service's own project settings and waivers judge (CONTRACTS.md, Whose configuration judges a change); the
gate.yaml here says which files are handed over, which outputs are written, and may only ask for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import bootstrap, ci, files, inputs, job_token, local, rendering, settings, times
from gate.client import TIMEOUT_S, Client
from gate.configuration import Configuration, configuration
from gate.errors import SettingsError, quoted
from gate.files import File
from gate.gate_yaml import EnvironmentSettings
from gate.ids import uuid7
from gate.presentation import Presentation
from gate.wish import Wish

TOKEN_FILE: Final = "GATE_TOKEN_FILE"  # noqa: S105 - the name of a variable
_NOT_WITH_A_SERVER: Final = (
    ("policies", "--policy"),
    ("data", "--data"),
    ("waivers", "--waivers"),
    ("approvals", "--approvals"),
    ("baseline", "--baseline"),
    ("config_from", "--config-from"),
)
"""Its own count: a file that is handed over would replace what people decided."""
_NOTICES: Final = 100
_NOTICE_CHARACTERS: Final = 1_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate check --server` has to tell."""

    presentation: Presentation
    configuration: Configuration
    notices: tuple[str, ...]
    """What of the local configuration had no effect."""
    stdin: bytes | None = None


def token(given: str | None, environ: Mapping[str, str]) -> str | None:
    """The token: `--token`, else GATE_TOKEN, else the content of the file GATE_TOKEN_FILE.

    None where there is none and the CI job offers an ID token to exchange. Raises `SettingsError` where there is
    neither: nobody is asked without.
    """
    value = given or environ.get("GATE_TOKEN")
    path = environ.get(TOKEN_FILE)
    if not value and path:
        value = files.content(Path(path), TOKEN_FILE, SettingsError).decode("utf-8", "replace").strip()
    if not value and not path and job_token.is_offered(environ):
        return None
    if not value or not value.isascii() or not value.isprintable():
        raise SettingsError(
            "no token for the service" if not value else "the token holds characters no token has",
            code="usage",
            expected="--token, GATE_TOKEN, GATE_TOKEN_FILE, or a CI job with an ID token",
            fix="ask an administrator for one with role ci, or see docs/identity.md",
        )
    return value


def client(
    url: str,
    its_token: str | None,
    environ: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
    project: str | None = None,
) -> Client:
    """The service, asked with `its_token`, as `token` gives it: None exchanges the job's ID token first."""
    traceparent = environ.get("TRACEPARENT")
    if its_token is None:
        nobody = Client(url, None, timeout_s, traceparent)
        its_token = job_token.exchanged(nobody, url, project, environ)
    return Client(url, its_token, timeout_s, traceparent)


def asked(
    wish: Wish,
    url: str,
    its_token: str | None,
    root: Path,
    environ: Mapping[str, str],
    now: datetime,
    randomness: bytes,
) -> Asked:
    """The service's decision about what `wish` names.

    Raises `GateError` where there is none: unreachable, refused, not understood.
    """
    _refuse_what_the_service_has(wish)
    run = ci.detected(environ) if wish.ci == "auto" else None
    with configuration(wish.config, None, root, None) as config:
        project = wish.project or config.settings.project or (run.project if run else None)
        if project is None:
            raise SettingsError(
                "no project to ask the service about",
                code="usage",
                expected="--project, or project in gate.yaml",
                fix="name the project as the service knows it",
            )
        environment = _environment(config, wish.environment)
        named = local.handed(wish, config, root)
        stdin: list[bytes] = []
        given = list(inputs.read(named, stdin if wish.keep_stdin else None, progress=wish.progress))
        _refuse_contradictions(given)
        left_out = (
            *files.left_out(named.paths, named.base, without=named.elsewhere),
            *rendering.left_out(named.rendered, named.base),
        )
        subject = local.subject_of(wish, project, root, run, local.clone(root) if wish.environment else None)
        meta = _meta(wish, project, subject, environment, left_out)
        # Last of all: what a job's ID token is exchanged for counts for a quarter of an hour.
        service = client(url, its_token, environ, _timeout_s(wish), project)
        shown = service.decide(meta, given, uuid7(now, randomness))
        notices = _without_effect(config)
    return Asked(presentation=shown, configuration=config, notices=notices, stdin=stdin[0] if stdin else None)


def _refuse_contradictions(given: Sequence[File]) -> None:
    """Raise where a tool that was run says one thing by its exit code and another in its report.

    The service sees the report alone, so this is looked at before it is sent.
    """
    made = tuple(file for file in given if file.made is not None)
    if made:
        with bootstrap.engine() as engine:
            bootstrap.ingested(made, engine)


def _refuse_what_the_service_has(wish: Wish) -> None:
    flags = [flag for name, flag in _NOT_WITH_A_SERVER if getattr(wish, name)]
    if flags:
        raise SettingsError(
            f"{flags[0]} together with --server",
            code="usage",
            expected="the service's own settings, waivers and approvals",
            fix="leave it out, or decide here without --server",
        )


def _environment(config: Configuration, name: str | None) -> EnvironmentSettings | None:
    """The environment as gate.yaml here has it, if it has it: the service's own decides whether it exists."""
    names = [one.name for one in config.settings.environments]
    aliases = [alias for one in config.settings.environments for alias in one.aliases]
    return settings.environment(config.settings, name) if name in (*names, *aliases) and name else None


def _meta(
    wish: Wish,
    project: str,
    subject: Any,
    environment: EnvironmentSettings | None,
    left_out: tuple[str, ...],
) -> dict[str, Any]:
    evidence = environment.evidence if environment else None
    require = {*wish.require, *(evidence.require or () if evidence else ())}
    ages = [
        times.duration_s(wish.max_age) if wish.max_age else None,
        evidence.max_age_s if evidence else None,
    ]
    shortest = min((age for age in ages if age), default=None)
    if wish.max_age and not times.duration_s(wish.max_age):
        raise SettingsError(f"--max-age {quoted(wish.max_age)} is no duration", code="usage", expected="24h")
    facts = ("type", "name", "digest", "repository", "commit", "branch", "author")
    return {
        "project": project,
        "environment": wish.environment,
        "subject": {name: getattr(subject, name) for name in facts},
        "require": sorted(str(kind) for kind in require),
        "max_age": f"{shortest:g}s" if shortest else None,
        "notices": [notice[:_NOTICE_CHARACTERS] for notice in left_out[:_NOTICES]],
    }


def _timeout_s(wish: Wish) -> float:
    if wish.timeout is None:
        return TIMEOUT_S
    seconds = times.duration_s(wish.timeout)
    if not seconds:
        raise SettingsError(f"--timeout {quoted(wish.timeout)} is no duration", code="usage", expected="30s")
    return seconds


def _without_effect(config: Configuration) -> tuple[str, ...]:
    """Notices about what gate.yaml says and the service does not look at: its own settings judge."""
    value, plain = config.settings, settings.defaults()
    named = [
        name
        for name in ("policies", "thresholds", "baseline")
        if getattr(value, name) != getattr(plain, name)
    ]
    return (f"{config.label}: {', '.join(named)}: not looked at, the service's own count",) if named else ()
