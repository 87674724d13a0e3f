"""`gate webhook`: admission as a process of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli import registering
from gate.errors import SettingsError

if TYPE_CHECKING:
    from gate.admission.inventory import Inventory
    from gate.cluster.client import Cluster


@click.group(
    commands=[
        registering.render,
        registering.certs,
        registering.register,
        registering.unregister,
        registering.status,
        registering.replay,
    ],
    epilog="Examples:  gate webhook serve --certificate tls.crt --key tls.key --data-dir data",
)
def command() -> None:
    """Answer a Kubernetes API server, and have it ask."""


@command.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM chain; read again when it changes")
@click.option("--key", type=click.Path(path_type=Path), help="its PEM key")
@click.option(
    "--client-ca", type=click.Path(path_type=Path), help="only callers with a certificate of this CA"
)
@click.option("--plain-http", is_flag=True, help="no TLS, on loopback alone: for measurements")
@click.option("--config", help="the platform's file: images, namespaces, environments")
@click.option("--policy", "policies", multiple=True, help="bundle, instead of builtin:default")
@click.option("--data", multiple=True, help="settings for the rules")
@click.option("--waivers", multiple=True, help="waivers of the platform, for every project")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), required=True, help="spool and what is known of the store"
)
@click.option("--feed", help="address of the service whose decisions count")
@click.option("--token-file", type=click.Path(path_type=Path), help="the token for it")
@click.option("--ends-with-stdin", is_flag=True, hidden=True, help="end when whoever started it has ended")
@click.option("--health-port", type=click.IntRange(0, 65535), help="plain HTTP for probes and metrics alone")
@click.option(
    "--registered", type=click.Path(path_type=Path), help="the configuration that the API server has"
)
@click.option("--feed-ca", type=click.Path(path_type=Path), help="the CA of its certificate")
@click.option(
    "--informer", is_flag=True, help="hold namespaces, and what templates look at, of the cluster as it is"
)
@click.option(
    "--informer-stale-after",
    "stale_after_s",
    type=click.FloatRange(3.0, 86_400.0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="without word from the API server for so long, what is held does not count",
)
@registering.of_cluster
def serve(  # noqa: PLR0917 - click passes them by name
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
    plain_http: bool,
    config: str | None,
    policies: tuple[str, ...],
    data: tuple[str, ...],
    waivers: tuple[str, ...],
    data_dir: Path,
    feed: str | None,
    token_file: Path | None,
    feed_ca: Path | None,
    ends_with_stdin: bool,
    health_port: int | None,
    registered: Path | None,
    informer: bool,
    stale_after_s: float,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Serve POST /admission/validate until told to end."""
    from datetime import UTC, datetime

    from gate import bootstrap, ids
    from gate.admission.desk import Desk
    from gate.admission.known import Kept
    from gate.admission.spool import Spool
    from gate.service import standing, webhook
    from gate.service.certificates import Certificate
    from gate.service.following import Follower, Forwarder, Store

    if ends_with_stdin:
        threading.Thread(target=_ended_with_stdin, name="parent", daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    served = _certificate_files(certificate, key, plain_http, host)
    sources = standing.Sources.named(policies, data, waivers, config)
    pair = Certificate(*served, client_ca) if served else None
    known_file, spools = webhook.data_folders(data_dir)
    kept = Kept(known_file)
    asked = registering.cluster_of(kubeconfig, context, cluster_token) if informer else None
    with bootstrap.engine() as engine, _held(asked, stale_after_s) as inventory:
        ground = standing.loaded(sources, engine, kept.known, inventory=inventory)
        spool = Spool(spools, ids.uuid7(datetime.now(UTC), os.urandom(10)))
        desk = Desk(engine, ground, kept.known, spool)
        store = Store(feed, token_file, feed_ca) if feed else None
        parts = webhook.Parts(
            watcher=standing.Watcher(sources, desk, inventory=inventory),
            inventory=inventory,
            certificate=pair,
            follower=Follower(kept, store.page) if store else None,
            forwarder=Forwarder(spools, spool.path, store.keep) if store else None,
            health=None if health_port is None else (host, health_port),
            registered=registering.registered_in(registered) if registered else None,
        )
        webhook.serve(desk, parts, host=host, port=port)


@contextlib.contextmanager
def _held(cluster: Cluster | None, stale_after_s: float) -> Iterator[Inventory | None]:
    """What an informer holds of `cluster` meanwhile."""
    if cluster is None:
        yield None
        return
    from gate.admission.inventory import Inventory
    from gate.cluster.informer import Informer

    inventory = Inventory(stale_after_s)
    informer = Informer(cluster, inventory)
    informer.start()
    try:
        yield inventory
    finally:
        informer.stop()


def _ended_with_stdin() -> None:
    """Wait for the end of standard input: its other end is the parent's, however that ends."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _certificate_files(
    certificate: Path | None, key: Path | None, plain_http: bool, host: str
) -> tuple[Path, Path] | None:
    if certificate is not None and key is not None and not plain_http:
        return certificate, key
    if plain_http and host in ("127.0.0.1", "::1") and certificate is None and key is None:
        return None
    raise SettingsError(
        "a webhook is served with a certificate and its key",
        code="usage",
        expected="--certificate and --key, or --plain-http alone on 127.0.0.1",
        fix="the API server speaks https only",
    )
