"""`gate audit cluster` and `gate cluster adopt`: what runs already."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gate.cli.registering import cluster_of, of_cluster
from gate.errors import GateError, SettingsError

if TYPE_CHECKING:
    import msgspec

    from gate.admission.known import Known
    from gate.cluster.audit import Asked, Counts, Judged
    from gate.service.following import Store

SENT_AT_ONCE: Final = 200
PAGES: Final = 100_000
"""Of changes; a store that never ends to tell is no store."""


def _sources(command: Callable[..., Any]) -> Callable[..., Any]:
    """What judges, and whose decisions count."""
    for option in (
        click.option("--policy", "policies", multiple=True, help="bundle, instead of builtin:default"),
        click.option("--config", help="the platform's file: images, namespaces, environments"),
        click.option("--data", multiple=True, help="settings for the rules"),
        click.option("--waivers", multiple=True, help="waivers of the platform"),
        click.option("--feed", help="address of the service whose decisions count"),
        click.option("--token-file", type=click.Path(path_type=Path), help="the token for it"),
        click.option("--feed-ca", type=click.Path(path_type=Path), help="the CA of its certificate"),
        click.option("--exclude", multiple=True, metavar="NAMESPACE", help="leave a namespace out"),
    ):
        command = option(command)
    return of_cluster(command)


@click.command(epilog="Examples:  gate audit cluster --policy policies/ --config platform.yaml")
@_sources
@click.option("--skip", multiple=True, metavar="KIND.GROUP", help="leave a kind out that cannot be listed")
@click.option("--reports", type=click.Choice(["openreports.io", "wgpolicyk8s.io"]), help="write reports, too")
@click.option("--record", is_flag=True, help="have the service keep what drifted or would be denied")
@click.option("--report-only", is_flag=True, help="end with 0 whatever was found")
@click.pass_context
def audit(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    policies: tuple[str, ...],
    config: str | None,
    data: tuple[str, ...],
    waivers: tuple[str, ...],
    feed: str | None,
    token_file: Path | None,
    feed_ca: Path | None,
    exclude: tuple[str, ...],
    skip: tuple[str, ...],
    reports: str | None,
    record: bool,
    report_only: bool,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Judge what runs in the cluster by the rules of admission; tell what differs from what was decided.

    The exit code is 1 where something would be denied today, or runs without a decision that lets it in.
    """
    from gate import bootstrap
    from gate.cluster import audit as audits
    from gate.cluster.informer import Once
    from gate.cluster.reports import Reports
    from gate.model import Point
    from gate.service import standing

    store = _store(feed, token_file, feed_ca)
    if record and store is None:
        raise SettingsError("--record without --feed", code="usage", fix="name the service that keeps it")
    now = datetime.now(UTC)
    sources = standing.Sources.named(policies, data, waivers, config)
    known = _known(store)
    asked_cluster = cluster_of(kubeconfig, context, cluster_token)
    # `gate` switches the collector off for commands that end at once; a cluster takes minutes.
    gc.enable()
    counts = audits.Counts()
    written = Reports(reports, now) if reports else None
    with bootstrap.engine() as engine:
        asked = audits.Asked(
            ground=standing.loaded(sources, engine, known, Point.BACKGROUND, Once(asked_cluster)),
            known=known,
            engine=engine,
            now=now,
            new_id=_ids(now),
            skipped=frozenset(skip),
            excluded=frozenset(exclude),
        )
        found = _told(audits.audited(asked_cluster, asked, counts))
        if written is not None:
            found = _each(found, written.take)
        _keep(found, store if record else None, asked)
    if written is not None:
        click.echo(f"{written.write(asked_cluster)} reports of {reports}")
    _summary(counts)
    ctx.exit(0 if report_only or not (audits.denies(counts) or counts.drifted) else 1)


@click.group(
    epilog="Examples:  gate cluster adopt --config platform.yaml --feed https://gate.example --token-file token"
)
def command() -> None:
    """What runs in a cluster already."""


