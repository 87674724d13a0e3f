"""Conftest's policies, recognised, and made ready for the engine (docs/conftest.md).

    1. a source is Conftest's where its Rego names rules as Conftest does, in no package under `policy.`
    2. its modules are compiled apart from everything else, in the version of Rego that was asked for
    3. the namespaces that are asked for are found; one without rules is an error, never a pass
    4. one module asks every rule of these namespaces about one document

Evaluating is `gate/conftest/results.py`'s work.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from gate.documents import rego
from gate.errors import PolicyError, Problem, SettingsError, quoted
from gate.model import Rule, Severity
from gate.scales import Point

PACKAGE: Final = "gate_asks_conftest"
"""Of the module that asks."""
ENTRYPOINT: Final = f"{PACKAGE}.results"
DEFAULT_NAMESPACE: Final = "main"
POINTS: Final = (Point.CI, Point.BACKGROUND)
"""Files are what Conftest judges; admission has none."""
_RULE: Final = re.compile(r"(deny|violation|warn)((?:_[a-zA-Z0-9]+)*)")
_PART: Final = re.compile(r"((?:deny|violation|warn)(?:_[a-zA-Z0-9]+)*)[.\[]")
"""A rule such as `deny["x"]`: one member of an object."""
_HEAD: Final = re.compile(
    r"^[ \t]*(?:default[ \t]+)?(?:deny|violation|warn)(?:_[a-zA-Z0-9]+)*(?![\w.])", re.MULTILINE
)
_FILE_FACTS: Final = re.compile(r"\bconftest\b")
BUILTINS: Final = ("parse_config", "parse_config_file", "parse_combined_config_files")
"""Conftest's own."""
_PARSED_FILE: Final = re.compile(r'\bparse_config_file\(\s*"([^"\n]+)"\s*\)')
_PARSED_FILES: Final = re.compile(r"\bparse_combined_config_files\(\s*\[([^\]]*)\]")

Load = Callable[[str, dict[str, Any]], Any]
"""Bundle id and COMPILE header -> what COMPILE answers (engine/PROTOCOL.md)."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How Conftest policies are asked; the defaults are Conftest's."""

    namespaces: tuple[str, ...] = ()
    """Names or globs; `main` where there are none."""
    all_namespaces: bool = False
    combine: bool = False
    rego_version: Literal["v0", "v1"] | None = None
    """`v1` where it is not said."""
    data: dict[str, Any] = {}
    """What `--data` and gate.yaml name: below `data`, as Conftest mounts it."""

    @property
    def flags(self) -> list[str]:
        """What the command line said of them."""
        asked = [f"--policy-namespace {quoted(name)}" for name in self.namespaces]
        asked += ["--all-namespaces"] if self.all_namespaces else []
        asked += ["--combine"] if self.combine else []
        asked += [f"--rego-version {self.rego_version}"] if self.rego_version else []
        return asked

    def refuse_without(self, *, has_policies: bool) -> None:
        """Raise `SettingsError` where something was asked of Conftest's policies and there are none."""
        asked = self.flags
        if asked and not has_policies:
            raise SettingsError(
                f"{asked[0]} without Conftest's policies",
                code="usage",
                fix="name their folder with --policy; one that has a package under policy. is gate's own",
            )
        if self.namespaces and self.all_namespaces:
            raise SettingsError(
                f"{asked[0]} together with --all-namespaces", code="usage", fix="leave one out"
            )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that is asked."""

    id: str
    """`main.deny_root`."""
    namespace: tuple[str, ...]
    name: str
    has_exceptions: bool

    @property
    def verb(self) -> Literal["deny", "warn"]:
        """What follows from what it says."""
        return "warn" if self.name.startswith("warn") else "deny"

    @property
    def exception(self) -> str:
        """What an exception calls it: the name without `deny_`, empty for plain `deny`."""
        return self.name.partition("_")[2]

    @property
    def policy(self) -> str:
        """The package, as it is reported."""
        return f"conftest.{'.'.join(self.namespace)}"


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled policies of Conftest, ready to be asked."""

    id: str
    """What the engine knows them by."""
    asked: tuple[Asked, ...]
    rules: dict[str, Rule]
    combine: bool
    notices: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """The namespaces that judge."""
        return tuple(sorted({one.policy for one in self.asked}))


