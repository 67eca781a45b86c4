"""A work that the archive has: brought up to date, each file replaced when its successor is proved beside it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields
from pathlib import Path

from ao_workflows.archive.copying import FileCopy, temporary_for
from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.job import Job
from ao_workflows.archive.pending import read_pending, remove_pending, write_pending
from ao_workflows.archive.plan import Plan, kept, leftovers, wanted_checksum
from ao_workflows.archive.provenance import relocate
from ao_workflows.archive.reading_back import hash_archived
from ao_workflows.archive.record import FOLDER as RECORD_FOLDER
from ao_workflows.archive.record import is_recorded, pending_path, read_record
from ao_workflows.archive.refusal import check_fits, check_own_record
from ao_workflows.archive.replaced import Replaced
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.transfer import Transferred, remove_written
from ao_workflows.archive.tree import Tree, read_tree
from ao_workflows.archive.writable import check_room
from ao_workflows.flushing import flushed
from ao_workflows.inventory import FileRecord


@dataclass(frozen=True, slots=True)
class _Update:
    """What is to be done to a copy.

    :param job: with a place for the work's provenance.
    :param pending: the records of what a sync that was killed has replaced, and not recorded.
    :param gone: files that are taken out, and ``empty_folders``: folders that nobody needs after that.
    :param held: the records of what stays without being in the work.
    :param unfinished: temporary files of a sync that was killed.
    :param right: the records of what stays as it is, by path.
    """

    job: Job
    archived: Tree
    recorded: Mapping[str, FileRecord]
    pending: Mapping[str, FileRecord]
    plan: Plan
    gone: tuple[str, ...]
    empty_folders: tuple[str, ...]
    held: tuple[FileRecord, ...]
    unfinished: tuple[str, ...]
    right: Mapping[str, FileRecord]

    @property
    def is_needed(self) -> bool:
        """Whether anything on the disk is not as it should be."""
        new_folders = self.job.source.folders.keys() - self.archived.folders.keys()
        anything = self.plan.add, self.plan.replace, self.gone, self.unfinished, new_folders, self.empty_folders
        was_killed = pending_path(self.job.rid) in self.archived.files
        return any(anything) or was_killed or self.right != self.recorded


def preview(job: Job) -> SyncResult:
    """Find out what an update would do, and do nothing. :raises MustWait: (``waiting-for-disk``) if it has no room."""
    found = _look(job)
    check_room(found.job, (*found.plan.add, *found.plan.replace), job.place.path)
    return found.job.result(found.plan, records=list(found.recorded.values()), removed=found.gone)


def update(job: Job) -> SyncResult:
    """Bring the archive copy up to date."""
    found = _look(job)
    job, plan, copy, mount = found.job, found.plan, job.place.path, job.place.mount
    if not found.is_needed:
        if job.options.replace:  # a sync that was killed may have removed what it had to, and done nothing since
            job.finish_folders(copy)
        return job.result(plan, records=list(found.right.values()))
    with archive_errors(mount, copy):
        for path in found.unfinished:
            (copy / path).unlink()
    options = job.options
    replaced = Replaced(job.place, job.rid, days=options.keep_replaced_days, moment=job.moment, access=options.access)
    paths = (*plan.add, *plan.replace)
    with flushed(job.place.shard) as flush:
        transferred = _bring(found, paths, replaced=replaced, flush=flush)
        records = [*found.held, *job.records_of(plan, paths, transferred.checksums)]
        job.finish_folders(copy)
        with archive_errors(mount, copy):
            flush()
        job.progress(0)
        # Last, so that a sync that was killed before it finds something to do, and finishes the folders too; but before
        # anything goes: killed then, the next one finds what is there and not on record.
        job.record(copy, found.recorded.values(), records)
        remove_pending(copy, job.rid, mount=mount)
        if found.gone or found.empty_folders:
            _remove(job, found.gone, found.empty_folders, replaced=replaced)
            job.finish_folders(copy)
            with archive_errors(mount, copy):
                flush()
    return job.result(plan, records=records, transferred=transferred, removed=found.gone)


def _look(job: Job) -> _Update:
    copy, mount = job.place.path, job.place.mount
    with archive_errors(mount, copy):
        archived = read_tree(copy)
    check_own_record(job.rid, archived, copy)
    recorded = read_record(copy, job.rid, mount=mount)
    pending = read_pending(copy, job.rid, archived, mount=mount)
    known = {**recorded, **pending}
    unfinished = tuple(leftovers(archived))
    job = _beside_earlier_provenance(job, archived, known, unfinished)
    check_fits(job.rid, job.source, archived, copy)
    plan = job.compare(copy, archived, recorded=known, keep_times=False, read_all=job.options.checksum)
    replaces = job.options.replace
    gone = tuple(_gone(job, archived, unfinished)) if replaces else ()
    stays = {*job.source.files, *gone}
    held = []
    for record in kept(stays, copy, archived, recorded=known, mount=mount, forget_lost=replaces):
        job.progress(0)  # it may have been read
        held.append(record)
    old_folders = (path for path in archived.folders.keys() - job.source.folders.keys() if _may_go(job, path))
    empty_folders = tuple(old_folders) if replaces else ()
    right = {record.path: record for record in (*held, *plan.current) if is_recorded(record.path)}
    return _Update(job, archived, recorded, pending, plan, gone, empty_folders, tuple(held), unfinished, right)


def _bring(found: _Update, paths: Sequence[str], *, replaced: Replaced, flush: Callable[[], None]) -> Transferred:
    """Write and prove every file beside its place, then let each take it."""
    job, archived = found.job, found.archived
    copy, mount = job.place.path, job.place.mount
    copies = job.copies(paths, copy, written=temporary_for)
    try:
        transferred = job.bring(copies, copy, archived, flush=flush)
        if replaces := set(found.plan.replace):
            brought = zip(paths, transferred.checksums, strict=True)
            coming = {path: job.brought(path, sha512) for path, sha512 in brought if path in replaces}
            write_pending(copy, job.rid, {**found.pending, **coming}.values(), access=job.options.access)
        for each in copies:
            job.progress(0)  # stops a sync for which nobody waits any more, as if it had been killed here
            _take_place(each, copy, archived, replaced=replaced, mount=mount)
    except BaseException:
        remove_written(copies)
        raise
    return transferred


def _take_place(each: FileCopy, copy: Path, archived: Tree, *, replaced: Replaced, mount: Path) -> None:
    path = each.target.removeprefix(f"{copy}/")
    if path in archived.files:
        replaced.keep(path)
    with archive_errors(mount, each.target):
        os.replace(each.written, each.target)


def _gone(job: Job, archived: Tree, unfinished: Iterable[str]) -> Iterable[str]:
    """Return what the archive has and the work has not; what earlier deliveries are proved by never goes."""
    there = {*archived.files, *archived.others}.difference(unfinished)
    for path in sorted(there - job.source.files.keys()):
        if _may_go(job, path):
            yield path


def _may_go(job: Job, path: str) -> bool:
    """Tell whether a path of the archive copy is of the work itself, and not what the archive knows about it."""
    return path.partition("/")[0] not in {RECORD_FOLDER, f"{job.rid}.bag"}


def _remove(job: Job, paths: Iterable[str], folders: Iterable[str], *, replaced: Replaced) -> None:
    """Take out files, then folders that are empty by now, the deepest first."""
    copy, mount = job.place.path, job.place.mount
    for path in paths:
        job.progress(0)
        replaced.keep(path)
        with archive_errors(mount, copy / path):
            (copy / path).unlink(missing_ok=True)
    for folder in sorted(folders, reverse=True):
        with archive_errors(mount, copy / folder):
            if not any((copy / folder).iterdir()):
                (copy / folder).rmdir()


def _beside_earlier_provenance(
    job: Job, archived: Tree, recorded: Mapping[str, FileRecord], unfinished: Sequence[str]
) -> Job:
    """Return ``job`` with a place for its provenance where it replaces none that the archive has."""

    def same(path: str, there: str) -> bool:
        state = job.source.files[path]
        wanted = wanted_checksum(job.work / path, state, job.expected.get(path))
        # What is on record decides even if the file rotted since: then it is the one to be mended.
        if there in recorded and recorded[there].sha512 == wanted:
            return True
        if archived.files[there].size != state.size:
            return False
        return hash_archived(job.place.path / there, mount=job.place.mount) == wanted

    # What a killed sync was writing belongs to nobody: its folder is the one to go on with.
    settled = archived
    if unfinished:
        left = set(unfinished)
        settled = with_fields(archived, files={path: each for path, each in archived.files.items() if path not in left})
    source, origins = relocate(job.source, settled, folder=f"{job.rid}.bag", same=same)
    places = {origin: path for path, origin in origins.items()}
    expected = {places.get(path, path): record for path, record in job.expected.items()}
    return with_fields(job, source=source, expected=expected, origins=origins)
