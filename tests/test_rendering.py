"""Charts and kustomizations, rendered by the real tools; hostile ones refused before a tool runs."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from gate.errors import Problem, ReportError
from gate.rendering import chart, kustomization, tool
from tests.command import POD, Result, gate
from tests.tools import HELM, KUSTOMIZE, on_path

pytestmark = pytest.mark.xdist_group("rendering")

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "values.yaml": "privileged: true\nextra: false\n",
    "templates/pod.yaml": """{{- /* a comment that is not rendered */ -}}
apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec:
  containers:
    - name: web
      image: nginx:1.27
      securityContext:
        privileged: {{ .Values.privileged }}
""",
    "templates/extra.yaml": "{{ if .Values.extra }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n{{ end }}",
}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", on_path(tmp_path / "bin", [HELM]))


@pytest.fixture
def kustomize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", on_path(tmp_path / "bin", [KUSTOMIZE]))


def checked(folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    return gate(folder, "check", *arguments, "-o", "json", stdin=stdin)


def denied(result: Result) -> list[tuple[str, str, int]]:
    return [
        (one["rule"], one["location"]["file"], one["location"]["line"])
        for one in result.json["violations"]
        if one["action"] == "deny"
    ]


def problem(result: Result) -> Problem:
    assert 3 == result.code, result
    return Problem(**{k: v for k, v in result.json["problems"][0].items() if k in Problem.__struct_fields__})


# ------------------------------------------------------------------------------------------- helm


@pytest.mark.usefixtures("helm")
def test_a_chart_is_judged_as_it_renders_and_points_to_its_template(tmp_path: Path) -> None:
    written(tmp_path / "web", CHART)

    result = checked(tmp_path, "web")

    [(_, file, line)] = denied(result)
    assert ("web/templates/pod.yaml (rendered)", 11) == (file, line)
    assert 1 == result.code


@pytest.mark.usefixtures("helm")
def test_values_and_release_are_the_callers(tmp_path: Path) -> None:
    written(tmp_path / "web", CHART)
    written(tmp_path, {"prod.yaml": "privileged: false\nextra: true\n"})

    result = checked(tmp_path, "web", "--values", "prod.yaml", "--release", "shop", "--namespace", "eu")

    assert 0 == result.code
    assert ["web/templates/extra.yaml (rendered)", "web/templates/pod.yaml (rendered)"] == sorted(
        report["path"] for report in result.json["reports"]
    )
    assert {"Pod/eu/shop"} == {v["object"] for v in result.json["violations"] if "Pod" in v["object"]}
    assert 1 == checked(tmp_path, "web", "--values", "prod.yaml", "--set", "privileged=true").code


@pytest.mark.usefixtures("helm")
def test_a_chart_below_a_folder_is_rendered_and_its_templates_are_not_read_as_manifests(
    tmp_path: Path,
) -> None:
    written(tmp_path / "deploy" / "charts" / "web", CHART)
    written(tmp_path / "deploy", {"pod.yaml": POD.replace("privileged: true", "privileged: false")})

    result = checked(tmp_path, "deploy")

    assert ["deploy/charts/web/templates/pod.yaml (rendered)"] == [file for _, file, _ in denied(result)]
    assert 2 == len(result.json["reports"])


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("spelled", ["deploy", "./deploy", "deploy/", "deploy/../deploy", "."])
def test_a_chart_below_a_folder_is_found_however_the_folder_is_spelled(tmp_path: Path, spelled: str) -> None:
    written(tmp_path / "deploy" / "web", CHART)
    written(tmp_path / "deploy", {"pod.yaml": POD.replace("privileged: true", "privileged: false")})

    result = checked(tmp_path, spelled)

    assert 1 == result.code
    assert 1 == len(denied(result))


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("name", ["web-0.1.0.tgz", "web.tar.gz"])
def test_an_archive_of_a_chart_below_a_folder_is_rendered(tmp_path: Path, name: str) -> None:
    written(tmp_path / "web", CHART)
    written(tmp_path / "deploy" / "a", {"pod.yaml": POD.replace("privileged: true", "privileged: false")})
    with tarfile.open(tmp_path / "deploy" / "a" / name, "w:gz") as archive:
        archive.add(tmp_path / "web", "web")

    result = checked(tmp_path, "deploy")

    assert [f"deploy/a/{name}/templates/pod.yaml (rendered)"] == [file for _, file, _ in denied(result)]
    assert not any("not looked at" in notice for notice in result.json["notices"])


def test_an_archive_below_a_folder_that_is_no_chart_is_named(tmp_path: Path) -> None:
    written(tmp_path / "deploy", {"pod.yaml": POD.replace("privileged: true", "privileged: false")})
    with tarfile.open(tmp_path / "deploy" / "a.tgz", "w:gz") as archive:
        archive.add(tmp_path / "deploy" / "pod.yaml", "web/pod.yaml")

    result = checked(tmp_path, "deploy")

    assert 0 == result.code
    assert any("a.tgz" in notice for notice in result.json["notices"])


@pytest.mark.usefixtures("helm")
def test_a_manifest_beside_the_templates_of_a_chart_is_named(tmp_path: Path) -> None:
    written(
        tmp_path / "web",
        CHART | {"pod.yaml": POD, "crds/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"},
    )

    notices = checked(tmp_path, "web").json["notices"]

    assert [
        "web: manifests that are not part of what helm renders, and are not judged: 1 ('pod.yaml')"
    ] == notices


@pytest.mark.usefixtures("kustomize")
def test_a_manifest_that_a_kustomization_does_not_name_is_named(tmp_path: Path) -> None:
    made = "resources: [pod.yaml, ../base]\nconfigMapGenerator: [{name: a, files: [x.yaml=data.yaml]}]\n"
    pod = {"pod.yaml": POD, "data.yaml": POD, "more/other.yml": POD}
    base = {"kustomization.yaml": "resources: [map.yaml]\n", "map.yaml": POD.replace("web", "base")}
    written(tmp_path / "prod", {"kustomization.yaml": made} | pod)
    written(tmp_path / "base", base)

    notices = checked(tmp_path, "prod").json["notices"]

    assert [
        "prod: manifests that are not part of what kustomize renders, and are not judged: 1 ('more/other.yml')"
    ] == notices


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("hook", ["test", "pre-install,test", "test-success"])
def test_a_hook_is_judged_also_where_it_is_a_test(tmp_path: Path, hook: str) -> None:
    written(tmp_path / "web", CHART)
    hooked = POD.replace("metadata: {", f'metadata: {{annotations: {{helm.sh/hook: "{hook}"}}, ')
    written(tmp_path / "web", {"templates/hook.yaml": hooked})

    result = checked(tmp_path, "web", "--set", "privileged=false")

    assert ["web/templates/hook.yaml (rendered)"] == [file for _, file, _ in denied(result)]


@pytest.mark.usefixtures("helm")
def test_gate_yaml_says_how_a_chart_is_rendered(tmp_path: Path) -> None:
    written(tmp_path / "web", CHART)
    text = (
        "version: 1\ninputs:\n  - {path: web, as: helm, values: [prod.yaml], release: shop, namespace: eu, "
        'kubernetes_version: "1.30"}\n'
    )
    written(tmp_path, {"gate.yaml": text, "prod.yaml": "privileged: false\n"})

    result = checked(tmp_path)

    assert 0 == result.code
    assert {"Pod/eu/shop"} == {v["object"] for v in result.json["violations"]}


@pytest.mark.usefixtures("helm")
def test_an_archive_of_a_chart_is_rendered(tmp_path: Path) -> None:
    written(tmp_path / "web", CHART)
    with tarfile.open(tmp_path / "web-0.1.0.tgz", "w:gz") as archive:
        archive.add(tmp_path / "web", "web")

    assert ["web-0.1.0.tgz/templates/pod.yaml (rendered)"] == [
        file for _, file, _ in denied(checked(tmp_path, "web-0.1.0.tgz"))
    ]


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"templates/pod.yaml": "{{ .Values.a.b.c | required }}"}, "templates/pod.yaml"),
        ({"templates/pod.yaml": "{{ if }}"}, "templates/pod.yaml"),
        ({"values.yaml": "a: [\n"}, "cannot render"),
        ({"Chart.yaml": CHART["Chart.yaml"] + "dependencies: [{name: db, version: 1.0.0, repository: 'https://r.example'}]\n"}, "missing in charts/"),
        ({"templates/pod.yaml": '{{ include "x" . }}{{ define "x" }}{{ include "x" . }}{{ end }}'}, "cannot render"),
    ],
)  # fmt: skip
def test_a_chart_that_does_not_render_is_no_decision(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    written(tmp_path / "web", CHART | files)

    found = problem(checked(tmp_path, "web"))

    assert ("rendering_failed", "web") == (found.code, found.path)
    assert says in found.message


@pytest.mark.usefixtures("helm")
def test_a_chart_that_renders_to_nothing_is_no_pass(tmp_path: Path) -> None:
    written(tmp_path / "web", {**CHART, "templates/pod.yaml": "", "templates/extra.yaml": ""})

    assert "the chart renders to nothing" == problem(checked(tmp_path, "web")).message


@pytest.mark.usefixtures("helm")
def test_a_template_that_fakes_another_source_hides_nothing(tmp_path: Path) -> None:
    fake = CHART["templates/pod.yaml"] + "---\n# Source: ../../etc/passwd\n" + POD.replace("web", "fake")
    written(tmp_path / "web", {**CHART, "templates/pod.yaml": fake})

    assert 2 == len(denied(checked(tmp_path, "web")))


def test_without_helm_nothing_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", on_path(tmp_path / "bin", []))
    written(tmp_path / "web", CHART)

    found = problem(checked(tmp_path, "web"))

    assert ("tool_missing", "helm on PATH") == (found.code, found.expected)


# ------------------------------------------------------------------------ hostile charts, no tool runs


@pytest.fixture
def no_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A helm that says that it was run."""
    fake = written(tmp_path / "bin", {"helm": "#!/bin/sh\necho ran >&2; exit 9\n"}) / "helm"
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")


