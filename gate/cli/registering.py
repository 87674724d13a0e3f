"""`gate webhook render|certs|register|unregister|status|replay`: how a cluster comes to ask the webhook."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gate.admission import defaults
from gate.errors import GateError, SettingsError

if TYPE_CHECKING:
    from gate.admission.coverage import Gap, Registered, Speaks
    from gate.bundle import Bundle
    from gate.cluster.client import Cluster

PROBE_TIMEOUT_S: Final = 120.0
Command = Callable[..., Any]

_POLICIES: Final = click.option(
    "--policy", "policies", multiple=True, help="bundle, instead of builtin:default"
)
_RESOURCES: Final = click.option(
    "--resource",
    "named",
    multiple=True,
    metavar="KIND.GROUP=PLURAL",
    help="a custom resource of a constraint",
)


def of_cluster(command: Command) -> Command:
    """The options that say which cluster."""
    for option in (
        click.option(
            "--kubeconfig", metavar="FILE", help="default: KUBECONFIG, the Pod's account, ~/.kube/config"
        ),
        click.option("--context", metavar="NAME", help="of the kubeconfig"),
        click.option(
            "--cluster-token",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="a token instead of its user",
        ),
    ):
        command = option(command)
    return command


@click.command(epilog="Examples:  gate webhook render --policy policies/ | kubectl apply -f -")
@_POLICIES
@_RESOURCES
@click.option("--name", default=defaults.CONFIGURATION, show_default=True, help="of the configuration")
@click.option(
    "--namespace", default=defaults.NAMESPACE, show_default=True, help="the gate's own, never asked about"
)
@click.option("--service", default=defaults.SERVICE, show_default=True)
@click.option("--url", help="https address of a webhook outside of the cluster")
@click.option(
    "--ca", type=click.Path(path_type=Path), metavar="FILE", help="PEM of who signs its certificate"
)
@click.option("--cert-manager", metavar="NAMESPACE/CERTIFICATE", help="whose CA cert-manager puts in")
@click.option("--exclude", multiple=True, metavar="NAMESPACE", help="one more that is never asked about")
@click.option("--ignore-failures", is_flag=True, help="let objects in unjudged where the webhook is away")
@click.option(
    "--timeout", "timeout_s", default=defaults.TIMEOUT_S, show_default=True, type=int, metavar="SECONDS"
)
@click.option("--delete", "deletes", is_flag=True, help="ask about deletions, too")
@click.option("--scale", "scales", is_flag=True, help="ask about the scale subresource, too")
@click.option("--connect", "connects", is_flag=True, help="ask about exec and attach, too")
@click.option("--cluster-scoped", is_flag=True, help="ask about objects without a namespace, too")
@click.option("--break-glass", is_flag=True, help="print what to type where the webhook holds up the cluster")
def render(  # noqa: PLR0917 - click passes them by name
    policies: tuple[str, ...],
    named: tuple[str, ...],
    name: str,
    namespace: str,
    service: str,
    url: str | None,
    ca: Path | None,
    cert_manager: str | None,
    exclude: tuple[str, ...],
    ignore_failures: bool,
    timeout_s: int,
    deletes: bool,
    scales: bool,
    connects: bool,
    cluster_scoped: bool,
    break_glass: bool,
) -> None:
    """Print the ValidatingWebhookConfiguration for what the policies speak of, as JSON that kubectl takes."""
    from gate import files
    from gate.admission import configuration, coverage

    if break_glass:
        click.echo(configuration.break_glass(name), nl=False)
        return
    wanted = configuration.Wanted(
        name=name,
        namespace=namespace,
        service=service,
        url=url,
        ca=files.content(ca, str(ca), SettingsError) if ca else None,
        cert_manager=cert_manager,
        excluded=exclude,
        failure_policy="Ignore" if ignore_failures else "Fail",
        timeout_s=timeout_s,
        deletes=deletes,
        scales=scales,
        connects=connects,
        cluster_scoped=cluster_scoped,
    )
    speaks, unknown = _spoken(_bundle(policies), named)
    made = configuration.rendered(speaks, wanted)
    for gap in (*coverage.gaps(speaks, made["webhooks"]), *unknown):
        click.echo(_gap(gap), err=True)
    if ignore_failures:
        click.echo(
            "warning: failurePolicy is Ignore: whoever can keep the webhook busy gets anything in", err=True
        )
    click.echo(json.dumps(made, indent=2))


@click.command(epilog="Examples:  gate webhook certs --dir tls --host gate-webhook.gate-system.svc")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="keep them in a folder, not in a cluster"
)
@click.option("--host", "hosts", multiple=True, help="name or address (default: the Service's)")
@click.option("--namespace", default=defaults.NAMESPACE, show_default=True)
@click.option("--service", default=defaults.SERVICE, show_default=True)
@click.option("--secret", default="gate-webhook-tls", show_default=True, help="what the webhooks mount")
@click.option("--ca-secret", default="gate-webhook-ca", show_default=True, help="the CA's keys")
@click.option(
    "--name", default=defaults.CONFIGURATION, show_default=True, help="configuration to put the CA into"
)
@click.option("--every", "every_s", type=click.IntRange(1), metavar="SECONDS", help="look again and again")
@of_cluster
def certs(  # noqa: PLR0917 - click passes them by name
    folder: Path | None,
    hosts: tuple[str, ...],
    namespace: str,
    service: str,
    secret: str,
    ca_secret: str,
    name: str,
    every_s: int | None,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Make the webhook's certificate and its CA, or make them anew where it is time."""
    from gate.cluster import registration
    from gate.service import authority, own_certificate

    served = hosts or (f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.cluster.local")
    if folder is not None:
        kept = own_certificate.files(folder, served, datetime.now(UTC))
        expires = authority.expiry(kept.certificate.read_bytes(), str(kept.certificate))
        click.echo(f"{kept.certificate}: until {expires:%Y-%m-%d}, CA {kept.ca}")
        return
    names = registration.Names(namespace=namespace, secret=secret, ca_secret=ca_secret, configuration=name)
    asked = cluster_of(kubeconfig, context, cluster_token)

    def look() -> None:
        after, is_changed = registration.rotated(asked, names, served, datetime.now(UTC))
        expires = authority.expiry(after.certificate, secret)
        click.echo(f"{namespace}/{secret}: {'made anew' if is_changed else 'kept'}, until {expires:%Y-%m-%d}")

    look() if every_s is None else _again_and_again(look, every_s)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="PEM for caBundle and the probe")
