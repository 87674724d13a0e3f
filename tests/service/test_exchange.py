"""CI ID tokens for tokens of gate: which are believed, what they give, where the decision's facts come from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service.claims import (
    COMMIT,
    Claims,
    bent,
    encoded,
    exchanged,
    github,
    gitlab,
    trusting,
    unsigned,
    with_public_key_as_secret,
)
from tests.service.provider import Provider
from tests.service.server import Server

Bad = Callable[[Provider, Claims], str]


class Later(int):
    """Seconds from when the token is made."""


def changed(**claims: Any) -> Bad:
    """A token that is signed well and says something else; None takes a claim out."""

    def make(provider: Provider, given: Claims) -> str:
        now = int(time.time())
        said = {name: now + value if isinstance(value, Later) else value for name, value in claims.items()}
        whole = {**given, **said}
        return provider.token("github", {name: value for name, value in whole.items() if value is not None})

    return make


def signed(**header: Any) -> Bad:
    """A token that is signed well under another header."""
    return lambda provider, given: provider.token("github", given, **header)


def by(key: RSAKey | ECKey, algorithm: str) -> Bad:
    """A token that is signed by a stranger under the key id of the issuer."""

    def make(provider: Provider, given: Claims) -> str:
        kids = {one["kty"]: one["kid"] for one in provider.keys("github")}
        header = {"alg": algorithm, "kid": kids[key.key_type]}
        return jwt.encode(header, given, key, algorithms=[algorithm])

    return make


def raw(claims: str) -> Bad:
    """A token whose claims are this text."""

    def make(provider: Provider, given: Claims) -> str:
        header = provider.token("github", given).split(".")[0]
        return f"{header}.{encoded(claims.replace('GIVEN', json.dumps(given)[1:-1]).encode())}.AAAA"

    return make


REFUSED: Final[dict[str, tuple[Bad, str]]] = {
    # Shapes.
    "empty parts": (lambda _, __: "..", "three parts"),
    "one part": (lambda _, __: "abc", "three parts"),
    "five parts (JWE)": (lambda p, g: p.token("github", g) + ".AAAA.AAAA", "three parts"),
    "JSON serialisation": (lambda _, __: '{"payload":"","signatures":[]}', "three parts"),
    "white space inside": (lambda p, g: p.token("github", g).replace(".", ". ", 1), "three parts"),
    "padding": (lambda p, g: p.token("github", g) + "=", "three parts"),
    "standard base64": (lambda p, g: p.token("github", g)[:-4] + "+/+/", "three parts"),
    "longer than any": (lambda _, __: "a" * 20_000 + ".b.c", "longer"),
    "header no JSON": (lambda _, g: unsigned(b"no", g, b"x"), "header cannot be read"),
    "header a list": (lambda _, g: unsigned([1], g, b"x"), "header cannot"),
    "header twice the same key": (
        lambda _, g: unsigned(b'{"alg":"RS256","alg":"none"}', g, b"x"),
        "header cannot be read",
    ),
    "claims a text": (
        lambda _, __: unsigned({"alg": "RS256", "kid": "github-1"}, "x", b"x"),
        "claims cannot",
    ),
    "claims twice the same key": (raw('{GIVEN, "aud": "x"}'), "claims cannot be read"),
    "claims with NaN": (raw('{GIVEN, "x": NaN}'), "claims cannot be read"),
    "claims too deep": (raw("[" * 500 + "]" * 500), "claims cannot be read"),
    # Algorithms.
    "alg none": (lambda _, g: unsigned({"alg": "none", "kid": "github-1"}, g, b"x"), "algorithm"),
    "alg None": (lambda _, g: unsigned({"alg": "None", "kid": "github-1"}, g, b"x"), "algorithm"),
    "alg missing": (lambda _, g: unsigned({"kid": "github-1"}, g, b"x"), "algorithm"),
    "alg null": (lambda _, g: unsigned({"alg": None, "kid": "github-1"}, g, b"x"), "algorithm"),
    "alg a list": (lambda _, g: unsigned({"alg": ["RS256"], "kid": "github-1"}, g, b"x"), "algorithm"),
    "alg rs256": (lambda _, g: unsigned({"alg": "rs256", "kid": "github-1"}, g, b"x"), "algorithm"),
    "HS256 with the public key": (with_public_key_as_secret, "algorithm"),
    "RS384": (signed(alg="RS384"), "algorithm"),
    "RS512": (signed(alg="RS512"), "algorithm"),
    "ES256 with the id of an RSA key": (
        lambda p, g: bent(p.token("github", g, alg="ES256"), {"kid": p.keys("github")[0]["kid"]}),
        "does not fit its key",
    ),
    "RS256 with the id of an EC key": (
        lambda p, g: bent(p.token("github", g), {"kid": p.keys("github")[1]["kid"]}),
        "does not fit its key",
    ),
    # Signatures.
    "no signature": (lambda p, g: p.token("github", g).rpartition(".")[0] + ".", "three parts"),
    "signature cut": (lambda p, g: p.token("github", g)[:-8], "signature"),
    "signature of another token": (
        lambda p, g: (
            p.token("github", g).rpartition(".")[0]
            + "."
            + p.token("github", {**g, "jti": "x"}).rpartition(".")[2]
        ),
        "signature",
    ),
    "claims changed": (lambda p, g: bent(p.token("github", g), claims={"ref": "refs/heads/x"}), "signature"),
    "header changed": (lambda p, g: bent(p.token("github", g), {"typ": "jwt"}), "signature"),
    "RSA key of a stranger": (by(RSAKey.generate_key(2048), "RS256"), "signature"),
    "EC key of a stranger": (by(ECKey.generate_key("P-256"), "ES256"), "signature"),
    "ES256 of zeros (psychic)": (
        lambda p, g: unsigned({"alg": "ES256", "kid": p.keys("github")[1]["kid"]}, g, bytes(64)),
        "signature",
    ),
    "another issuer's key": (lambda p, g: p.token("gitlab", g), "no such key"),
    # Key ids and keys that come along.
    "kid missing": (signed(kid=None), "kid"),
    "kid empty": (signed(kid=""), "kid"),
    "kid a path": (lambda p, g: bent(p.token("github", g), {"kid": "../../../../dev/null"}), "no such key"),
    "kid SQL": (lambda p, g: bent(p.token("github", g), {"kid": "x' UNION SELECT 'k"}), "no such key"),
    "kid a URL": (lambda p, g: bent(p.token("github", g), {"kid": "https://evil.example/k"}), "no such key"),
    "kid a number": (lambda p, g: bent(p.token("github", g), {"kid": 1}), "kid"),
    "kid with NUL": (lambda p, g: bent(p.token("github", g), {"kid": "github-1\x00"}), "kid"),
    "jku": (lambda p, g: bent(p.token("github", g), {"jku": "https://evil.example/keys"}), "jku"),
    "x5u": (lambda p, g: bent(p.token("github", g), {"x5u": "https://evil.example/cert"}), "x5u"),
    "jwk": (
        lambda p, g: bent(p.token("github", g), {"jwk": RSAKey.generate_key(2048).as_dict(private=False)}),
        "jwk",
    ),
    "x5c": (lambda p, g: bent(p.token("github", g), {"x5c": ["AAAA"]}), "x5c"),
    "crit": (lambda p, g: bent(p.token("github", g), {"crit": ["exp"]}), "crit"),
    "b64 false": (lambda p, g: bent(p.token("github", g), {"b64": False}), "b64"),
    "zip": (lambda p, g: bent(p.token("github", g), {"zip": "DEF"}), "zip"),
    "nested (cty JWT)": (lambda p, g: bent(p.token("github", g), {"cty": "JWT"}), "cty"),
    "typ of an access token": (signed(typ="at+jwt"), "type"),
    "typ of a logout token": (signed(typ="logout+jwt"), "type"),
    # Issuer and audience.
    "iss missing": (changed(iss=None), "iss"),
    "iss of a stranger": (changed(iss="https://evil.example"), "issuer"),
    "iss with a slash more": (lambda p, g: p.token("github", {**g, "iss": g["iss"] + "/"}), "issuer"),
    "iss a list": (lambda p, g: p.token("github", {**g, "iss": [g["iss"]]}), "iss"),
    "aud missing": (changed(aud=None), "audience"),
    "aud of another service": (changed(aud="https://vault.example"), "audience"),
    "aud that begins the same": (changed(aud="https://gate.example.evil.example"), "audience"),
    "aud in another case": (changed(aud="https://GATE.example"), "audience"),
    "aud of several": (changed(aud=["https://gate.example", "https://vault.example"]), "audience"),
    "aud an empty list": (changed(aud=[]), "audience"),
    "aud a mapping": (changed(aud={"https://gate.example": 1}), "audience"),
    # Times.
    "exp missing": (changed(exp=None), "exp"),
    "exp past": (changed(iat=Later(-900), exp=Later(-300)), "expired"),
    "exp a text": (changed(exp=str(int(time.time()) + 300)), "exp"),
    "exp true": (changed(exp=True), "exp"),
    "exp huge": (changed(exp=10**18), "exp"),
    "exp in a year": (changed(exp=Later(365 * 86_400)), "lives longer"),
    "exp before iat": (changed(iat=Later(0), exp=Later(-1)), "not at all"),
    "iat missing": (changed(iat=None), "iat"),
    "iat of tomorrow": (changed(iat=Later(86_400), exp=Later(87_000)), "future"),
    "iat of two hours ago": (changed(iat=Later(-7_200), exp=Later(600)), "issued more than"),
    "nbf of tomorrow": (changed(nbf=Later(86_400)), "does not count yet"),
    "nbf a text": (changed(nbf="now"), "nbf"),
    # Subject and what a run must tell.
    "sub missing": (changed(sub=None), "sub"),
    "sub a number": (changed(sub=7), "sub"),
    "repository missing": (changed(repository=None), "repository"),
    "repository_id missing": (changed(repository_id=None), "repository_id"),
    "repository_id a number": (changed(repository_id=1001), "repository_id"),
    "ref missing": (changed(ref=None), "ref"),
    "event missing": (changed(event_name=None), "event_name"),
    "commit no commit": (changed(sha="main"), "commit"),
    "actor with a line break": (changed(actor="wei\nadmin"), "actor"),
    "a pull request that calls itself a push": (changed(ref="refs/pull/7/merge"), "pull request"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_right_in_every_way_gets_nothing(
    believing: Server, provider: Provider, name: str
) -> None:
    _, repository = trusting(believing)
    make, reason = REFUSED[name]
    answer = exchanged(believing, make(provider, github(provider, repository)))

    assert (400, "invalid_grant") == (answer.status, answer.json["code"]), answer.body
    assert reason in answer.json["detail"]


def test_the_table_has_sixty_cases() -> None:
    assert 60 <= len(REFUSED)


def test_a_push_gets_a_token_of_its_project_for_a_quarter_of_an_hour(
    believing: Server, provider: Provider
) -> None:
    project, repository = trusting(believing)
    answer = exchanged(believing, provider.token("github", github(provider, repository)))
    token = answer.json["access_token"]
    known = believing.request("GET", "/api/v1/tokens/self", token=token).json

    assert (200, "Bearer", 900, "ci", project) == (
        answer.status,
        answer.json["token_type"],
        answer.json["expires_in"],
        answer.json["scope"],
        answer.json["project"],
    )
    assert (project, "ci", "github:wei") == (known["project"], known["role"], known["owner"])
    assert "urn:ietf:params:oauth:token-type:access_token" == answer.json["issued_token_type"]
    assert "no-store" == answer.headers["Cache-Control"]


# -------------------------------------------------------------------------- what a run is given (F5)

Run = tuple[str, dict[str, Any], dict[str, Any], str | None]
"""CI system, what its claims say otherwise, what the rule says, and the role; None: nothing."""
MERGE_REQUEST: Final = {
    "pipeline_source": "merge_request_event",
    "ref": "feature",
    "ref_path": "refs/merge-requests/7/head",
    "ref_protected": "false",
}
PULL_REQUEST: Final = {"event_name": "pull_request", "ref": "refs/pull/7/merge", "head_ref": "main"}
RUNS: Final[dict[str, Run]] = {
    "a push": ("github", {}, {}, "ci"),
    "a push, the rule gives less": ("github", {}, {"role": "viewer"}, "viewer"),
    "a schedule": ("github", {"event_name": "schedule"}, {}, "ci"),
    "started by hand": ("github", {"event_name": "workflow_dispatch"}, {}, "ci"),
    "a merge queue": (
        "github",
        {"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/x"},
        {},
        "ci",
    ),
    "a pull request": ("github", PULL_REQUEST, {}, "viewer"),
    "a pull request, the rule says so": ("github", PULL_REQUEST, {"changes": True}, "ci"),
    "pull_request_target": ("github", {"event_name": "pull_request_target"}, {"changes": True}, "viewer"),
    "workflow_run": ("github", {"event_name": "workflow_run"}, {"changes": True}, "viewer"),
    "a comment": ("github", {"event_name": "issue_comment"}, {"changes": True}, "viewer"),
    "a review": ("github", {"event_name": "pull_request_review"}, {"changes": True}, "viewer"),
    "an event nobody knows": ("github", {"event_name": "something_new"}, {"changes": True}, "viewer"),
    "another repository": ("github", {"repository": "evil/web"}, {}, None),
    "a repository that took the name over": ("github", {"repository_id": "2002"}, {}, None),
    "a repository in another case": ("github", {"repository": "ACME/WEB"}, {}, None),
    "the right ref": ("github", {}, {"refs": ["refs/heads/main", "refs/tags/v*"]}, "ci"),
    "a ref by a glob": ("github", {"ref": "refs/heads/release/1"}, {"refs": ["refs/heads/release/*"]}, "ci"),
    "another ref": ("github", {"ref": "refs/heads/x"}, {"refs": ["refs/heads/main"]}, None),
    "a ref that ends the same": ("github", {"ref": "refs/heads/x/main"}, {"refs": ["refs/heads/main"]}, None),
    "a tag that is called like the branch": (
        "github",
        {"ref": "refs/tags/main"},
        {"refs": ["refs/heads/*"]},
        None,
    ),
    "the right environment": ("github", {}, {"environments": ["production"]}, "ci"),
    "another environment": ("github", {"environment": "test"}, {"environments": ["production"]}, None),
    "no environment": ("github", {"environment": None}, {"environments": ["production"]}, None),
    "an environment that is a pattern": ("github", {}, {"environments": ["prod*"]}, None),
    "a reusable workflow": (
        "github",
        {"job_workflow_ref": "acme/ci/.github/workflows/gate.yml@refs/heads/main"},
        {"workflows": ["acme/ci/.github/workflows/gate.yml@refs/heads/*"]},
        "ci",
    ),
    "another workflow": ("github", {}, {"workflows": ["acme/ci/.github/workflows/gate.yml@**"]}, None),
    "no workflow": ("github", {"job_workflow_ref": None}, {"workflows": ["**"]}, None),
    "a protected ref": ("github", {}, {"protected": True}, "ci"),
    "a ref that is not protected": ("github", {"ref_protected": "false"}, {"protected": True}, None),
    "a ref of which nobody says": ("github", {"ref_protected": None}, {"protected": True}, None),
    "protected, but as a boolean": ("github", {"ref_protected": True}, {"protected": True}, None),
    "sub that says something else": ("github", {"sub": "repo:evil/web:pull_request"}, {}, "ci"),
    "GitLab: a push": ("gitlab", {}, {}, "ci"),
    "GitLab: protected": ("gitlab", {}, {"protected": True}, "ci"),
    "GitLab: not protected": ("gitlab", {"ref_protected": ""}, {"protected": True}, None),
    "GitLab: a tag": (
        "gitlab",
        {"ref": "v1", "ref_type": "tag", "ref_path": "refs/tags/v1"},
        {"refs": ["refs/tags/v*"]},
        "ci",
    ),
    "GitLab: a merge request": ("gitlab", MERGE_REQUEST, {}, "viewer"),
    "GitLab: a merge request, the rule says so": ("gitlab", MERGE_REQUEST, {"changes": True}, "ci"),
    "GitLab: a merge request of a fork that is called main": (
        "gitlab",
        {"pipeline_source": "merge_request_event", "ref_path": None},
        {"refs": ["refs/heads/main"], "changes": True},
        None,
    ),
    "GitLab: a fork's, run in the project (18.2.2 and later)": (
        "gitlab",
        {**MERGE_REQUEST, "project_id": "66", "project_path": "evil/web"},
        {"changes": True},
        None,
    ),
    "GitLab: a fork's, run in another project": (
        "gitlab",
        {**MERGE_REQUEST, "job_project_id": "66"},
        {"changes": True},
        "viewer",
    ),
    "GitLab: an external pull request": (
        "gitlab",
        {"pipeline_source": "external_pull_request_event"},
        {"changes": True},
        "viewer",
    ),
    "GitLab: another project": ("gitlab", {"project_id": "66"}, {}, None),
    "GitLab: ref and ref_path differ": ("gitlab", {"ref_path": "refs/heads/x"}, {}, None),
    "GitLab: the workflow": (
        "gitlab",
        {},
        {"workflows": ["gitlab.example/**/.gitlab-ci.yml@refs/heads/main"]},
        "ci",
    ),
    "GitLab: its configuration from elsewhere": (
        "gitlab",
        {"ci_config_ref_uri": None},
        {"workflows": ["gitlab.example/**"]},
        None,
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_gets_what_its_project_gives_such_a_run(
    believing: Server, provider: Provider, name: str
) -> None:
    system, said, rule, role = RUNS[name]
    project, repository = trusting(believing, system, **rule)
    claims = {"github": github, "gitlab": gitlab}[system](provider, repository, **said)
    answer = exchanged(believing, provider.token(system, claims), audience=project)

    assert (200 if role else 400, role) == (answer.status, answer.json.get("scope")), answer.body


def test_an_unknown_project_and_one_that_trusts_nobody_are_answered_alike(
    believing: Server, provider: Provider
) -> None:
    _, repository = trusting(believing)
    others = believing.project(f"acme/{uuid4().hex[:12]}")
    token = provider.token("github", github(provider, repository))
    answers = [
        exchanged(believing, token, audience=name).json["detail"] for name in (others, f"acme/{uuid4().hex}")
    ]

    assert answers[0] == answers[1]


def test_a_repository_of_two_projects_says_which(believing: Server, provider: Provider) -> None:
    project, repository = trusting(believing)
    second = believing.project(f"acme/{uuid4().hex[:12]}")
    rule = {"project": second, "provider": "github", "repository": repository, "repository_id": "1001"}
    believing.json("POST", "/api/v1/trusts", {**rule, "role": "viewer"})
    token = provider.token("github", github(provider, repository))
    unnamed = exchanged(believing, token)
    named = [exchanged(believing, token, audience=name).json for name in (project, second)]

    assert (400, True) == (unnamed.status, "several projects" in unnamed.json["detail"])
    assert [(project, "ci"), (second, "viewer")] == [(one["project"], one["scope"]) for one in named]


def test_a_rule_that_was_taken_away_gives_nothing_any_more(believing: Server, provider: Provider) -> None:
    project, repository = trusting(believing)
    rule = believing.request("GET", f"/api/v1/trusts?project={project}").json["items"][0]
    removed = believing.request("DELETE", f"/api/v1/trusts/{rule['id']}")

    assert 204 == removed.status
    assert 400 == exchanged(believing, provider.token("github", github(provider, repository))).status


@pytest.mark.parametrize(
    "rule",
    [
        {"provider": "nobody"},
        {"role": "approver"},
        {"role": "admin"},
        {"repository": "acme/*"},
        {"repository": "acme"},
        {"repository_id": "*"},
        {"repository_id": ""},
        {"refs": []},
        {"environments": []},
        {"workflows": []},
        {"protected": "yes"},
        {"created_by": "somebody else"},
        {"id": "x"},
        {"project_id": "x"},
    ],
    ids=str,
)
def test_a_rule_that_would_trust_more_than_it_says_is_refused(
    believing: Server, project_of: str, rule: dict[str, Any]
) -> None:
    whole = {"project": project_of, "provider": "github", "repository": "acme/web", "repository_id": "1"}

    assert 422 == believing.json("POST", "/api/v1/trusts", {**whole, **rule}).status


@pytest.fixture
def project_of(believing: Server) -> str:
    return believing.project(f"acme/{uuid4().hex[:12]}")


# ------------------------------------------------------------------------ what a decision then says


def decided(server: Server, token: str, project: str, report: object, **meta: Any) -> Any:
    answer = server.decide(project, report, meta=meta, token=token)
    assert 201 == answer.status, answer.body
    return answer.json


def test_commit_branch_and_author_of_a_decision_are_those_that_were_verified(
    believing: Server, provider: Provider
) -> None:
    project, repository = trusting(believing)
    token = exchanged(believing, provider.token("github", github(provider, repository))).json["access_token"]
    subject = {"commit": "b" * 40, "branch": "main", "author": "lin", "repository": "https://evil.example/x"}
    made = decided(believing, token, project, CLEAN_BANDIT, subject=subject)
    origin = believing.request("GET", f"/api/v1/decisions/{made['decision_id']}/origin").json

    assert {
        "claimed": False,
        "commit": COMMIT,
        "branch": "main",
        "author": "wei",
        "repository": f"{provider.url}/github/{repository}",
    } == {name: made["subject"][name] for name in ("claimed", "commit", "branch", "author", "repository")}
    assert {"commit": "b" * 40, "author": "lin", "repository": "https://evil.example/x"} == origin["claimed"]
    assert ("push", "1001", COMMIT) == tuple(
        origin["verified"][name] for name in ("event", "repository_id", "commit")
    )


def test_a_request_cannot_say_what_its_run_does_not(believing: Server, provider: Provider) -> None:
    """A pull request has no branch that anybody vouches for: its head may be a fork's `main`."""
    project, repository = trusting(believing, changes=True)
    believing.project(project, "version: 1\nenvironments: [{name: production, branches: [main]}]\n")
    token = exchanged(believing, provider.token("github", github(provider, repository, **PULL_REQUEST))).json[
        "access_token"
    ]
    made = decided(
        believing, token, project, CLEAN_BANDIT, environment="production", subject={"branch": "main"}
    )

    assert (None, "fail") == (made["subject"]["branch"], made["outcome"])
    assert ["GATE-ENV-001"] == [one["rule"] for one in made["violations"]]