def an_archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in [(tarfile.TarInfo("web/Chart.yaml"), CHART["Chart.yaml"].encode()), *members]:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def a_link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("web/templates/x.yaml")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.usefixtures("no_tool")
@pytest.mark.parametrize(
    ("member", "says"),
    [
        ((tarfile.TarInfo("../evil.yaml"), b"x"), "leads out"),
        ((tarfile.TarInfo("/etc/evil.yaml"), b"x"), "leads out"),
        ((tarfile.TarInfo("web\\..\\evil.yaml"), b"x"), "leads out"),
        ((tarfile.TarInfo("C:/evil.yaml"), b"x"), "leads out"),
        ((a_link(tarfile.SYMTYPE), b""), "is a link or a device"),
        ((a_link(tarfile.LNKTYPE), b""), "is a link or a device"),
        ((a_link(tarfile.CHRTYPE), b""), "is a link or a device"),
        ((tarfile.TarInfo("web/chart.YAML"), b"x"), "is there twice"),
        ((tarfile.TarInfo("web/big.yaml"), b"\0" * (20 << 20)), "too large"),
    ],
)
def test_a_hostile_archive_is_refused_before_a_tool_runs(
    tmp_path: Path, member: tuple[tarfile.TarInfo, bytes], says: str
) -> None:
    an_archive(tmp_path / "web.tgz", member)

    found = problem(checked(tmp_path, "web.tgz"))

    assert "chart_refused" == found.code
    assert says in found.message


