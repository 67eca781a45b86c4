"""An audit never passes vacuously, whatever a test does."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from ao_workflows.audit import (
    AuditedWork,
    AuditFinding,
    AuditProperties,
    AuditRejected,
    AuditTest,
    AuditUnreadable,
    examining,
    run_audit,
    run_tests,
    select_tests,
)
from ao_workflows.audit.checks.no_files_in_folder import NoFilesInFolder
from ao_workflows.errors import ExitCode, SystemFailed, UsageError
from ao_workflows.works import WorkStructure, read_structure

MakeWork = Callable[..., Path]
NONE = AuditProperties()


class Says(AuditTest):
    """A site's own test that reports these error numbers about the work, then raises."""

    key = "Says"
    summary = "For tests."
    errors: ClassVar = {201: "First.", 202: "Second."}

    def __init__(self, *errors: int, then: Exception | None = None, at: str | None = None) -> None:
        self._errors = errors
        self._then = then
        self._at = at

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        for error in self._errors:
            yield self.finding(work, error, work.root, f"Number {error}.")
        if self._then and self._at:
            with examining(work.root / self._at):
                raise self._then
        if self._then:
            raise self._then


@pytest.fixture
def work(make_work: MakeWork, good_v1: list[str]) -> WorkStructure:
    return read_structure(make_work(*good_v1))


@pytest.mark.parametrize("order", [(201, 202), (202, 201)])
def test_the_worst_finding_decides_wherever_it_stands(work: WorkStructure, order: tuple[int, int]):
    report = run_tests(work, [Says(*order)], AuditProperties(errors_as_warning=frozenset({202})))
    assert report.outcome == "failed"
    assert {(finding.error, finding.severity) for finding in report.findings} == {(201, "error"), (202, "warning")}


def test_a_failed_test_before_a_test_with_warnings_fails_the_work(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "x.txt", "images/W22084-0886/old/")
    tests = ["NoFilesInFolder", "NoFoldersInImageGroups", "FileSequence"]
    report = run_audit(work, tests=tests, properties=AuditProperties(errors_as_warning=frozenset({103, 104})))
    assert [(result.test, result.outcome) for result in report.results] == [
        ("NoFilesInFolder", "failed"),
        ("NoFoldersInImageGroups", "warnings"),
        ("FileSequence", "passed"),
    ]
    assert report.outcome == "failed"


def test_warnings_alone_do_not_keep_a_work_out(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "x.txt")
    report = run_audit(work, tests=["NoFilesInFolder"], properties=AuditProperties(errors_as_warning=frozenset({102})))
    assert report.outcome == "warnings"
    assert report.rejection() is None
    assert report.as_dict()["findings"] == [
        {
            "test": "NoFilesInFolder",
            "error": 102,
            "severity": "warning",
            "path": "x.txt",
            "message": "'x.txt' stands in the work's root, where only folders belong.",
        }
    ]


def test_a_missing_folder_can_be_made_a_warning(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*(path for path in good_v1 if path.startswith("images")))
    report = run_audit(work, properties=AuditProperties(errors_as_warning=frozenset({101})))
    assert report.outcome == "warnings"


def test_having_checked_nothing_cannot_be_made_a_warning(make_work: MakeWork):
    report = run_audit(make_work("images/"), properties=AuditProperties(errors_as_warning=frozenset({101})))
    assert report.outcome == "failed"
    with pytest.raises(UsageError, match="Error 100"):
        AuditProperties(errors_as_warning=frozenset({100, 101}))


@pytest.mark.parametrize("tests", [[], ()])
def test_running_no_test_is_an_error(work: WorkStructure, tests: list[str]):
    with pytest.raises(UsageError, match="No audit test was chosen"):
        run_audit(work.root, tests=tests)
    with pytest.raises(UsageError, match="No audit test was chosen"):
        run_tests(work, [], NONE)


@pytest.mark.parametrize("name", ["filesequence", "FileSequnce", "Sequence"])
def test_an_unknown_test_is_an_error_that_suggests_the_nearest(work: WorkStructure, name: str):
    with pytest.raises(UsageError) as caught:
        run_audit(work.root, tests=["NoFilesInFolder", name])
    assert caught.value.message == f"{name!r} is not an audit test."
    assert caught.value.action == "Did you mean FileSequence?"


def test_an_unknown_test_like_no_other_is_answered_with_all_of_them(work: WorkStructure):
    with pytest.raises(
        UsageError, match=r"Known are: .*EXIFArchiveTest, EXIFArchiveThumbnail, EXIFImageTest, .*WebImageAttributes\."
    ):
        run_audit(work.root, tests=["zzz"])


