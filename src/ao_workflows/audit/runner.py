"""Running audit tests on a work so that nothing passes unseen."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ao_workflows.audit.contract import AuditedWork, AuditTest, BrokenAt
from ao_workflows.audit.findings import FOLDER_MISSING, NOT_AUDITED, AuditFinding
from ao_workflows.audit.images import Gallery, Progress, bytes_elsewhere, bytes_of_images
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.audit.registry import select_tests
from ao_workflows.audit.report import AuditReport, TestResult
from ao_workflows.audit.unseen import KEY as UNSEEN
from ao_workflows.audit.unseen import unseen
from ao_workflows.errors import AoError, SystemFailed, UsageError
from ao_workflows.works import Layout, NotAWork, WorkStructure, read_structure

_DEFAULTS = AuditProperties()


class AuditUnreadable(SystemFailed):
    """The disk did not let a test see the work."""

    code = "audit-unreadable"


def run_audit(
    work: Path,
    *,
    tests: Sequence[str] | None = None,
    properties: AuditProperties = _DEFAULTS,
    jobs: int | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> AuditReport:
    """Run the chosen tests (all when none are named) on the folder ``work`` and return what they found.

    :param jobs: images that are looked at at a time; by default one for each core.
    :param progress: called once with the bytes of all images; what it returns is called with those that are done.
    :raises UsageError: if a key is unknown, or no test would run.
    :raises NotAWork: if the folder has no work's layout.
    :raises SystemFailed: if the disk does not let the work be read.
    """
    chosen = select_tests(tests)
    # An absolute path has a last part, which "." has not; links on the way stay as the operator knows them.
    root = Path(os.path.abspath(work))
    if root.is_file():
        raise NotAWork(f"{str(work)!r} is a file, not a work.", action="Name the work's folder.")
    structure = read_structure(root)
    report = None
    if progress is not None:
        try:
            groups = [group.path for group in structure.groups]
            elsewhere = any(test.looks_elsewhere for test in chosen)
            report = progress(bytes_of_images(groups) + (bytes_elsewhere(root, groups) if elsewhere else 0))
        except OSError as error:
            raise _unreadable(error, root) from error
    return run_tests(structure, chosen, properties, jobs=jobs, progress=report)


def run_tests(
    work: WorkStructure,
    tests: Sequence[AuditTest],
    properties: AuditProperties,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Run ``tests`` on ``work`` and return what they found, after what none of them can see.

    :raises UsageError: if there is no test.
    :raises SystemFailed: if the disk does not let a test read the work.
    """
    if not tests:
        raise UsageError(
            "No audit test was chosen, and an audit of nothing passes nothing.",
            action="Name a test, or none to run all.",
        )
    results = _unseen(work)
    with_pixels = any(test.needs_pixels for test in tests)
    gallery = Gallery(with_pixels=with_pixels, jobs=jobs or os.cpu_count() or 1, progress=progress)
    audited = AuditedWork(work, properties, gallery)
    for test in tests:
        findings = [*_missing_folders(work, test), *_run(test, audited)]
        results.append(TestResult(test.key, tuple(_weighed(finding, test, properties) for finding in findings)))
    return AuditReport(work.root.name, tuple(results), gallery.groups)


def _unseen(work: WorkStructure) -> list[TestResult]:
    """Return one more result if the work holds something that no test looks at, whatever tests are run."""
    try:
        findings = tuple(unseen(work))
    except OSError as error:
        raise _unreadable(error, work.root) from error
    return [TestResult(UNSEEN, findings)] if findings else []


def _run(test: AuditTest, work: AuditedWork) -> list[AuditFinding]:
    """Run one test; whatever breaks inside it becomes a finding that fails the audit."""
    findings = []
    path = work.root
    cause: BaseException | None = None
    try:
        for finding in test.run(work):
            if finding.test != test.key or finding.error not in test.errors:
                message = f"it reported error {finding.error} of {finding.test}, which it does not declare"
                raise ValueError(message)  # noqa: TRY301 - to be reported like all that goes wrong in a test
            findings.append(finding)
    except AoError:
        raise
    except BrokenAt as broken:
        path, cause = broken.path, broken.__cause__ or broken
    # A test may come from anywhere and meets every kind of file. Its crash must neither pass for a clean work nor
    # keep the other tests from running, so this is the one place where every kind of error is caught and reported.
    except Exception as error:  # noqa: BLE001 - see above
        cause = error
    if cause is None:
        return findings
    if isinstance(cause, OSError) and cause.errno is not None:
        # The disk failed, not the content. (Decoders raise OSErrors of their own, without an errno.)
        raise _unreadable(cause, path) from cause
    where = path.relative_to(work.root).as_posix()
    message = (
        f"The test {test.key} broke at {where!r} and cannot say what is there: {type(cause).__name__}: {str(cause)!r}."
    )
    return [*findings, AuditFinding(test.key, NOT_AUDITED, where, message)]


def _missing_folders(work: WorkStructure, test: AuditTest) -> Iterator[AuditFinding]:
    """Yield a finding for each folder that ``test`` needs and ``work`` has not.

    A kind of image groups that the work does not have at all is missing; so is, for an image group that it has in
    one kind, the same group in another kind that the test needs. In a work without any group each test has looked at
    nothing, and says so in a way that cannot be made a warning.
    """
    of_kind = {kind: {group.name for group in work.groups_of(kind)} for kind in test.kinds}
    names = set().union(*of_kind.values())
    for kind, groups in of_kind.items():
        if not groups:
            message = f"{test.key} needs image groups in {kind!r}, and the work has none there."
            yield AuditFinding(test.key, FOLDER_MISSING, kind, message)
            continue
        for name in sorted(names - groups):
            where = f"{kind}/{name}" if work.layout is Layout.V1 else f"{name}/{kind}"
            message = f"{test.key} needs {kind!r} for every image group, and {name!r} has none."
            yield AuditFinding(test.key, FOLDER_MISSING, where, message)
    if test.kinds and not work.groups:
        message = f"{test.key} found no image group, so it has checked nothing."
        yield AuditFinding(test.key, NOT_AUDITED, ".", message)


def _weighed(finding: AuditFinding, test: AuditTest, properties: AuditProperties) -> AuditFinding:
    severity = properties.severity_of(finding.error, mild=finding.error in test.warnings)
    return dataclasses.replace(finding, severity=severity)


def _unreadable(error: OSError, path: Path) -> AuditUnreadable:
    place = error.filename if isinstance(error.filename, str) else str(path)
    return AuditUnreadable(
        f"{place!r} could not be read for the audit: {error.strerror or error}.",
        action="Check the disk and the permissions, then retry.",
    )
