"""Whom this service believes: the CI systems and the login of its platform file, with what is known of each."""

from __future__ import annotations

from gate.service.identity_settings import CiSettings, IdentitySettings, LoginSettings, Wanted
from gate.service.issuers import Issuer
from gate.service.outbound import Outbound


class Identity:
    """The providers; close it."""

    def __init__(self, wanted: Wanted) -> None:
        self.settings: IdentitySettings = wanted.settings
        self.outbound = Outbound(wanted.reach)
        self.client_secret = wanted.client_secret
        named = [one.issuer for one in self.settings.ci]
        if self.settings.login is not None:
            named.append(self.settings.login.issuer)
        self._issuers = {issuer: Issuer(issuer, self.outbound) for issuer in named}

    def close(self) -> None:
        """Ask nobody any more."""
        self.outbound.close()

    def ci(self, issuer: str) -> CiSettings | None:
        """The CI system that is exactly `issuer`."""
        return next((one for one in self.settings.ci if one.issuer == issuer), None)

    def keys(self, issuer: str) -> Issuer:
        """What is known of one of the configured issuers."""
        return self._issuers[issuer]

    @property
    def login(self) -> LoginSettings | None:
        """Where people log in; None where they do not."""
        return self.settings.login
