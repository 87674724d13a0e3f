"""What the pages say is so: links, keys, examples, options, numbers, rule ids.

Examples are read from the pages and given to the code that users give them to. A page that falls behind
the code fails here, by its name.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

import click
import pytest
import yaml as pyyaml

from gate import bootstrap, environments, files, limits, policy_files, settings, waiver_files, waivers
from gate.cli import INTERRUPTED, group
from gate.cli.check import EXIT_CODES
from gate.documents import yaml
from gate.errors import GateError, SettingsError, WaiverError
from gate.model import Severity
from gate.pipeline import OWN_RULES
from scanners import SCANNERS
from scanners.sarif import tools
from tests.command import BANDIT_EVAL, gate
from tests.command import files as written
from tests.data import REPOSITORY, absent

sys.path.insert(0, str(REPOSITORY / "tools"))
import input_page
import rules_page

DOCS = REPOSITORY / "docs"
PAGES = (
    *(
        REPOSITORY / name
        for name in ("README.md", "CONTRIBUTING.md", "policies/README.md", "engine/PROTOCOL.md")
    ),
    *sorted(DOCS.rglob("*.md")),
)
NAMES = [page.relative_to(REPOSITORY).as_posix() for page in PAGES]
WHEN = datetime(2026, 11, 24, tzinfo=UTC)
"""The day after the one on which the examples of waivers were created."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every fenced block of every page in one of `languages`."""
    return [
        Block(name, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for name, text in zip(NAMES, (path.read_text("utf-8") for path in PAGES), strict=True)
        for match in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text)
        if match[1] in languages
    ]


def prose(text: str) -> str:
    """`text` without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def section(text: str, heading: str) -> str:
    """What stands under `heading`, up to the next heading of its level or above."""
    level = heading.split(" ", 1)[0]
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"no section {heading!r}"
    return re.split(rf"(?m)^#{{1,{len(level)}}} ", rest)[0]


def table_rows(text: str) -> list[list[str]]:
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("-: ")]


# ------------------------------------------------------------------------------------------ links


def slugs(text: str) -> set[str]:
    """The anchors that a forge makes of the headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_a_file_and_a_heading_that_exist(name: str) -> None:
    path = REPOSITORY / name
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text("utf-8"))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        to = (path.parent / file).resolve() if file else path
        if not to.exists() or (anchor and anchor not in slugs(to.read_text("utf-8"))):
            dead.append(target)

    assert [] == dead


# --------------------------------------------------------------------------------------- gate.yaml


