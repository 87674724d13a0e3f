"""The formats a decision can be written in; a name here is what `-o NAME` accepts.

Each renderer is a pure function. Its module is imported when it is used: a run that prints text does
not pay for HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gate.presentation import Presentation


def _text(presentation: Presentation) -> bytes:
    from gate.outputs import text

    return text.render(presentation)


def _json(presentation: Presentation) -> bytes:
    from gate.outputs import json

    return json.render(presentation)


def _sarif(presentation: Presentation) -> bytes:
    from gate.outputs import sarif

    return sarif.render(presentation)


def _junit(presentation: Presentation) -> bytes:
    from gate.outputs import junit

    return junit.render(presentation)


def _markdown(presentation: Presentation) -> bytes:
    from gate.outputs import markdown

    return markdown.render(presentation)


def _html(presentation: Presentation) -> bytes:
    from gate.outputs import html

    return html.render(presentation)


OUTPUTS: Final[Mapping[str, Callable[[Presentation], bytes]]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "markdown": _markdown,
    "html": _html,
}
