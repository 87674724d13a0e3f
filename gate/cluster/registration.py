"""The webhook and its certificate in a cluster: kept in Secrets, made anew in time, told to the API server.

    1. keys and CAs into the Secret that no webhook mounts
    2. every CA into `caBundle` of the configuration, where there is one
    3. the leaf into the Secret that the webhooks mount: whoever sees it trusts its CA by then

A step that fails ends it there: a leaf is never served that the API server does not trust.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import urllib3

from gate.admission import coverage
from gate.cluster.client import Cluster, segment
from gate.errors import GateError, SettingsError, quoted
from gate.service import authority
from gate.service.authority import Kept

CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
PROBE_EVERY_S: Final = 1.0
_LEAF: Final = {"certificate": "tls.crt", "leaf_key": "tls.key"}
_OWN: Final = {"key": "ca.key", "next_key": "ca-next.key"}


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is."""

    namespace: str
    secret: str
    """Mounted by the webhooks: `tls.crt`, `tls.key`, `ca.crt`."""
    ca_secret: str
    """Mounted by nobody: the keys of the CAs."""
    configuration: str


def rotated(cluster: Cluster, names: Names, hosts: Sequence[str], now: datetime) -> tuple[Kept, bool]:
    """What is kept, renewed where its time has come, and whether anything was; raises `GateError`."""
    leaf = _secret(cluster, names.namespace, names.secret)
    own = _secret(cluster, names.namespace, names.ca_secret)
    before = Kept(
        ca=_data(own, "ca.crt") or _data(leaf, "ca.crt"),
        **{part: _data(own, name) for part, name in _OWN.items()},
        **{part: _data(leaf, name) for part, name in _LEAF.items()},
    )
    after = authority.renewed(before, hosts, now)
    if _differs(own, after, _OWN):
        _keep(cluster, names.namespace, own, after, _OWN)
    is_patched = trusted(cluster, names.configuration, after.ca)
    is_new = _differs(leaf, after, _LEAF)
    if is_new:
        _keep(cluster, names.namespace, leaf, after, _LEAF)
    return after, is_new or is_patched


def trusted(cluster: Cluster, name: str, ca: bytes) -> bool:
    """Whether a webhook of the configuration `name` had to be told of `ca`; False where there is none yet."""
    path = f"{CONFIGURATIONS}/{segment(name)}"
    there = cluster.value(path)
    if there is None:
        return False
    bundle = base64.b64encode(ca).decode()
    patch: list[dict[str, Any]] = []
    for index, webhook in enumerate(coverage.webhooks(there, name)):
        if webhook.get("clientConfig", {}).get("caBundle") != bundle:
            # Whoever reorders the webhooks between the two requests makes the whole patch fail.
            patch.append({"op": "test", "path": f"/webhooks/{index}/name", "value": webhook.get("name")})
            at = f"/webhooks/{index}/clientConfig/caBundle"
            patch.append({"op": "add", "path": at, "value": bundle})
    if patch:
        cluster.merged(path, patch, kind="application/json-patch+json")
    return bool(patch)


def registered(cluster: Cluster, configuration: Mapping[str, Any], ca: bytes | None) -> dict[str, Any]:
    """The configuration as the API server has it from now on, with `ca` in every webhook."""
    listed = coverage.webhooks(configuration, "the configuration")
    if ca is not None:
        bundle = base64.b64encode(ca).decode()
        listed = [
            one | {"clientConfig": one.get("clientConfig", {}) | {"caBundle": bundle}} for one in listed
        ]
    name = str(configuration.get("metadata", {}).get("name") or "")
    if not name:
        raise SettingsError("the configuration has no name", code="usage")
    return cluster.applied(f"{CONFIGURATIONS}/{segment(name)}", {**configuration, "webhooks": listed})


