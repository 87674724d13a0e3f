"""ID tokens: whether one was signed by its issuer, for us, now (RFC 8725, THREATS.md F4).

What a token says of itself decides nothing but which of the configured issuers is asked for its key: the
algorithms are fixed here, a key of one kind never verifies another kind's signature, and no address that a
token names is ever looked at. What the claims allow is for the caller (`ci_claims`, `login`).

    1. three parts, small enough, strict JSON; 2. a header without anything that leads elsewhere;
    3. its issuer's key of that id; 4. the signature; 5. issuer, audience, times, subject
"""

from __future__ import annotations

import binascii
import math
import re
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gate import limits
from gate.documents import json
from gate.errors import ReportError

ALGORITHMS: Final = {"RS256": "RSA", "ES256": "EC"}
"""Algorithm -> kind of key. Nothing symmetric: a public key must never be a secret (THREATS.md F4)."""
LONGEST_TOKEN: Final = 16 * limits.KIB
LEEWAY_S: Final = 60.0
LONGEST_LIFE_S: Final = 24 * 3600.0
"""From `iat` to `exp`; GitLab's tokens live as long as a job may."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_LEADING_ELSEWHERE: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "zip", "enc", "b64", "cty"})
"""Headers that bring a key, name where one is, or change how the rest is read."""
_LONGEST_TEXT: Final = 1_000

Key = RSAKey | ECKey


class Refused(Exception):
    """The token is not accepted; the text says why and holds nothing of the token's content."""


class Keys(Protocol):
    """Where an issuer's keys come from."""

    def key(self, kid: str) -> Key:
        """The key of that id; raises `Refused` where the issuer has none."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was read; nothing in it is believed yet."""

    token: str
    algorithm: str
    kid: str
    claims: dict[str, Any]

    @property
    def issuer(self) -> str:
        """Who it says has made it; raises `Refused` where it does not say."""
        return text(self.claims, "iss")


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a token must say."""

    issuer: str
    audience: str
    max_age_s: float
    """Oldest `iat`."""
    nonce: str | None = None
    """None: not asked for."""


def opened(token: str) -> Opened:
    """`token`, read; raises `Refused` for what no accepted token looks like."""
    if len(token) > LONGEST_TOKEN:
        raise Refused(f"it is longer than {LONGEST_TOKEN} characters")
    parts = token.split(".")
    if len(parts) != 3 or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise Refused("it is no signed JWT of three parts")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    if found := sorted(_LEADING_ELSEWHERE & header.keys()):
        raise Refused(f"its header holds {found[0]}, which is never followed")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
    if "typ" in header and str(header["typ"]).upper() != "JWT":
        raise Refused("its type is not JWT")
    return Opened(token=token, algorithm=algorithm, kid=text(header, "kid"), claims=claims)


def verified(given: Opened, keys: Keys, expected: Expected, now: datetime) -> dict[str, Any]:
    """The claims, believed; raises `Refused` where anything is not as `expected`."""
    if given.issuer != expected.issuer:
        raise Refused("its issuer is another one")
    _refuse_times(given.claims, expected.max_age_s, now.timestamp())
    _refuse_audience(given.claims, expected.audience)
    text(given.claims, "sub")
    _refuse_signature(given, keys.key(given.kid))
    if expected.nonce is not None and given.claims.get("nonce") != expected.nonce:
        raise Refused("its nonce is another one")
    return given.claims


def text(claims: dict[str, Any], name: str) -> str:
    """The claim `name`, as text; raises `Refused` where it is none."""
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise Refused(f"{name} is missing, or no text that can be read")
    return value


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        data = binascii.a2b_base64(part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4))
        value = json.parsed(data, what)
    except (binascii.Error, ReportError):
        raise Refused(f"its {what} cannot be read") from None
    if not isinstance(value, dict):
        raise Refused(f"its {what} cannot be read")
    return value


def _refuse_times(claims: dict[str, Any], max_age_s: float, now_s: float) -> None:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if now_s >= expires + LEEWAY_S:
        raise Refused("it has expired")
    if issued > now_s + LEEWAY_S:
        raise Refused("it was issued in the future; compare the clocks")
    if "nbf" in claims and _time(claims, "nbf") > now_s + LEEWAY_S:
        raise Refused("it does not count yet; compare the clocks")
    if expires <= issued or expires - issued > LONGEST_LIFE_S:
        raise Refused(f"it lives longer than {LONGEST_LIFE_S:g} s, or not at all")
    if now_s - issued > max_age_s + LEEWAY_S:
        raise Refused(f"it was issued more than {max_age_s:g} s ago; ask for a fresh one")


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{name} is missing, or no time")
    if not 0 < value < 2**53:
        raise Refused(f"{name} is no time")
    return float(value)


def _refuse_audience(claims: dict[str, Any], audience: str) -> None:
    said = claims.get("aud")
    # One for several could be handed on by any of them.
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if not isinstance(said, str) or said != audience:
        raise Refused(f"its audience is not exactly {audience!r}")


def _refuse_signature(given: Opened, key: Key) -> None:
    if key.key_type != ALGORITHMS[given.algorithm]:
        raise Refused("its algorithm does not fit its key")
    try:
        jws.deserialize_compact(given.token, key, algorithms=[given.algorithm])
    except (JoseError, ValueError):
        raise Refused("its signature is not its issuer's") from None
