"""The FileSequence test, by hand-written tables and against a counting oracle."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ao_workflows.audit import AuditReport, run_audit
from ao_workflows.audit.checks.file_sequence import page_number

GROUP = "images/W1-0001"


def audit(tmp_path: Path, names: list[str]) -> AuditReport:
    """Audit a work whose group images/W1-0001 holds these files; its archive group is right."""
    for name in names:
        target = tmp_path / "W1" / GROUP / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    (tmp_path / "W1" / GROUP).mkdir(parents=True, exist_ok=True)
    archive = tmp_path / "W1" / "archive" / "W1-0001"
    archive.mkdir(parents=True)
    (archive / "00010001.tif").touch()
    return run_audit(tmp_path / "W1", tests=["FileSequence"])


def found(report: AuditReport) -> list[tuple[int, str]]:
    return [(finding.error, finding.path) for finding in report.findings]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("I1KG20003.jpg", 3),
        ("08860012.tif", 12),
        ("page-7.jpg", 7),
        ("0000.jpg", 0),
        ("12345678.jpg", 5678),
        ("noextension0004", 4),
        ("0005.old.tif", None),
        ("cover.jpg", None),
        ("0006a.jpg", None),
        ("\u0f20\u0f21\u0f22\u0f23.jpg", None),
        ("0007\n.jpg", None),
    ],
)
def test_the_page_number_is_what_the_last_four_digits_before_the_extension_say(name: str, number: int | None):
    assert page_number(name) == number


def test_a_sequence_from_one_without_gap_passes(tmp_path: Path):
    assert found(audit(tmp_path, ["00010001.jpg", "00010002.tif", "00010003.jpg"])) == []


def test_a_page_zero_before_page_one_passes(tmp_path: Path):
    assert found(audit(tmp_path, ["0000.jpg", "0001.jpg"])) == []


def test_hidden_files_folders_and_json_are_no_pages(tmp_path: Path):
    (tmp_path / "W1" / GROUP / "0009").mkdir(parents=True)
    assert found(audit(tmp_path, ["0001.jpg", ".DS_Store", "dimensions.json", "OLD.JSON", ".0005.jpg"])) == []


def test_missing_pages_are_named_by_their_numbers(tmp_path: Path):
    report = audit(tmp_path, ["0001.jpg", "0003.jpg", "0007.jpg"])
    assert found(report) == [(105, GROUP), (105, GROUP), (109, GROUP), (106, GROUP)]
    assert [finding.message for finding in report.findings[:3]] == [
        "Page 0002 is missing.",
        "Pages 0004 to 0006 are missing (3 pages).",
        "The numbers run to 0007, but only 3 different ones are there.",
    ]


def test_a_group_that_does_not_begin_with_its_first_page_fails(tmp_path: Path):
    report = audit(tmp_path, ["0003.jpg", "0004.jpg"])
    assert found(report) == [(105, GROUP), (109, GROUP), (106, GROUP)]
    assert report.findings[0].message == "Pages 0001 to 0002 are missing (2 pages)."


def test_each_file_after_the_first_with_the_same_number_is_a_duplicate(tmp_path: Path):
    report = audit(tmp_path, ["0001.jpg", "0001.tif", "a0001.jpg"])
    assert found(report) == [(107, f"{GROUP}/0001.tif"), (107, f"{GROUP}/a0001.jpg"), (106, GROUP)]
    assert report.findings[0].message == "'0001.tif' has the number 0001, as '0001.jpg' has."


def test_a_file_without_digits_is_reported_and_does_not_hide_a_gap(tmp_path: Path):
    report = audit(tmp_path, ["0001.jpg", "cover.jpg", "0003.jpg"])
    assert found(report) == [(105, f"{GROUP}/cover.jpg"), (105, GROUP), (109, GROUP), (106, GROUP)]
    assert "Page 0002 is missing." in [finding.message for finding in report.findings]


def test_a_duplicate_does_not_hide_a_gap(tmp_path: Path):
    report = audit(tmp_path, ["0001.jpg", "0001.tif", "0003.jpg"])
    assert found(report) == [(105, GROUP), (107, f"{GROUP}/0001.tif"), (109, GROUP), (106, GROUP)]


def test_a_group_without_a_page_fails(tmp_path: Path):
    report = audit(tmp_path, ["dimensions.json"])
    assert found(report) == [(109, GROUP), (106, GROUP)]
    assert report.findings[0].message == "The image group 'W1-0001' in images holds no page."


def test_a_symbolic_link_is_no_page(tmp_path: Path):
    group = tmp_path / "W1" / GROUP
    group.mkdir(parents=True)
    (group / "0002.jpg").symlink_to("0001.jpg")
    report = audit(tmp_path, ["0001.jpg"])
    assert found(report) == [(105, f"{GROUP}/0002.jpg"), (106, GROUP)]


def test_an_odd_name_is_quoted_in_the_message(tmp_path: Path):
    report = audit(tmp_path, ["0001.jpg", "\x1b[2Jcover"])
    assert report.findings[0].message == "The name '\\x1b[2Jcover' does not end in a page number."


NAMES = st.lists(
    st.tuples(
        st.sampled_from(["", "I1KG2", "0886", "x-", "12"]),
        st.one_of(st.integers(0, 12).map("{:04d}".format), st.sampled_from(["", "9999", "0010"])),
        st.sampled_from([".jpg", ".tif", ".JPG", "", ".json"]),
    ).map("".join),
    max_size=14,
    unique=True,
).map(lambda names: [name for name in names if name and not name.startswith(".")])


def number_by_hand(name: str) -> int | None:
    """Read the number digit by digit from the end of what stands before the last dot."""
    before = name[: name.rindex(".")] if "." in name else name
    digits = ""
    while before and before[-1] in "0123456789" and len(digits) < 4:
        digits = before[-1] + digits
        before = before[:-1]
    return int(digits) if digits else None


@settings(max_examples=150, deadline=None)
@given(NAMES)
def test_the_findings_agree_with_counting_page_by_page(names: list[str]):
    pages = [name for name in names if not name.lower().endswith(".json")]
    numbers = [number_by_hand(name) for name in pages]
    known = [number for number in numbers if number is not None]
    missing = sum(1 for number in range(1, max(known, default=0)) if number not in known)
    expected = {
        "unnumbered": numbers.count(None),
        "missing": missing,
        "duplicates": sum(known.count(number) - 1 for number in set(known)),
        "count": int(missing > 0 or not known),
    }

    with tempfile.TemporaryDirectory() as folder:
        report = audit(Path(folder), names)

    findings = report.findings
    reported_missing = 0
    for finding in findings:
        if finding.error == 105 and finding.path == GROUP:
            words = finding.message.split()
            first = int(words[1])
            reported_missing += (int(words[3]) if words[0] == "Pages" else first) - first + 1
    assert {
        "unnumbered": sum(1 for finding in findings if finding.error == 105 and finding.path != GROUP),
        "missing": reported_missing,
        "duplicates": sum(1 for finding in findings if finding.error == 107),
        "count": sum(1 for finding in findings if finding.error == 109),
    } == expected
    assert [finding.path for finding in findings if finding.error == 106] == ([GROUP] if any(expected.values()) else [])
    assert report.outcome == ("failed" if any(expected.values()) else "passed")
