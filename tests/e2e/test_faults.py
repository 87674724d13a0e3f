"""What goes wrong at once: rules that run on, callers that do not end, bodies too large, decisions too old."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate import limits, times
from gate.scales import Outcome
from tests.e2e.cluster import Cluster, until
from tests.e2e.test_admission import Load, pod, privileged
from tests.e2e.webhook import POLICY, Webhook

ENDLESS = """
# METADATA
# title: It never ends
# custom: {id: E2E-9, severity: low}
deny contains {"rule": "E2E-9", "message": "x"} if {
	input.object.metadata.name == "endless"
	some a in numbers.range(1, 20000)
	some b in numbers.range(1, 20000)
	a * b == -1
}
"""
DRAINED, FRESH = (f"sha256:{two * 32}" for two in ("b1", "b2"))


def test_an_evaluation_that_overruns_is_answered_in_time_and_others_go_on(
    cluster: Cluster, webhook: Webhook
) -> None:
    file = webhook.policies / "e2e.rego"
    before = webhook.state()["revision"]
    try:
        file.write_text(POLICY + ENDLESS, "utf-8")
        until(lambda: webhook.state()["revision"] != before, "the endless rule judges")
        with Load(cluster) as others:
            began = time.monotonic()
            denied = cluster.apply(pod("endless"))
            took_s = time.monotonic() - began
        after = cluster.apply(pod("after-endless"))
    finally:
        file.write_text(POLICY, "utf-8")
    until(lambda: webhook.state()["revision"] == before, "the first policies judge again")

    assert "gate could not decide, so it denies" in denied.stderr, denied.stderr
    assert "failed calling webhook" not in denied.stderr
    assert took_s < 7
    assert {201} == {code for code, _ in others}
    assert 0 == after.returncode, after.stderr


def test_an_admitted_digest_comes_back_after_its_decision_expired_and_a_new_one_does_not(
    cluster: Cluster, webhook: Webhook
) -> None:
    image = "registry.example/acme/web@{}".format
    soon = datetime.now(UTC) + timedelta(seconds=12)
    past = times.rfc3339(datetime.now(UTC) - timedelta(hours=1))
    webhook.feed.decide(DRAINED, Outcome.PASS, expires_at=times.rfc3339(soon))
    webhook.feed.decide(FRESH, Outcome.PASS, expires_at=past)
    until(lambda: 0 == cluster.apply(pod("first", image=image(DRAINED))).returncode, "it is admitted", 8.0)
    until(lambda: datetime.now(UTC) > soon, "the decision expired", 30.0)

    drained = cluster.apply(pod("drained", image=image(DRAINED)))
    fresh = cluster.apply(pod("fresh", image=image(FRESH)))

    assert 0 == drained.returncode, drained.stderr
    assert "Warning: GATE-IMAGE-007" in drained.stderr
    assert "has expired" in fresh.stderr
    assert "GATE-IMAGE-002" in fresh.stderr


@pytest.mark.usefixtures("webhook")
def test_a_resize_is_judged(cluster: Cluster) -> None:
    value = pod("resized")
    value["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "10m"}, "limits": {"cpu": "20m"}}
    assert 0 == cluster.apply(value).returncode
    more = {"spec": {"containers": [{"name": "web", "resources": {"limits": {"cpu": "30m"}}}]}}
    cluster.kubectl(
        "patch",
        "pod",
        "resized",
        "-n",
        "prod",
        "--subresource=resize",
        "--type=strategic",
        "-p",
        json.dumps(more),
    )

    events = [one for one in cluster.audited("resized") if "validate.gate.internal/decision-id" in one]

    assert 2 == len(events)


def test_a_mirror_pod_of_a_node_needs_no_webhook_and_one_of_a_person_does(
    cluster: Cluster, webhook: Webhook
) -> None:
    """The real CEL of `matchConditions`: `object` is null on DELETE, and that is no error."""
    value = privileged("mirror", nodeName="n1")
    value["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    node = ("--as=system:node:n1", "--as-group=system:nodes", "--as-group=system:masters")
    webhook.kill()
    try:
        made = cluster.apply(value, *node)
        gone = cluster.kubectl("delete", "pod", "mirror", "-n", "prod", *node, "--force", "--wait=false")
        person = cluster.apply(value, "--as=dev", "--as-group=system:masters")
    finally:
        webhook.start()

    assert 0 == made.returncode, made.stderr
    assert "failed calling webhook" in gone.stderr
    assert "match condition" not in gone.stderr
    assert "failed calling webhook" in person.stderr


def connection(webhook: Webhook) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(webhook.authority.file))
    plain = socket.create_connection(("127.0.0.1", webhook.port), 5)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_callers_that_never_end_their_request_are_dropped_and_hold_up_nobody(
    cluster: Cluster, webhook: Webhook
) -> None:
    slow = [connection(webhook) for _ in range(40)]
    head = b"POST /admission/validate HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
    for number, one in enumerate(slow):
        one.sendall(head if number % 2 else head + b"\r\n{")
    with Load(cluster) as answers:
        pass
    ends = []
    for one in slow:
        one.settimeout(15)
        try:
            ends.append(one.recv(200))
        except (ConnectionError, ssl.SSLError):
            ends.append(b"")
        one.close()

    assert {201} == {code for code, _ in answers}
    assert {b"", b"HTTP/1.1 408"} >= {end[:12] for end in ends}


@pytest.mark.parametrize(
    ("size", "expected"),
    [(limits.REVIEW_BYTES - 2_000, 200), (limits.REVIEW_BYTES + 1, 413)],
    ids=["8 MB", "more"],
)
def test_a_review_of_eight_megabytes_is_judged_and_a_larger_one_refused(
    webhook: Webhook, size: int, expected: int
) -> None:
    value = pod("large")
    value["metadata"]["annotations"] = {"filler": "x" * size}
    status, answer = posted(webhook, review(value))

    assert expected == status
    if expected == 200:
        assert answer["response"]["allowed"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u"}}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        b"\xff\xfe{}",
    ],
    ids=["empty", "cut off", "null", "list", "v1beta1", "no request", "UTF-16"],
)
def test_what_is_no_review_is_refused_and_never_allowed(webhook: Webhook, body: bytes) -> None:
    assert 400 == posted(webhook, body)[0]
    assert webhook.is_ready()


def review(value: dict[str, Any]) -> bytes:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    request = {"uid": "u", "kind": kind, "operation": "CREATE", "namespace": "prod", "object": value}
    whole = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request | {"dryRun": True},
    }
    return json.dumps(whole).encode()


def posted(webhook: Webhook, body: bytes) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=str(webhook.authority.file))
    url = f"https://127.0.0.1:{webhook.port}/admission/validate"
    asked = urllib.request.Request(url, data=body, method="POST")
    try:
        with urllib.request.urlopen(asked, context=context, timeout=15) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