@command.command()
@_sources
@click.option("--dry-run", is_flag=True, help="tell, and record nothing")
@click.pass_context
def adopt(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    policies: tuple[str, ...],
    config: str | None,
    data: tuple[str, ...],
    waivers: tuple[str, ...],
    feed: str | None,
    token_file: Path | None,
    feed_ca: Path | None,
    exclude: tuple[str, ...],
    dry_run: bool,
    kubeconfig: str | None,
    context: str | None,
    cluster_token: Path | None,
) -> None:
    """Record the images that run and were decided about as admitted: their Pods come back after the decision's time.

    The exit code is 1 where an image runs that nothing was decided about: decide, before the webhook denies.
    """
    from gate import bootstrap
    from gate.cluster import adoption
    from gate.cluster.informer import Once
    from gate.service import standing

    store = _store(feed, token_file, feed_ca)
    if store is None or config is None:
        raise SettingsError(
            "adopting wants --feed and --config", code="usage", fix="say whose decisions count, where"
        )
    now = datetime.now(UTC)
    sources = standing.Sources.named(policies, data, waivers, config)
    known = _known(store)
    asked = cluster_of(kubeconfig, context, cluster_token)
    with bootstrap.engine() as engine:
        ground = standing.loaded(sources, engine, known, inventory=Once(asked))
    running = adoption.running(asked, ground.rules, frozenset(exclude))
    adopted, undecided = adoption.sorted_out(running, ground, known)
    if not dry_run:
        made = list(adoption.records(adopted, ground, _ids(now), now))
        for first in range(0, len(made), SENT_AT_ONCE):
            store.keep(_encoded(made[first : first + SENT_AT_ONCE]))
    for one in undecided:
        click.echo(f"not decided: {one.image} in {one.namespace} ({one.why})")
    click.echo(f"{len(adopted)} images {'would be ' if dry_run else ''}adopted, {len(undecided)} not decided")
    ctx.exit(1 if undecided else 0)


def _store(feed: str | None, token_file: Path | None, ca: Path | None) -> Store | None:
    if feed is None:
        return None
    from gate.service.following import Store

    return Store(feed, token_file, ca)


def _known(store: Store | None) -> Known:
    """What the store knows now, whole; nothing where no store was named."""
    from gate.admission.known import Known

    known = Known()
    if store is None:
        return known
    for _ in range(PAGES):
        page = store.page(known.epoch, known.last, 0.0)
        known.apply(page)
        if not page.has_more:
            return known
    raise GateError("the store does not end to tell of changes", code="feed_invalid")


def _ids(now: datetime) -> Callable[[], str]:
    from gate import ids

    return lambda: ids.uuid7(now, os.urandom(10))


def _each(found: Iterator[Judged], take: Callable[[Judged], None]) -> Iterator[Judged]:
    for one in found:
        take(one)
        yield one


def _told(found: Iterator[Judged]) -> Iterator[Judged]:
    """`found`, the first findings of each rule printed as they come."""
    from gate.cluster import audit as audits

    told: dict[str, int] = {}
    for judged in found:
        for one in judged.decision.violations:
            told[one.rule] = told.get(one.rule, 0) + 1
            if told[one.rule] <= audits.TOLD_PER_RULE:
                line = f"{one.action.value:5} {one.rule} {audits.name(judged.value)}: {one.message}"
                click.echo("".join(letter if letter.isprintable() else " " for letter in line))
        yield judged


def _keep(found: Iterator[Judged], store: Store | None, asked: Asked) -> None:
    """Go through `found`; have the store keep what differs from what was decided."""
    from gate.cluster import drift

    if store is None:
        for _ in found:
            pass
        return
    records = drift.records(found, asked.now)
    while some := list(itertools.islice(records, SENT_AT_ONCE)):
        store.keep(_encoded(some))


def _encoded(records: Sequence[object]) -> list[msgspec.Raw]:
    import msgspec

    return [msgspec.Raw(msgspec.json.encode(one)) for one in records]


def _summary(counts: Counts) -> None:
    from gate.cluster import audit as audits

    for rule, actions in sorted(counts.by_rule.items()):
        number = sum(actions.values())
        if number > audits.TOLD_PER_RULE:
            click.echo(f"      {rule}: and {number - audits.TOLD_PER_RULE} more")
    for label, kinds in (("not served", counts.unserved), ("left out", counts.unlisted)):
        if kinds:
            click.echo(f"{label}: {', '.join(kinds)}")
    click.echo(
        f"{counts.objects} objects of {len(counts.by_kind)} kinds: {audits.denies(counts)} would be denied, "
        f"{counts.drifted} pods run an image that was not decided for"
    )
