"""`-o json`: the decision as gate.decision/v1 (CONTRACTS.md), and nothing beside it."""

from __future__ import annotations

import msgspec

from gate.presentation import Presentation


def render(presentation: Presentation) -> bytes:
    """One JSON document, indented by two, with a newline at its end; keys in the contract's order."""
    return msgspec.json.format(msgspec.json.encode(presentation.decision), indent=2) + b"\n"
