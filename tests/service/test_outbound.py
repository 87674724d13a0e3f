"""Where the service goes when it asks a provider: only where it was told it may (THREATS.md D3, D5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path
from socket import create_server

import pytest

from gate.errors import SettingsError
from gate.service.outbound import DEADLINE_S, Outbound, Reach, Unreached, target
from tests.service.provider import Provider

NEVER = (
    "http://idp.example/",
    "HTTP://idp.example/",
    "file:///etc/passwd",
    "gopher://idp.example/",
    "ftp://idp.example/",
    "data:application/json,{}",
    "javascript:1",
    "//idp.example/",
    "idp.example",
    "",
    "https://",
    "https:///path",
    "https://?x",
    "https://user@idp.example/",
    "https://user:password@idp.example/",
    "https://idp.example@evil.example/",
    "https://idp.example:22/",
    "https://idp.example:6443/",
    "https://idp.example:0/",
    "https://idp.example:99999/",
    "https://idp.example:x/",
    "https://idp.example/#fragment",
    "https://idp.example\\@evil.example/",
    "https://idp example/",
    "https://idp.example/\r\nHost: x",
    "https://idp.example/\x00",
    "https://idp.exämple/",
    "https://ｉｄｐ.example/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x/",
    "https://127.0.0.1./",
    "https://idp.example./",
    "https://.idp.example/",
    "https://idp..example/",
    "https://-idp.example/",
    "https://idp.example%2f@x/",
    "https://[::1%25lo]/",
    "https://[fe80::1%eth0]/",
    "https://[::1/",
    "https://[x]/",
    "https://*.example/",
    "https://" + "a" * 64 + ".example/",
)
"""Not even resolved."""
INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
)
"""Addresses that are nobody's on the public internet."""


def asking(*addresses: str, reach: Reach | None = None) -> tuple[Outbound, list[str]]:
    """An Outbound for which every name has these addresses, and the names it asked for."""
    names: list[str] = []

    def resolve(host: str, _: int) -> Sequence[str]:
        names.append(host)
        return addresses

    return Outbound(reach or Reach(), resolve), names


def test_the_lists_have_sixty_spellings() -> None:
    assert 60 <= len(NEVER) + len(INSIDE)


@pytest.mark.parametrize("url", NEVER)
def test_what_is_no_plain_https_url_is_not_even_resolved(url: str) -> None:
    outbound, names = asking("93.184.216.34")
    with closing(outbound), pytest.raises(Unreached):
        outbound.fetched(url)

    assert [] == names


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_asked(address: str) -> None:
    outbound, _ = asking(address)
    with closing(outbound), pytest.raises(Unreached, match="not public"):
        outbound.fetched("https://idp.example/")


@pytest.mark.parametrize("address", INSIDE)
def test_one_address_inside_spoils_the_public_ones(address: str) -> None:
    outbound, _ = asking("93.184.216.34", address)
    with closing(outbound), pytest.raises(Unreached, match="not public"):
        outbound.fetched("https://idp.example/")


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"])
def test_the_addresses_where_clouds_hand_out_credentials_are_never_opened(address: str) -> None:
    reach = Reach(private=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    outbound, _ = asking(address, reach=reach)
    with closing(outbound), pytest.raises(Unreached, match="not public"):
        outbound.fetched("https://idp.example/")


def test_what_is_opened_is_open_and_its_neighbour_is_not() -> None:
    outbound, _ = asking("10.1.2.3", reach=Reach(private=(ip_network("10.1.0.0/16"),)))
    other, _ = asking("10.2.2.3", reach=Reach(private=(ip_network("10.1.0.0/16"),)))
    with closing(outbound), closing(other):
        assert ["10.1.2.3"] == [str(one) for one in outbound.addresses("idp.example", 443)]
        with pytest.raises(Unreached):
            other.addresses("idp.example", 443)


def test_a_name_without_an_address_and_one_that_is_not_there_are_not_asked() -> None:
    outbound, _ = asking()
    with closing(outbound), pytest.raises(Unreached, match="no address"):
        outbound.fetched("https://idp.example/")
    with closing(Outbound(Reach())) as real, pytest.raises(Unreached, match="cannot be resolved"):
        real.fetched("https://gate-of-the-tests.invalid/")


@pytest.fixture
def reach(provider: Provider) -> Reach:
    return Reach(private=(ip_network("127.0.0.0/8"),), ports=(provider.port,), ca_file=str(provider.ca))


def test_a_name_is_resolved_once_whatever_it_resolves_to_a_moment_later(
    provider: Provider, reach: Reach
) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    def resolve(_: str, __: int) -> Sequence[str]:
        return answers.pop(0)

    with closing(Outbound(reach, resolve)) as outbound:
        body = outbound.fetched(f"{provider.url}/github/.well-known/openid-configuration")

    assert (True, 1) == (b"jwks_uri" in body, len(answers))


def test_a_certificate_of_another_name_is_not_believed(provider: Provider, reach: Reach) -> None:
    with (
        closing(Outbound(reach, lambda *_: ["127.0.0.1"])) as outbound,
        pytest.raises(Unreached, match="certificate is not believed"),
    ):
        outbound.fetched(f"https://idp.example:{provider.port}/")


def test_a_certificate_that_nobody_vouches_for_is_not_believed(provider: Provider) -> None:
    reach = Reach(private=(ip_network("127.0.0.0/8"),), ports=(provider.port,))
    with (
        closing(Outbound(reach, lambda *_: ["127.0.0.1"])) as outbound,
        pytest.raises(Unreached, match="certificate is not believed"),
    ):
        outbound.fetched(f"{provider.url}/")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_host_that_says_nothing_is_left_at_the_deadline(silent: int) -> None:
    reach = Reach(private=(ip_network("127.0.0.0/8"),), ports=(silent,))
    done = threading.Event()

    def ask() -> None:
        with closing(Outbound(reach)) as outbound, pytest.raises(Unreached):
            outbound.fetched(f"https://localhost:{silent}/")
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(DEADLINE_S + 5)

    assert done.is_set()


def test_a_ca_file_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing", "utf-8")

    with pytest.raises(SettingsError, match="ca_file"):
        Outbound(Reach(ca_file=str(path)))


def test_the_path_and_the_query_are_kept() -> None:
    assert ("idp.example", 443, "/a/b?c=d") == target("https://idp.example/a/b?c=d", (443,))
