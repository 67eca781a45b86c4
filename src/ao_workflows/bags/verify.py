"""Checking a zip, or a bag in a folder, without writing anything."""

import stat
import threading
from contextlib import closing
from pathlib import Path

from ao_workflows.bags.bagit import BagValidation, Digests
from ao_workflows.bags.delivery import content_of
from ao_workflows.bags.disk import disk_errors, walk
from ao_workflows.bags.examine import BAGIT_TXT, Examination, Nowhere, Progress
from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.plan import read_plan
from ao_workflows.bags.report import BagRejected, SourceReport
from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.unpack import source_report
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.crew import Stopped, default_jobs, in_order
from ao_workflows.errors import Finding, UsageError
from ao_workflows.storage import Source

_FILES_IN_A_BATCH = 16


def verify(
    source: Source,
    *,
    limits: ZipLimits | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> SourceReport:
    """Check everything that :func:`~ao_workflows.bags.unpack` checks, and write nothing.

    A zip that may not be unpacked at all gives a report, too: one with errors and no bags.

    :param threads: how many read and check at a time; by default one for each core, from S3 at least four.
    """
    try:
        plan = read_plan(source, limits=limits)
    except BagRejected as rejected:
        return rejected.report
    threads = threads or default_jobs(is_local=source.is_local)
    outcomes = [
        Examination(source, planned.member, Nowhere(), progress, threads=threads).run() for planned in plan.members
    ]
    return source_report(plan, outcomes, [])


def verify_folder(path: Path, *, progress: Progress | None = None, threads: int | None = None) -> SourceReport:
    """Check the bag in the folder ``path``.

    :param progress: called with the number of bytes read since its last call; :func:`folder_bytes` in all, nearly.
    :param threads: how many files are read at a time; by default one for each core.
    :raises UsageError: if it is not a folder. :raises SystemFailed: if it cannot be read.
    """
    with disk_errors(path):
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder.", action="Name a bag's folder, or a zip.")
        files, special = _list(path)
        checks = BagValidation(files, has_payload_folder=(path / "data").is_dir())
        checks.errors.extend(special.as_tuple())
        if BAGIT_TXT in files:
            checks.declare(content_of(path / BAGIT_TXT))
        control = checks.control_files()
        for name in control:
            digests = Digests(checks.algorithms_for(name))
            passing = digests.watch(content_of(path / name))
            checks.read(name, passing)
            for _ in passing:
                pass
            checks.record(name, checks.compare(name, digests))
        checks.settle()
        rest = sorted(files.keys() - checks.ignored - set(control))
        reader = _FolderReader(path, checks, progress)
        batches = [rest[start : start + _FILES_IN_A_BATCH] for start in range(0, len(rest), _FILES_IN_A_BATCH)]
        crew = threads or default_jobs(is_local=True)
        with closing(in_order(reader.read, batches, threads=crew, stop=reader.stop)) as read:
            for checked in read:
                for name, findings in checked:
                    checks.record(name, findings)
    return SourceReport(source=str(path), bags=(checks.report(path.resolve().name),))


def folder_bytes(path: Path) -> int:
    """Return the size of all files in the folder ``path``. :raises SystemFailed: if it cannot be read."""
    with disk_errors(path):
        return sum(_list(path)[0].values())


class _FolderReader:
    """Reads and compares files of a bag, in several threads."""

    def __init__(self, root: Path, checks: BagValidation, progress: Progress | None) -> None:
        self.stop = threading.Event()
        self._root = root
        self._checks = checks
        self._progress = progress
        self._telling = threading.Lock()

    def read(self, names: list[str]) -> list[tuple[str, list[Finding]]]:
        """Return what is wrong with each of the files."""
        return [(name, self._compare(name)) for name in names]

    def _compare(self, name: str) -> list[Finding]:
        digests = Digests(self._checks.algorithms_for(name))
        for chunk in content_of(self._root / name):
            if self.stop.is_set():
                raise Stopped
            digests.update(chunk)
            if self._progress is not None:
                with self._telling:
                    self._progress(len(chunk))
        return self._checks.compare(name, digests)


def _list(root: Path) -> tuple[dict[str, int], FindingLog]:
    """Return the size of each file below ``root`` by its path, and an error for whatever else there is."""
    files: dict[str, int] = {}
    special = FindingLog()
    for folder, folders, names in walk(root):
        for name in [*names, *(name for name in folders if Path(folder, name).is_symlink())]:
            place = Path(folder, name)
            path = place.relative_to(root).as_posix()
            found = place.lstat()
            if stat.S_ISREG(found.st_mode):
                files[path] = found.st_size
            else:
                message = f"{quoted(path)} is a symbolic link or a special file: only files and folders are taken."
                special.add(Finding(code="bag-special-file", path=shown(path), message=message))
    return files, special
