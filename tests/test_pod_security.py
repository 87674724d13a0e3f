"""The Pod Security Standards: every published fixture decided as its folder says, whatever it is wrapped in.

The rules themselves are tested beside them, in Rego.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import bootstrap
from gate.assemble import Facts, assemble
from gate.bundle import Bundle
from gate.documents import manifests
from gate.engines.embedded import Engine
from gate.evaluate import evaluate
from gate.model import KubernetesObject, Point, Source, Subject
from tests.command import files, gate
from tests.data import shared_data

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEVELS = ("baseline", "restricted")
FOLDERS = (0, 19, 23, 29, 35, 37)
"""Minor versions that have fixtures."""

# -------------------------------------------------------------------------- how objects are judged

Judge = Callable[[str, int, Sequence[KubernetesObject]], list[set[str]]]
"""Level, minor version, objects -> the ids of the rules that deny each of them."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def judge(engine: Engine) -> Judge:
    bundles: dict[tuple[str, int], Bundle] = {}

    def judged(level: str, minor: int, objects: Sequence[KubernetesObject]) -> list[set[str]]:
        if (level, minor) not in bundles:
            source = f"builtin:pod-security/{level}@v1.{minor}"
            bundles[level, minor] = bootstrap.bundle([source], Path(), engine, python=False)
        bundle = bundles[level, minor]
        subject = Subject(type="manifests", name="pods", claimed=True)
        facts = Facts(
            now=NOON,
            point=Point.CI,
            project=None,
            environment=None,
            subject=subject,
            objects=tuple(objects),
            settings=bundle.settings,
        )
        said = evaluate(
            engine, None, bundle, assemble(facts), frozenset(), point=Point.CI, now_ns=0, timeout_s=60.0
        )
        rules: list[set[str]] = [set() for _ in objects]
        for one in said:
            assert one.about is not None
            assert ("deny", True) == (one.verb, one.path is not None)
            rules[one.about].add(one.rule)
        return rules

    return judged


def an_object(value: dict[str, Any]) -> KubernetesObject:
    return KubernetesObject(object=value, source=Source(file="a.yaml", line=1), document=0, pointer="")


# ---------------------------------------------------------------------------------- the fixtures

NAMED = {
    "allowprivilegeescalation": {101},
    "apparmorprofile": {11},
    "capabilities_baseline": {8},
    "capabilities_restricted": {106, 107},
    "hostnamespaces": {2},
    "hostpathvolumes": {3},
    "hostports": {4},
    "hostprobesandhostlifecycle": {6},
    "privileged": {7},
    "procmount": {9},
    "procmount_restricted": {108},
    "restrictedvolumes": {3, 104},
    "runasnonroot": {102},
    "runasuser": {103},
    "seccompprofile_baseline": {10},
    "seccompprofile_restricted": {10, 105},
    "selinuxoptions": {12},
    "sysctls": {13},
    "windowshostprocess": {5},
}
"""What a fixture is about, by its name -> numbers of the rules that speak of it."""
BESIDE = {"allowprivilegeescalation": {106}, "privileged": {101}, "windowshostprocess": {2}}
"""What a fixture breaks without being about it."""
CHANGED = {8: {101}, 22: {106, 107}}
"""Minor versions between two folders where a check began -> its rules: good pods of the folder break them."""


class Fixture(msgspec.Struct, frozen=True):
    """One published pod and what must be said of it."""

    path: str
    verdict: str
    pod: dict[str, Any]

    @property
    def about(self) -> str:
        return re.sub(r"\d*\.yaml$", "", Path(self.path).name)


@pytest.fixture(scope="module")
def fixtures(engine: Engine) -> dict[tuple[str, int], list[Fixture]]:
    """Level and minor version of the folder -> its fixtures, read as the cluster reads them."""
    root, read = shared_data("pss"), bootstrap.manifest_reader(engine)
    found: dict[tuple[str, int], list[Fixture]] = {}
    for level in LEVELS:
        for minor in FOLDERS:
            for path in sorted((root / level / f"v1.{minor}").glob("*/*.yaml")):
                name = path.relative_to(root).as_posix()
                (pod,) = manifests.kubernetes_objects(read, path.read_bytes(), name)
                found.setdefault((level, minor), []).append(Fixture(name, path.parent.name, pod.object))
    return found


def is_as_its_folder_says(fixture: Fixture, rules: set[str]) -> bool:
    """Whether the rules deny what they should, and for what the fixture is about."""
    numbers = {int(rule.removeprefix("GATE-PSS-")) for rule in rules}
    if fixture.verdict == "pass":
        return not numbers
    named = NAMED[fixture.about]
    return bool(numbers & named) and numbers <= named | BESIDE.get(fixture.about, set())


