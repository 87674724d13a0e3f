"""What the readers of line-based configuration share: bounded UTF-8 text, and errors with a line."""

from __future__ import annotations

from gate import limits
from gate.errors import ReportError


def text_of(data: bytes, path: str) -> str:
    """`data` as text; raises `ReportError` where it is no UTF-8, holds NUL or is above `limits.YAML_BYTES`."""
    if len(data) > limits.YAML_BYTES:
        raise ReportError(
            "the file is too large for configuration",
            code="report_too_large",
            path=path,
            found=f"{len(data)} bytes",
            expected=f"at most {limits.YAML_BYTES}",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReportError("not UTF-8", code="report_encoding", path=path, line=line, column=1) from None
    if "\0" in text:
        raise refused(path, text.count("\n", 0, text.index("\0")) + 1, "a NUL character", expected="text")
    return text


def refused(path: str, line: int, what: str, *, expected: str, fix: str | None = None) -> ReportError:
    """The error of a line that is not understood."""
    return ReportError(
        what, code="configuration_invalid", path=path, line=line, column=1, expected=expected, fix=fix
    )


def refuse_deep(value: object, path: str) -> None:
    """Raise `ReportError` where `value` is nested deeper than `limits.JSON_DEPTH`."""
    level = [value]
    for _ in range(limits.JSON_DEPTH + 1):
        level = [
            item
            for one in level
            for item in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return
    raise ReportError(
        "nested too deep",
        code="report_too_deep",
        path=path,
        line=1,
        column=1,
        expected=f"at most {limits.JSON_DEPTH} levels",
    )
