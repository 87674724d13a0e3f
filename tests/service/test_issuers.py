"""Keys of issuers: asked for over a real connection, kept, rotated, gone (THREATS.md F6); their shapes (F4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_network
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from gate.service.id_tokens import Refused
from gate.service.issuers import FAILED_S, FRESH_S, STALE_S, UNKNOWN_S, Issuer, usable
from gate.service.outbound import Outbound, Reach, Unreached
from tests.service.provider import Provider

RSA = RSAKey.generate_key(2048, {"kid": "r"}).as_dict(private=False)
EC = ECKey.generate_key("P-256", {"kid": "e"}).as_dict(private=False)


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def outbound(provider: Provider) -> Iterator[Outbound]:
    reach = Reach(
        private=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        ports=(provider.port,),
        ca_file=str(provider.ca),
    )
    with closing(Outbound(reach)) as opened:
        yield opened


@pytest.fixture
def answering(provider: Provider) -> Iterator[Callable[[str], None]]:
    provider.asked()
    yield provider.mode
    provider.mode("well")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(provider: Provider, outbound: Outbound, clock: Clock) -> Issuer:
    return Issuer(f"{provider.url}/github", outbound, clock)


def kid(provider: Provider) -> str:
    found: str = provider.keys("github")[0]["kid"]
    return found


@pytest.mark.usefixtures("answering")
def test_keys_are_asked_for_once_while_they_are_fresh(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    name = kid(provider)
    provider.asked()
    for _ in range(5):
        issuer.key(name)
        clock.now += FRESH_S / 6
    once = provider.asked()
    clock.now += FRESH_S
    issuer.key(name)

    assert ["/github/.well-known/openid-configuration", "/github/keys"] == once
    assert 2 == len(provider.asked())


@pytest.mark.usefixtures("answering")
def test_a_new_key_is_found_at_once_and_the_old_one_no_longer(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    old = kid(provider)
    issuer.key(old)
    provider.rotate("github")
    clock.now += UNKNOWN_S
    issuer.key(kid(provider))

    with pytest.raises(Refused, match="no such key"):
        issuer.key(old)


def test_an_outage_is_bridged_for_an_hour_and_no_longer(
    provider: Provider, issuer: Issuer, clock: Clock, answering: Callable[[str], None]
) -> None:
    name = kid(provider)
    issuer.key(name)
    answering("down")
    for _ in range(int((STALE_S - 1) / FRESH_S)):
        clock.now += FRESH_S
        issuer.key(name)
    clock.now = 1_000.0 + STALE_S

    with pytest.raises(Unreached, match="503"):
        issuer.key(name)


def test_whoever_was_never_reached_lets_nobody_in(issuer: Issuer, answering: Callable[[str], None]) -> None:
    answering("down")

    with pytest.raises(Unreached):
        issuer.key("github-1")


def test_after_an_outage_it_is_asked_again(
    provider: Provider, issuer: Issuer, clock: Clock, answering: Callable[[str], None]
) -> None:
    name = kid(provider)
    answering("down")
    with pytest.raises(Unreached):
        issuer.key(name)
    answering("well")
    with pytest.raises(Unreached):
        issuer.key(name)
    clock.now += FAILED_S

    assert "RSA" == issuer.key(name).key_type


def test_an_issuer_that_is_away_is_not_asked_for_every_request(
    provider: Provider, issuer: Issuer, answering: Callable[[str], None]
) -> None:
    answering("down")
    for number in range(20):
        with pytest.raises(Unreached):
            issuer.key(f"k{number}")

    assert 1 == len(provider.asked())


@pytest.mark.usefixtures("answering")
def test_made_up_key_ids_do_not_make_us_a_flood(provider: Provider, issuer: Issuer, clock: Clock) -> None:
    issuer.key(kid(provider))
    provider.asked()
    for number in range(250):
        clock.now += UNKNOWN_S / 100
        with pytest.raises(Refused):
            issuer.key(f"k{number}")

    # Two addresses each time, every half a minute.
    assert 4 == len([path for path in provider.asked() if "github" in path])


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("another issuer", "another issuer"),
        ("keys inside", "port 443 is not open"),
        ("redirect", "redirects are not followed"),
        ("endless", "more than 65536 bytes"),
        ("trickle", "too slowly|no answer within"),
    ],
)
def test_an_answer_that_is_not_right_is_no_answer(
    issuer: Issuer, answering: Callable[[str], None], mode: str, reason: str
) -> None:
    answering(mode)

    with pytest.raises(Unreached, match=reason):
        issuer.key("github-1")


NO_KEYS: list[Any] = [
    {},
    "a text",
    None,
    {**RSA, "kid": None},
    {**RSA, "kid": 7},
    {**RSA, "use": "enc"},
    {**RSA, "key_ops": ["encrypt"]},
    {**RSA, "key_ops": "verify"},
    {**RSA, "alg": "HS256"},
    {**RSA, "alg": "ES256"},
    {**RSA, "alg": ["RS256"]},
    {**RSA, "n": "AQAB"},
    {**RSA, "n": 5},
    {**RSA, "kty": "oct", "k": "AAAA"},
    {**EC, "crv": "P-384"},
    {**EC, "x": "AAAA"},
    {**EC, "alg": "RS256"},
    {**RSA, "n": "4" * 171},
    {**RSA, "n": "4" * 10_000},
    RSAKey.generate_key(2048, {"kid": "told"}).as_dict(private=True),
    ECKey.generate_key("P-384", {"kid": "other"}).as_dict(private=False),
    OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
]
"""What is published and is no key to verify with."""


@pytest.mark.parametrize("index", range(len(NO_KEYS)))
def test_a_key_that_is_not_for_this_is_no_key(index: int) -> None:
    assert {"good"} == set(usable([NO_KEYS[index], {**EC, "kid": "good"}]))


def test_one_id_for_two_keys_is_none() -> None:
    assert {"e"} == set(usable([RSA, {**EC, "kid": "r"}, EC]))


@pytest.mark.parametrize("given", [None, {}, "x", [], [[]]])
def test_no_list_of_keys_is_no_keys(given: Any) -> None:
    assert {} == usable(given)
