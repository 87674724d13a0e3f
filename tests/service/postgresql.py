"""A PostgreSQL of the tests' own: one cluster for all workers of a run, one database for each server."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.data import absent


def programs() -> Path:
    """The folder of PostgreSQL's programs, newest version first."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    there = [folder for folder in folders if (folder / "initdb").exists()]
    return there[0] if there else absent("PostgreSQL (apt-get install postgresql)")


def _as_user() -> dict[str, object]:
    """PostgreSQL refuses root; nobody may run it."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(*arguments: str | Path) -> None:
    subprocess.run(
        [str(argument) for argument in arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        **_as_user(),  # type: ignore[call-overload]
    )


def start(data: Path, *, options: str = "") -> None:
    """Start the cluster in `data`, on a socket in the same folder, and wait until it answers."""
    said = f"-c listen_addresses='' -c unix_socket_directories={data.parent} -c max_connections=200 {options}"
    _run(programs() / "pg_ctl", "-D", data, "-w", "-l", data.parent / "log", "-o", said, "start")


def stop(data: Path, mode: str = "fast") -> None:
    """Stop it; `immediate` is what a crash looks like."""
    _run(programs() / "pg_ctl", "-D", data, "-w", "-m", mode, "stop")


def initialized() -> Path:
    """A fresh cluster's folder, not started."""
    folder = Path(tempfile.mkdtemp(prefix="gate-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    _run(
        programs() / "initdb",
        "-D",
        folder / "data",
        "-U",
        "postgres",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
    )
    return folder / "data"


def url(data: Path, database: str) -> str:
    """How gate reaches a database of the cluster."""
    return f"postgresql://postgres@/{database}?host={data.parent}"


def created(data: Path) -> str:
    """The URL of a fresh database."""
    name = f"gate_{uuid4().hex[:12]}"
    with psycopg.connect(url(data, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return url(data, name)


@contextmanager
def shared(folder: Path) -> Iterator[Path]:
    """The cluster of this run, `folder` being the same for all its workers: started by the first, stopped by the last."""
    users = folder / "postgresql.users"
    with _locked(folder):
        lines = users.read_text().splitlines() if users.exists() else []
        if not lines:
            data = initialized()
            start(data)
            lines = [str(data)]
        users.write_text("\n".join([*lines, str(os.getpid())]))
    data = Path(lines[0])
    try:
        yield data
    finally:
        with _locked(folder):
            left = [line for line in users.read_text().splitlines() if line != str(os.getpid())]
            users.write_text("\n".join(left))
            if len(left) == 1:
                stop(data, "immediate")
                shutil.rmtree(data.parent)
                users.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "postgresql.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
