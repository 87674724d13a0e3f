"""The keys of one issuer: found by discovery, kept, asked for again when they may have changed (THREATS.md F6).

fresh (`FRESH_S`)      what is known counts
older                  asked for again; while that fails, what is known counts for `STALE_S` altogether
older than that        nobody is let in: 503
a key id not known     asked for again, at most every `UNKNOWN_S`: a made-up id must not make us a flood
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gate.documents import json
from gate.errors import ReportError
from gate.service.id_tokens import ALGORITHMS, Key, Refused
from gate.service.outbound import Outbound, Unreached

FRESH_S: Final = 600.0
STALE_S: Final = 3_600.0
"""THREATS.md F6: at most one hour."""
UNKNOWN_S: Final = 30.0
FAILED_S: Final = 5.0
"""Pause after a refresh that failed: an issuer that hangs must not hold every request for its whole deadline."""
MOST_KEYS: Final = 100
RSA_BITS: Final = range(2_048, 8_193)
"""Smaller can be broken, larger take our time (RFC 8725, section 3.5)."""
DISCOVERY: Final = "/.well-known/openid-configuration"


class Issuer:
    """One issuer and what is known of it."""

    def __init__(self, issuer: str, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._outbound = outbound
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._document: dict[str, Any] = {}
        self._known_at: float | None = None
        self._tried_at: float | None = None
        self._failure: str | None = None
        self._refreshing = threading.Lock()

    def key(self, kid: str) -> Key:
        """The key of that id.

        Raises `Refused` where the issuer has none, `Unreached` where nobody knows what it has.
        """
        if not self._is_younger(FRESH_S):
            self._refresh(FAILED_S)
        if self._keys_in_force().get(kid) is None:
            self._refresh(UNKNOWN_S)
        found = self._keys_in_force().get(kid)
        if found is None:
            raise Refused("its issuer has no such key")
        return found

    def endpoint(self, name: str) -> str:
        """An address that the issuer's discovery document names; raises `Unreached` where it does not."""
        if not self._is_younger(FRESH_S):
            self._refresh(FAILED_S)
        self._keys_in_force()
        value = self._document.get(name)
        if not isinstance(value, str):
            raise Unreached(f"{self.issuer} does not say its {name}")
        return value

    def _keys_in_force(self) -> dict[str, Key]:
        if not self._is_younger(STALE_S):
            raise Unreached(f"the keys of {self.issuer} are not known: {self._failure or 'not asked yet'}")
        return self._keys

    def _is_younger(self, seconds: float) -> bool:
        return self._known_at is not None and self._clock() - self._known_at < seconds

    def _refresh(self, pause_s: float) -> None:
        """Ask, unless somebody did within `pause_s`; a failure leaves what is known."""
        asked_at = self._clock()
        with self._refreshing:
            tried = self._tried_at
            if tried is not None and (tried >= asked_at or asked_at - tried < pause_s):
                return
            try:
                document, keys = self._asked()
            except Unreached as error:
                self._failure = str(error)
            else:
                self._document, self._keys = document, keys
                self._known_at, self._failure = self._clock(), None
            self._tried_at = self._clock()

    def _asked(self) -> tuple[dict[str, Any], dict[str, Key]]:
        document = self._object(self.issuer.rstrip("/") + DISCOVERY)
        if document.get("issuer") != self.issuer:
            raise Unreached(f"{self.issuer} says that it is another issuer")
        address = document.get("jwks_uri")
        if not isinstance(address, str):
            raise Unreached(f"{self.issuer} does not say where its keys are")
        keys = usable(self._object(address).get("keys"))
        if not keys:
            raise Unreached(f"{self.issuer} has no key that can be used")
        return document, keys

    def _object(self, url: str) -> dict[str, Any]:
        try:
            value = json.parsed(self._outbound.fetched(url), url)
        except ReportError:
            raise Unreached(f"{url[:200]} answered no JSON") from None
        if not isinstance(value, dict):
            raise Unreached(f"{url[:200]} answered no JSON object")
        return value


def usable(given: Any) -> dict[str, Key]:
    """Key id -> key, of those that verify signatures; one id for two keys is none."""
    found: dict[str, Key] = {}
    twice: set[str] = set()
    for value in given[:MOST_KEYS] if isinstance(given, list) else ():
        key = _key(value)
        if key is None:
            continue
        if value["kid"] in found:
            twice.add(value["kid"])
        found[value["kid"]] = key
    return {kid: key for kid, key in found.items() if kid not in twice}


def _key(value: Any) -> Key | None:
    if not isinstance(value, dict) or not isinstance(value.get("kid"), str):
        return None
    kind, said, operations = value.get("kty"), value.get("alg"), value.get("key_ops", ["verify"])
    is_for_this = value.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    # A private key that is published is everybody's key.
    if not is_for_this or "d" in value or (said is not None and (str(said), kind) not in ALGORITHMS.items()):
        return None
    public = {name: value[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in value}
    try:
        if kind == "RSA" and _bits(value.get("n")) in RSA_BITS:
            return RSAKey.import_key(public)
        if kind == "EC" and value.get("crv") == "P-256":
            return ECKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None


def _bits(modulus: Any) -> int:
    """How long a modulus is; looked at before a library does anything with it."""
    if not isinstance(modulus, str) or len(modulus) > RSA_BITS.stop:
        return 0
    return int.from_bytes(base64.urlsafe_b64decode(modulus + "==="), "big").bit_length()
