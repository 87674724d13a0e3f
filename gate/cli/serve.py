"""`gate serve`: the service."""

from __future__ import annotations

import gc
import os

import click

from gate.errors import SettingsError


@click.command(
    epilog="Examples:  gate serve    GATE_DATABASE_URL=postgresql://gate@db/gate gate serve --host 0.0.0.0"
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535))
@click.option("--admission-port", type=click.IntRange(0, 65_535), help="where Kubernetes asks")
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL, without --data-dir)")
@click.option(
    "--data-dir", default=".gate/service", show_default=True, metavar="DIR", help="where SQLite's file is"
)
@click.option("--policies", metavar="DIR", help="folder of policy folders that projects may name")
@click.option(
    "--keep-days",
    type=click.IntRange(8),
    envvar="GATE_KEEP_DAYS",
    help="drop what decisions were made of after so many days (default: never; the record always stays)",
)
@click.option("--tls-certificate", metavar="FILE", help="PEM chain of the API; replaced while it runs")
@click.option("--tls-key", metavar="FILE", help="its PEM key")
@click.option("--metrics-port", type=click.IntRange(0, 65_535), help="instead of /metrics beside the API")
@click.option(
    "--requests-per-minute", type=click.IntRange(1), metavar="N", help="of one token (default: 30000)"
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 60),
    default=0.0,
    metavar="SECONDS",
    help="serve on, unready, after SIGTERM",
)
@click.option("--config", metavar="FILE", help="the platform's file: admission, identity")
@click.option("--certificate", metavar="FILE", help="admission's PEM chain (default: one of its own)")
@click.option("--key", metavar="FILE", help="its PEM key")
@click.option(
    "--admission-policy",
    "admission_policies",
    multiple=True,
    metavar="NAME",
    help="instead of builtin:default",
)
def command(  # noqa: PLR0917 - click passes them by name
    host: str,
    port: int,
    admission_port: int | None,
    database_url: str | None,
    data_dir: str,
    policies: str | None,
    keep_days: int | None,
    tls_certificate: str | None,
    tls_key: str | None,
    metrics_port: int | None,
    requests_per_minute: int | None,
    drain: float,
    config: str | None,
    certificate: str | None,
    key: str | None,
    admission_policies: tuple[str, ...],
) -> None:
    """Answer other machines: decisions over HTTP, recorded for good.

    Without a database URL everything is in one SQLite file below --data-dir.
    """
    from pathlib import Path

    from gate import files
    from gate.service import beside, identity_settings, rates, server

    content = files.content(Path(config), config, SettingsError) if config is not None else b""
    for_admission = config is not None and identity_settings.has_admission(content, config)
    given = (for_admission, certificate, key, *admission_policies)
    if admission_port is None and any(given):
        raise SettingsError(
            "settings of admission without --admission-port",
            code="usage",
            fix="name the port, or leave them out",
        )
    options = server.Options(
        host=host,
        port=port,
        database_url=database_url or server.secret(os.environ, "GATE_DATABASE_URL"),
        database_url_again=None if database_url else lambda: server.secret(os.environ, "GATE_DATABASE_URL"),
        data_dir=data_dir,
        policies=policies,
        identity=identity_settings.wanted(content, config) if config is not None else None,
        keep_days=keep_days,
        admission=None
        if admission_port is None
        else beside.Wanted(
            host=host,
            port=admission_port,
            certificate=certificate,
            key=key,
            config=config,
            policies=admission_policies,
            folder=Path(data_dir) / "admission",
        ),
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        metrics_port=metrics_port,
        requests_per_minute=requests_per_minute or rates.REQUESTS,
        drain_s=drain,
        bootstrap_token=server.secret(os.environ, "GATE_BOOTSTRAP_TOKEN"),
    )
    # `gate` switches the collector off for commands that end at once; this one does not.
    gc.enable()
    server.serve(options, lambda line: click.echo(line, err=True))
