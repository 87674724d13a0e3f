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
    def judged(self) -> msgspec.Raw:
        """The object that is judged: on DELETE what there is, else what there will be."""
        return self.old_object if self.operation == "DELETE" else self.object


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    request: Asked | None = None


FACTS: Final = (
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
"""Members of a request that rules see as `input.request`, besides the object (engine/review.go)."""


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    generate_name: Any = None


class _Generated(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


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
_GENERATED: Final = msgspec.json.Decoder(_Generated)
_ENCODER: Final = msgspec.json.Encoder()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One question."""

    asked: Asked
    body: bytes
    """As it came."""


def review(body: bytes) -> Review:
    """What `body` asks.

    Only skimmed here: the engine reads all of it, strictly (a key that stands twice, depth).
    Raises `ReportError` for anything that is no AdmissionReview v1 with an object to judge: an answer
    to a question that was not understood would be a guess.
    """
    if len(body) > limits.REVIEW_BYTES:
        raise _refused(f"{len(body)} bytes", f"at most {limits.REVIEW_BYTES}", code="review_too_large")
    try:
        envelope = _ENVELOPES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(str(error)[:120], f"{VERSION} {KIND} as JSON") from None
    asked = envelope.request
    if (envelope.api_version, envelope.kind) != (VERSION, KIND):
        raise _refused(f"{quoted(envelope.api_version)} {quoted(envelope.kind)}", f"{VERSION} {KIND}")
    if asked is None:
        raise _refused("no request", "a review that asks, not one that answers")
    if not asked.uid:
        raise _refused("an empty uid", "the uid that the answer must carry")
    if asked.operation not in OPERATIONS:
        raise _refused(f"operation {quoted(asked.operation)}", ", ".join(OPERATIONS))
    if not bytes(asked.judged).startswith(b"{"):
        which = "oldObject" if asked.operation == "DELETE" else "object"
        raise _refused(f"no {which} in a {asked.operation}", "the object to judge")
    return Review(asked=asked, body=body)


def as_seen(review: Review) -> dict[str, Any]:
    """The review as Gatekeeper's own webhook reads it."""
    request: dict[str, Any] = msgspec.json.decode(review.body)["request"]
    is_delete = review.asked.operation == "DELETE"
    facts = {name: request.get(name) for name in FACTS}
    seen = facts | {"uid": review.asked.uid, "object": None if is_delete else request.get("object")}
    return {"apiVersion": VERSION, "kind": KIND, "request": seen}


def name(asked: Asked) -> str:
    """`Kind/namespace/name-or-generateName`, by what the API server says of the request."""
    called = asked.name
    if not called:
        try:
            metadata = _GENERATED.decode(asked.judged).metadata
        except msgspec.ValidationError:
            metadata = _Metadata()  # the rules say what is wrong with it
        called = f"{metadata.generate_name}*" if metadata.generate_name else ""
    return f"{asked.kind.kind}/{asked.namespace}/{called}"


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


def _refused(found: str, expected: str, *, code: str = "review_invalid") -> ReportError:
    return ReportError("this is no review that can be answered", code=code, found=found, expected=expected)
