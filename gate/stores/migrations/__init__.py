"""The steps from no tables to today's, each in `versions/`, applied by Alembic (`gate migrate`).

A store that a newer gate has migrated is refused: this version does not know what its columns mean. One process
migrates, the others wait for it and then find nothing to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gate.errors import StoreError
from gate.stores.database import Database

FOLDER: Final = Path(__file__).parent


def head() -> str:
    """The newest step this version knows."""
    found = _scripts().get_current_head()
    if found is None:
        raise StoreError("no migration steps are installed", code="schema_unknown", fix="install gate anew")
    return found


def current(connection: Connection) -> str | None:
    """The step the store is at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def migrated(database: Database) -> tuple[str | None, str]:
    """The store brought to the newest step: where it was, and where it is.

    Raises `StoreError` where it is newer than this version.
    """
    with database.migrating() as connection:
        before = current(connection)
        _refuse_newer(before)
        if before != head():
            _run(connection)
        return before, head()


def refuse_other(database: Database) -> None:
    """Raise where the store is not at the newest step: nothing is read from tables one does not know."""
    with database.reading() as connection:
        found = current(connection)
    _refuse_newer(found)
    if found != head():
        raise StoreError(
            "the database has an older schema",
            code="schema_older",
            found=found or "no tables",
            expected=head(),
            fix="run `gate migrate`",
        )


def is_known(revision: str) -> bool:
    """Whether this version knows that step."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


def _refuse_newer(found: str | None) -> None:
    if found is not None and not is_known(found):
        raise StoreError(
            "the database was migrated by a newer gate",
            code="schema_newer",
            found=found,
            expected=f"{head()} or older",
            fix="run the newer version; nothing was changed",
        )


def _run(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: Any, _: Any) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 - what alembic.command.upgrade calls

    with EnvironmentContext(Config(), scripts, fn=steps) as context:
        # The transaction is the caller's: either every step is there, or none.
        context.configure(connection=connection, transactional_ddl=False)
        context.run_migrations()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER / "versions")])
