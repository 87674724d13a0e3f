"""What is asked for a decision: JSON, or multipart with `meta` and the reports as they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from gate import limits
from gate.files import File
from gate.service.problems import Detail, Refusal
from gate.service.routing import Body, refuse_other_type, strict_json

Text = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Duration = Annotated[str, Field(max_length=20, pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d|w)$")]
_LONGEST_ENDING: Final = 400
META_BYTES: Final = 1 * limits.MIB
JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"


class SubjectIn(Body):
    """What is judged; all of it is a claim of whoever asks."""

    type: Literal["source", "image", "manifests", "release"] | None = None
    name: Text | None = None
    digest: Digest | None = None
    repository: Text | None = None
    commit: Text | None = None
    branch: Text | None = None
    author: Text | None = None


class FileIn(Body):
    """One report of a multipart request, in the order of the `report[]` parts."""

    path: Text
    format: Name | None = None


class ReportIn(FileIn):
    """One report in JSON: as text, or as base64 where it is no text."""

    content: str | None = None
    content_base64: str | None = None


class Meta(Body):
    """What is asked."""

    project: Key
    environment: Name | None = None
    subject: SubjectIn = SubjectIn()
    report_ids: Annotated[list[Digest], Field(max_length=limits.SERVICE_FILES, default_factory=list)]
    """Reports that the project handed over before."""
    require: Annotated[list[Name], Field(max_length=50, default_factory=list)]
    """Evidence wanted on top of what the project's settings want."""
    max_age: Duration | None = None
    """Evidence may be no older; only ever shortens."""
    timeout: Duration | None = None
    notices: Annotated[list[Text], Field(max_length=100, default_factory=list)]
    """What whoever asks wants to be shown with the decision."""


class MetaWithFiles(Meta):
    """The `meta` part of a multipart request."""

    files: Annotated[list[FileIn], Field(max_length=limits.SERVICE_FILES, default_factory=list)]


class MetaWithReports(Meta):
    """A JSON request."""

    reports: Annotated[list[ReportIn], Field(max_length=limits.SERVICE_FILES, default_factory=list)]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a decision, read."""

    meta: Meta
    files: tuple[File, ...]
    sha256: str
    """Of everything that was asked: what an idempotency key stands for."""


async def submission(request: Request) -> Submission:
    """The request's submission; raises `Refusal` for everything that is not wholly understood."""
    kind = refuse_other_type(request, (JSON, MULTIPART))
    if kind == JSON:
        return of_json(await request.body())
    return _whole(*await _of_parts(request))


def of_json(body: bytes) -> Submission:
    """The submission that a JSON body is; raises as `submission`."""
    meta = _validated(MetaWithReports, strict_json(body))
    files = [
        File(path=one.path, data=_content(one, index), declared=one.format)
        for index, one in enumerate(meta.reports)
    ]
    return _whole(meta, tuple(files))


def _whole(meta: Meta, files: tuple[File, ...]) -> Submission:
    _refuse_doubles(files, meta)
    digest = hashlib.sha256(meta.model_dump_json(exclude={"reports", "files"}).encode())
    for file in files:
        digest.update(hashlib.sha256(file.data).digest())
        digest.update(msgspec.json.encode([file.path, file.declared]))
    return Submission(meta=meta, files=files, sha256=digest.hexdigest())


def _content(given: ReportIn, index: int) -> bytes:
    if (given.content is None) == (given.content_base64 is None):
        raise _wrong(f"/reports/{index}", "expected content or content_base64, one of the two")
    if given.content is not None:
        return given.content.encode()
    try:
        return base64.b64decode(given.content_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f"/reports/{index}/content_base64", "not base64") from None


async def _of_parts(request: Request) -> tuple[Meta, tuple[File, ...]]:
    ending = _Ending(request)
    try:
        form = await ending.request.form(
            max_files=limits.SERVICE_FILES + 1, max_fields=10, max_part_size=META_BYTES
        )
    except Refusal:
        raise
    except HTTPException as error:
        raise Refusal(400, f"the multipart body cannot be read: {error.detail}") from None
    try:
        ending.refuse_cut_off()
        unknown = sorted({name for name in form if name not in ("meta", "report[]")})
        if unknown:
            raise _wrong(f"/{unknown[0]}", "unknown part, expected meta and report[]")
        metas = form.getlist("meta")
        if len(metas) != 1:
            raise _wrong("/meta", f"found {len(metas)} parts called meta, expected one")
        meta = _validated(MetaWithFiles, strict_json(await _bytes(metas[0])))
        parts = [part for part in form.getlist("report[]") if isinstance(part, UploadFile)]
        if len(parts) != len(form.getlist("report[]")):
            raise _wrong("/report[]", "a part without a file name, expected files")
        if meta.files and len(meta.files) != len(parts):
            raise _wrong("/files", f"found {len(meta.files)} names for {len(parts)} report[] parts")
        named = meta.files or [_validated(FileIn, {"path": part.filename}) for part in parts]
        files = [
            File(path=one.path, data=await _bytes(part), declared=one.format)
            for one, part in zip(named, parts, strict=True)
        ]
    finally:
        await form.close()
    return meta, tuple(files)


class _Ending:
    """Watches how a multipart body ends: the parser takes one that was cut off for a shorter one."""

    def __init__(self, request: Request) -> None:
        self.request = Request(request.scope, self._receive)
        self._from = request.receive
        self._last = b""

    async def _receive(self) -> Message:
        message = await self._from()
        self._last = (self._last + message.get("body", b""))[-_LONGEST_ENDING:]
        return message

    def refuse_cut_off(self) -> None:
        """Raise where the last boundary is not there: reports may be missing."""
        boundary = re.search(r'boundary="?([^";,\s]+)', self.request.headers["content-type"])
        ending = f"--{boundary[1] if boundary else ''}--".encode()
        if not self._last.rstrip().endswith(ending):
            raise Refusal(400, "the multipart body was cut off: it does not end in its boundary")


async def _bytes(part: UploadFile | str) -> bytes:
    return part.encode() if isinstance(part, str) else await part.read()


def _validated(model: type[Any], value: Any) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [_detail(one) for one in error.errors(include_url=False)[:50]]
        raise Refusal(422, f"{errors[0].pointer}: {errors[0].detail}", errors=errors) from None


def _detail(one: Mapping[str, Any]) -> Detail:
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in one["loc"])
    text = str(one["msg"])
    return Detail(code=str(one["type"]), detail=text[:1].lower() + text[1:], pointer=pointer or "/")


def _wrong(pointer: str, detail: str) -> Refusal:
    return Refusal(
        422, f"{pointer}: {detail}", errors=[Detail(code="invalid", detail=detail, pointer=pointer)]
    )


def _refuse_doubles(files: tuple[File, ...], meta: Meta) -> None:
    """Raise where two reports have one name, and where there is nothing to judge."""
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise _wrong("/files", f"{file.path[:80]!r} is there twice")
        seen.add(file.path)
    if not files and not meta.report_ids:
        raise Refusal(422, "nothing to check: no reports; no inputs is not a pass", code="no_inputs")
