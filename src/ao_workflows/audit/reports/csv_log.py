"""The log of one work as CSV, with the names and columns that site scripts know from the audit tool before this one."""

import csv
import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ao_workflows.audit.findings import Outcome
from ao_workflows.audit.report import AuditReport
from ao_workflows.errors import SystemFailed
from ao_workflows.log import visible
from ao_workflows.whole_file import whole_file

COLUMNS = ("id", "test_name", "outcome", "error_number", "error_test", "detail_path")
_PREFIXES = {Outcome.PASSED: "PASS-", Outcome.WARNINGS: "WARN-", Outcome.FAILED: "FAIL-"}
OUTCOMES = {Outcome.PASSED: "Passed", Outcome.WARNINGS: "Warnings", Outcome.FAILED: "Failed"}

TEST_NAMES = {
    "NoFilesInFolder": "No Files in Root Folder",
    "NoFoldersInImageGroups": "No folders allowed in Image Group folders",
    "FileSequence": "File Sequence Test",
    "ImageFileNameFormat": "Image file name format test",
    "FileSizeTests": "File Size Test",
    "WebImageAttributes": "Web Image Attributes",
    "EXIFArchiveTest": "Archive Valid EXIF Test",
    "EXIFImageTest": "Image Valid EXIF Test",
    "EXIFArchiveThumbnail": "Archive EXIF Thumbnail Test",
    "EXIFImageThumbnail": "Image EXIF Thumbnail Test",
}
"""What the tests that the other tool had are called in its logs; the others go by their keys."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet program run a cell instead of showing it; names in a work may begin so on purpose."""


def write_csv(report: AuditReport, work: Path, folder: Path, *, at: datetime) -> Path:
    """Write the log ``{PASS-|WARN-|FAIL-}{RID}-{yyyy-MM-dd-HH-mm}.csv`` into ``folder``; return where it is.

    A row for each test holds the work's id, the test's name, its outcome, and the path of the work. Below it, a row for
    each finding holds the error number, the message, and the path of the file or folder concerned. Where there is a log
    of that name already, ``-2``, ``-3`` … is put after the time. A cell that a spreadsheet program would take for a
    formula gets ``'`` before it, and control characters are escaped.

    :param at: when the audit was made.
    :raises MustWait: if the disk is full. :raises SystemFailed: if the log cannot be written.
    """
    stem = f"{_PREFIXES[report.outcome]}{visible(report.rid)}-{at:%Y-%m-%d-%H-%M}"
    with _alone_in(folder):
        target = next(path for path in _names(folder, stem) if not os.path.lexists(path))
        with whole_file(target, what="the log") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows([_cell(value) for value in row] for row in _rows(report, work))
    return target


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make the folder, and keep others from choosing a name in it meanwhile, until it is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SystemFailed(
            f"Cannot write logs into {folder}: {error.strerror}.", action="Check the disk and its permissions."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _names(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.csv"
    for number in itertools.count(2):
        yield folder / f"{stem}-{number}.csv"


def _rows(report: AuditReport, work: Path) -> Iterator[tuple[str, ...]]:
    for result in report.results:
        name = TEST_NAMES.get(result.test, result.test)
        yield report.rid, name, OUTCOMES[result.outcome], "", "", str(work)
        for finding in result.findings:
            yield "", "", "", str(finding.error), finding.message, str(work / finding.path)


def _cell(value: str) -> str:
    return visible(f"'{value}" if value.startswith(_FORMULA) else value)
