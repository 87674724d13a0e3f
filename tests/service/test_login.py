"""People log in at a real provider; what their session may, and who cannot be made to log in or do something."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest

from tests.command import CLEAN_BANDIT
from tests.service.conftest import platform_file
from tests.service.provider import Provider
from tests.service.server import Answer, Server, submission

WEI: Final = {
    "sub": "42",
    "preferred_username": "wei",
    "email": "wei@example.com",
    "email_verified": True,
    "groups": ["developers", "others"],
}
SESSION: Final = "__Host-gate-session"
BEGUN: Final = "__Host-gate-login"


class Browser:
    """Keeps cookies as a browser does, and goes where it is sent."""

    def __init__(self, server: Server, provider: Provider) -> None:
        self._server = server
        self._provider = provider
        self.cookies: dict[str, str] = {}
        self.set: dict[str, Any] = {}
        self.csrf = ""

    def ask(self, method: str, path: str, value: object = None, **headers: str) -> Answer:
        """One request with its cookies."""
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        answer = self._server.json(method, path, value, token=None, **headers)
        for line in answer.headers.getlist("set-cookie"):  # type: ignore[attr-defined]  # urllib3's
            for name, morsel in SimpleCookie(line).items():
                self.set[name] = morsel
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def sent_back(self, then: str = "/") -> str:
        """The path and query with which the provider sends it back."""
        begun = self.ask("GET", f"/auth/login?{urlencode({'next': then})}")
        assert 303 == begun.status, begun.body
        location = urlsplit(begun.headers["Location"])
        assert location.netloc == f"localhost:{self._provider.port}"
        back = self._provider.pool.request("GET", f"{location.path}?{location.query}", redirect=False)
        address = urlsplit(back.headers["Location"])
        assert "https://gate.example/auth/callback" == f"{address.scheme}://{address.netloc}{address.path}"
        return f"{address.path}?{address.query}"

    def log_in(self) -> Answer:
        """All of it; the last answer."""
        answer = self.ask("GET", self.sent_back())
        if answer.status == 200:
            self.csrf = self.ask("GET", "/api/v1/session").json["csrf_token"]
        return answer

    def change(self, method: str, path: str, value: object = None) -> Answer:
        """A change, asked for by a page of the service's own."""
        return self.ask(method, path, value, x_csrf_token=self.csrf)


@pytest.fixture
def browser(believing: Server, provider: Provider) -> Iterator[Browser]:
    provider.logs_in(WEI)
    yield Browser(believing, provider)
    provider.logs_in(WEI)


def test_a_person_logs_in_and_is_what_their_groups_are(believing: Server, browser: Browser) -> None:
    project = believing.project(f"acme/{uuid4().hex[:12]}")
    answer = browser.log_in()
    session = browser.ask("GET", "/api/v1/session").json

    assert (200, "wei <wei@example.com>", ["developers", "others"]) == (
        answer.status,
        session["principal"],
        session["groups"],
    )
    assert {"role": "developer", "project": project} in session["roles"]
    assert {"developer"} == {one["role"] for one in session["roles"]}


def test_the_session_cookie_is_for_this_host_and_for_no_script(browser: Browser) -> None:
    browser.log_in()
    morsel = browser.set[SESSION]

    assert ("/", True, True, "strict", "") == tuple(
        morsel[name] for name in ("path", "secure", "httponly", "samesite", "domain")
    )
    assert "lax" == browser.set[BEGUN]["samesite"].lower()
    assert [SESSION] == list(browser.cookies)


def test_a_session_does_what_its_role_may_and_nothing_else(believing: Server, browser: Browser) -> None:
    mine = believing.project(f"acme/{uuid4().hex[:12]}")
    others = believing.project(f"team/{uuid4().hex[:12]}")
    browser.log_in()
    made = browser.change("POST", "/api/v1/decisions", submission(mine, CLEAN_BANDIT))
    elsewhere = browser.change("POST", "/api/v1/decisions", submission(others, CLEAN_BANDIT))
    settings = browser.change("PUT", f"/api/v1/projects/{mine}", {"settings": "version: 1\n"})
    seen = browser.ask("GET", "/api/v1/projects?limit=500").json["items"]

    assert [201, 404, 403] == [made.status, elsewhere.status, settings.status]
    assert not any(one["project"].startswith("team/") for one in seen)


