"""Nothing is learnt while requests are answered: two threads that learn one shape end the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from gate import bootstrap
from gate.files import File
from gate.service import app, shapes

REPORT = b'{"errors": [], "generated_at": "2026-11-22T10:00:00Z", "metrics": {"_totals": {"loc": 1}, "a.py": {"loc": 1}}, "results": []}'
with bootstrap.engine() as engine:
    names = {f"{shape.__module__}.{shape.__qualname__}" for shape in shapes.prepared(engine)}
    ready = Barrier(16)
    def ask(number):
        ready.wait()
        return bootstrap.ingested((File(path=f"{number}.json", data=REPORT),), engine)
    with ThreadPoolExecutor(16) as pool:
        assert 16 == len(list(pool.map(ask, range(16))))
for wanted in ("gate.model.Decision", "gate.evaluate._Emitted", "gate.feed.AdmissionRecord"):
    assert wanted in names, wanted
assert any(name.startswith("scanners.") for name in names)
"""


def test_every_shape_is_known_before_there_are_threads(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
