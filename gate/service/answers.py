"""What a decision is answered as: the format the client accepts, by the outputs that the command line has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gate.outputs import OUTPUTS
from gate.presentation import Presentation
from gate.service.problems import Refusal

PRESENTATION: Final = "application/vnd.gate.presentation+json"
"""The decision with everything that gate's own client needs to print it in any format."""
FORMATS: Final[Mapping[str, str]] = {
    "application/json": "json",
    "application/sarif+json": "sarif",
    "text/html": "html",
    "text/markdown": "markdown",
    "application/junit+xml": "junit",
    "text/plain": "text",
}
"""Media type -> output."""
MEDIA_TYPES: Final = (*FORMATS, PRESENTATION)


def chosen(request: Request) -> str:
    """The media type to answer in; raises `Refusal` 406 where none fits."""
    accepted = request.headers.get("accept", "*/*")
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accepted.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if quality > 0:
            wanted.append((-quality, position, name))
    for _, _, name in sorted(wanted):
        if name in ("*/*", "application/*", ""):
            return "application/json"
        if name in FORMATS or name == PRESENTATION:
            return name
    raise Refusal(406, f"known are {', '.join([*FORMATS, PRESENTATION])}")


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def decision(
    shown: Presentation, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The decision as `media_type`, a name that `chosen` gave."""
    render = msgspec.json.encode if media_type == PRESENTATION else OUTPUTS[FORMATS[media_type]]
    return Response(render(shown), status, dict(headers or {}), media_type=media_type)


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any value of ours as JSON."""
    return Response(msgspec.json.encode(value), status, dict(headers or {}), media_type="application/json")