@pytest.mark.usefixtures("no_tool")
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = an_archive(
        tmp_path / "web.tgz", (tarfile.TarInfo("web/templates/a.yaml"), bytes(range(256)) * 400)
    )
    path.write_bytes(path.read_bytes()[:-40])

    assert 3 == checked(tmp_path, "web.tgz").code


@pytest.mark.usefixtures("no_tool")
def test_a_link_out_of_a_chart_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "web", CHART)
    (folder / "templates" / "x.yaml").symlink_to("/etc/passwd")

    assert "chart_refused" == problem(checked(tmp_path, "web")).code


@pytest.mark.usefixtures("no_tool")
@pytest.mark.parametrize("named", ["https://x.example/s.json", "file:///etc/passwd", "other.json"])
def test_a_schema_of_values_that_refers_elsewhere_is_refused(tmp_path: Path, named: str) -> None:
    schema = json.dumps({"properties": {"a": {"anyOf": [{"$ref": named}]}}})
    written(tmp_path / "web", {**CHART, "charts/db/values.schema.json": schema})

    found = problem(checked(tmp_path, "web"))

    assert ("remote_reference", "web/charts/db/values.schema.json") == (found.code, found.path)


def test_a_tool_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "TIMEOUT_S", 0.2)

    with pytest.raises(ReportError) as caught:
        tool.output(["/bin/sh", "-c", "sleep 60"], "web")

    assert "timeout" == caught.value.problems[0].code


