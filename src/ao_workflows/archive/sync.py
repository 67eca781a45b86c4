"""Putting a work in its place in the archive file system, verified, and doing nothing twice."""

from collections.abc import Sequence
from dataclasses import replace as with_fields
from datetime import UTC, datetime
from pathlib import Path

from ao_workflows.answering import Progress, ignored
from ao_workflows.archive.disk import archive_errors, scratch_errors
from ao_workflows.archive.existing_work import preview, update
from ao_workflows.archive.job import Job
from ao_workflows.archive.lock import turn_of_mount, work_lock
from ao_workflows.archive.new_work import create, remove_unfinished
from ao_workflows.archive.options import SyncOptions
from ao_workflows.archive.place import is_archived, is_real_folder, open_shard, place_of
from ao_workflows.archive.plan import Plan, without_own_record
from ao_workflows.archive.refusal import check_archivable, expected_checksums
from ao_workflows.archive.replaced import remove_old
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.tree import Tree, read_tree, without_litter
from ao_workflows.archive.writable import check_room, check_writable
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

_DEFAULTS = SyncOptions()


def sync_work(
    work: Path,
    root: Path,
    *,
    rid: Rid,
    inventory: Sequence[FileRecord] | None = None,
    options: SyncOptions = _DEFAULTS,
    progress: Progress | None = None,
) -> SyncResult:
    """Bring the archive copy of a work up to date with ``work``, proving every byte that is written.

    A new work is built in a hidden folder beside its place and appears there complete, by one rename. In a work
    that exists, each changed file is replaced when all new content is proved, files that are gone from ``work`` stay
    unless ``options.replace`` is set, and the provenance of another delivery is put beside what is there. Started again
    after it was killed at any moment, it goes on where it stopped; after it succeeded, it changes nothing.

    :param work: the work's folder on scratch.
    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param inventory: what the work's files have to be. All that it lists is archived, whatever its name. A file that
        it does not list is hashed when it is read, and left out if its name says that a desktop or an editor left it.
    :param progress: called with the bytes of each file that has been dealt with since the last call. What it raises
        ends the sync; the next one goes on where it stopped. So that it can, it is called with 0 as well, before
        anything gets or loses its name, and by several threads at a time while files are copied.
    :raises ContentRejected: if the work holds links or special files, no file at all, or clashes with the archive.
    :raises MustWait: for disk space (``waiting-for-disk``), another sync of the work (``waiting-for-sync``), or one of
        the other syncs to the mount (``waiting-for-turn``).
    :raises SystemFailed: if scratch or the archive fails, or a file is not what the inventory says.
    """
    job = _job(work, root, rid, options, inventory=inventory, progress=progress)
    place = job.place
    open_shard(place, options.access)
    with work_lock(place.shard, rid, mount=place.mount), turn_of_mount(place.mount, at_once=options.at_once):
        result = update(job) if is_archived(place, work) else create(job)
        remove_unfinished(place)
        remove_old(place, days=options.keep_replaced_days, moment=job.moment)
    return result


def preview_sync(
    work: Path, root: Path, *, rid: Rid, options: SyncOptions = _DEFAULTS, progress: Progress | None = None
) -> SyncResult:
    """Return what :func:`sync_work` would do, and change nothing. Nothing counts as verified that is not there yet.

    :param progress: called as it would, as far as files are read.
    :raises AoError: as it would, as far as that can be known without writing: if the work or the archive's copy is
        wrong, or the mount is not there, cannot be written or has no room. Locks are not looked at.
    """
    job = _job(work, root, rid, options, progress=progress)
    check_writable(job.place, rid)
    if is_archived(job.place, work):
        result = preview(job)
    else:
        _check_room_for_new(job)
        result = job.result(Plan(add=tuple(job.source.files), replace=(), current=(), reread=0), records=[])
    return with_fields(result, verified=result.verified - result.added - result.replaced)


def _check_room_for_new(job: Job) -> None:
    place, begun = job.place, Tree()
    with archive_errors(place.mount, place.incoming):
        folder = place.shard if is_real_folder(place.shard) else place.mount
        if is_real_folder(place.incoming):  # a sync was killed: the next one goes on with what is there
            begun = read_tree(place.incoming)
    check_room(job, (path for path, state in job.source.files.items() if begun.files.get(path) != state), folder)


def _job(
    work: Path,
    root: Path,
    rid: Rid,
    options: SyncOptions,
    *,
    inventory: Sequence[FileRecord] | None = None,
    progress: Progress | None = None,
) -> Job:
    with scratch_errors(work):
        found = read_tree(work)
    listed = {record.path for record in inventory or ()}
    source = without_own_record(rid, without_litter(found, listed=listed))
    check_archivable(rid, source)
    expected = expected_checksums(work, source, inventory or ())
    return Job(rid, work, source, expected, place_of(root, rid), options, progress or ignored, datetime.now(UTC))
