"""One object of a manifest and where it stands: a noun of `gate/model.py`, which offers it.

Apart from the others because it is two things at once, a value and its JSON text.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

RENDERED: Final = " (rendered)"
"""How the name of a file ends that a tool made of a template: its lines are not the template's."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where an object stands."""

    file: str
    line: int


class KubernetesObject:
    """One object of a manifest, as sent, with its place.

    Of thousands few are looked at here: most go to the engine as the JSON they came as. So it is made of
    either and gives both, the other one on demand. `object` must not be changed.
    """

    __slots__ = ("_api_version", "_object", "_text", "document", "pointer", "source")

    def __init__(
        self,
        *,
        object: dict[str, Any] | None = None,
        text: bytes | msgspec.Raw | None = None,
        api_version: str | None = None,
        source: Source | None = None,
        document: int = 0,
        pointer: str = "",
    ) -> None:
        if (object is None) == (text is None):
            raise ValueError("an object is a value or its JSON text")
        self._object = object
        self._text = text
        self._api_version = api_version
        self.source = source
        self.document = document
        """Which document of the file it is (or is part of), 0-based; not part of the policy input."""
        self.pointer = pointer
        """JSON pointer from the document to the object, for members of a `List`; likewise."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KubernetesObject):
            return NotImplemented
        places = [(one.source, one.document, one.pointer) for one in (self, other)]
        return places[0] == places[1] and self.object == other.object

    def __hash__(self) -> int:
        return hash((self.source, self.document, self.pointer))

    def __repr__(self) -> str:
        return f"KubernetesObject({self.text!r}, {self.source}, document={self.document}, pointer={self.pointer!r})"

    @property
    def object(self) -> dict[str, Any]:
        """The value."""
        if self._object is None:
            self._object = msgspec.json.decode(self._text or b"", type=dict[str, Any])
        return self._object

    @property
    def group(self) -> str:
        """The API group; empty for the core group, and where there is none."""
        version = self._api_version if self._api_version is not None else self.object.get("apiVersion")
        group, slash, _ = str(version or "").partition("/")
        return group if slash else ""

    @property
    def text(self) -> bytes | msgspec.Raw:
        """The value as JSON with sorted keys; of thousands the part of what was received, not a copy."""
        if self._text is None:
            self._text = _ENCODER.encode(self._object)
        return self._text
