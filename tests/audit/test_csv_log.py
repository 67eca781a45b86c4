"""The log of a work as CSV: names and columns as site scripts know them."""

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ao_workflows.audit import AuditFinding, AuditReport, Severity, TestResult
from ao_workflows.audit.reports.csv_log import write_csv
from ao_workflows.errors import MustWait, SystemFailed

AT = datetime(2026, 4, 27, 16, 41, 59, tzinfo=UTC)
WORK = Path("/mnt/Archive3/84/W22084")
PASSED = TestResult("NoFilesInFolder", ())


def finding(test: str, error: int, path: str, message: str, severity: Severity = Severity.ERROR) -> AuditFinding:
    return AuditFinding(test, error, path, message, severity)


def written(folder: Path, *results: TestResult, rid: str = "W22084") -> tuple[str, list[list[str]]]:
    path = write_csv(AuditReport(rid, results), WORK, folder, at=AT)
    with path.open(newline="", encoding="utf-8") as file:
        return path.name, list(csv.reader(file))


def test_a_log_has_a_row_for_each_test_and_each_finding_below_it(tmp_path: Path):
    large = finding("FileSizeTests", 112, "images/W22084-0886/08860001.jpg", "It is too large, by far.")
    name, rows = written(tmp_path, PASSED, TestResult("FileSizeTests", (large,)), TestResult("NameHygiene", ()))
    assert name == "FAIL-W22084-2026-04-27-16-41.csv"
    assert rows == [
        ["id", "test_name", "outcome", "error_number", "error_test", "detail_path"],
        ["W22084", "No Files in Root Folder", "Passed", "", "", "/mnt/Archive3/84/W22084"],
        ["W22084", "File Size Test", "Failed", "", "", "/mnt/Archive3/84/W22084"],
        ["", "", "", "112", "It is too large, by far.", f"{WORK}/images/W22084-0886/08860001.jpg"],
        ["W22084", "NameHygiene", "Passed", "", "", "/mnt/Archive3/84/W22084"],
    ]


def test_the_worst_outcome_gives_the_log_its_name(tmp_path: Path):
    error = finding("FileSequence", 105, "x", "x")
    warning = finding("NameHygiene", 170, "x", "x", Severity.WARNING)
    assert written(tmp_path, PASSED)[0].startswith("PASS-W22084-")
    assert written(tmp_path, TestResult("NameHygiene", (warning,)), PASSED)[0].startswith("WARN-W22084-")
    both = (TestResult("FileSequence", (error,)), TestResult("NameHygiene", (warning,)))
    assert written(tmp_path, *both)[0].startswith("FAIL-W22084-")


def test_a_log_never_replaces_another(tmp_path: Path):
    assert [written(tmp_path, PASSED)[0] for _ in range(3)] == [
        "PASS-W22084-2026-04-27-16-41.csv",
        "PASS-W22084-2026-04-27-16-41-2.csv",
        "PASS-W22084-2026-04-27-16-41-3.csv",
    ]


def test_many_who_audit_a_work_at_once_get_a_log_each(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: written(tmp_path, PASSED)[0], range(40)))
    assert len(set(names)) == 40
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ('quoted "name", with a comma', 'quoted "name", with a comma'),
        ("two\nlines", "two\\nlines"),
        ("\udcff", "\\udcff"),
        ("བོད་ཡིག", "བོད་ཡིག"),
    ],
)
def test_a_hostile_name_is_text_and_nothing_else(tmp_path: Path, name: str, shown: str):
    _, rows = written(tmp_path, TestResult("FileSequence", (finding("FileSequence", 105, "x", name),)))
    assert rows[2] == ["", "", "", "105", shown, f"{WORK}/x"]


def test_a_hostile_work_name_stays_in_the_folder(tmp_path: Path):
    name, rows = written(tmp_path, PASSED, rid="=W\n1")
    assert name == "PASS-=W\\n1-2026-04-27-16-41.csv"
    assert rows[1][0] == "'=W\\n1"


def test_the_folder_is_made_and_holds_nothing_but_the_log(tmp_path: Path):
    written(tmp_path / "logs/deeper", PASSED)
    assert [path.name for path in (tmp_path / "logs/deeper").iterdir()] == ["PASS-W22084-2026-04-27-16-41.csv"]


def test_a_log_that_cannot_be_written_is_no_half_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemFailed, match="Cannot write logs into"):
        written(tmp_path / "file/logs", PASSED)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(MustWait) as caught:
        written(tmp_path / "logs", PASSED)
    assert caught.value.code == "waiting-for-disk"
    assert list((tmp_path / "logs").iterdir()) == []
