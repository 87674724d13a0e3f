"""How the API server is reached: the account of the Pod this runs in, or a person's kubeconfig.

An `exec` entry of a kubeconfig is a program to run with whatever the file says: it is refused by name, and a token
from a file does as well.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gate import files
from gate.cluster.client import Access, Cluster
from gate.documents import yaml
from gate.errors import SettingsError, quoted

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REFUSED: Final = ("exec", "auth-provider", "username", "impersonate", "as")


def cluster(
    kubeconfig: str | None,
    context: str | None,
    environ: Mapping[str, str],
    *,
    token_file: Path | None = None,
    account: Path = ACCOUNT,
) -> Cluster:
    """The cluster of `kubeconfig`, of KUBECONFIG, of the Pod this runs in, or of ~/.kube/config; first found.

    Raises `SettingsError` where none is said, or what is said cannot be used.
    """
    named = kubeconfig or environ.get("KUBECONFIG")
    if named is None and "KUBERNETES_SERVICE_HOST" in environ and (account / "token").is_file():
        return Cluster(_of_pod(environ, account))
    path = named or os.path.join(environ.get("HOME", "."), ".kube", "config")  # noqa: PTH118 - a message shows it
    if os.pathsep in path:
        raise SettingsError(
            "KUBECONFIG names several files", code="usage", found=quoted(path), expected="one"
        )
    return Cluster(_of_file(path, context, token_file))


def _of_pod(environ: Mapping[str, str], account: Path) -> Access:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        context=_trusting((account / "ca.crt").read_text("ascii"), str(account / "ca.crt")),
        token_file=account / "token",
        said="the account of this Pod",
    )


def _of_file(path: str, wanted: str | None, token_file: Path | None) -> Access:
    content = files.content(Path(path), path, SettingsError)
    value = yaml.parsed(content, path, SettingsError).value
    if not isinstance(value, dict):
        raise SettingsError("this is no kubeconfig", path=path, found=quoted(value))
    name = wanted or value.get("current-context")
    chosen = _entry(value, "contexts", name, "context", path)
    server = _entry(value, "clusters", chosen.get("cluster"), "cluster", path)
    user = _entry(value, "users", chosen.get("user"), "user", path)
    url = str(server.get("server") or "")
    if not url.startswith("https://"):
        raise SettingsError("the cluster has no https address", path=path, found=quoted(url))
    if server.get("insecure-skip-tls-verify"):
        raise SettingsError(
            "insecure-skip-tls-verify is set",
            path=path,
            expected="certificate-authority or certificate-authority-data",
            fix="whoever stands between could answer anything",
        )
    foreign = [key for key in _REFUSED if user.get(key)] if token_file is None else []
    if foreign:
        raise SettingsError(
            f"the user of the context is known by {foreign[0]}, which gate does not run",
            path=path,
            expected="token, tokenFile or a client certificate",
            fix="`kubectl create token NAME > token`, and --token-file token",
        )
    folder = Path(path).parent
    authority = _material(server, "certificate-authority", folder, path)
    trusting = _trusting(authority.decode("ascii", "replace") if authority else None, path)
    if token_file is None:
        _identify(trusting, user, folder, path)
    named = user.get("tokenFile")
    return Access(
        url=url,
        context=trusting,
        token=None if token_file or named else user.get("token"),
        token_file=token_file or (folder / str(named) if named else None),
        said=f"{path}, context {name}",
    )


def _entry(value: Mapping[str, Any], section: str, name: Any, key: str, path: str) -> dict[str, Any]:
    listed = value.get(section)
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("name") == name and isinstance(one.get(key), dict):
            found: dict[str, Any] = one[key]
            return found
    raise SettingsError(
        f"there is no {key} {quoted(name)}", path=path, expected=f"an entry of {section} of this name"
    )


def _material(entry: Mapping[str, Any], key: str, folder: Path, path: str) -> bytes | None:
    """What `KEY-data` holds or the file `KEY` names."""
    data, named = entry.get(f"{key}-data"), entry.get(key)
    if data:
        try:
            return base64.b64decode(str(data), validate=True)
        except binascii.Error:
            raise SettingsError(f"{key}-data is no base64", path=path) from None
    return files.content(folder / str(named), str(named), SettingsError) if named else None


def _trusting(authority: str | None, path: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            "the certificate authority does not load", path=path, found=str(error)[:80]
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _identify(context: ssl.SSLContext, user: Mapping[str, Any], folder: Path, path: str) -> None:
    certificate = _material(user, "client-certificate", folder, path)
    key = _material(user, "client-key", folder, path)
    if certificate is None or key is None:
        return
    # OpenSSL takes files alone; this one is this user's, and gone at the end of the block.
    with tempfile.NamedTemporaryFile() as both:
        both.write(certificate + b"\n" + key)
        both.flush()
        try:
            context.load_cert_chain(both.name)
        except ssl.SSLError as error:
            raise SettingsError(
                "the client certificate does not load", path=path, found=str(error)[:80]
            ) from None
