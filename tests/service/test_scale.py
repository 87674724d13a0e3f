"""The store that lists and decisions are measured in is one that the service could have written itself."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, inspect, select

from bench import lists, scale
from gate.stores import chains
from gate.stores.database import Database
from gate.stores.schema import FINDINGS


def test_a_loaded_store_is_whole_and_every_list_of_it_is_found(tmp_path: Path) -> None:
    scale.begun(tmp_path, None)
    with closing(Database(f"sqlite:///{tmp_path / '.gate' / 'service' / 'gate.db'}")) as database:
        with database.writing() as connection:
            scale.more_projects(connection, scale.template(connection), random.Random(0))  # noqa: S311
            made = scale.template(connection)
            before = {name: inspect(connection).get_indexes(name) for name in ("decisions", "findings")}
        scale.loaded(database, made, scale.Sizes(decisions=300, findings=2_000), 1)
        with database.snapshot() as connection:
            verified = chains.verified(connection)
            found = connection.execute(select(func.count()).select_from(FINDINGS)).scalar_one()
            after = {name: inspect(connection).get_indexes(name) for name in ("decisions", "findings")}
        told = {one.name: one for one in lists.measured(database)}

    assert (301, 2) == (verified.decisions, verified.chains)
    assert 2_001 == found
    assert before == after
    assert 50 == told["decisions"].rows
    assert 0 == told["decisions of a branch that is none"].rows
    assert 1 == told["findings by fingerprint"].rows
    assert [] == [one.name for one in told.values() if not one.plan]
