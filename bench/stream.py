"""A SARIF log of 1 GiB through a pipe: counted exactly, at what speed, in what memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from bench import big, machine, processes, reports
from bench.table import Row, Table, within

SIZE_BYTES: Final = 1024**3
QUICK_BYTES: Final = 64 * 1024**2
RATE_BAR: Final = 60.0
_TAIL: Final = b"]}]}"
"""What follows the last result."""
MEMORY_BAR_MIB: Final = 256
BLOCK_BYTES: Final = 4_000_000
MIB: Final = 1024 * 1024


def measured(folder: Path, quick: bool) -> Table:
    """`gate convert - -o summary`, the log made while it is read."""
    size = QUICK_BYTES if quick else SIZE_BYTES
    block = folder / "block.sarif"
    sample = big.real_sample("codeql-sarif/smi__out.python.sarif.json") or reports.SMALL_SARIF
    in_block = reports.sarif(block, BLOCK_BYTES, sample).findings
    writer = f"{sys.executable} -m bench.stream {block} {size}"
    gate = f"{' '.join(machine.gate_command())} convert - -o summary"
    command = ["sh", "-c", f"{writer} | {gate} > {folder}/out.json"]
    run = processes.run(command, cwd=machine.REPOSITORY, env=machine.environment(folder / "code"), watch=True)
    told = msgspec.json.decode((folder / "out.json").read_bytes())
    rate = told["bytes"] / run.wall_s / 1e6
    peak = sum(peak for name, peak in run.peaks.items() if name in ("gate", "gate-opa")) / MIB
    expected = in_block * parts(block, size)[2]
    return Table(
        name="stream",
        title=f"SARIF of {told['bytes'] / MIB:,.0f} MiB from a pipe, made meanwhile",
        rows=(
            Row(
                what="findings",
                figure=f"{told['findings']:,}",
                bar=f"{expected:,}",
                holds=told["findings"] == expected,
                note=", ".join(f"{name} {number:,}" for name, number in told["counts"]["code"].items()),
            ),
            Row(
                what="rate",
                figure=f"{rate:.0f} MB/s",
                bar=f"{RATE_BAR:.0f} MB/s",
                holds=rate >= RATE_BAR,
                note=f"{run.wall_s:.1f} s, CPU of all with the writer {run.cpu_s:.1f} s",
            ),
            Row(
                what="gate and gate-opa, peaks together",
                figure=f"{peak:.0f} MiB",
                bar=f"{MEMORY_BAR_MIB} MiB",
                holds=within(peak, MEMORY_BAR_MIB),
            ),
        ),
    )


def parts(block: Path, size: int) -> tuple[bytes, bytes, int]:
    """What stands before the results of the log in `block`, the results, and how often they make `size` bytes."""
    data = block.read_bytes()
    start = data.index(b'"results":[') + len(b'"results":[')
    end = len(data) - len(_TAIL)
    if not data.endswith(_TAIL):
        raise ValueError(f"the block ends in {data[-20:]!r}, expected {_TAIL!r}")
    return data[:start], data[start:end], -(-size // (end - start))


def written(block: Path, size: int, out: BinaryIO) -> None:
    """The log in `block` with its results again and again, until it has `size` bytes."""
    head, results, times = parts(block, size)
    out.write(head + results)
    for _ in range(times - 1):
        out.write(b",")
        out.write(results)
    out.write(_TAIL)
    out.flush()


if __name__ == "__main__":
    written(Path(sys.argv[1]), int(sys.argv[2]), sys.stdout.buffer)
