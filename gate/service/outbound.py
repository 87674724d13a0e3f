"""Requests to identity providers: bounded, and only to where the platform's file lets them go (THREATS.md D3, D5).

A host is resolved once, every address it has is judged, and the connection goes to one of these addresses: a
name that resolves to something else a moment later changes nothing. TLS always, redirects never.

    1. the URL is one that may be asked; 2. so is every address of its host; 3. connect, compare the certificate;
    4. ask, and read at most `MOST_BYTES` before the deadline
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from gate import __version__, limits
from gate.errors import SettingsError

MOST_BYTES: Final = 64 * limits.KIB
"""Largest answer read (THREATS.md D3)."""
DEADLINE_S: Final = 5.0
"""From resolving the name to the last byte of the answer."""
MOST_ADDRESSES: Final = 4
"""Addresses of one host that are tried."""
_AT_ONCE: Final = 4
_SLOW: Final = "the answer came too slowly"
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_METADATA: Final = tuple(
    ipaddress.ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")
)
"""Never asked, whatever is opened: clouds hand out credentials there."""
_GIVEN_OUT: Final = ipaddress.ip_network("2000::/3")
_EMBEDDING: Final = (
    (ipaddress.ip_network("64:ff9b::/96"), 0),
    (ipaddress.ip_network("::/96"), 0),
    (ipaddress.ip_network("2002::/16"), 80),
)
"""IPv6 networks whose addresses hold an IPv4 address, and how many bits stand behind it."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class Unreached(Exception):
    """There is no answer; the text says why, without the answer's content."""


class Answered(Unreached):
    """There is an answer, and it is no 200."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests may go besides port 443 of public addresses."""

    private: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    ports: tuple[int, ...] = (443,)
    ca_file: str | None = None
    """PEM certificates that are believed instead of the system's."""


