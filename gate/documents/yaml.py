"""gate's own YAML files (gate.yaml, waivers, policy data, approvals): bytes to plain values.

Strict: UTF-8, one document, text keys without duplicates, no merge keys, no tags but the core ones,
no dates, no NaN or Infinity, no key left without a value, nothing an editor does not show. `true` and
`false` are the only booleans; `yes`, `no`, `on`, `off` are text; numbers are decimal. PyYAML gives events, the builder
here gives values: PyYAML's own recurses, and 50,000 nested `[` end the process with SIGSEGV.

Kubernetes manifests are not read here but by the engine, as the cluster reads them
(documents/manifests.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from gate import limits
from gate.errors import GateError, SettingsError, quoted

_UNSEEN_ASCII: Final = re.compile(r"[^\t\n\r\x20-\x7e]|\r(?!\n)")
_UNSEEN: Final = (
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    r"|\r(?!\n)"
)
"""Control characters, U+0085, U+2028, U+2029 and a lone CR (line breaks to YAML, not to a reviewer)
and direction overrides U+202A-202E, U+2066-2069 (THREATS.md A6). Not compiled: that takes longer than
reading a file, and most files are ASCII."""
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_NULLS: Final = frozenset({"~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_AMBIGUOUS: Final = re.compile(
    r"[-+]?(?:0[0-9_]+(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|0[xXoObB][0-9a-fA-F_]+"
    r"|[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"
    r"|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)
"""YAML 1.1, YAML 1.2 and the cluster read these differently (`0644`: 420 or 644), or as no number."""
_INTEGER_DIGITS: Final = 18
"""Fits 64 bits, and stays an integer in every JSON reader behind us."""
Place = tuple[int, int]
"""1-based line and column, in characters."""
_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),),
}  # fmt: skip


@dataclass(slots=True)
class _Node:
    """One value with its place; an alias is the same node again."""

    value: Any
    line: int
    column: int
    children: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    """Nodes below and with this one, aliases expanded."""
    height: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class Parsed:
    """The value of one file, and where each part of it stands."""

    value: Any
    path: str
    _root: _Node = field(repr=False)

    def position(self, *keys: str | int) -> Place:
        """1-based line and column of the value under `keys`; of its nearest known ancestor if absent."""
        node = self._root
        for key in keys:
            if key not in node.children:
                break
            node = node.children[key]
        return node.line, node.column

    def key_position(self, *keys: str | int) -> Place:
        """1-based line and column of the last of `keys` itself; of the value for a list's element."""
        node = self._root
        for key in keys[:-1]:
            node = node.children.get(key, node)
        last = keys[-1] if keys else ""
        return node.keys.get(str(last)) or self.position(*keys)


def parsed(
    data: bytes,
    path: str,
    error: type[GateError] = SettingsError,
    *,
    limit_bytes: int = limits.CONFIG_BYTES,
) -> Parsed:
    """The plain value of the one YAML (or JSON) document `data`, with positions.

    Raises `error` with line and column for whatever is not strict (module docstring), and for more
    than `limit_bytes`, `limits.YAML_DEPTH`, `limits.YAML_ALIASES` or `limits.YAML_NODES`.
    """
    builder = _Builder(path, error)
    text = _text(data, builder, limit_bytes)
    # Events come one by one, and the scanner looks at most 1,024 characters ahead (YAML 1.1, 7.3.2):
    # too deep a file is left after its first 101 brackets, whatever follows.
    for event in _events(text, builder, PARSER):
        builder.take(event)
    if builder.root is None:
        builder.refuse("the file is empty", (1, 1), "one YAML document", "write it, or remove the file")
    return Parsed(builder.root.value, path, builder.root)