def wrong(found: Sequence[Fixture], rules: Sequence[set[str]]) -> list[tuple[str, set[str]]]:
    pairs = zip(found, rules, strict=True)
    return [(fixture.path, said) for fixture, said in pairs if not is_as_its_folder_says(fixture, said)]


def test_all_775_fixtures_are_read(fixtures: dict[tuple[str, int], list[Fixture]]) -> None:
    assert 775 == sum(map(len, fixtures.values()))


@pytest.mark.parametrize("minor", FOLDERS)
@pytest.mark.parametrize("level", LEVELS)
def test_every_fixture_is_decided_as_its_folder_says(
    level: str, minor: int, fixtures: dict[tuple[str, int], list[Fixture]], judge: Judge
) -> None:
    found = fixtures[level, minor]

    assert [] == wrong(found, judge(level, minor, [an_object(fixture.pod) for fixture in found]))


def in_template(version: str, kind: str, path: str, pod: dict[str, Any]) -> dict[str, Any]:
    """A workload whose pod template, at `path`, is `pod`."""
    inner: Any = {"metadata": pod.get("metadata"), "spec": pod["spec"]}
    for key in reversed(path.split(".")):
        inner = {key: inner}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "w"}, **inner}


WORKLOADS = {
    "Deployment": ("apps/v1", "spec.template"),
    "StatefulSet": ("apps/v1", "spec.template"),
    "DaemonSet": ("apps/v1", "spec.template"),
    "ReplicaSet": ("apps/v1", "spec.template"),
    "ReplicationController": ("v1", "spec.template"),
    "Job": ("batch/v1", "spec.template"),
    "CronJob": ("batch/v1", "spec.jobTemplate.spec.template"),
    "PodTemplate": ("v1", "template"),
}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_fixture_is_decided_the_same_in_every_workload(
    kind: str, fixtures: dict[tuple[str, int], list[Fixture]], judge: Judge
) -> None:
    version, path = WORKLOADS[kind]
    for (level, minor), found in fixtures.items():
        objects = [an_object(in_template(version, kind, path, fixture.pod)) for fixture in found]

        assert [] == wrong(found, judge(level, minor, objects))


def test_every_fixture_is_decided_the_same_in_a_list(
    fixtures: dict[tuple[str, int], list[Fixture]], judge: Judge, engine: Engine
) -> None:
    for (level, minor), found in fixtures.items():
        whole = {"apiVersion": "v1", "kind": "List", "items": [fixture.pod for fixture in found]}
        read = bootstrap.manifest_reader(engine)
        objects = manifests.kubernetes_objects(read, msgspec.json.encode(whole), "list.json")

        assert [] == wrong(found, judge(level, minor, objects))


@pytest.mark.parametrize("minor", [1, 7, 8, 13, 18, 20, 21, 22, *range(24, 29), *range(30, 35), 36, 38, 99])
@pytest.mark.parametrize("level", LEVELS)
def test_versions_between_two_folders_decide_as_the_lower_one_says(
    level: str, minor: int, fixtures: dict[tuple[str, int], list[Fixture]], judge: Judge
) -> None:
    """But for good pods that break what began in between: 1.8 and 1.22 of restricted alone."""
    folder = max(one for one in FOLDERS if one <= minor)
    found = fixtures[level, folder]
    rules = judge(level, minor, [an_object(fixture.pod) for fixture in found])
    begun = {
        f"GATE-PSS-{number:03}"
        for since, numbers in CHANGED.items()
        if level == "restricted" and folder < since <= minor
        for number in numbers
    }

    assert [] == wrong(found, [said - begun for said in rules])
    assert bool(begun) == any(said & begun for said in rules)


@pytest.mark.parametrize("minor", [1, 24, 40])
@pytest.mark.parametrize("level", LEVELS)
def test_versions_without_a_folder_decide_the_same_in_every_workload(
    level: str, minor: int, fixtures: dict[tuple[str, int], list[Fixture]], judge: Judge
) -> None:
    found = fixtures[level, max(one for one in FOLDERS if one <= minor)]
    pods = judge(level, minor, [an_object(fixture.pod) for fixture in found])

    for kind, (version, path) in WORKLOADS.items():
        objects = [an_object(in_template(version, kind, path, fixture.pod)) for fixture in found]
        assert pods == judge(level, minor, objects)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("version", ["", "@latest", "@v1.37", "@v1.40", "@v1.999"])