class Outbound:
    """Asks identity providers; raises `SettingsError` for certificates that cannot be read."""

    def __init__(self, reach: Reach, resolve: Resolve | None = None) -> None:
        self._reach = reach
        self._resolve = resolve or _resolved
        self._context = _believing(reach.ca_file)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="outbound")

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def fetched(
        self, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of the 200 that `url` answers, to GET, or to POST of `body`.

        Raises `Unreached` for everything else, at most `DEADLINE_S` later.
        """
        given = {"Accept": "application/json", **(headers or {})}
        # In a thread of its own: a resolver has no deadline.
        future = self._pool.submit(self._fetched, url, body, given, time.monotonic() + DEADLINE_S)
        try:
            return future.result(DEADLINE_S + 0.5)
        except NotInTime:
            future.cancel()
            raise Unreached(f"no answer within {DEADLINE_S:g} s") from None

    def _fetched(self, url: str, body: bytes | None, headers: Mapping[str, str], deadline: float) -> bytes:
        host, port, path = target(url, self._reach.ports)
        addresses = self.addresses(host, port)
        with _connected(addresses, port, deadline) as raw, self._secured(raw, host) as secured:
            # Deadlines of single reads do not bound an answer that trickles.
            ending = threading.Timer(max(deadline - time.monotonic(), 0.0), _shut, [secured])
            ending.daemon = True
            ending.start()
            try:
                data = _answer(secured, host, port, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                raise Unreached(_SLOW if time.monotonic() >= deadline else _named(error)) from None
            finally:
                ending.cancel()
            if time.monotonic() >= deadline:
                # What was cut off by us may look like an end.
                raise Unreached(_SLOW)
            return data

    def addresses(self, host: str, port: int) -> list[Address]:
        """Every address of `host`; raises `Unreached` where one of them may not be asked."""
        try:
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in self._resolve(host, port)]
        except (OSError, ValueError, UnicodeError) as error:
            raise Unreached(f"{host} cannot be resolved: {type(error).__name__}") from None
        if not found:
            raise Unreached(f"{host} has no address")
        for address in found:
            if not may_be_asked(address, self._reach.private):
                raise Unreached(
                    f"{host} is at {address}, which is not public; identity.network.private opens it"
                )
        return found[:MOST_ADDRESSES]

    @contextlib.contextmanager
    def _secured(self, raw: socket.socket, host: str) -> Iterator[ssl.SSLSocket]:
        try:
            secured = self._context.wrap_socket(raw, server_hostname=host, suppress_ragged_eofs=False)
        except (OSError, ValueError) as error:
            raise Unreached(f"{host}: {_named(error)}") from None
        with secured:
            yield secured


def target(url: str, ports: Sequence[int]) -> tuple[str, int, str]:
    """Host, port and path of a URL that may be asked; raises `Unreached` for any other."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Unreached("the URL holds characters that none has")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError:
        raise Unreached("it is no URL") from None
    if parts.scheme != "https":
        raise Unreached(f"expected https, found {parts.scheme[:20] or 'no scheme'!r}")
    if "@" in parts.netloc or parts.fragment:
        raise Unreached("the URL holds credentials or a fragment")
    if port not in ports:
        raise Unreached(f"port {port} is not open; identity.network.ports opens it")
    if not _is_host(host):
        raise Unreached(f"{host[:80]!r} is no host name that is asked")
    return host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _is_host(host: str) -> bool:
    """Whether it is a name, or an address in its one usual spelling."""
    if ":" in host:
        return "%" not in host and _is_address(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # 2130706433, 0x7f.1 and 0177.0.0.1 are addresses to a resolver, and names to a reader.
        return _is_address(host)
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def may_be_asked(address: Address, private: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether `address`, and the one inside it, is public or was opened by name."""
    inside = _inside(address)
    for one in (address, *([inside] if inside is not None else [])):
        if any(one.version == network.version and one in network for network in _METADATA):
            return False
    judged = inside if inside is not None else address
    if any(judged.version == network.version and judged in network for network in private):
        return True
    # What IPv6 has given out to the public; the library takes fec0::/10 for public, too.
    is_given_out = isinstance(judged, ipaddress.IPv4Address) or judged in _GIVEN_OUT
    return is_given_out and judged.is_global and not judged.is_multicast and not judged.is_reserved


def _inside(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address is a spelling of."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")):
        return None
    for network, behind in _EMBEDDING:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> behind) & 0xFFFF_FFFF)
    return address.teredo[1] if address.teredo else None


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@contextlib.contextmanager
def _connected(addresses: Sequence[Address], port: int, deadline: float) -> Iterator[socket.socket]:
    failure = "no address"
    for address in addresses:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise Unreached("no connection in time")
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.settimeout(left_s)
        try:
            raw.connect((str(address), port))
        except OSError as error:
            raw.close()
            failure = _named(error)
            continue
        with raw:
            yield raw
        return
    raise Unreached(failure)


def _answer(
    secured: ssl.SSLSocket, host: str, port: int, path: str, body: bytes | None, headers: Mapping[str, str]
) -> bytes:
    connection = http.client.HTTPSConnection(host, port)
    connection.sock = secured
    agent = {"User-Agent": f"gate/{__version__}", "Connection": "close", "Accept-Encoding": "identity"}
    connection.request("POST" if body is not None else "GET", path, body, {**agent, **headers})
    with contextlib.closing(connection), contextlib.closing(connection.getresponse()) as response:
        if response.status != 200:
            more = ", redirects are not followed" if 300 <= response.status < 400 else ""
            raise Answered(f"{host} answered {response.status}{more}", response.status)
        data = response.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise Unreached(f"{host} answered more than {MOST_BYTES} bytes")
        if response.length:
            raise Unreached(f"the answer of {host} was cut off")
        return data


def _believing(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"identity.network.ca_file cannot be used: {type(error).__name__}",
            path=ca_file,
            expected="certificates in PEM",
        ) from None


def _shut(secured: Any) -> None:
    with contextlib.suppress(OSError):
        # The socket's own: SSLSocket's would tear down TLS under the thread that reads.
        socket.socket.shutdown(secured, socket.SHUT_RDWR)


def _named(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
