"""HCL 2 (Terraform) as Conftest reads it, by python-hcl2 (extra `hcl`): blocks below their labels, in lists.

What python-hcl2 says in another way than HashiCorp's own parser is put right here; expressions stay texts
in `${…}`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gate.documents.lines import refuse_deep, text_of
from gate.errors import ReportError

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def parsed(data: bytes, path: str) -> Any:
    """The value of one HCL document; raises `ReportError` with line and column, or where the reader is absent."""
    try:
        import hcl2  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise ReportError(
            "HCL is not read by this installation",
            code="reader_missing",
            path=path,
            expected="the package python-hcl2",
            fix="install gate with its extra hcl",
        ) from None
    text = text_of(data, path)
    try:
        value = hcl2.loads(text if text.endswith("\n") else f"{text}\n")
    except RecursionError:
        raise ReportError("nested too deep", code="report_too_deep", path=path, line=1, column=1) from None
    except Exception as error:  # noqa: BLE001 - lark's errors have no common class of python-hcl2's own
        raise ReportError(
            f"no HCL: {str(error).partition(chr(10))[0][:200]}",
            code="configuration_invalid",
            path=path,
            line=max(getattr(error, "line", 1), 1),
            column=max(getattr(error, "column", 1), 1),
        ) from None
    refuse_deep(value, path)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items() if not _is_ours(key)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _is_ours(key: str) -> bool:
    """Whether a key is python-hcl2's own remark."""
    return key in ("__is_block__", "__start_line__", "__end_line__", "__comments__", "__inline_comments__")


def _text(text: str) -> str:
    found = _QUOTED.fullmatch(text)
    return (
        found[1].replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
        if found
        else text
    )
