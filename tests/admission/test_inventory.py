"""Bundles that look around: what they need is said, held, and never guessed to be empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate import bootstrap
from gate.admission.desk import Desk
from gate.admission.inventory import NAMESPACES, Inventory, Key
from gate.admission.known import Known
from gate.cli import run
from gate.errors import PolicyError
from gate.kubernetes.surroundings import Kinds, Need
from gate.service import standing
from gate.service.standing import Sources
from tests.admission.builders import NOW, answer, pod, review

TEMPLATE = """apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: onlyone
  annotations: ANNOTATIONS
spec:
  crd: {spec: {names: {kind: OnlyOne}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package only
        violation[{"msg": msg}] { BODY }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: OnlyOne
metadata: {name: one}
spec: {match: {kinds: [{apiGroups: [""], kinds: [Pod]}]MATCH}}
"""
OTHERS = 'data.inventory.namespace[_]["v1"]["Pod"][msg]; msg != input.review.object.metadata.name'
SYNC = (
    '{metadata.gatekeeper.sh/requires-sync-data: \'[[{"groups":[""],"versions":["v1"],"kinds":["Pod"]}]]\'}'
)
NEED = Need(by="OnlyOne", any_of=(Kinds(("",), ("v1",), ("Pod",)),))
PODS = Key(api_version="v1", resource="pods", kind="Pod")


def template(folder: Path, body: str = OTHERS, annotations: str = SYNC, match: str = "") -> Sources:
    text = TEMPLATE.replace("BODY", body).replace("ANNOTATIONS", annotations).replace("MATCH", match)
    (folder / "policies").mkdir()
    (folder / "policies" / "only.yaml").write_text(text)
    return Sources(policies=("policies",), root=folder)


def holding(**pods: str) -> Inventory:
    """An inventory that has read everything."""
    inventory = Inventory()
    inventory.wanted = (NEED,)
    inventory.found({NEED: (PODS,)})
    inventory.replace(PODS, {(namespace, name): b"{}" for name, namespace in pods.items()})
    inventory.replace(NAMESPACES, {("", "prod"): b'{"metadata": {"labels": {"tier": "front"}}}'})
    return inventory


def said(sources: Sources, inventory: Inventory | None, **metadata: Any) -> dict[str, Any]:
    with bootstrap.engine() as engine:
        ground = standing.loaded(sources, engine, Known(), inventory=inventory)
        desk = Desk(engine, ground, Known(), None, clock=lambda: NOW)
        return answer(desk, review(pod(**metadata)))


@pytest.mark.parametrize("pods", [{}, {"web": "prod"}], ids=["nothing", "itself"])
def test_an_object_is_judged_by_what_else_there_is(tmp_path: Path, pods: dict[str, str]) -> None:
    assert said(template(tmp_path), holding(**pods))["allowed"]


def test_another_object_in_the_inventory_is_seen(tmp_path: Path) -> None:
    response = said(template(tmp_path), holding(other="elsewhere"))

    assert "OnlyOne.one: other" in response["status"]["message"]


def test_an_inventory_that_is_not_read_yet_denies_and_is_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "HELD_WITHIN_S", 0.0)
    response = said(template(tmp_path), Inventory())

    assert 403 == response["status"]["code"]
    assert "the informer does not know yet which kinds the API server has" in response["status"]["message"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (OTHERS, "data.inventory"),
        ('msg := "a"; input.review._unstable.namespace', "the namespace of an object"),
    ],
    ids=["inventory", "namespace"],
)
def test_without_an_informer_a_template_that_looks_around_is_refused(
    tmp_path: Path, body: str, what: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        said(template(tmp_path, body), None)

    assert f"only.yaml:1: template OnlyOne looks at {what}" in str(caught.value).replace(":1:1:", ":1:")
    assert "--informer" in str(caught.value)


@pytest.mark.parametrize(
    "annotations",
    [
        "{}",
        "{metadata.gatekeeper.sh/requires-sync-data: '[]'}",
        "{metadata.gatekeeper.sh/requires-sync-data: '[[]]'}",
        '{metadata.gatekeeper.sh/requires-sync-data: \'[[{"groups":["*"],"versions":["v1"],"kinds":["Pod"]}]]\'}',
        '{metadata.gatekeeper.sh/requires-sync-data: \'[[{"groups":[""],"versions":["v1"],"kinds":[]}]]\'}',
        "{metadata.gatekeeper.sh/requires-sync-data: 'pods'}",
    ],
    ids=["absent", "nothing", "no kinds", "any group", "no kind", "no JSON"],
)
def test_a_template_that_does_not_say_at_what_it_looks_is_refused(tmp_path: Path, annotations: str) -> None:
    sources = template(tmp_path, annotations=annotations)

    with pytest.raises(PolicyError, match="does not say at which kinds"):
        said(sources, holding())


def test_a_namespace_selector_without_an_informer_denies_and_says_what_to_do(tmp_path: Path) -> None:
    sources = template(
        tmp_path, 'msg := "no"; false', match=", namespaceSelector: {matchLabels: {tier: back}}"
    )
    without = said(sources, None)
    held = said(sources, holding())

    assert "cannot be judged; start the webhook with --informer" in without["status"]["message"]
    assert held["allowed"]


def configured(folder: Path, sources: Sources, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and text of `gate webhook status` about what `gate webhook render` made."""
    policy = f"--policy={sources.root / 'policies'}"
    assert 0 == run(["webhook", "certs", "--dir", str(folder / "tls")])
    capsys.readouterr()
    run(["webhook", "render", policy, f"--ca={folder / 'tls' / 'ca.crt'}"])
    (folder / "webhook.json").write_text(capsys.readouterr().out)
    code = run(["webhook", "status", policy, f"--configuration={folder / 'webhook.json'}"])
    return code, capsys.readouterr().out


def test_status_tells_what_needs_an_informer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    match = ", namespaceSelector: {matchLabels: {tier: back}}"
    code, told = configured(tmp_path, template(tmp_path, match=match), capsys)

    assert (0, True) == (code, "looks at namespaces: OnlyOne.one; the webhook needs --informer" in told), told
    assert "looks at Pod of the core group: template OnlyOne; the webhook needs --informer" in told


def test_status_is_1_where_a_template_does_not_say_at_what_it_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = configured(tmp_path, template(tmp_path, annotations="{}"), capsys)

    assert 1 == code
    assert "looks at data.inventory and does not say at which kinds" in told
