"""Secrets that are replaced while the service runs, and sessions that nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gate.errors import SettingsError
from gate.service import identity_settings, server
from gate.service.identity import Identity
from gate.service.secret_files import SecretFile
from gate.stores import migrations
from gate.stores.database import Database
from tests.service import postgresql
from tests.service.clocked import Clocked
from tests.service.conftest import ROLES, platform_file
from tests.service.provider import SECRET, Provider
from tests.service.test_login import WEI, Browser


@pytest.fixture
def clocked(tmp_path: Path, provider: Provider) -> Iterator[Clocked]:
    """A server whose clock the test turns, where people log in; idle after ten minutes."""
    settings = provider.settings(roles=ROLES)
    secret = tmp_path / "secret"
    secret.write_text(SECRET, "utf-8")
    settings["login"] |= {"client_secret_file": str(secret), "session": "1h", "idle": "10m"}
    path = platform_file(tmp_path, settings)
    wanted = identity_settings.wanted(Path(path).read_bytes(), path)
    assert wanted is not None
    provider.logs_in(WEI)
    running = Clocked(tmp_path / "service", f"sqlite:///{tmp_path / 'gate.db'}")
    with running:
        running.service.identity = Identity(wanted)
        yield running


def test_a_session_ends_when_nobody_uses_it_and_goes_on_while_somebody_does(
    clocked: Clocked, provider: Provider
) -> None:
    browser = Browser(clocked, provider)
    browser.log_in()
    statuses = []
    for minutes in (9, 9, 9, 11):
        clocked.forward(timedelta(minutes=minutes))
        statuses.append(browser.ask("GET", "/api/v1/session").status)

    assert [200, 200, 200, 401] == statuses


def test_a_session_ends_in_time_however_much_it_is_used(clocked: Clocked, provider: Provider) -> None:
    browser = Browser(clocked, provider)
    browser.log_in()
    statuses = []
    for _ in range(7):
        clocked.forward(timedelta(minutes=9))
        statuses.append(browser.ask("GET", "/api/v1/session").status)

    assert [200] * 6 + [401] == statuses


def test_a_replaced_secret_of_the_login_counts_without_a_restart(
    clocked: Clocked, provider: Provider, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    statuses = []
    for content in (b"wrong", SECRET.encode(), b"", b"\xff\xfe"):
        secret.write_bytes(content)
        statuses.append(Browser(clocked, provider).log_in().status)
    secret.unlink()
    statuses.append(Browser(clocked, provider).log_in().status)

    assert [400, 200, 200, 200, 200] == statuses


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_without_a_secret_the_service_does_not_start(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SettingsError):
        SecretFile(tmp_path / "secret")


@pytest.mark.parametrize("idle", ["0s", "25h", "x"])
def test_an_idle_time_that_is_none_is_refused(tmp_path: Path, provider: Provider, idle: str) -> None:
    settings = provider.settings()
    settings["login"]["idle"] = idle
    path = platform_file(tmp_path, settings)
    with pytest.raises(SettingsError):
        identity_settings.wanted(Path(path).read_bytes(), path)


def test_a_replaced_password_of_the_database_counts_for_the_next_connection(
    cluster: Path, tmp_path: Path
) -> None:
    url = postgresql.created(cluster)
    file = tmp_path / "url"

    def used(database: Database) -> tuple[str, str]:
        with database.reading() as connection:
            info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]  # psycopg's
            found = info.user, info.password
            connection.invalidate()
        return found

    def said(password: str, more: str = "") -> str:
        return url.replace("postgres@", f"postgres:{password}@") + more

    file.write_text(said("one"), "utf-8")
    environ = {"GATE_DATABASE_URL_FILE": str(file)}
    with closing(Database(said("one"), lambda: server.secret(environ, "GATE_DATABASE_URL"))) as database:
        migrations.migrated(database)
        seen = [used(database)]
        for content in (
            said("two"),
            "",
            "no url",
            "sqlite:///x",
            said("three").replace("host=", "host=/absent"),
        ):
            file.write_text(content, "utf-8")
            seen.append(used(database))
        file.unlink()
        seen.append(used(database))

    assert [("postgres", word) for word in ("one", "two", "two", "two", "two", "three", "three")] == seen


def test_attempts_of_jobs_are_timed(clocked: Clocked) -> None:
    with clocked.service.metrics.job("decide"):
        pass
    told = clocked.request("GET", "/metrics", token=None).body.decode()

    assert 'gate_job_duration_seconds_count{task="decide"} 1.0' in told