def answering(
    url: str, ca: bytes | None, timeout_s: float, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return once `url` answers 200 with a certificate of `ca`; raises `GateError` after `timeout_s`.

    A webhook that is registered before it answers denies everything meanwhile.
    """
    context = ssl.create_default_context(cadata=None if ca is None else ca.decode("ascii"))
    pool = urllib3.PoolManager(ssl_context=context, retries=False)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            status = pool.request("GET", url, timeout=5.0, redirect=False).status
            found = f"HTTP {status}"
            if status == 200:
                return
        except urllib3.exceptions.HTTPError as error:
            found = str(error)[:200]
        if time.monotonic() >= deadline:
            raise GateError(
                "the webhook does not answer, so it is not registered",
                code="webhook_away",
                path=url,
                found=found,
                expected="HTTP 200, with a certificate of the CA",
                fix="see its log; nothing in the cluster was changed",
            )
        sleep(PROBE_EVERY_S)


def unregistered(cluster: Cluster, name: str) -> bool:
    """Whether there was a configuration `name`; there is none afterwards."""
    return cluster.deleted(f"{CONFIGURATIONS}/{segment(name)}")


def configuration(cluster: Cluster, name: str) -> dict[str, Any]:
    """The configuration `name`; raises `GateError` where there is none: nothing is asked."""
    found = cluster.value(f"{CONFIGURATIONS}/{segment(name)}")
    if found is None:
        raise GateError(
            "no webhook is registered, so nothing is judged",
            code="webhook_unregistered",
            path=name,
            fix="gate webhook register",
        )
    return found


def faults(
    webhooks: Sequence[Mapping[str, Any]],
    certificate: bytes | None,
    now: datetime,
    told: Callable[[str], object],
) -> list[str]:
    """Why calls would fail or objects get in unjudged; days that are left are `told`."""
    bundles = {str(one.get("clientConfig", {}).get("caBundle") or "") for one in webhooks}
    found = [
        f"fails open: {one.get('name')}: objects get in unjudged where the webhook is away"
        for one in webhooks
        if one.get("failurePolicy", "Fail") != "Fail"
    ]
    for bundle in sorted(bundles):
        ca = base64.b64decode(bundle)
        if not ca:
            found.append("no caBundle: the API server trusts no certificate of the webhook")
            continue
        _tell_days("CA", ca, now, told, found)
        if certificate is not None and not authority.is_signed_by(certificate, ca):
            found.append("the certificate is of no CA in caBundle: every call fails")
    if certificate is not None:
        _tell_days("certificate", certificate, now, told, found)
    return found


def _tell_days(what: str, pem: bytes, now: datetime, told: Callable[[str], object], found: list[str]) -> None:
    expires = authority.expiry(pem, what)
    days = (expires - now).total_seconds() / 86_400
    told(f"{what}: {days:.0f} days left, until {expires:%Y-%m-%d}")
    if days <= 0:
        found.append(f"the {what} has expired: every call fails")


def _secret(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{segment(namespace)}/secrets/{segment(name)}"
    found = cluster.value(path)
    if found is None:
        raise GateError(
            "there is no such Secret",
            code="secret_missing",
            path=f"{namespace}/{name}",
            fix="create it empty: the account may change these Secrets by name, and make none",
        )
    return found


def _data(secret: Mapping[str, Any], name: str) -> bytes:
    data = secret.get("data")
    text = data.get(name) if isinstance(data, dict) else None
    try:
        return base64.b64decode(text or "", validate=True)
    except binascii.Error:
        raise GateError(f"{quoted(name)} of the Secret is no base64", code="secret_invalid") from None


def _differs(secret: Mapping[str, Any], kept: Kept, parts: Mapping[str, str]) -> bool:
    wanted = {name: getattr(kept, part) for part, name in parts.items()} | {"ca.crt": kept.ca}
    return any(_data(secret, name) != content for name, content in wanted.items())


def _keep(
    cluster: Cluster, namespace: str, secret: Mapping[str, Any], kept: Kept, parts: Mapping[str, str]
) -> None:
    """Write `parts` and the bundle; somebody who wrote meanwhile makes it fail (HTTP 409)."""
    content = {name: getattr(kept, part) for part, name in parts.items()} | {"ca.crt": kept.ca}
    metadata = secret["metadata"]
    cluster.merged(
        f"/api/v1/namespaces/{segment(namespace)}/secrets/{segment(str(metadata['name']))}",
        {
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            "data": {name: base64.b64encode(value).decode() for name, value in content.items()},
        },
    )
