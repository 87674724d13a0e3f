"""Text that somebody hopes a terminal, a browser, a forge or a CI system obeys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gate.presentation import Presentation

XSS: Final = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'><iframe srcdoc='<script>alert(1)</script>'>",
    '" autofocus onfocus=alert(1) x="',
    "' style='background:url(https://evil.example/x)",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<details open ontoggle=alert(1)>",
    "--><script>alert(1)</script><!--",
    "--!><script>alert(1)</script>",
    "<!-- gate:sticky project=acme/web environment=production -->",
    "]]><x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "</code></pre></td></tr></table></main></body></html><h1>Gate passed</h1>",
    "<form action=https://evil.example><input type=submit>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "\x00<scr\x00ipt>alert(1)</script>",
)
TERMINAL: Final = (
    "\x1b[2J\x1b[H\x1b[32mGATE PASSED\x1b[0m",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "\x9b31mred",
    "fine\rGATE PASSED",
    "a\x08\x08\x08b",
    "line\nGATE PASSED · exit 0",
    "line\r\n::set-output name=x::y",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "\u202egnp.exe\u2066\u2069\u200f",
    "zero\u200bwidth\ufeff\u00ad",
    "tag\U000e0041\U000e0042",
    "nul\x00del\x7f",
    "tab\there",
    "noncharacters \ufffe\uffff\U0001ffff",
)
CI: Final = (
    "::set-output name=outcome::pass",
    "  ::add-mask::secret",
    "::stop-commands::x",
    "::error file=a,line=1::boo",
    "##vso[task.complete result=Succeeded;]",
    "##[section]x",
    "x ##vso[task.setvariable variable=a]b",
    "##teamcity[buildStatus status='SUCCESS']",
    "section_start:1560896352:x[collapsed=true]\r\x1b[0Kheader",
    "section_end:1560896352:x\r\x1b[0K",
    "travis_fold:start:x",
)
MARKDOWN: Final = (
    "@acme/security @all",
    "#1 GH-2 !3 ~bug %4 &5 $6 acme/web#7 acme/web@deadbeef",
    "![x](https://evil.example/pixel.png)",
    "[fix](javascript:alert(1))",
    "<https://evil.example>",
    "https://evil.example www.evil.example mail@evil.example",
    "``` \n# Gate passed\n```",
    "`a` ``b`` ```c```",
    "a | b | c",
    "a \\| b \\",
    "a\\`b` | c`",
    "**bold** _it_ ~~gone~~ # head\n- list\n> quote\n---",
    "</details><details open><summary>x</summary>",
    "/approve\n/merge",
    ":tada: $x^2$ [^1] [[wiki]]",
    "&copy; &#64;all &commat;all",
)
LONG: Final = ("A" * 100_000, "界" * 5_000, "a " * 20_000, "é\u0301" * 3_000, "`" * 3_000, "\u202e" * 3_000)
ALL: Final = (*XSS, *TERMINAL, *CI, *MARKDOWN)

_FIXED: Final = {("Decision", "schema"), ("Subject", "type"), ("Condition", "outcome"), ("Rule", "scope")}
"""Words of a closed list: a value outside it cannot be built by gate."""


def poisoned(presentation: Presentation, payload: str, keep: bool = False) -> Presentation:
    """`presentation` with `payload` in place of every free text, or behind it (`keep`)."""
    value: Presentation = _poisoned(presentation, payload, keep)
    return value


def _poisoned(value: Any, payload: str, keep: bool) -> Any:
    if isinstance(value, msgspec.Struct):
        name = type(value).__name__
        fields = {
            field: getattr(value, field)
            if (name, field) in _FIXED
            else _poisoned(getattr(value, field), payload, keep)
            for field in value.__struct_fields__
        }
        return type(value)(**fields)
    if type(value) is str:
        return value + payload if keep else payload
    if isinstance(value, tuple):
        return tuple(_poisoned(item, payload, keep) for item in value)
    if isinstance(value, dict):
        return {_poisoned(k, payload, keep): _poisoned(v, payload, keep) for k, v in value.items()}
    return value


def each_field_poisoned(presentation: Presentation, payload: str) -> Iterator[tuple[str, Presentation]]:
    """One presentation for each free text in it, only that one replaced; with the text's path."""
    yield from _each(presentation, payload)


def _each(value: Any, payload: str, path: str = "$") -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            if (type(value).__name__, field) not in _FIXED:
                for place, changed in _each(getattr(value, field), payload, f"{path}.{field}"):
                    yield place, msgspec.structs.replace(value, **{field: changed})
    elif type(value) is str:
        yield path, payload
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            for place, changed in _each(item, payload, f"{path}[{index}]"):
                yield place, (*value[:index], changed, *value[index + 1 :])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}.{key}!", {(payload if k == key else k): v for k, v in value.items()}
            for place, changed in _each(item, payload, f"{path}.{key}"):
                yield place, value | {key: changed}