def test_two_roles_are_not_added_up_over_projects(
    believing: Server, provider: Provider, browser: Browser
) -> None:
    """A developer here and a viewer there: what a developer may is not done there (THREATS.md F8)."""
    shop, acme = believing.project(f"shop/{uuid4().hex[:12]}"), believing.project(f"acme/{uuid4().hex[:12]}")
    provider.logs_in({**WEI, "groups": ["developers", "viewers of shop"]})
    browser.log_in()
    statuses = [
        browser.change("POST", "/api/v1/decisions", submission(project, CLEAN_BANDIT)).status
        for project in (acme, shop)
    ]
    reports = [browser.ask("GET", f"/api/v1/reports?project={name}").status for name in (acme, shop)]

    assert ([201, 403], [200, 403]) == (statuses, reports)
    assert 200 == browser.ask("GET", f"/api/v1/projects/{shop}").status


def test_somebody_of_no_group_sees_nothing(believing: Server, provider: Provider, browser: Browser) -> None:
    project = believing.project(f"acme/{uuid4().hex[:12]}")
    provider.logs_in({**WEI, "groups": []})
    browser.log_in()

    assert ([], 403) == (
        browser.ask("GET", "/api/v1/session").json["roles"],
        browser.ask("GET", f"/api/v1/projects/{project}").status,
    )


def test_an_administrator_by_group_is_one_and_still_approves_nothing(
    provider: Provider, browser: Browser
) -> None:
    provider.logs_in({**WEI, "groups": ["gate admins"]})
    browser.log_in()
    wanted = {"name": "t", "owner": "o", "role": "viewer", "project": None}

    assert 201 == browser.change("POST", "/api/v1/tokens", wanted).status
    assert [{"role": "admin", "project": None}] == browser.ask("GET", "/api/v1/session").json["roles"]


def test_whoever_logs_out_is_out(browser: Browser) -> None:
    browser.log_in()
    kept = dict(browser.cookies)
    without = browser.ask("POST", "/auth/logout")
    out = browser.change("POST", "/auth/logout")
    browser.cookies = kept

    assert (403, 204, 401) == (without.status, out.status, browser.ask("GET", "/api/v1/session").status)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x_csrf_token": ""}, {"x_csrf_token": "0" * 64}, {"x_csrf_token": "é"}],
    ids=str,
)
def test_a_change_without_the_token_of_the_page_is_not_done(
    believing: Server, browser: Browser, headers: dict[str, str]
) -> None:
    project = believing.project(f"acme/{uuid4().hex[:12]}")
    browser.log_in()
    answer = browser.ask("POST", "/api/v1/decisions", submission(project, CLEAN_BANDIT), **headers)

    assert (403, "csrf") == (answer.status, answer.json["code"])


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_change_that_another_site_asks_for_is_not_done(
    believing: Server, browser: Browser, site: str
) -> None:
    project = believing.project(f"acme/{uuid4().hex[:12]}")
    browser.log_in()
    answer = browser.ask(
        "POST",
        "/api/v1/decisions",
        submission(project, CLEAN_BANDIT),
        x_csrf_token=browser.csrf,
        sec_fetch_site=site,
    )

    assert 403 == answer.status


def test_the_csrf_token_of_another_session_is_none(
    believing: Server, provider: Provider, browser: Browser
) -> None:
    other = Browser(believing, provider)
    other.log_in()
    browser.log_in()
    browser.csrf = other.csrf

    assert 403 == browser.change("POST", "/auth/logout").status