def is_conftest(texts: Mapping[str, str]) -> bool:
    """Whether the Rego modules of one source (path and text) are Conftest's.

    They are where rules are named as Conftest names them, in no package under `policy.`. Rules that say
    what gate's rules say are gate's in the wrong package; as Conftest's they would never speak. Raises
    `PolicyError` for a source that holds both kinds.
    """
    is_gates = any(rego.package(text)[:1] == ("policy",) for text in texts.values())
    ruling = {path: text for path, text in texts.items() if _is_ruling(text)}
    if any(_is_of_gate(text) for text in ruling.values()):
        return False
    if ruling and is_gates:
        raise PolicyError(
            "Conftest's rules beside gate's own in one folder: whose libraries and input are meant is not clear",
            path=min(ruling),
            line=1,
            column=1,
            fix="put Conftest's policies into a folder of their own, and name both",
        )
    return bool(ruling)


def _is_ruling(text: str) -> bool:
    is_elsewhere = rego.package(text)[:1] != ("policy",)
    return is_elsewhere and bool(_HEAD.search(rego.without_comments(text)))


def _is_of_gate(text: str) -> bool:
    return '"rule":' in text and '"message":' in text and '"msg":' not in text


def named_files(modules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Files that rules parse while they run, by literal names: path -> path of the module that names it.

    Paths begin where those of `modules` do. A name that is made while a rule runs is not among them; the
    engine then ends the evaluation.
    """
    found: dict[str, str] = {}
    for module, text in modules:
        one = _PARSED_FILE.findall(text)
        many = [name for listed in _PARSED_FILES.findall(text) for name in re.findall(r'"([^"\n]+)"', listed)]
        for name in (*one, *many):
            found.setdefault(posixpath.normpath(posixpath.join(posixpath.dirname(module), name)), module)
    return found


def library(
    modules: Sequence[tuple[str, str]],
    options: Options,
    load: Load,
    name: str,
    files: Mapping[str, Any] = MappingProxyType({}),
) -> Library:
    """The Conftest policies of `modules` (path and text), compiled under the id `name`.

    `files` are the values of what `named_files` names.

    Raises `PolicyError` with every problem that has a place, for a namespace without rules, and for
    rules whose answers Conftest would take for a pass whatever they say.
    """
    header = {
        "modules": [
            {"path": p, "text": text, "rego_version": options.rego_version or "v1"} for p, text in modules
        ],
        "data": options.data,
        "rego_version": "v1",
        "allow_builtins_extra": list(BUILTINS),
        "files": [{"path": path, "value": value} for path, value in files.items()],
    }
    try:
        inventory = load(f"{name}/inventory", header)["packages"]
    except PolicyError as error:
        raise PolicyError(problems=_explained(error.problems, options)) from None
    problems = [problem for entry in inventory for problem in _without_a_set(entry)]
    if problems:
        raise PolicyError(problems=tuple(problems))
    wanted, left_out = _wanted(inventory, options)
    asked: list[Asked] = []
    rules: dict[str, Rule] = {}
    for entry in wanted:
        namespace = rego.segments(entry["path"])
        names = {rule["name"] for rule in entry["rules"]}
        for rule in _judging(entry):
            one = Asked(
                id=".".join((*namespace, rule["name"])),
                namespace=namespace,
                name=rule["name"],
                has_exceptions="exception" in names,
            )
            asked.append(one)
            rules[one.id] = _rule(one, rule, entry)
    has_facts = any(_FILE_FACTS.search(text) for _, text in modules)
    asking = {"path": f"{PACKAGE}.rego", "text": _asking(asked, has_facts=has_facts), "rego_version": "v1"}
    load(name, {**header, "modules": [*header["modules"], asking]})
    notices = [
        f"Conftest rules of namespace {quoted(one)} are not asked; --policy-namespace {one} or --all-namespaces asks them"
        for one in left_out
    ]
    return Library(id=name, asked=tuple(asked), rules=rules, combine=options.combine, notices=tuple(notices))


def _judging(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [rule for rule in entry["rules"] if _RULE.fullmatch(rule["name"]) and rule["kind"] != "function"]


def _wanted(
    inventory: Sequence[Mapping[str, Any]], options: Options
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The packages that are asked for, and the names of others that have rules."""
    judging = {entry["path"]: entry for entry in inventory if _judging(entry)}
    patterns = options.namespaces or (DEFAULT_NAMESPACE,)
    if options.all_namespaces:
        patterns = ("*",)
    wanted: dict[str, Mapping[str, Any]] = {}
    for pattern in patterns:
        found = {name: one for name, one in judging.items() if _fits(name, pattern)}
        if not found:
            raise PolicyError(
                f"no Conftest rules in namespace {quoted(pattern)}",
                code="no_policies",
                found=f"rules in {', '.join(map(quoted, sorted(judging))) or 'no namespace'}",
                expected="rules named deny, violation or warn, or beginning so with _",
                fix="name the namespace with --policy-namespace, or --all-namespaces; for gate's own rules put the "
                "package under policy.",
            )
        wanted |= found
    return [wanted[name] for name in sorted(wanted)], sorted(set(judging) - set(wanted))


def _fits(name: str, pattern: str) -> bool:
    """Whether a namespace fits a glob as Go's `path.Match` reads it, where `[^…]` excludes and `[!…]` does not."""
    theirs = {"[^": "[!", "[!": "[\0!"}
    return fnmatch.fnmatchcase(name, re.sub(r"\[[\^!]", lambda found: theirs[found[0]], pattern))


def _explained(problems: Sequence[Problem], options: Options) -> tuple[Problem, ...]:
    """`problems` of compiling, with what to do where that is known."""
    result = []
    for one in problems:
        fix = one.fix
        if options.rego_version != "v0" and "keyword is required" in one.message:
            fix = "policies written for Rego v0 are read with --rego-version v0"
        result.append(msgspec.structs.replace(one, fix=fix))
    return tuple(result)


def _without_a_set(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Rules of a package that are named like Conftest's and are objects, or parts of one."""
    for rule in entry["rules"]:
        found = _PART.match(rule["name"])
        is_object = _RULE.fullmatch(rule["name"]) and rule["kind"] == "partial_object"
        if found is None and not is_object:
            continue
        name = found[1] if found else rule["name"]
        yield Problem(
            code="policy_not_a_set",
            message=f"{entry['path']}.{rule['name']} is no set of messages: Conftest would take it for a pass",
            path=rule["file"],
            line=rule["line"],
            column=1,
            expected=f"`{name} contains msg if …`",
            fix=f"Rego v0, `{name}[msg] {{ … }}`, is read with --rego-version v0",
        )


def _rule(one: Asked, rule: Mapping[str, Any], entry: Mapping[str, Any]) -> Rule:
    blocks = [block for block in rule["annotations"] if isinstance(block, dict)]
    first: Mapping[str, Any] = blocks[0] if blocks else {}
    package = entry.get("annotations")
    customs = [block.get("custom") for block in [*blocks, package] if isinstance(block, dict)]
    severities = [severity(custom.get("severity")) for custom in customs if isinstance(custom, dict)]
    known = [found for found in severities if found is not None]
    return Rule(
        id=one.id,
        policy=one.policy,
        title=str(first.get("title") or one.id),
        description=str(first.get("description") or ""),
        severity=min(known, key=lambda found: found.rank) if known else Severity.UNKNOWN,
        scope="object",
        points=POINTS,
        file=rule["file"],
        line=rule["line"],
    )


def severity(value: object) -> Severity | None:
    """The severity that METADATA or a message names in any case, or None."""
    name = value.lower() if isinstance(value, str) else None
    return Severity(name) if name in tuple(Severity) else None


def _asking(asked: Sequence[Asked], *, has_facts: bool) -> str:
    """The module that asks every rule, and its exceptions, about `input.document`."""
    given = " with input as input.document"
    # Only where they are used: OPA forgets what it has indexed for every `with` below `data`.
    given += " with data.conftest.file as input.file" if has_facts else ""
    lines = [f"package {PACKAGE}\n"]
    for index, one in enumerate(asked):
        lines.append(
            f'results contains {{"rule": {index}, "values": values}} if {{\n'
            f"\tvalues := {_reference(*one.namespace, one.name)}{given}\n}}\n"
        )
        if one.has_exceptions:
            lines.append(
                f'results contains {{"rule": {index}, "excepted": true}} if {{\n'
                f"\t{_reference(*one.namespace, 'exception')}[_][_] == {json.dumps(one.exception)}{given}\n}}\n"
            )
    return "\n".join(lines)


def _reference(*segments: str) -> str:
    return "data" + "".join(f"[{json.dumps(one)}]" for one in segments)
