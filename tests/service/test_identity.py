"""Section `identity` of the platform's file, and failed attempts (THREATS.md F3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gate.admission import platform
from gate.errors import SettingsError
from gate.service.attempts import FORGOTTEN_S, FREE, FREE_OF_SOURCE, LONGEST_S, Attempts
from gate.service.identity_settings import has_admission, wanted
from gate.service.standing import OTHERS
from tests.data import REPOSITORY

CI = "{name: a, kind: github, issuer: 'https://a.example', audience: x}"
LOGIN = "{issuer: 'https://a.example', client_id: x, client_secret_file: secret}"
WRONG = {
    "identity: {cis: []}": "cis",
    "identity: {ci: [{name: a}]}": "kind",
    f"identity: {{ci: [{CI}, {CI}]}}": "twice",
    "identity: {ci: [{name: a, kind: jenkins, issuer: 'https://a.example', audience: x}]}": "kind",
    "identity: {ci: [{name: a, kind: github, issuer: 'http://a.example', audience: x}]}": "issuer",
    "identity: {ci: [{name: a, kind: github, issuer: 'https://a.example:8443', audience: x}]}": "8443",
    "identity: {ci: [{name: a, kind: github, issuer: 'https://2130706433', audience: x}]}": "never asked",
    "identity: {ci: [{name: a, kind: github, issuer: 'https://a.example', audience: ''}]}": "audience",
    "identity: {ci: [{name: a, kind: github, issuer: 'https://a.example', audience: x, max_age: 2d}]}": "max_age",
    "identity: {ci: [{name: a, kind: github, issuer: 'https://a.example', audience: x, max_age: 0s}]}": "max_age",
    f"identity: {{login: {LOGIN}}}": "url",
    f"identity: {{url: 'https://g.example', login: {LOGIN[:-1]}, scopes: [email]}}}}": "openid",
    f"identity: {{url: 'https://g.example', login: {LOGIN[:-1]}, session: 30d}}}}": "session",
    f"identity: {{url: 'https://g.example', login: {LOGIN[:-1]}, client_secret: s3cret}}}}": "client_secret",
    "identity: {roles: [{group: g, role: admin, projects: ['**']}]}": "whole instance",
    "identity: {roles: [{group: g, role: admission}]}": "no person",
    "identity: {roles: [{group: g, role: owner}]}": "role",
    "identity: {roles: [{group: g, role: viewer, projects: []}]}": "projects",
    "identity: {network: {private: ['10.0.0.1/8']}}": "no network",
    "identity: {network: {private: [localhost]}}": "no network",
    "identity: {network: {ports: [0]}}": "ports",
    "identity: null": "identity",
    "identity: {}\nidentities: {}": "identities",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_file_that_is_not_wholly_understood_is_refused(line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        wanted(f"version: 1\n{line}\n".encode(), "platform.yaml")

    assert WRONG[line] in str(raised.value.problems)


def test_a_secret_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    content = f"version: 1\nidentity: {{url: 'https://g.example', login: {LOGIN}}}\n".encode()
    path = str(tmp_path / "platform.yaml")
    with pytest.raises(SettingsError, match="cannot be read"):
        wanted(content, path)
    (tmp_path / "secret").write_text(" \n", "utf-8")
    with pytest.raises(SettingsError, match="is empty"):
        wanted(content, path)


def test_one_file_serves_admission_and_identity() -> None:
    content = b"version: 1\nadmission: {images: [{match: '**', require: deny}]}\nidentity: {}\n"
    alone = b"version: 1\nidentity: {}\n"

    assert 1 == len(platform.rules(content, "p", OTHERS).admission.images)
    assert wanted(content, "p") is not None
    assert [True, False] == [has_admission(one, "p") for one in (content, alone)]


def test_the_examples_of_the_page_are_right(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "identity.md").read_text("utf-8")
    (tmp_path / "client-secret").write_text("x", "utf-8")
    examples = re.findall(r"(?ms)^```yaml\n(.*?)^```$", page)
    read = [wanted(one.encode(), str(tmp_path / "platform.yaml")) for one in examples]

    assert [True, True] == [one is not None for one in read]


# ------------------------------------------------------------------------------------ attempts


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_name_waits_twice_as_long_each_time_and_never_for_good() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    waits = []
    for _ in range(FREE + 10):
        attempts.failed("s", "acme/web")
        waits.append(attempts.wait_s("s", "acme/web"))

    assert [0] * FREE + [1, 2, 4, 8, 16, 32, 60, 60, 60, 60] == waits
    clock.now += LONGEST_S
    assert 0 == attempts.wait_s("s", "acme/web")


@pytest.mark.parametrize("name", ["ACME/WEB", " acme/web ", "ａｃｍｅ/web", "acme\u200b/web"])
def test_another_spelling_is_the_same_name(name: str) -> None:
    attempts = Attempts(Clock())
    for _ in range(FREE + 1):
        attempts.failed("s", name)

    assert attempts.wait_s("s", "acme/web") > 0


def test_somebody_elsewhere_cannot_keep_a_name_out() -> None:
    attempts = Attempts(Clock())
    for _ in range(FREE * 3):
        attempts.failed("attacker", "acme/web")

    assert (True, 0) == (attempts.wait_s("attacker", "acme/web") > 0, attempts.wait_s("runner", "acme/web"))


def test_changing_the_name_does_not_help_for_ever() -> None:
    attempts = Attempts(Clock())
    for number in range(FREE_OF_SOURCE + 1):
        attempts.failed("s", f"name-{number}")

    assert attempts.wait_s("s", "another") > 0


def test_a_success_and_time_make_it_new() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(FREE + 5):
        attempts.failed("s", "n")
    attempts.succeeded("s", "n")
    attempts.failed("s", "n")
    first = attempts.wait_s("s", "n")
    for _ in range(FREE + 5):
        attempts.failed("s", "n")
    clock.now += FORGOTTEN_S + 1
    attempts.failed("s", "n")

    assert (0, 0) == (first, attempts.wait_s("s", "n"))
