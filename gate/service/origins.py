"""Where a decision comes from: what a CI system vouched for stands, what the request says besides is kept as claimed."""

from __future__ import annotations

import msgspec

from gate.errors import quoted
from gate.model import Subject
from gate.service.ci_claims import Facts
from gate.service.submission import SubjectIn

_VOUCHED: tuple[str, ...] = ("repository", "commit", "branch", "author")


def subject(given: SubjectIn, project: str, facts: Facts | None) -> Subject:
    """What is judged. With `facts` nothing that they tell of is taken from the request, not even where they are silent."""
    told = _told(facts) if facts is not None else {name: getattr(given, name) for name in _VOUCHED}
    return Subject(
        type=given.type or ("image" if given.digest else "source"),
        name=given.name or project,
        digest=given.digest,
        claimed=facts is None,
        **told,
    )


def claimed(given: SubjectIn, facts: Facts | None) -> dict[str, str]:
    """What the request says and the verified facts do not."""
    if facts is None:
        return {}
    told = _told(facts)
    said = {name: getattr(given, name) for name in _VOUCHED}
    return {name: value for name, value in said.items() if value is not None and value != told[name]}


def notices(given: SubjectIn, facts: Facts | None) -> tuple[str, ...]:
    """What whoever asked is told of `claimed`."""
    if facts is None:
        return ()
    told = _told(facts)
    return tuple(
        f"{name}: {facts.provider} vouches for {quoted(told[name]) if told[name] else 'none'}; "
        f"{quoted(value)} is kept as claimed"
        for name, value in claimed(given, facts).items()
    )


def document(given: SubjectIn, facts: Facts | None) -> str | None:
    """What is kept with the decision, as JSON."""
    if facts is None:
        return None
    return msgspec.json.encode({"verified": facts, "claimed": claimed(given, facts)}).decode()


def askers(by: str, given: SubjectIn) -> tuple[str, ...]:
    """Who is behind a request besides the verified author: none of them approves it."""
    return tuple(name for name in (by, given.author) if name)


def _told(facts: Facts) -> dict[str, str | None]:
    return {
        "repository": facts.url,
        "commit": facts.commit,
        "branch": facts.branch,
        "author": facts.actor,
    }
