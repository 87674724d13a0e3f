"""Waiver files: read whole or refused whole, with every problem at its place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.documents import yaml
from gate.errors import WaiverError
from gate.model import Finding, Kind, Severity, Subject
from gate.waiver_files import HEADER, appended, draft, together, waivers
from gate.waivers import MAXIMUM_DAYS, Waiver, idle_reason, waived_findings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATH = ".gate/waivers.yaml"
ENTRY = """\
  - id: w-2026-014
    match:
      vulnerability: CVE-2025-9230
    reason: vulnerable_code_not_in_execute_path
    note: only the client side is linked
    ticket: SEC-881
    requested_by: wei@example.com
    approved_by: lin@example.com
    expires: 2026-12-06
    created: 2026-11-22
"""


def read(text: str) -> tuple[Waiver, ...]:
    parsed = yaml.parsed(text.encode(), PATH, WaiverError)
    return waivers(parsed.value, PATH, parsed.position)


def read_entry(old: str = "", new: str = "") -> Waiver:
    assert old in ENTRY
    [waiver] = read(HEADER + ENTRY.replace(old, new))
    return waiver


def problems(text: str) -> list[str]:
    with pytest.raises(WaiverError) as caught:
        read(text)
    assert 3 == caught.value.exit_code
    return [str(problem) for problem in caught.value.problems]


def problems_of_entry(old: str, new: str) -> list[str]:
    assert old in ENTRY
    return problems(HEADER + ENTRY.replace(old, new))


def test_an_entry_is_read_with_its_place() -> None:
    waiver = read_entry()
    assert ("w-2026-014", "SEC-881", f"{PATH}:3") == (waiver.id, waiver.ticket, waiver.place)
    assert "CVE-2025-9230" == waiver.match.vulnerability


def test_every_key_of_the_contract_is_read() -> None:
    every = (
        f"rule: GATE-VULN-001\n      finding: {'6f1c9e0a' * 4}\n      purl: pkg:pypi/django\n"
        "      versions: vers:pypi/<2.0\n      path: src/legacy/**\n      object: Deployment/prod/web\n"
        "      subject: registry.example/acme/web\n      environments: [test, staging]"
    )
    match = read_entry("vulnerability: CVE-2025-9230", every).match
    assert ("GATE-VULN-001", "pkg:pypi/django", "vers:pypi/<2.0") == (match.rule, match.purl, match.versions)
    assert ("test", "staging") == match.environments


def test_a_bare_date_of_expiry_is_the_start_of_the_next_day_utc() -> None:
    assert datetime(2026, 12, 7, tzinfo=UTC) == read_entry().expires


def test_the_example_of_the_contract_lasts_the_fourteen_days_a_critical_finding_allows() -> None:
    waiver = read_entry()
    assert timedelta(days=14) == waiver.expires - waiver.created


def test_a_waiver_created_today_acts_today() -> None:
    assert idle_reason(read_entry(), datetime(2026, 11, 22, tzinfo=UTC), {}) is None


def test_a_waiver_created_today_in_the_earliest_time_zone_acts_there() -> None:
    in_kiritimati = datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert idle_reason(read_entry(), in_kiritimati, {}) is None
    assert "future" in (idle_reason(read_entry(), in_kiritimati - timedelta(seconds=1), {}) or "")


def test_a_full_time_means_that_instant() -> None:
    waiver = read_entry("created: 2026-11-22", "created: 2026-11-22T20:00:00+08:00")
    assert NOON == waiver.created == waiver.begins


def test_no_entries_are_no_waivers() -> None:
    assert () == read("version: 1\nwaivers: []\n")


@pytest.mark.parametrize("text", ['""', "null"])
def test_an_empty_approval_is_read_and_waives_nothing(text: str) -> None:
    waiver = read_entry("approved_by: lin@example.com", f"approved_by: {text}")
    assert waiver.approved_by is None
    assert "nobody has approved" in (idle_reason(waiver, NOON, {}) or "")


def test_an_entry_without_an_approval_is_read_and_waives_nothing() -> None:
    assert read_entry("    approved_by: lin@example.com\n", "").approved_by is None


def test_an_empty_match_is_read_and_waives_nothing() -> None:
    waiver = read_entry("match:\n      vulnerability: CVE-2025-9230", "match: {}")
    assert "names none" in (idle_reason(waiver, NOON, {}) or "")


# ------------------------------------------------------------------------------- files that do not parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("waivers: []\n", "`version` is missing or unknown"),
        ("version: 2\nwaivers: []\n", "`version` is missing or unknown"),
        ("version: '1'\nwaivers: []\n", "`version` is missing or unknown"),
        ("version: true\nwaivers: []\n", "`version` is missing or unknown"),
        ("version: 1.0\nwaivers: []\n", "`version` is missing or unknown"),
        ("version: 1\n", "`waivers` is missing or no list"),
        ("version: 1\nwaivers: {}\n", "`waivers` is missing or no list"),
        ("version: 1\nwaivers: null\n", "`waivers` is missing or no list"),
        ("version: 1\nwaivers: [x]\n", "no mapping"),
        ("- version: 1\n", "no mapping"),
        ("null\n", "no mapping"),
        ("", "the file is empty"),
        ("version: 1\nwaivers: [\n", "not YAML"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, expected: str) -> None:
    assert expected in problems(text)[0]


def test_an_unknown_key_is_refused_with_what_was_meant() -> None:
    [line] = problems_of_entry("ticket:", "tickt:")
    assert line.startswith(f"{PATH}:8:")
    assert "unknown key, found 'tickt'" in line
    assert line.endswith("; did you mean `ticket`?")


def test_a_misspelt_key_of_a_match_cannot_widen_it() -> None:
    lines = problems_of_entry(
        "vulnerability: CVE-2025-9230", "rule: GATE-VULN-001\n      enviroments: [test]"
    )
    assert "did you mean `environments`?" in lines[0]


@pytest.mark.parametrize("key", ["id", "reason", "note", "requested_by", "expires", "created"])
def test_an_entry_without_a_required_key_is_refused(key: str) -> None:
    without = "".join(
        line for line in ENTRY.splitlines(keepends=True) if not line.strip(" -").startswith(f"{key}:")
    )
    if key == "id":
        without = without.replace("    match:", "  - match:", 1)
    [line] = problems(HEADER + without)
    assert f"waiver 1: `{key}` is no text, found nothing" in line


def test_an_entry_without_a_match_is_refused() -> None:
    [line] = problems_of_entry("    match:\n      vulnerability: CVE-2025-9230\n", "")
    assert "waiver 1: no mapping, found nothing" in line


@pytest.mark.parametrize(
    "expires",
    ["never", "2026-13-01", "2026-12-06T12:00:00", "06.12.2026", "20261206", "2026-W49-7", "9999-12-31"],
)
def test_an_expiry_that_is_no_date_is_refused(expires: str) -> None:
    [line] = problems_of_entry("expires: 2026-12-06", f"expires: {expires!r}")
    assert "`expires` is no time" in line


@pytest.mark.parametrize("expires", ["null", "20261206", "[]", '""'])
def test_an_expiry_that_is_no_text_is_refused(expires: str) -> None:
    [line] = problems_of_entry("expires: 2026-12-06", f"expires: {expires}")
    assert "`expires` is no text" in line


def test_an_unknown_reason_is_refused_with_what_was_meant() -> None:
    [line] = problems_of_entry("vulnerable_code_not_in_execute_path", "false-positive")
    assert line.endswith("; did you mean `false_positive`?")


def test_two_entries_with_one_id_are_refused() -> None:
    [line] = problems(HEADER + ENTRY + ENTRY)
    assert f"{PATH}:13:9: waiver 2: waiver 1 has this id too" in line


def test_two_files_with_one_id_are_refused() -> None:
    with pytest.raises(WaiverError, match="waiver w-2026-014 is there twice"):
        together([read(HEADER + ENTRY), read(HEADER + ENTRY)])


def test_entries_of_several_files_stand_together() -> None:
    files = [read(HEADER + ENTRY), read(HEADER + ENTRY.replace("014", "015"))]
    assert ["w-2026-014", "w-2026-015"] == [waiver.id for waiver in together(files)]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("rule: 7", "`rule` is no text"),
        ("rule: null", "`rule` is no text"),
        ('rule: ""', "`rule` is no text"),
        ("rule: [GATE-VULN-001]", "`rule` is no text"),
        ("finding: 6f1c9e0a", "`finding` is no whole fingerprint"),
        ("finding: " + "6F1C9E0A" * 4, "`finding` is no whole fingerprint"),
        ("purl: libssl3", "`purl` is no package URL"),
        ("purl: pkg:npm/*", "`purl` is no package URL"),
        ("path: /src/x", "`path` can match nothing"),
        ("path: ./src/x", "`path` can match nothing"),
        ("path: src/../x", "`path` can match nothing"),
        ("path: src/x/", "`path` can match nothing"),
        ("path: 'src\\x'", "`path` can match nothing"),
        ("subject: sha256:abc", "`subject` is no whole digest"),
        ("environments: []", "`environments` is unusable"),
        ("environments: null", "`environments` is unusable"),
        ("environments: test", "`environments` is unusable"),
        ("environments: ['*']", "`environments` is unusable"),
        ("environments: [1]", "`environments` is unusable"),
        ("{purl: pkg:pypi/x, versions: 'vers:pypi/*'}", "`versions` is no usable range"),
        ("{purl: pkg:deb/debian/x, versions: 'vers:deb/<2'}", "versions of type deb cannot be ordered here"),
        ("{purl: pkg:pypi/x, versions: 'vers:npm/<2.0.0'}", "`versions` needs a `purl` of the same type"),
        ("{purl: pkg:pypi/x@1.0, versions: 'vers:pypi/<2'}", "without a version"),
        ("{versions: 'vers:pypi/<2'}", "`versions` needs a `purl`"),
    ],
)
def test_a_match_that_could_be_misread_is_refused(match: str, expected: str) -> None:
    old = "match:\n      vulnerability: CVE-2025-9230"
    new = f"match: {match}" if match.startswith("{") else f"match:\n      {match}"
    assert expected in problems_of_entry(old, new)[0]


def test_one_bad_entry_refuses_the_whole_file_with_every_problem() -> None:
    bad = ENTRY.replace("014", "015").replace("2026-12-06", "soon").replace("note:", "nota:")
    lines = problems(HEADER + ENTRY + bad)
    assert 3 == len(lines)
    assert all("waiver 2: " in line for line in lines)


def test_duplicate_keys_are_refused() -> None:
    [line] = problems_of_entry("    ticket: SEC-881\n", "    expires: 2029-12-06\n")
    assert "stands twice" in line


# ------------------------------------------------------------------------------------------ drafting


def a_draft(**facts: Any) -> str:
    given_: dict[str, Any] = {
        "id": "w-1",
        "match": {"vulnerability": "CVE-2025-9230"},
        "reason": "accepted_risk",
        "note": "waits for the vendor",
        "requested_by": "wei@example.com",
        "severity": Severity.HIGH,
        "now": NOON,
        "max_days": {},
    }
    return draft(**given_ | facts)


def test_a_draft_reads_back_and_waives_nothing_until_someone_else_approves() -> None:
    [waiver] = read(appended("", a_draft()))
    assert "nobody has approved" in (idle_reason(waiver, NOON, {}) or "")


@pytest.mark.parametrize("severity", list(Severity))
def test_a_draft_once_approved_lasts_exactly_as_long_as_allowed(severity: Severity) -> None:
    text = a_draft(severity=severity).replace('approved_by: ""', "approved_by: lin@example.com")
    [waiver] = read(appended("", text))
    finding = Finding(kind=Kind.CODE, rule="CVE-2025-9230", title="", severity=severity, scanners=("x",))
    [marked], _ = waived_findings([finding], [waiver], Subject(name="web"), None, NOON, {})
    assert marked.waived is not None
    assert timedelta(days=MAXIMUM_DAYS[severity]) == waiver.expires - waiver.created


def test_a_draft_may_end_earlier_but_not_later_than_allowed() -> None:
    assert 'expires: "2026-11-30"' in a_draft(until=date(2026, 11, 30))
    with pytest.raises(WaiverError, match="end it on 2026-12-22 or before"):
        a_draft(until=date(2026, 12, 23))
    with pytest.raises(WaiverError, match="expiry is not allowed"):
        a_draft(until=date(2026, 11, 22))


def test_no_draft_is_made_where_settings_allow_no_waiver() -> None:
    with pytest.raises(WaiverError, match="settings allow no waiver"):
        a_draft(max_days={"high": 0})


@pytest.mark.parametrize("text", ["", "version: 1\nwaivers: []\n", "version: 1\nwaivers: []"])
def test_a_draft_goes_into_a_file_without_entries(text: str) -> None:
    assert ["w-1"] == [waiver.id for waiver in read(appended(text, a_draft()))]


@pytest.mark.parametrize("text", [HEADER + ENTRY, (HEADER + ENTRY).rstrip(), HEADER + ENTRY + "\n\n"])
def test_a_draft_goes_behind_the_entries_there_are(text: str) -> None:
    assert ["w-2026-014", "w-1"] == [waiver.id for waiver in read(appended(text, a_draft()))]


@given(note=st.text(min_size=1).filter(lambda text: text.strip()))
def test_whatever_stands_in_a_note_cannot_add_a_key(note: str) -> None:
    text = appended("", a_draft(note=note, ticket=note))
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in note):
        assert "cannot be kept" in problems(text)[0]
        return
    [waiver] = read(text)
    assert (note, note, None) == (waiver.note, waiver.ticket, waiver.approved_by)
