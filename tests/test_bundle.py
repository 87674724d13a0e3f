"""Bundles: what a source gives, what it is called, and everything that makes it no bundle, with its place."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from gate import bootstrap, limits, policy_files
from gate.bundle import Bundle, entrypoints, unknown_rules
from gate.engines.embedded import Engine
from gate.errors import PolicyError, Problem
from gate.model import Point, Severity
from gate.policy_files import Collected, collected
from tests.command import RULE, files

OTHER = RULE.replace("policy.team", "policy.other").replace("TEAM-1", "OTHER-1")


def own(found: Collected) -> list[str]:
    """Paths of the modules that are not the floor."""
    return [module.path for module in found.modules if not module.path.startswith("builtin:")]


def refusal(folder: Path, *sources: str) -> Problem:
    with pytest.raises(PolicyError) as caught:
        collected(sources, folder)
    return caught.value.problems[0]


# -------------------------------------------------------------------------------------- sources


def test_a_folder_gives_its_policies_deep_and_sorted(tmp_path: Path) -> None:
    files(tmp_path, p__b_rego=RULE, p__a__c_rego=RULE, p__notes_txt="", p__d_py="x = 1")

    found = collected(["p"], tmp_path)

    assert (["p/a/c.rego", "p/b.rego"], ["p/d.py"]) == (own(found), [module.path for module in found.python])


def test_a_file_is_a_source_of_its_own(tmp_path: Path) -> None:
    files(tmp_path, p__b_rego=RULE)

    assert ["p/b.rego"] == own(collected(["p/b.rego"], tmp_path))


def test_tests_are_no_policies(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE, p__a_test_rego="", p__a_test_py="")
    (tmp_path / "p" / "a_test.rego").write_text("package x")

    assert ["p/a.rego"] == own(collected(["p"], tmp_path))
    assert ["p/a.rego", "p/a_test.rego"] == own(collected(["p"], tmp_path, tests=True))


def test_a_folder_of_nothing_but_tests_holds_no_policies(tmp_path: Path) -> None:
    files(tmp_path, p__x_rego="")
    (tmp_path / "p" / "x.rego").rename(tmp_path / "p" / "x_test.rego")

    assert ("no_policies", "p") == ((problem := refusal(tmp_path, "p")).code, problem.path)


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE)
    files(tmp_path / "p" / ".git", b_rego=RULE)

    assert ["p/a.rego"] == own(collected(["p"], tmp_path))


@pytest.mark.parametrize(
    "source", ["absent", "absent.rego", "absent.tar.gz", "empty", "notes.txt", "data.json"]
)
def test_a_source_without_a_policy_is_an_error_that_names_it(tmp_path: Path, source: str) -> None:
    files(tmp_path, p__a_rego=RULE, notes_txt="", data_json={}, empty__notes_txt="")

    assert ("no_policies", source) == ((problem := refusal(tmp_path, "p", source)).code, problem.path)


def test_no_source_is_an_error(tmp_path: Path) -> None:
    assert "no policies are configured" == refusal(tmp_path).message


def test_a_registry_is_not_read_yet_and_says_so(tmp_path: Path) -> None:
    assert "pull it first" in (refusal(tmp_path, "oci://registry.example/p@sha256:0").fix or "")


def test_the_floor_is_part_of_every_bundle(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE)

    paths = {module.path for module in collected(["p"], tmp_path).modules}

    assert {"builtin:evidence/evidence.rego", "builtin:lib/findings.rego"} <= paths


def test_the_tests_of_the_floor_come_with_built_in_policies_only(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE)

    both = [collected([source], tmp_path, tests=True).modules for source in ("p", "builtin:secrets")]

    assert [False, True] == [any("evidence_test" in module.path for module in modules) for modules in both]


@pytest.mark.parametrize("name", policy_files.builtin_names())
def test_every_built_in_set_has_rules_and_the_floor(name: str, tmp_path: Path) -> None:
    found = collected([f"builtin:{name}"], tmp_path)

    assert set() < {module.path for module in (*found.modules, *found.python)}
    assert "thresholds" in found.settings


def test_an_unknown_built_in_set_is_refused_with_those_there_are(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "builtin:kubernets")

    assert "built-in set 'kubernets' is not known" == problem.message
    assert "default" in (problem.expected or "")
    assert "kubernetes" in (problem.expected or "")
    assert "lib" not in (problem.expected or "").split(", ")


@pytest.mark.parametrize("name", ["lib", "always", "", "../policies", "secrets/..", "secrets/secrets.rego"])
def test_what_is_no_set_cannot_be_named_as_one(tmp_path: Path, name: str) -> None:
    assert "no_policies" == refusal(tmp_path, f"builtin:{name}").code


def test_the_built_in_policies_are_the_same_by_their_path(tmp_path: Path) -> None:
    by_path = collected([str(policy_files.shipped() / "secrets")], tmp_path)

    assert by_path == collected(["builtin:secrets"], tmp_path)


def test_a_policy_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, p__a_rego=RULE, p__b_rego="#" * 100_000)
    monkeypatch.setattr(limits, "POLICY_BYTES", 90_000)

    assert ("too_large", "p/b.rego") == ((problem := refusal(tmp_path, "p")).code, problem.path)


def test_too_many_policies_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, p__a_rego=RULE)
    monkeypatch.setattr(limits, "POLICY_FILES", 3)

    assert "too many policy files" == refusal(tmp_path, "p").message


def test_a_policy_that_is_no_utf_8_is_refused_at_its_line(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=b"package policy.x\n# \xff\n")

    assert ("p/a.rego", 2, "not UTF-8") == ((p := refusal(tmp_path, "p")).path, p.line, p.message)


# ------------------------------------------------------------------------------------- archives


def an_archive(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def a_link(name: str, kind: bytes = tarfile.SYMTYPE, to: str = "a.rego") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


GOOD = ("a.rego", RULE.encode())


@pytest.mark.parametrize("name", ["p.tar.gz", "p.tgz"])
def test_an_archive_is_a_source(tmp_path: Path, name: str) -> None:
    an_archive(tmp_path / name, GOOD, ("docs/readme.md", b""))

    assert [f"{name}/a.rego"] == own(collected([name], tmp_path))


@pytest.mark.parametrize("name", ["../../etc/a.rego", "/etc/a.rego", "./a.rego", "x/../../a.rego"])
def test_a_name_in_an_archive_is_a_label_and_writes_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    an_archive(tmp_path / "inner" / "p.tgz", (name, RULE.encode()))

    [path] = own(collected(["p.tgz"], tmp_path / "inner"))

    assert path.startswith("p.tgz/")
    assert ["p.tgz"] == [one.name for one in (tmp_path / "inner").iterdir()]


@pytest.mark.parametrize(
    "link",
    [
        a_link("b.rego"),
        a_link("b.rego", to="/etc/passwd"),
        a_link("b.rego", tarfile.LNKTYPE),
        a_link("settings.yaml"),
        a_link("b.rego", tarfile.FIFOTYPE),
        a_link("b.rego", tarfile.CHRTYPE),
    ],
)
def test_a_link_or_device_in_an_archive_is_refused_for_left_out_it_would_hide_a_policy(
    tmp_path: Path, link: tarfile.TarInfo
) -> None:
    an_archive(tmp_path / "p.tgz", GOOD, link)

    problem = refusal(tmp_path, "p.tgz")

    assert ("policy_unreadable", f"p.tgz/{link.name}") == (problem.code, problem.path)


@pytest.mark.parametrize("again", ["a.rego", "./a.rego"])
def test_one_name_twice_in_an_archive_is_refused(tmp_path: Path, again: str) -> None:
    an_archive(tmp_path / "p.tgz", GOOD, (again, b"package policy.empty"))

    assert "p.tgz/a.rego" == refusal(tmp_path, "p.tgz").path


@pytest.mark.parametrize("name", ["b.rego", "picture.png"])
def test_an_archive_that_blows_up_is_refused_whatever_it_holds(tmp_path: Path, name: str) -> None:
    an_archive(tmp_path / "p.tgz", GOOD, (name, bytes(20 << 20)))

    assert ("too_large", "p.tgz") == ((problem := refusal(tmp_path, "p.tgz")).code, problem.path)


def test_an_archive_of_endless_empty_members_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POLICY_FILES", 20)
    an_archive(tmp_path / "p.tgz", GOOD, *((f"{number}", b"") for number in range(100)))

    assert "too_large" == refusal(tmp_path, "p.tgz").code


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:100], lambda _: b"", lambda _: b"PK\3\4", lambda data: data[:-20]],
    ids=["its beginning", "nothing", "another archive", "all but its end"],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    long = b"".join(b"# %d\n" % number for number in range(9_999)) + RULE.encode()
    path = an_archive(tmp_path / "p.tgz", ("a.rego", long))
    path.write_bytes(damage(path.read_bytes()))

    assert "policy_unreadable" == refusal(tmp_path, "p.tgz").code


# --------------------------------------------------------------------------- data and settings


@pytest.mark.parametrize("source", ["p", "p/", "./p", "deep/p", "absolute"])
def test_data_is_mounted_at_its_folder_wherever_its_source_is(tmp_path: Path, source: str) -> None:
    folder = tmp_path / ("p" if source == "absolute" else source)
    files(
        folder,
        a_rego=RULE,
        data_json={"x": 1},
        teams__data_yaml="owners: [wei]\n",
        teams__eu__data_json={"n": 2},
    )

    found = collected([str(folder) if source == "absolute" else source], tmp_path)

    assert {"x": 1, "teams": {"owners": ["wei"], "eu": {"n": 2}}} == found.data


def test_data_of_an_archive_is_mounted_at_its_folder(tmp_path: Path) -> None:
    an_archive(tmp_path / "p.tgz", GOOD, ("data.json", b'{"x": 1}'), ("./teams/data.json", b'{"y": 2}'))

    assert {"x": 1, "teams": {"y": 2}} == collected(["p.tgz"], tmp_path).data


def test_data_of_several_sources_is_put_together(tmp_path: Path) -> None:
    files(
        tmp_path, p__a_rego=RULE, p__data_json={"x": {"a": 1}}, q__b_rego=OTHER, q__data_json={"x": {"b": 2}}
    )

    assert {"x": {"a": 1, "b": 2}} == collected(["p", "q"], tmp_path).data


@pytest.mark.parametrize(
    ("inner", "clash"), [({"x": {"a": 2}}, "x.a"), ({"x": 1}, "x"), ({"x": {"a": {"b": 1}}}, "x.a")]
)
def test_data_given_twice_is_an_error(tmp_path: Path, inner: object, clash: str) -> None:
    files(
        tmp_path,
        p__a_rego=RULE,
        p__data_json={"x": {"a": 1}},
        p__data_yaml="y: 1\n",
        q__b_rego=OTHER,
        q__data_json=inner,
    )

    problem = refusal(tmp_path, "p", "q")

    assert ("data_invalid", f"data.{clash} is given twice") == (problem.code, problem.message)


def test_a_folder_whose_name_is_a_value_already_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE, p__data_json={"teams": "none"}, p__teams__data_json={"x": 1})

    assert "data.teams is given twice" == refusal(tmp_path, "p").message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data_json", b"[1]"), ("data_json", b""), ("data_json", b'{"a": 1, "a": 2}'), ("data_json", b'{"a": NaN}'),
        ("data_yaml", b"- a\n"), ("data_yaml", b"a: 1\na: 2\n"), ("settings_yaml", b"- a\n"), ("settings_yaml", b"a: [\n"),
        ("settings_yaml", b""),
    ],
)  # fmt: skip
def test_data_that_is_no_object_is_an_error_with_its_file(tmp_path: Path, name: str, content: bytes) -> None:
    files(tmp_path, p__a_rego=RULE, **{f"p__{name}": content})

    assert f"p/{name.replace('_', '.')}" == refusal(tmp_path, "p").path


def test_a_number_in_data_keeps_its_json_meaning(tmp_path: Path) -> None:
    """YAML would read some of these texts differently."""
    files(tmp_path, p__a_rego=RULE, p__data_json=b'{"a": 1e3, "b": "on", "c": 10000000000000000000000}')

    assert {"a": 1000.0, "b": "on", "c": 10**22} == collected(["p"], tmp_path).data


def test_settings_of_a_source_lie_over_the_built_in_ones_key_by_key(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE, p__settings_yaml="thresholds: {code: {high: 5}}\nmine: 1\n")

    settings = collected(["p"], tmp_path).settings

    assert (5, 0, 1) == (
        settings["thresholds"]["code"]["high"],
        settings["thresholds"]["code"]["critical"],
        settings["mine"],
    )


# ------------------------------------------------------------------------------------- revision


def revision(folder: Path, *sources: str) -> str:
    return collected(sources, folder).revision


def test_the_revision_does_not_depend_on_the_order_of_sources(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE, q__b_rego=OTHER)
    orders = itertools.permutations(["p", "q", "builtin:secrets"])

    assert 1 == len({revision(tmp_path, *order) for order in orders})


@pytest.mark.parametrize("name", ["p__a_rego", "p__data_json", "p__settings_yaml", "p__c_py", "p__new_rego"])
def test_every_byte_of_every_file_is_in_the_revision(tmp_path: Path, name: str) -> None:
    contents: dict[str, Any] = {
        "p__a_rego": RULE, "p__data_json": {"a": 1}, "p__settings_yaml": "a: 1\n", "p__c_py": "x = 1\n",
    }  # fmt: skip
    files(tmp_path, **contents)
    before = revision(tmp_path, "p")
    path = tmp_path / name.replace("__", "/").replace("_", ".")
    path.write_bytes((path.read_bytes() if path.exists() else b"package lib.x") + b"\n")

    assert before != revision(tmp_path, "p")


def test_bytes_that_move_from_one_file_to_the_next_are_another_revision(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego="package policy.a\n#", p__b_rego="package policy.b\n")
    before = revision(tmp_path, "p")
    files(tmp_path, p__a_rego="package policy.a\n", p__b_rego="#package policy.b\n")

    assert before != revision(tmp_path, "p")


def test_tests_are_not_in_the_revision(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=RULE)
    before = revision(tmp_path, "p")
    (tmp_path / "p" / "a_test.rego").write_text("package x")

    assert before == revision(tmp_path, "p")


# ------------------------------------------------------------------------------------- compiled


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as engine:
        yield engine


def compiled(engine: Engine, folder: Path, **modules: str) -> Bundle:
    files(folder, **{f"p__{name}_rego": text for name, text in modules.items()})
    return bootstrap.bundle(["p"], folder, engine, python=False)


def wrong(engine: Engine, folder: Path, text: str) -> Problem:
    with pytest.raises(PolicyError) as caught:
        compiled(engine, folder, a=text)
    return caught.value.problems[0]


def test_metadata_is_what_a_rule_says_of_itself(engine: Engine, tmp_path: Path) -> None:
    custom = "{id: TEAM-1, severity: high, fix: mend it, docs: https://a.example/b, frameworks: [F 1], threshold: code.high, effective_on: 2027-01-01}"
    text = RULE.replace("{id: TEAM-1, severity: high}", custom).replace(
        "# scope: rule\n", "# description: why\n# scope: rule\n"
    )

    rule = compiled(engine, tmp_path, a=text).rules["TEAM-1"]

    assert ("policy.team", "nothing of this kind", "why", Severity.HIGH, "mend it", ("F 1",), "code.high") == (
        rule.policy, rule.title, rule.description, rule.severity, rule.fix, rule.frameworks, rule.threshold,
    )  # fmt: skip
    assert ("subject", (Point.CI, Point.BACKGROUND)) == (rule.scope, rule.points)
    assert ("2027-01-01T00:00:00Z", "p/a.rego") == (rule.effective_on, rule.file)
    assert "https://a.example/b" == rule.docs


def test_entry_points_are_found_and_not_listed_by_hand(engine: Engine, tmp_path: Path) -> None:
    bundle = compiled(engine, tmp_path, a=RULE, b=OTHER.replace("deny contains", "warn contains"))

    asked = entrypoints(bundle.packages, "subject", Point.CI)
    assert {"policy.team.deny", "policy.other.warn", "policy.evidence.deny"} == set(asked)
    assert () == entrypoints(bundle.packages, "subject", Point.ADMISSION)


def test_packages_below_policy_kubernetes_look_at_objects_unless_they_say_otherwise(
    engine: Engine, tmp_path: Path
) -> None:
    looking = """package policy.kubernetes.team