def test_a_bad_token_is_not_helped_by_a_good_cookie(browser: Browser) -> None:
    browser.log_in()

    assert 401 == browser.ask("GET", "/api/v1/session", authorization="Bearer wrong").status


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "é", "../..", "a" * 5_000])
def test_a_cookie_that_was_never_given_is_nobody(believing: Server, provider: Provider, cookie: str) -> None:
    browser = Browser(believing, provider)
    browser.cookies = {SESSION: cookie}

    assert 401 == browser.ask("GET", "/api/v1/session").status


# ------------------------------------------------------------------------- the way to the provider


def test_the_browser_is_sent_with_state_nonce_and_challenge(browser: Browser) -> None:
    begun = browser.ask("GET", "/auth/login")
    query = {key: value[0] for key, value in parse_qs(urlsplit(begun.headers["Location"]).query).items()}

    assert ("code", "gate-of-the-tests", "S256", "openid profile email groups") == (
        query["response_type"],
        query["client_id"],
        query["code_challenge_method"],
        query["scope"],
    )
    assert all(len(query[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    assert query["code_challenge"] not in browser.cookies[BEGUN]


def test_a_login_that_another_browser_began_is_not_finished(
    believing: Server, provider: Provider, browser: Browser
) -> None:
    attacker = Browser(believing, provider)
    theirs = attacker.sent_back()
    browser.sent_back()
    answers = [browser.ask("GET", theirs), Browser(believing, provider).ask("GET", theirs)]

    assert [(400, "login_refused")] * 2 == [(one.status, one.json["code"]) for one in answers]
    assert SESSION not in browser.cookies


def test_a_login_is_finished_once(browser: Browser) -> None:
    back = browser.sent_back()
    begun = dict(browser.cookies)
    first = browser.ask("GET", back)
    browser.cookies = begun
    again = browser.ask("GET", back)

    assert [200, 400] == [first.status, again.status]


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x"},
        {"state": ""},
        {"code": "x"},
        {"code": ""},
        {"iss": "https://evil.example"},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_that_does_not_fit_logs_nobody_in(browser: Browser, changed: dict[str, str]) -> None:
    path, _, query = browser.sent_back().partition("?")
    fields = {key: values[0] for key, values in parse_qs(query).items()} | changed
    answer = browser.ask("GET", f"{path}?{urlencode(fields)}")

    assert 400 == answer.status
    assert SESSION not in browser.cookies


def test_a_parameter_twice_logs_nobody_in(browser: Browser) -> None:
    back = browser.sent_back()

    assert 400 == browser.ask("GET", f"{back}&state=x").status


WRONG: Final[dict[str, dict[str, Any]]] = {
    "nonce of another login": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "audience of another client": {"aud": "another"},
    "audience of several": {"aud": ["gate-of-the-tests", "another"]},
    "made for another client": {"azp": "another"},
    "another issuer": {"iss": "https://evil.example"},
    "expired": {"iat": int(time.time()) - 500, "exp": int(time.time()) - 100},
    "old": {"iat": int(time.time()) - 5_000},
    "no subject": {"sub": None},
    "groups a text": {"groups": "gate admins"},
    "groups a mapping": {"groups": {"gate admins": True}},
    "a group that is no text": {"groups": [["gate admins"]]},
    "a group with a line break": {"groups": ["a\nb"]},
    "a name of nothing to see": {"preferred_username": "--", "email": None},
    "a name with a line break": {"preferred_username": "wei\nadmin"},
    "key id of nobody": {"header": {"kid": "x"}},
    "a key that comes along": {"header": {"jku": "https://evil.example"}},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_id_token_that_is_not_right_in_every_way_logs_nobody_in(
    provider: Provider, browser: Browser, name: str
) -> None:
    provider.logs_in(WEI, **WRONG[name])
    answer = browser.log_in()

    assert (400, "login_refused") == (answer.status, answer.json["code"]), answer.body
    assert SESSION not in browser.cookies


@pytest.mark.parametrize(
    ("person", "principal"),
    [
        (WEI, "wei <wei@example.com>"),
        ({**WEI, "email_verified": False}, "wei"),
        ({**WEI, "email_verified": "true"}, "wei"),
        ({"sub": "42", "email": "wei@example.com", "email_verified": True}, "wei@example.com"),
        ({"sub": "user-42"}, "user-42"),
    ],
    ids=str,
)
def test_a_person_is_called_by_what_was_verified(
    provider: Provider, browser: Browser, person: dict[str, Any], principal: str
) -> None:
    provider.logs_in(person)
    browser.log_in()

    assert principal == browser.ask("GET", "/api/v1/session").json["principal"]


@pytest.mark.parametrize(
    ("then", "link"),
    [
        ("/projects/acme?x=1", "/projects/acme?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ('/"><script>', "/"),
        ("/\r\nx", "/"),
        ("", "/"),
    ],
)
def test_after_the_login_it_goes_on_to_a_page_of_ours(browser: Browser, then: str, link: str) -> None:
    answer = browser.ask("GET", browser.sent_back(then))

    assert [link, link] == re.findall(r'(?:url=|href=")([^"]*)"', answer.body.decode())
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_while_the_provider_is_away_nobody_is_logged_in(provider: Provider, browser: Browser) -> None:
    browser.log_in()
    back = browser.sent_back()
    provider.mode("down")
    try:
        answer = browser.ask("GET", back)
        still = browser.ask("GET", "/api/v1/session")
    finally:
        provider.mode("well")

    assert (503, 200) == (answer.status, still.status)


def test_neither_secret_nor_cookie_is_written_anywhere(believing: Server, browser: Browser) -> None:
    browser.log_in()
    secrets = (browser.cookies[SESSION], browser.csrf, "a-secret-of-the-tests")
    written = b"".join(path.read_bytes() for path in believing.folder.rglob("*") if path.is_file())

    assert [] == [one for one in secrets if one.encode() in written]
    assert not any(one in line for one in secrets for line in believing.log)


def test_a_session_of_a_provider_that_is_no_longer_named_counts_no_more(
    provider: Provider, tmp_path: Path
) -> None:
    provider.logs_in(WEI)
    settings = provider.settings()
    with Server(tmp_path, None, "--config", platform_file(tmp_path, settings)) as server:
        browser = Browser(server, provider)
        browser.log_in()
        before = browser.ask("GET", "/api/v1/session").status
    settings["login"]["issuer"] = f"{provider.url}/github"
    with Server(tmp_path, None, "--config", platform_file(tmp_path, settings)) as server:
        after = Browser(server, provider)
        after.cookies = browser.cookies

        assert (200, 401) == (before, after.ask("GET", "/api/v1/session").status)


def test_where_nobody_logs_in_there_is_no_login(server: Server) -> None:
    assert [404, 404] == [
        server.request("GET", path, token=None).status for path in ("/auth/login", "/auth/callback")
    ]


def test_an_approver_elsewhere_neither_approves_nor_takes_back_here(
    believing: Server, provider: Provider, browser: Browser
) -> None:
    """Both by the bulk route, which a developer may call, and one by one (THREATS.md F8)."""
    mine = believing.project("other/one")
    believing.project(f"acme/{uuid4().hex[:12]}")
    provider.logs_in({**WEI, "groups": ["developers", "approvers"]})
    browser.log_in()
    wanted = {
        "project": mine,
        "match": {"rule": "GATE-CODE-002"},
        "reason": "false_positive",
        "note": "a constant",
        "expires": f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}",
    }
    asks = believing.token("developer", mine, "mo")
    waiver = believing.json("POST", "/api/v1/waivers", wanted, token=asks).json
    item = {"id": waiver["id"], "sha256": waiver["sha256"]}
    path = f"/api/v1/waivers/{waiver['id']}"
    bulk = [
        browser.change("POST", "/api/v1/waivers/bulk", {"action": action, "items": [item]})
        for action in ("approve", "revoke")
    ]
    one = [
        browser.change("POST", f"{path}/approve", {"sha256": waiver["sha256"]}),
        browser.change("POST", f"{path}/revoke", {}),
    ]
    state = believing.request("GET", path).json["state"]

    assert "requested" == state, ([answer.body for answer in bulk], [answer.body for answer in one])
    assert [404, 403] == [answer.status for answer in one]