def test_latest_and_what_comes_later_are_the_newest_known(level: str, version: str, engine: Engine) -> None:
    bundle = bootstrap.bundle([f"builtin:pod-security/{level}{version}"], Path(), engine, python=False)

    assert "1.37" == bundle.settings["pod_security"][level]


# ------------------------------------------------------------------- where two versions disagree

GOOD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def a_pod(container: Any = None, annotations: Any = None, **spec: Any) -> KubernetesObject:
    """A pod that restricted allows in every version, with `spec`, and its container's securityContext changed."""
    context = {key: value for key, value in {**GOOD, **(container or {})}.items() if value is not ...}
    whole = {"containers": [{"name": "web", "image": "web:1", "securityContext": context}], **spec}
    metadata = {"name": "web", "annotations": annotations or {}}
    return an_object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole})


def setting(sysctl: str) -> KubernetesObject:
    return a_pod(securityContext={"sysctls": [{"name": sysctl, "value": "0"}]})


def probing(**calls: Any) -> KubernetesObject:
    return a_pod(containers=[{"name": "web", "image": "web:1", "securityContext": GOOD, **calls}])


ELSEWHERE = {"httpGet": {"host": "169.254.169.254", "port": 80}}
UNCONFINED = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}

BOUNDARIES = [
    ("restricted", 8, "pass fail", a_pod({"allowPrivilegeEscalation": ...})),
    ("baseline", 19, "fail pass", a_pod(annotations=UNCONFINED)),
    ("restricted", 19, "fail pass", a_pod(annotations=UNCONFINED)),
    ("baseline", 19, "pass fail", a_pod({"seccompProfile": {"type": "Unconfined"}})),
    ("restricted", 19, "pass fail", a_pod({"seccompProfile": {"type": "Unconfined"}})),
    ("restricted", 19, "pass fail", a_pod({"seccompProfile": ...})),
    ("restricted", 22, "pass fail", a_pod({"capabilities": ...})),
    ("restricted", 22, "pass fail", a_pod({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}})),
    ("restricted", 23, "pass fail", a_pod({"runAsUser": 0})),
    ("restricted", 25, "fail pass", a_pod({"allowPrivilegeEscalation": ...}, os={"name": "windows"})),
    ("restricted", 25, "fail pass", a_pod({"seccompProfile": ...}, os={"name": "windows"})),
    ("restricted", 25, "fail pass", a_pod({"capabilities": ...}, os={"name": "windows"})),
    ("baseline", 27, "fail pass", setting("net.ipv4.ip_local_reserved_ports")),
    ("baseline", 29, "fail pass", setting("net.ipv4.tcp_keepalive_time")),
    ("baseline", 29, "fail pass", setting("net.ipv4.tcp_keepalive_intvl")),
    ("baseline", 29, "fail pass", setting("net.ipv4.tcp_keepalive_probes")),
    ("restricted", 29, "fail pass", setting("net.ipv4.tcp_fin_timeout")),
    ("baseline", 31, "fail pass", a_pod({"seLinuxOptions": {"type": "container_engine_t"}})),
    ("restricted", 31, "fail pass", a_pod({"seLinuxOptions": {"type": "container_engine_t"}})),
    ("baseline", 32, "fail pass", setting("net.ipv4.tcp_rmem")),
    ("baseline", 32, "fail pass", setting("net.ipv4.tcp_wmem")),
    ("baseline", 34, "pass fail", probing(livenessProbe=ELSEWHERE)),
    ("restricted", 34, "pass fail", probing(lifecycle={"preStop": ELSEWHERE})),
    ("baseline", 35, "fail pass", a_pod({"procMount": "Unmasked"}, hostUsers=False)),
    ("restricted", 35, "fail pass", a_pod({"runAsNonRoot": ...}, hostUsers=False)),
    ("restricted", 35, "fail pass", a_pod({"runAsUser": 0}, hostUsers=False)),
    ("baseline", 37, "fail pass", setting("net.ipv4.tcp_notsent_lowat")),
    ("baseline", 37, "fail pass", setting("net.ipv4.tcp_slow_start_after_idle")),
]  # fmt: skip


@pytest.mark.parametrize(("level", "minor", "verdicts", "pod"), BOUNDARIES)
def test_a_version_changes_what_it_is_known_to_change(
    level: str, minor: int, verdicts: str, pod: KubernetesObject, judge: Judge
) -> None:
    judged = [judge(level, one, [pod])[0] for one in (minor - 1, minor)]

    assert verdicts == " ".join("fail" if rules else "pass" for rules in judged)