def test_a_test_that_is_named_twice_runs_once(work: WorkStructure):
    report = run_audit(work.root, tests=["FileSequence", "NoFilesInFolder", "FileSequence"])
    assert [result.test for result in report.results] == ["FileSequence", "NoFilesInFolder"]


def test_a_crash_inside_a_test_fails_the_audit_and_names_test_and_file(work: WorkStructure):
    crashing = Says(201, then=ZeroDivisionError("division by zero"), at="images/W22084-0886/08860001.jpg")
    report = run_tests(work, [crashing, NoFilesInFolder()], AuditProperties(errors_as_warning=frozenset({201})))
    assert [(result.test, result.outcome) for result in report.results] == [
        ("Says", "failed"),
        ("NoFilesInFolder", "passed"),
    ]
    assert [(finding.error, finding.path) for finding in report.findings] == [
        (201, "."),
        (100, "images/W22084-0886/08860001.jpg"),
    ]
    assert "The test Says broke at 'images/W22084-0886/08860001.jpg'" in report.findings[1].message
    assert "ZeroDivisionError: 'division by zero'" in report.findings[1].message


def test_a_crash_outside_any_file_is_reported_about_the_work(work: WorkStructure):
    report = run_tests(work, [Says(then=KeyError("x"))], NONE)
    assert [(finding.test, finding.error, finding.path) for finding in report.findings] == [("Says", 100, ".")]


def test_an_undeclared_error_number_fails_the_audit(work: WorkStructure):
    report = run_tests(work, [Says(999)], AuditProperties(errors_as_warning=frozenset({999})))
    assert report.outcome == "failed"
    assert "reported error 999 of Says, which it does not declare" in report.findings[0].message


@pytest.mark.parametrize("at", [None, "images/W22084-0886/08860001.jpg"])
def test_a_disk_error_is_no_fault_of_the_work(work: WorkStructure, at: str | None):
    with pytest.raises(AuditUnreadable) as caught:
        run_tests(work, [Says(then=OSError(errno.EIO, "Input/output error"), at=at)], NONE)
    assert caught.value.exit_code is ExitCode.SYSTEM
    assert str(work.root / (at or "")) in caught.value.message


def test_a_decoders_own_error_is_a_fault_of_the_file_although_it_is_an_oserror(work: WorkStructure):
    truncated = OSError("image file is truncated")
    report = run_tests(work, [Says(then=truncated, at="images/W22084-0886/08860002.tif")], NONE)
    assert [(finding.error, finding.path) for finding in report.findings] == [(100, "images/W22084-0886/08860002.tif")]


def test_an_error_that_is_meant_for_the_operator_passes_through(work: WorkStructure):
    with pytest.raises(UsageError, match="bad setting"):
        run_tests(work, [Says(then=UsageError("bad setting"), at="images")], NONE)


def test_a_work_that_is_not_there_is_a_failure_of_the_system(tmp_path: Path):
    with pytest.raises(SystemFailed, match="W22084"):
        run_audit(tmp_path / "W22084")


def test_a_folder_that_vanishes_during_the_audit_is_a_failure_of_the_system(work: WorkStructure):
    os.rename(work.root / "images", work.root / "gone")
    with pytest.raises(AuditUnreadable, match="W22084-0886"):
        run_tests(work, select_tests(["FileSequence"]), NONE)


def test_the_rejection_names_the_first_error_and_counts_the_others(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "images/W22084-0886/08860004.jpg", "sources.txt")
    report = run_audit(work, properties=AuditProperties(errors_as_warning=frozenset({102})))
    rejection = report.rejection()
    assert isinstance(rejection, AuditRejected)
    assert rejection.exit_code is ExitCode.REJECTED
    assert rejection.code == "audit-failed"
    assert rejection.message == (
        "W22084 failed its audit at 'images/W22084-0886' (FileSequence, error 105): "
        "Page 0003 is missing. There are 2 more errors."
    )
    assert rejection.action
    assert [(finding.code, finding.path) for finding in rejection.findings] == [
        ("audit-105", "images/W22084-0886"),
        ("audit-109", "images/W22084-0886"),
        ("audit-106", "images/W22084-0886"),
    ]


def test_progress_is_told_image_by_image_and_ends_with_all_bytes(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1)
    told: list[int] = []

    def begin(total: int) -> Callable[[int], None]:
        told.append(total)
        return told.append

    run_audit(work, progress=begin, jobs=2)
    total, *images = told
    assert len(images) == 4
    assert sum(images) == total == sum(path.stat().st_size for path in work.rglob("*.*"))
