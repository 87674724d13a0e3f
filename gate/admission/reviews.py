"""AdmissionReview v1: bytes become what is asked, what was decided becomes bytes. Nothing is judged here.

A validating webhook answers with HTTP 200 also where it denies; anything else is a failed call to the
API server. Source: k8s.io/apiserver, admission/plugin/webhook/request/admissionreview.go and
errors/statuserror.go; k8s.io/api, admission/v1/types.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gate import limits
from gate.errors import ReportError, quoted

VERSION: Final = "admission.k8s.io/v1"
KIND: Final = "AdmissionReview"
OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
NULL: Final = b"null"


class Kind(msgspec.Struct, frozen=True):
    """Group, version and kind."""

    group: str
    version: str
    kind: str


class User(msgspec.Struct, frozen=True):
    """Who asks, as the API server authenticated them."""

    username: str = ""
    groups: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What of a request is looked at; the objects stay the bytes they came as."""

    uid: str
    kind: Kind
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    operation: str
    user_info: User = User()
    dry_run: bool | None = False
    object: msgspec.Raw = msgspec.Raw(NULL)
    old_object: msgspec.Raw = msgspec.Raw(NULL)

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing may be kept of it."""
        return self.dry_run is True

    @property
    def judged(self) -> bytes:
        """The object that is judged: on DELETE what there is, else what there will be."""
        return bytes(self.old_object if self.operation == "DELETE" else self.object)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    request: msgspec.Raw = msgspec.Raw(NULL)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the API server is told."""

    allowed: bool
    code: int = 403
    """Of a denial: 403 by a rule, 500 where nothing could be decided."""
    message: str = ""
    """Of a denial."""
    warnings: tuple[str, ...] = ()
    annotations: dict[str, str] = {}
    """Key without a slash: the API server puts the webhook's name before it."""


_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_ASKED: Final = msgspec.json.Decoder(Asked)
_HEADS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()
_FACTS: Final = (
    "kind",
    "resource",
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
    "operation",
    "userInfo",
    "oldObject",
    "dryRun",
    "options",
)
"""Members of a request that rules see as `input.request`, besides the object."""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One question."""

    asked: Asked
    request: dict[str, Any]
    """`input.request`: encodes as the API server sent it, absent members as null."""


def review(body: bytes) -> Review:
    """What `body` asks.

    Raises `ReportError` for anything that is no AdmissionReview v1 with an object to judge: an answer
    to a question that was not understood would be a guess.
    """
    if len(body) > limits.REVIEW_BYTES:
        raise _refused(f"{len(body)} bytes", f"at most {limits.REVIEW_BYTES}", code="review_too_large")
    envelope: _Envelope = _decoded(body, _ENVELOPES)
    if (envelope.api_version, envelope.kind) != (VERSION, KIND):
        raise _refused(f"{quoted(envelope.api_version)} {quoted(envelope.kind)}", f"{VERSION} {KIND}")
    if bytes(envelope.request) == NULL:
        raise _refused("no request", "a review that asks, not one that answers")
    asked: Asked = _decoded(envelope.request, _ASKED)
    if not asked.uid:
        raise _refused("an empty uid", "the uid that the answer must carry")
    if asked.operation not in OPERATIONS:
        raise _refused(f"operation {quoted(asked.operation)}", ", ".join(OPERATIONS))
    if not asked.judged.startswith(b"{"):
        which = "oldObject" if asked.operation == "DELETE" else "object"
        raise _refused(f"no {which} in a {asked.operation}", "the object to judge")
    members: dict[str, msgspec.Raw] = _decoded(envelope.request, _HEADS)
    return Review(asked=asked, request={name: members.get(name) for name in _FACTS})


def answer(uid: str, response: Response) -> bytes:
    """The AdmissionReview that tells the API server `response`; `uid` is the question's."""
    told: dict[str, Any] = {"uid": uid, "allowed": response.allowed}
    if not response.allowed:
        told["status"] = {"code": response.code, "message": response.message}
    if response.warnings:
        told["warnings"] = within(response.warnings)
    if response.annotations:
        told["auditAnnotations"] = response.annotations
    return _ENCODER.encode({"apiVersion": VERSION, "kind": KIND, "response": told})


def within(warnings: Sequence[str]) -> list[str]:
    """`warnings` as the API server passes them on: short, few, each once.

    Past 4,096 characters in all it would cut every one, those of other webhooks too.
    """
    texts = list(dict.fromkeys(_header_text(text) for text in warnings))
    if len(texts) > limits.WARNINGS:
        rest = len(texts) - limits.WARNINGS + 1
        texts = [*texts[: limits.WARNINGS - 1], f"gate: and {rest} more"]
    return texts


def _header_text(text: str) -> str:
    """One line that fits into a header: what does not would be dropped without a word."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    most = limits.WARNING_CHARACTERS
    return line if len(line) <= most else line[: most - 1] + "…"


def _decoded(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(str(error)[:120], f"{VERSION} {KIND} as JSON") from None


def _refused(found: str, expected: str, *, code: str = "review_invalid") -> ReportError:
    return ReportError("this is no review that can be answered", code=code, found=found, expected=expected)