ALWAYS = [
    ("fail", "restricted", a_pod({"procMount": "Unmasked"}, hostUsers=False)),
    ("fail", "restricted", a_pod({"runAsNonRoot": ...}, os={"name": "windows"})),
    ("fail", "restricted", a_pod({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}})),
    ("fail", "baseline", a_pod({"appArmorProfile": {"type": "Unconfined"}})),
    ("fail", "baseline", setting("kernel.msgmax")),
    ("fail", "restricted", a_pod(volumes=[{"name": "a", "nfs": {"server": "s", "path": "/"}}])),
    ("pass", "restricted", a_pod(volumes=[{"name": "a", "image": {"reference": "web:1"}}])),
    ("pass", "restricted", a_pod(volumes=[{"name": "a"}])),
    ("pass", "restricted", a_pod({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}})),
    ("pass", "restricted", a_pod()),
]


@pytest.mark.parametrize("minor", [0, 8, 19, 22, 25, 34, 37])
@pytest.mark.parametrize(("verdict", "level", "pod"), ALWAYS)
def test_other_pods_are_decided_the_same_in_every_version(
    verdict: str, level: str, pod: KubernetesObject, minor: int, judge: Judge
) -> None:
    assert (verdict == "fail") == bool(judge(level, minor, [pod])[0])


def test_a_container_that_is_bad_is_bad_in_every_list(judge: Judge) -> None:
    bad = {"name": "bad", "image": "b:1", "securityContext": {"privileged": True}}
    good = {"name": "web", "image": "w:1", "securityContext": GOOD}
    pods = [
        a_pod(**{"containers": [good], name: [bad]}) for name in ("initContainers", "ephemeralContainers")
    ]

    for level in LEVELS:
        for rules in judge(level, 37, [*pods, a_pod(containers=[good, bad])]):
            assert "GATE-PSS-007" in rules


def test_under_two_versions_the_stricter_holds(engine: Engine) -> None:
    sources = ["builtin:pod-security/baseline@v1.37", "builtin:pod-security/restricted@v1.20"]
    bundle = bootstrap.bundle(sources, Path(), engine, python=False)
    subject = Subject(type="manifests", name="pods", claimed=True)
    objects = (setting("net.ipv4.tcp_rmem"), probing(livenessProbe=ELSEWHERE))
    facts = Facts(
        now=NOON, point=Point.ADMISSION, project=None, environment=None, subject=subject, objects=objects,
        settings=bundle.settings,
    )  # fmt: skip

    said = evaluate(
        engine, None, bundle, assemble(facts), frozenset(), point=Point.ADMISSION, now_ns=0, timeout_s=60.0
    )

    assert [(0, "GATE-PSS-013"), (1, "GATE-PSS-006")] == sorted((one.about, one.rule) for one in said)


# ------------------------------------------------------------------------------ malformed objects

