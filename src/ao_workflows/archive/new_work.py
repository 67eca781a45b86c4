"""A work that the archive does not have yet: built in a hidden folder beside its place, and named when it is proved."""

import os
import shutil
from pathlib import Path

from ao_workflows.archive.disk import archive_errors, sync_folder
from ao_workflows.archive.job import Job
from ao_workflows.archive.place import Place, is_real_folder
from ao_workflows.archive.plan import Plan
from ao_workflows.archive.record import FOLDER as RECORD_FOLDER
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.tree import Tree, read_tree
from ao_workflows.flushing import flushed
from ao_workflows.log import get_logger

log = get_logger(__name__)


def create(job: Job) -> SyncResult:
    """Build the work, and let it appear at once. A half-built one, of a sync that was killed, is gone on with."""
    place, incoming = job.place, job.place.incoming
    with archive_errors(place.mount, incoming):
        if not is_real_folder(incoming):
            incoming.mkdir()
            job.options.access.give_folder(incoming)
        _prune(incoming, wanted=job.source)
        begun = read_tree(incoming)
    with flushed(place.shard) as flush:
        # What is there is read: nobody knows whether the disk had all of it when the other was killed.
        plan = job.compare(incoming, begun, recorded={}, keep_times=True, read_all=True)
        with archive_errors(place.mount, incoming):
            for path in plan.replace:
                (incoming / path).unlink()
        paths = (*plan.add, *plan.replace)
        # Nobody sees the folder: each file is written under its own name.
        transferred = job.bring(job.copies(paths, incoming, written=_itself), incoming, begun, flush=flush)
        records = job.records_of(plan, paths, transferred.checksums)
        job.finish_folders(incoming)
        job.record(incoming, (), records)
        with archive_errors(place.mount, place.path):
            flush()  # the folders, too, have their names before the work has its own
            # Whoever does not wait for the sync any more stops it here. One that is left during the rename gives the
            # work its name all the same: it is complete and proved then, and the next sync finds it so.
            job.progress(0)
            os.rename(incoming, place.path)
            sync_folder(place.shard)
    # What a killed sync had copied was read again just now; to the archive it is new all the same.
    whole = Plan(add=tuple(job.source.files), replace=(), current=(), reread=0)
    return job.result(whole, records=records, transferred=transferred)


def remove_unfinished(place: Place) -> None:
    """Remove the half-built copy that a killed sync has left of a work that another program has archived since.

    If it cannot be removed, that is only logged: the work is archived all the same.
    """
    try:
        if os.path.lexists(place.incoming):
            shutil.rmtree(place.incoming)
    except OSError as error:
        folder, reason = str(place.incoming), error.strerror or str(error)
        log.warning("a half-built copy stays", folder=folder, error=reason, action="Remove it by hand.")


def _itself(path: str) -> str:
    return path


def _prune(incoming: Path, *, wanted: Tree) -> None:
    """Take out of a half-built copy what the work no longer has; nobody has seen it yet."""
    begun = read_tree(incoming)
    for path in begun.files.keys() - wanted.files.keys() | begun.others.keys():
        (incoming / path).unlink()
    for folder in sorted(begun.folders.keys() - wanted.folders.keys() - {RECORD_FOLDER}, reverse=True):
        shutil.rmtree(incoming / folder)
