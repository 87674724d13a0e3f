"""`python -m bench [NAME…] [--quick] [--save]`: measure, print a table each, never fail on a figure."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench import (
    admission,
    apiserver,
    big,
    findings,
    gatekeeper,
    machine,
    manifests,
    objects,
    rules,
    service,
    soak,
    start,
    stream,
    throughput,
)
from bench.table import Table, text

BENCHMARKS: Final[dict[str, Callable[[Path, bool], Table]]] = {
    "start": start.measured,
    "throughput": throughput.measured,
    "admission": admission.measured,
    "apiserver": apiserver.measured,
    "manifests": manifests.measured,
    "objects": objects.measured,
    "rules": rules.measured,
    "gatekeeper": gatekeeper.measured,
    "big": big.measured,
    "findings": findings.measured,
    "stream": stream.measured,
    "service": service.measured,
    "soak": soak.measured,
}
"""name -> (an empty folder, quick?) -> what was measured."""


def main() -> None:
    """Run the benchmarks named, or all."""
    parser = ArgumentParser(
        prog="python -m bench", description="Figures beside their bars (bench/README.md)."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a look, not a figure to keep")
    parser.add_argument("--save", action="store_true", help="write bench/results/TIME.json too")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    where = machine.description()
    sys.stdout.write(f"{where}{', quick sizes' if given.quick else ''}\n\n")
    tables: list[Table] = []
    for name in given.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix=f"gate-bench-{name}-") as folder:
            tables.append(BENCHMARKS[name](Path(folder), given.quick))
        sys.stdout.write(text(tables[-1]) + "\n")
        sys.stdout.flush()
    if given.save:
        now = datetime.now(UTC)
        place = Path(__file__).parent / "results" / f"{now:%Y-%m-%dT%H%M%SZ}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": where, "tables": tables})))
        sys.stdout.write(f"written to {place}\n")


if __name__ == "__main__":
    main()