def test_a_tool_that_prints_too_much_is_no_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "OUTPUT_BYTES", 10)

    with pytest.raises(ReportError):
        tool.output(["/bin/sh", "-c", "echo 0123456789abcdef"], "web")


def test_a_tool_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")

    told = tool.output(["/usr/bin/env"], "web").decode()

    assert "canary" not in told
    assert "KUBECONFIG" not in told


# --------------------------------------------------------------------------------- kustomizations


@pytest.mark.usefixtures("helm")
def test_a_kustomization_that_comes_out_of_a_chart_is_no_decision(tmp_path: Path) -> None:
    """Nobody builds it there, and as an object it is harmless."""
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"
    written(tmp_path / "web", CHART | {"templates/kustomization.yaml": text})

    result = checked(tmp_path, "web")

    assert (3, ["kustomization"]) == (result.code, [one["code"] for one in result.json["problems"]])


@pytest.mark.usefixtures("kustomize")
def test_an_overlay_that_is_built_is_not_said_to_be_unbuilt(tmp_path: Path) -> None:
    base = {"k/base/kustomization.yaml": "resources: [pod.yaml]\n", "k/base/pod.yaml": POD}
    written(tmp_path, base | {"k/prod/kustomization.yaml": "resources: [../base]\nnamespace: eu\n"})

    result = checked(tmp_path, "k", "k/prod")

    said = {(one["rule"], one["location"]["file"]) for one in result.json["violations"]}
    assert ["k/base/kustomization.yaml"] == [file for rule, file in said if rule == "GATE-K8S-060"]
    assert {"k/base/pod.yaml", "k/prod (rendered)"} <= {file for _, file in said}


@pytest.mark.usefixtures("kustomize")
def test_a_kustomization_is_judged_as_it_builds(tmp_path: Path) -> None:
    base = {"base/kustomization.yaml": "resources: [pod.yaml]\n", "base/pod.yaml": POD}
    overlay = {"prod/kustomization.yaml": "resources: [../base]\nnamespace: eu\n"}
    written(tmp_path, base | overlay)

    result = checked(tmp_path, "prod")

    assert [("prod (rendered)", "Pod/eu/web")] == [
        (v["location"]["file"], v["object"]) for v in result.json["violations"] if v["action"] == "deny"
    ]


