"""Putting a work in its place in the archive file system, verified, and doing nothing twice."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ao_workflows.archive.copying import copy_verified, hash_archived
from ao_workflows.archive.disk import KEEP_FREE, archive_errors, check_free_space, scratch_errors, sync_folder
from ao_workflows.archive.lock import work_lock
from ao_workflows.archive.place import Place, is_archived, is_real_folder, open_shard, place_of
from ao_workflows.archive.plan import Plan, compare, kept, leftovers, wanted_checksum, without_own_record
from ao_workflows.archive.provenance import relocate
from ao_workflows.archive.record import FOLDER as RECORD_FOLDER
from ao_workflows.archive.record import is_recorded, read_record, write_record
from ao_workflows.archive.refusal import check_archivable, check_fits, check_own_record, expected_checksums
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.tree import Tree, read_tree, without_litter
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One sync, once it is known what has to be where.

    :param source: the work, under the paths that it has in the archive copy; so are ``expected`` and ``origins``.
    :param origins: the path in the work of what stands elsewhere there.
    """

    rid: Rid
    work: Path
    source: Tree
    expected: Mapping[str, FileRecord]
    place: Place
    progress: Progress
    keep_free: int
    origins: Mapping[str, str] = field(default_factory=dict)

    def scratch(self, path: str) -> Path:
        """Return where the file is that belongs at ``path`` in the archive copy."""
        return self.work / self.origins.get(path, path)


def sync_work(
    work: Path,
    root: Path,
    *,
    rid: Rid,
    inventory: Sequence[FileRecord] | None = None,
    progress: Progress | None = None,
    keep_free: int = KEEP_FREE,
) -> SyncResult:
    """Bring the archive copy of a work up to date with ``work``, proving every byte that is written.

    A new work is built in a hidden folder beside its place and appears there complete, by one rename. In a work
    that exists, each changed file is replaced when its new content is proved, files that are gone from ``work`` stay,
    and the provenance of another delivery is put beside what is there. Started again after it was killed at any
    moment, it goes on where it stopped; started again after it succeeded, it changes nothing.

    :param work: the work's folder on scratch.
    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param inventory: what the work's files have to be. All that it lists is archived, whatever its name, and what
        the archive has of it is read and compared. A file that it does not list is hashed when it is read, and left
        out if its name says that a desktop or an editor left it.
    :param progress: called with the bytes of each file that has been dealt with since the last call.
    :param keep_free: bytes to leave free on the mount.
    :raises ContentRejected: if the work holds links or special files, no file at all, or clashes with the archive.
    :raises MustWait: for disk space (``waiting-for-disk``) or another sync of the work (``waiting-for-sync``).
    :raises SystemFailed: if scratch or the archive fails, or a file is not what the inventory says.
    """
    place = place_of(root, rid)
    with scratch_errors(work):
        found = read_tree(work)
    listed = {record.path for record in inventory or ()}
    source = without_own_record(rid, without_litter(found, listed=listed))
    check_archivable(rid, source)
    expected = expected_checksums(work, source, inventory or ())
    job = _Job(rid, work, source, expected, place, progress or _ignore, keep_free)
    open_shard(place)
    with work_lock(place.shard, rid, mount=place.mount):
        return _update(job) if is_archived(place, work) else _create(job)


def _result(job: _Job, plan: Plan) -> SyncResult:
    written = (*plan.add, *plan.replace)
    return SyncResult(
        rid=job.rid,
        archive_path=job.place.path,
        added=len(plan.add),
        replaced=len(plan.replace),
        removed=0,
        unchanged=len(plan.current),
        bytes=sum(job.source.files[path].size for path in written),
        verified=len(written) + plan.reread,
        skipped=job.source.litter,
    )


def _create(job: _Job) -> SyncResult:
    """Build a work that the archive does not have, and let it appear at once."""
    place = job.place
    with archive_errors(place.mount, place.incoming):
        if not is_real_folder(place.incoming):
            place.incoming.mkdir()
        _prune(place.incoming, wanted=job.source)
        begun = read_tree(place.incoming)
    plan = _compare(job, place.incoming, begun, recorded={}, keep_times=True)
    records = _copy_all(job, place.incoming, begun, plan)
    _finish_folders(job, place.incoming)
    write_record(place.incoming, job.rid, records)
    with archive_errors(place.mount, place.path):
        for folder in (*job.source.folders, RECORD_FOLDER):
            sync_folder(place.incoming / folder)
        os.rename(place.incoming, place.path)
        sync_folder(place.shard)
    # What a killed sync had copied was read again just now; to the archive it is new all the same.
    return _result(job, Plan(add=tuple(job.source.files), replace=(), current=(), reread=0))