@click.option("--probe", metavar="URL", help="what must answer first (default: the Service's /readyz)")
@click.option("--no-probe", is_flag=True, help="register a webhook that cannot be reached from here")
@of_cluster
def register(
    file: Path,
    ca: Path | None,
    probe: str | None,
    no_probe: bool,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Have the API server ask the webhook of the configuration in FILE, once that webhook answers."""
    from gate import files
    from gate.cluster import registration

    value = _read(file)
    trusted = files.content(ca, str(ca), SettingsError) if ca else None
    if not no_probe:
        registration.answering(probe or _service(value, str(file)), trusted, PROBE_TIMEOUT_S)
    made = registration.registered(cluster_of(kubeconfig, context, cluster_token), value, trusted)
    click.echo(f"registered: {', '.join(one['name'] for one in made['webhooks'])}")


@click.command()
@click.option("--name", default=defaults.CONFIGURATION, show_default=True)
@of_cluster
def unregister(name: str, kubeconfig: str | None, context: str | None, cluster_token: Path | None) -> None:
    """Have the API server ask no more; do this before the webhook goes."""
    from gate.cluster import registration

    was_there = registration.unregistered(cluster_of(kubeconfig, context, cluster_token), name)
    click.echo(f"{name}: {'unregistered' if was_there else 'was not registered'}")


@click.command(epilog="Examples:  gate webhook status --policy policies/")
@_POLICIES
@_RESOURCES
@click.option("--name", default=defaults.CONFIGURATION, show_default=True)
@click.option(
    "--configuration", "file", type=click.Path(path_type=Path), help="a file instead of the cluster's"
)
@click.option("--certificate", type=click.Path(path_type=Path), help="the one that is served")
@of_cluster
@click.pass_context
def status(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    policies: tuple[str, ...],
    named: tuple[str, ...],
    name: str,
    file: Path | None,
    certificate: Path | None,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Tell what of the policies no webhook asks about, and how long its certificates last.

    The exit code is 1 where a rule is not enforced, objects get in unjudged, a certificate has expired, or
    templates look at what the API server does not have.
    """
    from gate.admission import coverage
    from gate.cluster import informer, registration

    asked = None if file else cluster_of(kubeconfig, context, cluster_token)
    value = registration.configuration(asked, name) if asked else _read(file or Path("-"))
    webhooks = coverage.webhooks(value, str(file or name))
    bundle = _bundle(policies)
    speaks, unknown = _spoken(bundle, named)
    every = (*coverage.gaps(speaks, webhooks), *unknown)
    missing = [gap for gap in every if not gap.is_final]
    pem = certificate.read_bytes() if certificate else None
    faults = registration.faults(webhooks, pem, datetime.now(UTC), click.echo)
    faults += informer.looked_at(bundle, asked, click.echo)
    for gap in every:
        click.echo(_gap(gap))
    for fault in faults:
        click.echo(fault)
    if not missing:
        click.echo(f"every kind that can be asked about is ({len(webhooks)} webhooks)")
    ctx.exit(1 if missing or faults else 0)


@click.command(
    epilog="Examples:  gate webhook replay reviews/*.json --policy policies/ --config platform.yaml"
)
@click.argument("reviews", nargs=-1, required=True, type=click.Path(path_type=Path))
@_POLICIES
@click.option("--config", help="the platform's file: images, namespaces, environments")
@click.option("--data", multiple=True, help="settings for the rules")
@click.option("--waivers", multiple=True, help="waivers of the platform")
@click.option("--data-dir", type=click.Path(path_type=Path), help="what a webhook knows of the store")
@click.pass_context
def replay(
    ctx: click.Context,
    reviews: tuple[Path, ...],
    policies: tuple[str, ...],
    config: str | None,
    data: tuple[str, ...],
    waivers: tuple[str, ...],
    data_dir: Path | None,
) -> None:
    """Answer saved AdmissionReviews with these policies, one line each; nothing is recorded.

    The exit code is 1 where one is denied, 3 where one could not be decided.
    """
    import asyncio

    from gate import bootstrap, files
    from gate.admission.desk import Desk
    from gate.admission.known import Kept, Known
    from gate.errors import ReportError
    from gate.service import standing

    sources = standing.Sources.named(policies, data, waivers, config)
    known = Kept(data_dir / "known.jsonl").known if data_dir else Known()
    worst = 0
    with bootstrap.engine() as engine:
        desk = Desk(engine, standing.loaded(sources, engine, known), known, None)
        for path in reviews:
            try:
                answer = asyncio.run(desk.answer(files.content(path, str(path), ReportError)))
            except GateError as error:
                click.echo(f"{path}: not answered: {error}")
                worst = max(worst, 3)
                continue
            response = json.loads(answer)["response"]
            told = response.get("status", {})
            click.echo(f"{path}: allowed" if response["allowed"] else f"{path}: denied: {told['message']}")
            worst = max(worst, 0 if response["allowed"] else 3 if told["code"] == 500 else 1)
    ctx.exit(worst)


def registered_in(path: Path) -> Registered:
    """The webhooks of the configuration file at `path`."""
    from gate.admission import coverage

    return coverage.Registered(coverage.webhooks(_read(path), str(path)))


def cluster_of(kubeconfig: str | None, context: str | None, token: Path | None) -> Cluster:
    """The cluster that the options say."""
    from gate.cluster import access

    return access.cluster(kubeconfig, context, os.environ, token_file=token)


def _bundle(policies: tuple[str, ...]) -> Bundle:
    from gate import bootstrap

    with bootstrap.engine() as engine:
        return bootstrap.bundle(policies or ("builtin:default",), Path.cwd(), engine, python=False)


def _spoken(bundle: Bundle, named: tuple[str, ...]) -> tuple[tuple[Speaks, ...], tuple[Gap, ...]]:
    from gate.admission import coverage
    from gate.kubernetes import resources

    extra = {}
    for one in named:
        kind, _, plural = one.partition("=")
        try:
            extra[kind] = resources.named(f"{kind}/{plural}")
        except ValueError as error:
            raise SettingsError(f"--resource: {error}", code="usage", expected="KIND.GROUP=PLURAL") from None
    return coverage.spoken(bundle, extra)


def _read(path: Path) -> dict[str, Any]:
    from gate import files
    from gate.documents import yaml

    content = sys.stdin.buffer.read() if str(path) == "-" else files.content(path, str(path), SettingsError)
    value = yaml.parsed(content, str(path), SettingsError).value
    if not isinstance(value, dict):
        raise SettingsError("this is no object", path=str(path))
    return value


def _service(value: dict[str, Any], path: str) -> str:
    """`/readyz` of the Service that the first webhook names."""
    from gate.admission import coverage

    client = coverage.webhooks(value, path)[0].get("clientConfig", {})
    if "url" in client:
        return f"{str(client['url']).removesuffix(defaults.PATH)}/readyz"
    service = client.get("service", {})
    port = service.get("port", defaults.SERVICE_PORT)
    return f"https://{service.get('name')}.{service.get('namespace')}.svc:{port}/readyz"


def _gap(gap: Gap) -> str:
    by = ", ".join(gap.by[:3]) + (f" and {len(gap.by) - 3} more" if len(gap.by) > 3 else "")
    return f"not enforced: {gap.kind} ({', '.join(gap.operations)}), of {by}: {gap.why}"


def _again_and_again(look: Callable[[], None], every_s: int) -> None:
    """Call `look` until the process is told to end; what fails once is told and tried again."""
    import signal
    import threading

    # `gate` switches the collector off for commands that end at once; this one does not.
    gc.enable()
    ends = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: ends.set())
    while not ends.is_set():
        try:
            look()
        except GateError as error:
            click.echo(str(error), err=True)
        sys.stdout.flush()
        ends.wait(every_s)