@pytest.mark.parametrize(
    "named",
    [
        "https://git.example/acme/base?ref=v1", "git@git.example:acme/base.git", "github.com/acme/base",
        "git::https://git.example/acme/base", "ssh://git.example/acme/base", "../base?ref=main",
        "GitHub.COM/acme/base", "gh:acme/base", "org-1@git.example:acme/base",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["resources", "components", "bases"])
def test_what_would_be_fetched_is_refused_by_name(tmp_path: Path, named: str, key: str) -> None:
    written(
        tmp_path,
        {
            "base/kustomization.yaml": f"{key}: ['{named}']\n",
            "prod/kustomization.yaml": "resources: [../base]\n",
        },
    )

    found = problem(checked(tmp_path, "prod"))

    assert "remote_reference" == found.code
    assert named in found.message


@pytest.mark.parametrize(
    "text",
    [
        "patches: [{path: 'URL'}]",
        "patchesJson6902: [{path: 'URL', target: {kind: Pod}}]",
        "patchesStrategicMerge: ['URL']",
        "replacements: [{path: 'URL'}]",
        "configMapGenerator: [{name: a, files: ['key=URL']}]",
        "configMapGenerator: [{name: a, envs: ['URL']}]",
        "configMapGenerator: [{name: a, env: 'URL'}]",
        "secretGenerator: [{name: a, files: ['URL']}]",
        "openapi: {path: 'URL'}",
    ],
)
def test_no_patch_and_no_generated_content_is_fetched(tmp_path: Path, text: str) -> None:
    url = "https://git.example/patch.yaml"
    written(
        tmp_path / "prod",
        {
            "kustomization.yaml": f"resources: [pod.yaml]\n{text.replace('URL', url)}\n",
            "pod.yaml": POD,
        },
    )

    found = problem(checked(tmp_path, "prod"))

    assert "remote_reference" == found.code
    assert url in found.message


@pytest.mark.usefixtures("kustomize")
def test_what_a_plugin_would_fetch_is_out_of_reach(tmp_path: Path) -> None:
    plugin = (
        "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\n"
        "path: http://192.0.2.1/patch.yaml\ntarget: {kind: Pod}\n"
    )
    kustomized = "resources: [pod.yaml]\ntransformers: [plugin.yaml]\n"
    written(tmp_path / "prod", {"kustomization.yaml": kustomized, "pod.yaml": POD, "plugin.yaml": plugin})

    found = problem(checked(tmp_path, "prod"))

    assert "rendering_failed" == found.code
    assert "proxyconnect" in found.message


@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize(
    "text",
    [
        "resources: [missing.yaml]\n",
        "helmCharts: [{name: x, repo: 'https://x.example'}]\n",
        "resources: [../../../../../../etc/passwd]\n",
        "generators: [plugin.yaml]\n",
    ],
)
def test_a_kustomization_that_does_not_build_is_no_decision(tmp_path: Path, text: str) -> None:
    plugin = "apiVersion: x.example/v1\nkind: Evil\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./evil}'}}\n"
    written(tmp_path / "prod", {"kustomization.yaml": text, "plugin.yaml": plugin})

    assert "rendering_failed" == problem(checked(tmp_path, "prod")).code


def test_without_kustomize_nothing_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", on_path(tmp_path / "bin", []))
    written(tmp_path / "prod", {"kustomization.yaml": "resources: [pod.yaml]\n", "pod.yaml": POD})

    assert "tool_missing" == problem(checked(tmp_path, "prod")).code


def test_kustomizations_that_name_one_another_end(tmp_path: Path) -> None:
    written(
        tmp_path,
        {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
    )

    kustomization._refuse_remote(tmp_path / "a", "a")


# ----------------------------------------------------------------------------- pipes and post-renderer


def test_a_post_renderer_passes_on_what_passes_and_nothing_else(tmp_path: Path) -> None:
    good = POD.replace("privileged: true", "privileged: false").encode()

    passed = gate(tmp_path, "check", "-", "--post-renderer", stdin=good)
    failed = gate(tmp_path, "check", "-", "--post-renderer", stdin=POD.encode())

    assert (0, good.decode()) == (passed.code, passed.out)
    assert "GATE PASSED" in passed.err
    assert (1, "") == (failed.code, failed.out)
    assert "GATE FAILED" in failed.err


def test_a_post_renderer_without_a_decision_prints_nothing(tmp_path: Path) -> None:
    result = gate(tmp_path, "check", "-", "--post-renderer", stdin=b"kind: [")

    assert (3, "") == (result.code, result.out)


def test_a_post_renderer_wants_stdin_alone(tmp_path: Path) -> None:
    assert 2 == gate(tmp_path, "check", "k8s", "--post-renderer").code


@pytest.mark.usefixtures("helm")
def test_helm_runs_gate_as_its_post_renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "web", CHART)
    helm = [str(tmp_path / "bin" / "helm"), "template", "web", str(tmp_path / "web")]
    command = [*helm, "--post-renderer", str(Path(sys.executable).with_name("gate"))]
    command += [f"--post-renderer-args={one}" for one in ("check", "-", "--post-renderer", "--ci", "none")]

    monkeypatch.setattr(tool, "_KEPT", ("PATH", "LANG"))
    passed = tool.output([*command, "--set", "privileged=false"], "web")
    with pytest.raises(ReportError) as caught:
        tool.output(command, "web")

    assert b"privileged: false" in passed
    assert "GATE FAILED" in caught.value.problems[0].message


def test_a_chart_is_told_by_its_file(tmp_path: Path) -> None:
    written(tmp_path / "web", CHART)

    assert chart.is_chart(tmp_path / "web")
    assert not chart.is_chart(tmp_path)
    assert not chart.is_chart(tmp_path / "absent.tgz")