# METADATA
# title: t
# custom: {id: TEAM-1}
deny contains {"rule": "TEAM-1", "message": "m"} if input.object.kind == "Pod"
"""

    bundle = compiled(engine, tmp_path, a=looking, b=OTHER.replace("policy.other", "policy.kubernetes.other"))

    scopes = {package.name: package.scope for package in bundle.packages}
    assert ("object", "subject") == (scopes["policy.kubernetes.team"], scopes["policy.kubernetes.other"])
    assert tuple(Point) == bundle.rules["TEAM-1"].points


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("severity: high", "severity: urgent", 7, "severity 'urgent' is not known"),
        ("severity: high", "effective_on: soon", 7, "effective_on 'soon' is no date"),
        ("severity: high", "docs: http://a.example/b", 7, "docs 'http://a.example/b' is no address"),
        ("severity: high", "docs: [https://a.example/b]", 7, "docs ['https://a.example/b'] is no address"),
        ("severity: high", 'docs: "https://a.example/)[x](javascript:1"', 7, "is no address"),
        ("id: TEAM-1, ", "", 11, "policy.team has no rule with an id"),
        ("{scope: subject}", "{scope: cluster}", 1, "scope 'cluster' is not known"),
        ("{scope: subject}", "{scope: subject, points: [admission]}", 1, "a rule about reports cannot speak at admission"),
        ("{scope: subject}", "{scope: subject, points: [ci, later]}", 1, "points ['ci', 'later'] are not known"),
        ("{scope: subject}", "{scope: subject, points: 7}", 1, "points 7 are not known"),
        ("policy.team", "main", 11, "package main defines deny, but is not under policy."),
        ("policy.team", "policies.team", 11, "package policies.team defines deny"),
        ("deny contains", "violation contains", 11, "policy.team.violation is no set of violations"),
        ("deny contains {", "deny := {", 11, "policy.team.deny is no set of violations"),
        ("package policy.team", "package lib.findings", 1, "package lib.findings belongs to the built-in policies"),
        ("package policy.team", "package lib.own", 1, "package lib.own belongs to the built-in policies"),
        ("input.findings", "input.findngs", 12, "undefined ref"),
        ("some f in", "some f inn", 12, ""),
        ("f.waived == null", "undefined_function(f)", 13, "undefined_function"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_told_with_its_place(
    engine: Engine, tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    problem = wrong(engine, tmp_path, RULE.replace(old, new, 1))

    assert ("p/a.rego", line) == (problem.path, problem.line)
    assert message in problem.message


def test_the_points_of_a_rule_must_be_within_its_scope(engine: Engine, tmp_path: Path) -> None:
    problem = wrong(engine, tmp_path, RULE.replace("severity: high", "points: [admission]"))

    assert "a rule about reports cannot speak at admission" in problem.message


def test_an_id_used_by_two_packages_is_an_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="rule id TEAM-1 is used twice"):
        compiled(engine, tmp_path, a=RULE, b=OTHER.replace("OTHER-1", "TEAM-1"))


def test_an_id_of_the_floor_cannot_be_taken(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="rule id GATE-EVID-001 is used twice"):
        compiled(engine, tmp_path, a=RULE.replace("TEAM-1", "GATE-EVID-001"))


def test_all_problems_are_told_not_only_the_first(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        compiled(engine, tmp_path, a=RULE.replace("high", "urgent"), b=OTHER.replace("policy.other", "main"))

    assert {"p/a.rego", "p/b.rego"} == {problem.path for problem in caught.value.problems}


def test_a_package_of_functions_alone_is_no_policy(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        compiled(engine, tmp_path, a="package policy.helpers\n\nis_good(x) if x > 1\n")

    assert "no_policies" == caught.value.problems[0].code


def test_functions_beside_policies_are_welcome(engine: Engine, tmp_path: Path) -> None:
    helper = 'package team.helpers\n\nis_new(f) if f.state == "new"\n'
    using = RULE.replace(
        "\n# METADATA\n# title: nothing", "\nimport data.team.helpers\n\n# METADATA\n# title: nothing"
    )

    bundle = compiled(engine, tmp_path, a=using.replace('f.state == "new"', "helpers.is_new(f)"), b=helper)

    assert ["policy.evidence", "policy.team"] == [package.name for package in bundle.packages]


def test_an_action_for_a_rule_that_nobody_has_is_found(engine: Engine, tmp_path: Path) -> None:
    bundle = compiled(engine, tmp_path, a=RULE)

    asked = ["TEAM-1", "TEAM-2", "TEAM-*", "GATE-ENV-001", "GATE-EVID-001"]
    assert ["TEAM-2"] == unknown_rules(bundle, asked, ["GATE-ENV-001"])


def test_the_shipped_policies_compile_whole(engine: Engine, tmp_path: Path) -> None:
    names = [f"builtin:{name}" for name in policy_files.builtin_names() if name != "python"]

    bundle = bootstrap.bundle(names, tmp_path, engine, python=False)

    assert {"default", "evidence", "python"} <= set(policy_files.builtin_names())
    assert 50 < len(bundle.rules)


@pytest.mark.parametrize("name", ["evidence", "default", "hardening", "pod-security/restricted"])
def test_rules_about_one_object_at_a_time_are_not_sent_the_list_of_all(engine: Engine, name: str) -> None:
    bundle = bootstrap.bundle([f"builtin:{name}"], Path(), engine, python=False)

    assert not bundle.looks_at("objects")
    assert bundle.looks_at("reports")


@pytest.mark.parametrize(
    "looking",
    [
        "count(input.objects) == 0",
        '"objects" in object.keys(input)',
        'object.get(input, "objects", []) == []',
        'count(input[sprintf("obj%s", ["ects"])]) == 0',
    ],
)
def test_a_rule_that_may_look_at_all_objects_is_sent_them(
    tmp_path: Path, engine: Engine, looking: str
) -> None:
    (tmp_path / "rule.rego").write_text(LOOKING.replace("LOOKING", looking), "utf-8")

    bundle = bootstrap.bundle([str(tmp_path)], tmp_path, engine, python=False)

    assert bundle.looks_at("objects")


LOOKING: Final = """
# METADATA
# scope: package
# custom: {scope: subject}
package policy.looking

# METADATA
# title: Looks at objects
# custom: {id: OWN-LOOK-001, severity: high, fix: none, frameworks: []}
deny contains {"rule": "OWN-LOOK-001", "message": "looked"} if LOOKING
"""