def test_without_an_exchange_the_subject_stays_claimed(believing: Server, project_of: str) -> None:
    token = believing.token("ci", project_of)
    made = decided(believing, token, project_of, BANDIT_EVAL, subject={"commit": COMMIT})
    origin = believing.request("GET", f"/api/v1/decisions/{made['decision_id']}/origin").json

    assert (True, COMMIT) == (made["subject"]["claimed"], made["subject"]["commit"])
    assert {"verified": None, "claimed": {}} == origin


def test_a_run_that_may_only_look_records_nothing(believing: Server, provider: Provider) -> None:
    project, repository = trusting(believing)
    claims = github(provider, repository, event_name="pull_request_target")
    token = exchanged(believing, provider.token("github", claims)).json["access_token"]

    assert 403 == believing.decide(project, CLEAN_BANDIT, token=token).status
    assert 200 == believing.request("GET", f"/api/v1/projects/{project}", token=token).status


def test_a_token_of_a_run_is_for_its_project_alone(
    believing: Server, provider: Provider, project_of: str
) -> None:
    _, repository = trusting(believing)
    token = exchanged(believing, provider.token("github", github(provider, repository))).json["access_token"]

    assert 404 == believing.decide(project_of, CLEAN_BANDIT, token=token).status


def test_an_exchange_is_in_the_audit_log_and_neither_token_anywhere(
    believing: Server, provider: Provider
) -> None:
    project, repository = trusting(believing)
    token = provider.token("github", github(provider, repository))
    given = exchanged(believing, token).json["access_token"]
    events = believing.request("GET", f"/api/v1/audit?project={project}").json["items"]
    written = b"".join(path.read_bytes() for path in believing.folder.rglob("*") if path.is_file())

    assert ("token.exchanged", "github:wei", COMMIT) == (
        events[0]["action"],
        events[0]["by"],
        events[0]["document"]["commit"],
    )
    assert [False, False] == [one.encode() in written for one in (token, given)]
    assert not any(one in line for one in (token, given) for line in believing.log)


# --------------------------------------------------------------------------------------- the form


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_request"),
        ({"resource": "https://other.example"}, "invalid_request"),
    ],
    ids=str,
)
def test_a_form_that_asks_for_something_else_is_refused(
    believing: Server, provider: Provider, fields: dict[str, str], code: str
) -> None:
    _, repository = trusting(believing)
    answer = exchanged(believing, provider.token("github", github(provider, repository)), **fields)

    assert (400, code) == (answer.status, answer.json["code"])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"a=1&a=2", "application/x-www-form-urlencoded", 400),
        (b"a", "application/x-www-form-urlencoded", 400),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % one for one in range(50)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 40_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(
    believing: Server, body: bytes, content_type: str, status: int
) -> None:
    answer = believing.request("POST", "/api/v1/auth/token", body, token=None, content_type=content_type)

    assert (status, "application/problem+json") == (answer.status, answer.headers["Content-Type"])


def test_where_no_ci_system_is_named_nothing_is_exchanged(server: Server) -> None:
    assert 404 == exchanged(server, "a.b.c").status