def _update(job: _Job) -> SyncResult:
    """Bring a work that the archive has up to date, file by file."""
    copy, mount = job.place.path, job.place.mount
    with archive_errors(mount, copy):
        archived = read_tree(copy)
    check_own_record(job.rid, archived, copy)
    recorded = read_record(copy, job.rid, mount=mount)
    job = _beside_earlier_provenance(job, archived, recorded)
    check_fits(job.rid, job.source, archived, copy)
    plan = _compare(job, copy, archived, recorded=recorded, keep_times=False)
    held = list(kept(job.source, copy, archived, recorded=recorded, mount=mount))
    right = {record.path: record for record in (*held, *plan.current) if is_recorded(record.path)}
    unfinished = list(leftovers(archived))
    new_folders = job.source.folders.keys() - archived.folders.keys()
    if not (plan.add or plan.replace or unfinished or new_folders) and right == recorded:
        return _result(job, plan)
    with archive_errors(mount, copy):
        for path in unfinished:
            (copy / path).unlink()
    written = _copy_all(job, copy, archived, plan)
    _finish_folders(job, copy)
    with archive_errors(mount, copy):
        for folder in job.source.folders:
            sync_folder(copy / folder)
    # Last, so that a sync that was killed before it finds something to do, and finishes the folders too.
    write_record(copy, job.rid, (*held, *written))
    with archive_errors(mount, copy):
        sync_folder(copy / RECORD_FOLDER)
    return _result(job, plan)


def _beside_earlier_provenance(job: _Job, archived: Tree, recorded: Mapping[str, FileRecord]) -> _Job:
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

    source, origins = relocate(job.source, archived, folder=f"{job.rid}.bag", same=same)
    places = {origin: path for path, origin in origins.items()}
    expected = {places.get(path, path): record for path, record in job.expected.items()}
    return replace(job, source=source, expected=expected, origins=origins)


def _compare(job: _Job, copy: Path, archived: Tree, *, recorded: Mapping[str, FileRecord], keep_times: bool) -> Plan:
    plan = compare(
        job.source,
        copy,
        archived,
        scratch=job.scratch,
        expected=job.expected,
        recorded=recorded,
        keep_times=keep_times,
        mount=job.place.mount,
    )
    if plan.current:
        job.progress(sum(record.size for record in plan.current))
    return plan


def _copy_all(job: _Job, copy: Path, archived: Tree, plan: Plan) -> list[FileRecord]:
    """Make the missing folders, copy the missing and changed files, and return the record of the whole work."""
    mount = job.place.mount
    paths = (*plan.add, *plan.replace)
    check_free_space(mount, copy, [job.source.files[path].size for path in paths], keep_free=job.keep_free)
    for folder in sorted((job.source.folders.keys() | {RECORD_FOLDER}) - archived.folders.keys()):
        with archive_errors(mount, copy / folder):
            (copy / folder).mkdir()
    records = list(plan.current)
    for path in paths:
        state = job.source.files[path]
        expected = job.expected.get(path)
        sha512 = copy_verified(
            job.scratch(path),
            copy / path,
            state=state,
            sha512=expected.sha512 if expected else None,
            mount=mount,
        )
        records.append(FileRecord(path, state.size, sha512, state.modified_ns))
        job.progress(state.size)
    return [record for record in records if is_recorded(record.path)]


def _finish_folders(job: _Job, copy: Path) -> None:
    """Give the folders the times that they have in the work, the deepest first, as writing into them changed these."""
    for folder in sorted(job.source.folders.keys() - {RECORD_FOLDER}, reverse=True):
        modified = job.source.folders[folder]
        with archive_errors(job.place.mount, copy / folder):
            if (copy / folder).stat(follow_symlinks=False).st_mtime_ns != modified:
                os.utime(copy / folder, ns=(modified, modified), follow_symlinks=False)


def _prune(incoming: Path, *, wanted: Tree) -> None:
    """Take out of a half-built copy what the work no longer has; nobody has seen it yet."""
    begun = read_tree(incoming)
    for path in begun.files.keys() - wanted.files.keys() | begun.others.keys():
        (incoming / path).unlink()
    for folder in sorted(begun.folders.keys() - wanted.folders.keys() - {RECORD_FOLDER}, reverse=True):
        shutil.rmtree(incoming / folder)


def _ignore(_: int) -> None:
    """Nobody wants to see the progress."""