def _text(data: bytes, builder: _Builder, limit_bytes: int) -> str:
    if len(data) > limit_bytes:
        found = f"{len(data):,} bytes"
        builder.refuse("the file is too large", (1, 1), f"at most {limit_bytes:,} bytes", "split it", found)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        readable = data[: problem.start].decode("utf-8-sig", "replace")
        builder.refuse("not UTF-8", _end(readable), "UTF-8 text", "save the file as UTF-8")
    if unseen := _UNSEEN_ASCII.search(text) if text.isascii() else re.search(_UNSEEN, text):
        builder.refuse(
            "a character that editors do not show",
            _end(text[: unseen.start()]),
            "visible text",
            "remove it, or write it as an escape in double quotes",
            f"U+{ord(unseen[0][0]):04X}",
        )
    return text


def _end(text: str) -> Place:
    """The place right behind `text`."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


class _PythonParser(Reader, Scanner, Parser):
    """PyYAML without libyaml: the same events, ten times slower."""

    def __init__(self, stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


PARSER: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else _PythonParser  # type: ignore[attr-defined]


def _events(text: str, builder: _Builder, parser: Any) -> Iterator[yaml.Event]:
    events = yaml.parse(text, Loader=parser)
    while True:
        try:
            event = next(events, None)
        # ValueError, OverflowError: PyYAML 6.0.3 hands "\UFFFFFFFF" to chr() unchecked.
        except (yaml.YAMLError, ValueError, OverflowError) as problem:
            mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
            what = getattr(problem, "problem", None) or "an escape that names no character"
            place = (mark.line + 1, mark.column + 1) if mark else builder.place
            builder.refuse(f"not YAML: {what}", place, "one YAML document", "correct the syntax")
        if event is None:
            return
        yield event


class _Builder:
    """Events to nodes, without recursion, every limit counted before it can hurt."""

    def __init__(self, path: str, error: type[GateError]) -> None:
        self.path, self.error = path, error
        self.root: _Node | None = None
        self.place: Place = (1, 1)
        self._open: list[_Node] = []
        self._key: tuple[str, Place] | None = None
        """The key of the innermost open mapping whose value is still to come."""
        self._outer_keys: list[tuple[str, Place] | None] = []
        self._anchors: dict[str, _Node] = {}
        self._aliases = self._nodes = self._documents = 0

    def refuse(
        self, message: str, place: Place, expected: str, fix: str, found: str | None = None
    ) -> NoReturn:
        """Raise the caller's kind of error at `place`."""
        line, column = place
        raise self.error(
            message, path=self.path, line=line, column=column, found=found, expected=expected, fix=fix
        )

    def take(self, event: yaml.Event) -> None:
        """Take one event in; raises the caller's error where it breaks a rule."""
        mark: Any = event.start_mark  # the stubs leave it untyped
        self.place = (mark.line + 1, mark.column + 1)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self.refuse("a second document", self.place, "one document", "remove the `---`")
            case yaml.AliasEvent():
                self._put(self._aliased(str(event.anchor)))
            case yaml.ScalarEvent():
                node = self._new(self._scalar(event), event.anchor)
                self._put(node)
            case yaml.MappingStartEvent():
                self._start({}, "map", event)
            case yaml.SequenceStartEvent():
                self._start([], "seq", event)
            case yaml.CollectionEndEvent():
                node = self._open.pop()
                node.is_open = False
                self._key = self._outer_keys.pop()
                self._put(node)

    def _start(self, value: Any, kind: str, event: yaml.CollectionStartEvent) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            self._refuse_tag(event.tag)
        if self._wants_key():
            self.refuse("a key that is no text", self.place, "text as a key", "write the key out")
        if len(self._open) >= limits.YAML_DEPTH:
            self._refuse_deep()
        node = self._new(value, event.anchor)
        node.is_open = True
        self._open.append(node)
        self._outer_keys.append(self._key)
        self._key = None

    def _new(self, value: Any, anchor: str | None) -> _Node:
        self._count(1)
        node = _Node(value, *self.place)
        if anchor is not None:
            if anchor in self._anchors:
                self.refuse(f"the anchor {quoted(anchor)} stands twice", self.place, "it once", "rename one")
            self._anchors[anchor] = node
        return node

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._key is None

    def _put(self, node: _Node) -> None:
        """Hang `node` under what is open, as a key, a value, an element or the root."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if self._wants_key():
            self._key = (self._checked_key(node.value, parent), self.place)
            return
        name: str | int = len(parent.children)
        if self._key is not None:
            name, parent.keys[self._key[0]] = self._key
            parent.value[name] = node.value
            self._key = None
        else:
            parent.value.append(node.value)
        parent.children[name] = node
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)

    def _checked_key(self, key: object, parent: _Node) -> str:
        if not isinstance(key, str):
            self.refuse("a key that is no text", self.place, "text as a key", "put it in quotes", quoted(key))
        if key == "<<":
            self.refuse("a merge key `<<`", self.place, "the keys written out", "write the keys out")
        if key in parent.value:
            other = f"remove one; the other is in line {parent.keys[key][0]}"
            self.refuse(f"the key {quoted(key)} stands twice", self.place, "each key once", other)
        return key

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > limits.YAML_NODES:
            at_most = f"at most {limits.YAML_NODES:,}, aliases expanded"
            self.refuse("too many values", self.place, at_most, "split the file")

    def _aliased(self, anchor: str) -> _Node:
        self._aliases += 1
        what = f"the alias {quoted(anchor)}"
        if self._aliases > limits.YAML_ALIASES:
            self.refuse("too many aliases", self.place, f"at most {limits.YAML_ALIASES:,}", "write them out")
        if anchor not in self._anchors:
            self.refuse(f"{what} names nothing", self.place, "an anchor above it", "correct the name")
        node = self._anchors[anchor]
        if node.is_open:
            self.refuse(f"{what} is inside of what it names", self.place, "a finite value", "write it out")
        if self._wants_key():
            self.refuse("an alias as a key", self.place, "text as a key", "write the key out")
        if len(self._open) + node.height > limits.YAML_DEPTH:
            self._refuse_deep()
        self._count(node.size)
        return node

    def _refuse_deep(self) -> NoReturn:
        self.refuse("nested too deep", self.place, f"at most {limits.YAML_DEPTH} levels", "flatten it")

    def _refuse_tag(self, tag: str) -> NoReturn:
        self.refuse("a tag", self.place, "no tag, or one that fits its value", "remove it", quoted(tag))

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text: str = event.value
        if unstorable := _UNSTORABLE.search(text):
            character, expected = f"U+{ord(unstorable[0]):04X}", "no NUL, no half of a surrogate pair"
            self.refuse(
                "a character that cannot be kept", self.place, expected, "remove the escape", character
            )
        if event.tag in ("!", _TAG + "str"):
            return text
        is_plain = event.style in (None, "")
        value = self._plain(text) if is_plain else text
        if event.tag is not None:
            fits = _SCALAR_TAGS.get(event.tag.removeprefix(_TAG), ())
            if not is_plain or type(value) not in fits:
                self._refuse_tag(event.tag)
        return value

    def _plain(self, text: str) -> Any:
        """What an unquoted scalar means: null, boolean, decimal number or text."""
        if not text:
            # `critical:` left open would read as null, and null may mean "no limit".
            self.refuse("nothing", self.place, "a value", "give it a value, or write null")
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _INTEGER.fullmatch(text) and len(text.lstrip("+-")) <= _INTEGER_DIGITS:
            return int(text)
        is_float = _FLOAT.fullmatch(text) is not None
        if is_float and not _INTEGER.fullmatch(text) and abs(float(text)) != float("inf"):
            return float(text)
        if is_float or _AMBIGUOUS.fullmatch(text):
            expected = "a decimal number, or text in quotes"
            self.refuse(
                "a number that readers disagree about", self.place, expected, "put it in quotes", quoted(text)
            )
        return text
