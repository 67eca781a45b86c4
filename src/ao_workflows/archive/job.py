"""One sync, and what one of a new work and one of a work that exists have in common."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ao_workflows.answering import Progress
from ao_workflows.archive.changes import put_on_record
from ao_workflows.archive.copying import FileCopy, can_link
from ao_workflows.archive.disk import archive_errors, check_free_space
from ao_workflows.archive.options import SyncOptions
from ao_workflows.archive.place import Place
from ao_workflows.archive.plan import Plan, compare
from ao_workflows.archive.record import FOLDER as RECORD_FOLDER
from ao_workflows.archive.record import is_recorded
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.transfer import Transferred, transfer
from ao_workflows.archive.tree import Tree
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class Job:
    """One sync, once it is known what has to be where.

    :param source: the work, under the paths that it has in the archive copy; so are ``expected`` and ``origins``.
    :param expected: what its files have to be, by path, as far as that is known.
    :param origins: the path in the work of what stands elsewhere there.
    :param progress: called with the bytes that were dealt with, and with 0 before anything gets or loses its name, and
        after anything that takes long; what it raises ends the sync there.
    :param moment: when it began.
    """

    rid: Rid
    work: Path
    source: Tree
    expected: Mapping[str, FileRecord]
    place: Place
    options: SyncOptions
    progress: Progress
    moment: datetime
    origins: Mapping[str, str] = field(default_factory=dict)

    def scratch(self, path: str) -> Path:
        """Return where the file is that belongs at ``path`` in the archive copy."""
        return self.work / self.origins.get(path, path)

    def compare(
        self, copy: Path, archived: Tree, *, recorded: Mapping[str, FileRecord], keep_times: bool, read_all: bool
    ) -> Plan:
        """Find out what has to be done to the archive copy in the folder ``copy``."""
        return compare(
            self.source,
            copy,
            archived,
            scratch=self.scratch,
            expected=self.expected,
            recorded=recorded,
            read_all=read_all,
            keep_times=keep_times,
            mount=self.place.mount,
            threads=self.options.jobs,
            progress=self.progress,
        )

    def copies(self, paths: Iterable[str], copy: Path, *, written: Callable[[str], str]) -> list[FileCopy]:
        """Return what is to be brought into the folder ``copy``. :param written: tells where it goes first."""
        return [
            FileCopy(
                source=f"{self.work}/{self.origins.get(path, path)}",
                written=written(f"{copy}/{path}"),
                target=f"{copy}/{path}",
                state=self.source.files[path],
                sha512=self._known(path),
            )
            for path in paths
        ]

    def _known(self, path: str) -> str | None:
        record = self.expected.get(path)
        return record.sha512 if record else None

    def bring(self, copies: list[FileCopy], copy: Path, archived: Tree, *, flush: Callable[[], None]) -> Transferred:
        """Make the folders that are missing in ``copy``, and bring ``copies`` there.

        :raises MustWait: (``waiting-for-disk``) if there is no room for them.
        """
        mount = self.place.mount
        sizes = [each.state.size for each in copies]
        if copies and not (self.options.link and can_link(copies[0].source, copy)):
            check_free_space(mount, copy, sizes, keep_free=self.options.keep_free)
        for folder in sorted((self.source.folders.keys() | {RECORD_FOLDER}) - archived.folders.keys()):
            with archive_errors(mount, copy / folder):
                (copy / folder).mkdir()
                self.options.access.give_folder(copy / folder)
        return transfer(copies, mount=mount, options=self.options, flush=flush, progress=self.progress)

    def records_of(self, plan: Plan, paths: Iterable[str], checksums: Iterable[str]) -> list[FileRecord]:
        """Return the records of what was right already and of ``paths``, which were brought."""
        brought = (self.brought(path, sha512) for path, sha512 in zip(paths, checksums, strict=True))
        return [record for record in (*plan.current, *brought) if is_recorded(record.path)]

    def brought(self, path: str, sha512: str) -> FileRecord:
        """Return the record of a file that was brought."""
        state = self.source.files[path]
        return FileRecord(path, state.size, sha512, state.modified_ns)

    def finish_folders(self, copy: Path) -> None:
        """Give the folders the times that they have in the work, the deepest first: writing into them changed these.

        Only who owns a folder may: of those that another user made, the time says when something was last written.
        """
        for folder in sorted(self.source.folders.keys() - {RECORD_FOLDER}, reverse=True):
            modified = self.source.folders[folder]
            with archive_errors(self.place.mount, copy / folder):
                state = (copy / folder).stat(follow_symlinks=False)
                if state.st_mtime_ns != modified and os.geteuid() in {0, state.st_uid}:
                    os.utime(copy / folder, ns=(modified, modified), follow_symlinks=False)

    def record(self, copy: Path, before: Iterable[FileRecord], after: list[FileRecord]) -> None:
        """Put on record in the archive copy what it holds now, and what has changed; the record is the last."""
        put_on_record(
            copy, self.rid, before, after, mount=self.place.mount, moment=self.moment, access=self.options.access
        )

    def result(
        self,
        plan: Plan,
        *,
        records: list[FileRecord],
        transferred: Transferred | None = None,
        removed: tuple[str, ...] = (),
    ) -> SyncResult:
        """Return what the sync did."""
        written = (*plan.add, *plan.replace)
        return SyncResult(
            rid=self.rid,
            archive_path=self.place.path,
            added=len(plan.add),
            replaced=len(plan.replace),
            removed=len(removed),
            unchanged=len(plan.current),
            bytes=sum(self.source.files[path].size for path in written),
            verified=len(written) + plan.reread,
            from_memory=transferred.from_memory if transferred else 0,
            skipped=self.source.litter,
            records=tuple(sorted(records)),
        )