def keys(schema: Mapping[str, Any], node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Dotted paths of every key of gate.yaml; the keys of maps are the user's, so they end there."""
    node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    if node.get("type") == "array":
        yield from keys(schema, node["items"], f"{path}[]")
    for option in node.get("anyOf", []):
        yield from keys(schema, option, path)
    for name, part in node.get("properties", {}).items():
        below = list(keys(schema, part, f"{path}.{name}" if path else name))
        yield from below or [f"{path}.{name}" if path else name]


def test_every_key_of_gate_yaml_is_on_its_page_and_no_other() -> None:
    schema = settings.json_schema()
    known = {key.removeprefix("thresholds.") for key in keys(schema, schema)}
    text = page("gate-yaml.md")
    said = {
        name for row in table_rows(text) for name in re.findall(r"`([a-z_]+(?:\[\])?(?:\.[a-z_]+)*)`", row[0])
    }

    assert set() == {key for key in known if key not in said} - {"engine.opa"}
    # Sections have rows of their own; point names and actions are values.
    sections = {key.rpartition(".")[0].removesuffix("[]") for key in known} | {"deny", "warn", "audit", "off"}
    assert set() == said - known - sections - {"thresholds", "environments", "inputs", "outputs", "engine"}


def configurations() -> list[Block]:
    is_one = re.compile(r"(?:# gate\.yaml\n)?version: 1\n(?!waivers:|approvals:|admission:|identity:)")
    return [block for block in blocks("yaml") if is_one.match(block.text)]


@pytest.mark.parametrize("block", configurations(), ids=str)
def test_examples_of_gate_yaml_are_valid(block: Block) -> None:
    settings.settings(yaml.parsed(block.text.encode(), str(block)))


@pytest.mark.parametrize("block", [b for b in blocks("yaml") if "\nwaivers:\n" in b.text], ids=str)
def test_examples_of_waivers_read_and_can_act(block: Block) -> None:
    parsed = yaml.parsed(block.text.encode(), str(block), WaiverError)
    found = waiver_files.waivers(parsed.value, str(block), parsed.position)

    assert found
    assert [None] * len(found) == [waivers.idle_reason(waiver, WHEN, {}) for waiver in found]


@pytest.mark.parametrize(
    "block", [b for b in blocks("yaml", "json") if "approvals:\n" in b.text[:60]], ids=str
)
def test_examples_of_approvals_read(block: Block) -> None:
    assert environments.approvals_file(block.text.encode(), str(block))


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_yaml_example_is_yaml(block: Block) -> None:
    assert pyyaml.safe_load(block.text)


# ---------------------------------------------------------------------------------------- policies


@pytest.mark.parametrize("name", sorted({block.page for block in blocks("rego")}))
def test_examples_of_rego_compile_and_their_tests_pass(name: str, tmp_path: Path) -> None:
    for block in blocks("rego"):
        if block.page == name:
            kind = "_test.rego" if re.search(r"(?m)^package \S+_test$", block.text) else ".rego"
            (tmp_path / f"block_{block.line}{kind}").write_text(block.text, "utf-8")
    with bootstrap.engine() as engine:
        bundle = bootstrap.bundle([str(tmp_path)], tmp_path, engine, python=False)

    assert [rule for rule in bundle.rules if not rule.startswith("GATE-")]
    if list(tmp_path.glob("*_test.rego")):
        assert 0 == gate(tmp_path, "policy", "test", tmp_path).code


def test_the_five_minutes_of_policies_are_as_printed(tmp_path: Path) -> None:
    texts = [block.text for block in blocks("rego") if block.page == "docs/policies.md"]
    for name, text in zip(("team.rego", "owner.rego", "team_test.rego"), texts, strict=True):
        written(tmp_path, **{f"policies__{name.replace('.rego', '_rego')}": text})
    console = next(block.text for block in blocks("console") if block.page == "docs/policies.md").splitlines()

    assert console[1] == gate(tmp_path, "policy", "check", "policies/").out.strip()
    assert console[3] == gate(tmp_path, "policy", "test", "policies/").out.strip()


def test_the_table_of_the_policy_input_is_current() -> None:
    text = page("policies.md")

    assert input_page.page(text, input_page.schema()) == text, "run `python tools/input_page.py`"


def test_the_pages_of_rules_are_current() -> None:
    written = {path.name: path.read_text("utf-8") for path in rules_page.PAGES.glob("*.md")}

    assert rules_page.pages() == written, "run `python tools/rules_page.py`"


def test_every_removed_builtin_is_named() -> None:
    source = (REPOSITORY / "engine" / "capabilities.go").read_text("utf-8")
    removed = re.findall(r'"([\w.]+)"', source.split("removedBuiltins = []string{")[1].split("}")[0])

    assert removed
    assert [] == [name for name in removed if f"`{name}`" not in page("policies.md")]


def test_built_in_sets_that_are_named_exist() -> None:
    row = next(row for row in table_rows(page("policies.md")) if row[0] == "`builtin:NAME`")
    names = {name for words in re.findall(r"`([^`]+)`", row[1]) for name in words.split()}

    assert set() == names - set(policy_files.builtin_names())


def test_every_rule_id_on_a_page_exists() -> None:
    shipped = "\n".join(path.read_text("utf-8") for path in policy_files.shipped().rglob("*.rego"))
    known = {*OWN_RULES, *re.findall(r"(?m)^#\s+id: (\S+)$", shipped)}
    python = "\n".join(path.read_text() for path in policy_files.shipped().rglob("*.py"))
    known |= set(re.findall(r'id="(GATE-[A-Z0-9-]+)"', python))
    said = {
        (name, rule)
        for name, path in zip(NAMES, PAGES, strict=True)
        for rule in re.findall(r"\bGATE-[A-Z0-9]+-\d{3}\b", path.read_text("utf-8"))
    }

    assert said
    assert [] == sorted(one for one in said if one[1] not in known)


# ----------------------------------------------------------------------------------------- command


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of gate in a console or shell block, without what the shell does with them."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        plain = line.strip().removeprefix("$ ")
        if re.match(r"(?:\S*/)?gate [a-z]", plain):
            words = shlex.split(re.split(r" \|| >|; | && ", plain)[0], comments=True)
            yield words[1:]


def spans(text: str) -> Iterator[str]:
    """Inline code that is a command of gate."""
    yield from (span for span in re.findall(r"`([^`\n]+)`", prose(text)) if span.startswith("gate "))


def unknown(words: list[str]) -> str | None:
    """What of a command line the program does not know."""
    command: click.Command = group
    context = click.Context(group)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return f"no command {name}"
        command = found
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    options = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    wrong = sorted(options - known - {"--help", "-h"})
    return f"no option {', '.join(wrong)} of gate {' '.join(words[:2])}" if wrong else None


@pytest.mark.parametrize("name", NAMES)
def test_commands_on_a_page_exist_with_their_options(name: str) -> None:
    text = (REPOSITORY / name).read_text("utf-8")
    shown = [block.text for block in blocks("console", "sh", "yaml", "groovy") if block.page == name]
    lines = [words for block in shown for words in commands(block)]
    lines += [words for span in spans(text) for words in commands(span)]

    assert [] == [what for words in lines if (what := unknown(words))]


def test_the_table_of_exit_codes_is_what_the_program_does() -> None:
    rows = table_rows(page("exit-codes.md").split("\n## ")[0])[1:]
    said = {(int(code), outcome.strip("`")) for code, outcome, _ in rows}
    outcomes = {(code, outcome.value) for outcome, code in EXIT_CODES.items()}

    assert (
        outcomes | {(SettingsError.exit_code, "none"), (GateError.exit_code, "none"), (INTERRUPTED, "none")}
        == said
    )


# ----------------------------------------------------------------------------------------- numbers


def test_the_days_of_waivers_are_the_codes() -> None:
    rows = table_rows(section(page("waivers.md"), "### How long"))
    said = dict(zip(rows[0][1:], map(int, rows[1][1:]), strict=True))

    assert {severity.value: settings.MAX_DAYS[severity] for severity in Severity} == said


def test_every_reason_for_a_waiver_is_named() -> None:
    row = next(row for row in table_rows(page("waivers.md")) if row[0] == "`reason`")

    assert set(get_args(waivers.Reason)) == set(re.findall(r"`(\w+)`", row[2]))


def test_bounds_on_the_pages_are_the_codes() -> None:
    wanted = {
        "gate-yaml.md": (f"after {limits.DECISION_DAYS} days", f"`{settings.LONGEST_EVALUATION_S:g}s`"),
        "policies.md": (
            f"{limits.MESSAGE_CHARACTERS:,} characters",
            f"{limits.VIOLATIONS:,} violations",
            f"{limits.POLICY_FILES:,} files",
            f"({limits.EVALUATION_TIMEOUT_S:g} s) and {limits.ENGINE_MEMORY_MIB // 1024} GiB",
        ),
        "formats.md": (
            f"{limits.JSON_DEPTH} levels and {limits.REPORT_BYTES // limits.GIB} GiB",
            f"{limits.REPORT_GZIP_RATIO} to 1",
            f"{limits.YAML_ALIASES:,} aliases, {limits.MANIFEST_DOCUMENTS:,} documents",
            f"`{' '.join(files.ENDINGS)}`",
        ),
        "waivers.md": (f"within {waivers.SOON_DAYS} days",),
    }

    said = {name: " ".join(page(name).split()) for name in wanted}

    assert [] == [(name, text) for name, texts in wanted.items() for text in texts if text not in said[name]]


# ----------------------------------------------------------------------------------------- formats


def test_every_section_is_of_a_format_in_order() -> None:
    """Every format is in formats-table.md; those with something to explain have a section."""
    first, *headings, last = re.findall(r"(?m)^## (.+)$", prose(page("formats.md")))

    assert ("Common to all", "kubernetes") == (first, last)
    assert sorted(set(headings) & set(SCANNERS)) == headings


def test_the_tools_of_sarif_are_the_adapters() -> None:
    rows = table_rows(section(page("formats.md"), "## sarif"))[1:]
    said = {
        tool: (kind, evidence)
        for names, kind, evidence in rows
        for tool in names.split(", ")
        if tool not in ("trivy", "any other")
    }
    known = {
        name: (trade.kind.value, ", ".join(trade.evidence) or "none")
        for name, trade in tools._TRADES.items()
        if name != "trivy"
    }

    assert known == said


# ------------------------------------------------------------------------------------------ record


def test_the_commands_of_the_record_page_verify_a_record(tmp_path: Path) -> None:
    for program in ("sh", "sed", "tr", "sha256sum", "grep"):
        if shutil.which(program) is None:
            absent(program)
    written(tmp_path, gate_yaml="version: 1\nrecord: .gate/record.jsonl\n", r_json=BANDIT_EVAL)
    for _ in range(2):
        gate(tmp_path, "check", "r.json")
    shown = re.findall(r"(?m)^\$ ((?:head|sed|tail) .+?)(?:\s+# .*)?$", page("record.md"))

    def answer(command: str) -> str:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    computed, said, link, last = (answer(command) for command in shown)
    digest = computed.removesuffix("  -")

    assert f'"digest":"sha256:{digest}"}}' == said
    assert f'{{"schema":"gate.record/v1","sequence":2,"previous":"sha256:{digest}"' == link
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", last)