MALFORMED = {
    "no containers": a_pod(containers=[]),
    "containers null": a_pod(containers=None),
    "containers a map": a_pod(containers={"web": {"securityContext": {"privileged": True}}}),
    "containers a text": a_pod(containers="web"),
    "a container a text": a_pod(containers=["web"]),
    "init containers a map": a_pod(initContainers={"web": {}}),
    "ephemeral containers a list of lists": a_pod(ephemeralContainers=[[{}]]),
    "spec a list": an_object({"apiVersion": "v1", "kind": "Pod", "spec": []}),
    "no spec": an_object({"apiVersion": "v1", "kind": "Pod"}),
    "template a text": an_object({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": "x"}}),
    "a list within": an_object({"apiVersion": "v1", "kind": "PodList", "items": []}),
    "annotations a list": an_object(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": ["a"]}, "spec": a_pod().object["spec"]}
    ),
    "securityContext of the pod a list": a_pod(securityContext=[{"runAsNonRoot": False}]),
    "securityContext a list": probing(securityContext=[GOOD]),
    "securityContext a text": probing(securityContext="restricted"),
    "privileged a text": a_pod({"privileged": "false"}),
    "capabilities a list": a_pod({"capabilities": ["SYS_ADMIN"]}),
    "capabilities.add a text": a_pod({"capabilities": {"add": "SYS_ADMIN", "drop": ["ALL"]}}),
    "capabilities.add a map": a_pod({"capabilities": {"add": {"CHOWN": "CHOWN"}, "drop": ["ALL"]}}),
    "capabilities.drop a map": a_pod({"capabilities": {"drop": {"all": "ALL"}}}),
    "procMount a list": a_pod({"procMount": ["Unmasked"]}),
    "runAsUser a text": a_pod({"runAsUser": "0"}),
    "seccompProfile a text": a_pod({"seccompProfile": "Unconfined"}),
    "appArmorProfile a list": a_pod({"appArmorProfile": [{"type": "Unconfined"}]}),
    "seLinuxOptions a list": a_pod({"seLinuxOptions": [{"type": "spc_t"}]}),
    "windowsOptions a list": a_pod({"windowsOptions": [{"hostProcess": True}]}),
    "sysctls a map": a_pod(securityContext={"sysctls": {"kernel.msgmax": "1"}}),
    "volumes a map": a_pod(volumes={"a": {"hostPath": {"path": "/"}}}),
    "a volume a list": a_pod(volumes=[["hostPath"]]),
    "hostNetwork a text": a_pod(hostNetwork="true"),
    "hostPID a number": a_pod(hostPID=1),
    "os a text": a_pod({"allowPrivilegeEscalation": ...}, os="windows"),
    "hostUsers a text": a_pod({"procMount": "Unmasked"}, hostUsers="false"),
    "ports a map": probing(ports={"a": {"hostPort": 80}}),
    "hostPort a text": probing(ports=[{"hostPort": "80"}]),
    "a probe a list": probing(livenessProbe=[ELSEWHERE]),
    "httpGet a list": probing(livenessProbe={"httpGet": [{"host": "a"}]}),
    "lifecycle a list": probing(lifecycle=[{"preStop": ELSEWHERE}]),
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED)
def test_what_has_another_type_is_denied(what: str, judge: Judge) -> None:
    for level in LEVELS:
        assert judge(level, 37, [MALFORMED[what]])[0]


# ------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("fixture", "policy", "code"),
    [
        ("restricted/v1.29/pass/base.yaml", "restricted@v1.29", 0),
        ("restricted/v1.29/fail/runasuser0.yaml", "restricted@v1.29", 1),
        ("restricted/v1.29/fail/runasuser0.yaml", "restricted@v1.22", 0),
        ("restricted/v1.29/fail/runasuser0.yaml", "baseline@v1.29", 0),
        ("baseline/v1.35/fail/hostprobesandhostlifecycle0.yaml", "baseline@v1.33", 0),
        ("baseline/v1.35/fail/hostprobesandhostlifecycle0.yaml", "baseline", 1),
        ("baseline/v1.37/pass/sysctls1.yaml", "baseline@latest", 0),
        ("baseline/v1.37/pass/sysctls1.yaml", "baseline@v1.36", 1),
        ("baseline/v1.37/pass/base.yaml", "restricted", 1),
        ("baseline/v1.37/pass/base.yaml", "privileged", 3),
        ("baseline/v1.37/pass/base.yaml", "baseline@1.29", 3),
    ],
)
def test_the_command_line_decides_as_the_standard_does(
    tmp_path: Path, fixture: str, policy: str, code: int
) -> None:
    pod = shared_data("pss", *fixture.split("/"))

    assert code == gate(tmp_path, "check", pod, "--policy", f"builtin:pod-security/{policy}").code


POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostPID: true
  containers:
    - {name: web, image: "web:1"}
"""


def test_gate_yaml_selects_a_level_and_a_violation_has_its_place(tmp_path: Path) -> None:
    use = "version: 1\npolicies: {use: [builtin:pod-security/baseline@v1.29]}\n"
    files(tmp_path, gate_yaml=use, k_yaml=POD)

    result = gate(tmp_path, "check", "k.yaml", "-o", "json")

    (violation,) = result.json["violations"]
    assert (1, "GATE-PSS-002", "/spec/hostPID", 5) == (
        result.code,
        violation["rule"],
        violation["path"],
        violation["location"]["line"],
    )


def test_a_misspelt_version_in_gate_yaml_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\npolicies: {use: [builtin:pod-security/baseline@29]}\n", k_yaml=POD)

    result = gate(tmp_path, "check", "k.yaml", "-o", "json")

    assert 3 == result.code
    assert "@latest, or @v1.0 to @v1.37" in result.json["problems"][0]["expected"]


def test_the_rules_named_by_their_folder_hold_in_the_newest_version(tmp_path: Path) -> None:
    data = "pod_security: {baseline: null, restricted: null}\n"
    files(tmp_path, k_yaml=POD, d_yaml=data)

    result = gate(
        tmp_path,
        "check",
        "k.yaml",
        "--policy",
        "builtin:pod-security/restricted",
        "--data",
        "d.yaml",
        "-o",
        "json",
    )

    assert {"GATE-PSS-002", "GATE-PSS-106"} <= {violation["rule"] for violation in result.json["violations"]}
