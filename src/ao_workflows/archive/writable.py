"""Whether a sync could write where it has to: found out by looking, for whoever only wants to know what it would do."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ao_workflows.archive.disk import archive_errors, check_free_space
from ao_workflows.archive.job import Job
from ao_workflows.archive.lock import FIRST_TURN, work_lock_path
from ao_workflows.archive.place import Place, expect_mount, is_real_folder
from ao_workflows.works import Rid


def check_writable(place: Place, rid: Rid) -> None:
    """Make sure that a sync could begin to write in ``place``; folders in a copy that is there are not looked at.

    :raises ArchiveFailed: if the mount is not there (``archive-mount-missing``), or cannot be written.
    :raises MustWait: (``waiting-for-mount``) if it does not answer.
    """
    expect_mount(place)
    with archive_errors(place.mount, place.shard):
        if os.statvfs(place.mount).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        folders = set()
        if not is_real_folder(place.shard):
            folders.add(place.mount)
        elif not (is_real_folder(place.path) and os.path.lexists(work_lock_path(place.shard, rid))):
            folders.add(place.shard)
        if not os.path.lexists(place.mount / FIRST_TURN):
            folders.add(place.mount)  # each sync locks that file, and makes it if need be
    for folder in folders:
        with archive_errors(place.mount, folder):
            if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_room(job: Job, paths: Iterable[str], folder: Path) -> None:
    """Make sure that the work's files at ``paths`` fit on the disk of ``folder``.

    Files that may become the archive's by links need no room there, if links can be made: only trying tells that.

    :raises MustWait: (``waiting-for-disk``) if they do not.
    """
    sizes = [job.source.files[path].size for path in paths]
    if sizes and not job.options.link:
        check_free_space(job.place.mount, folder, sizes, keep_free=job.options.keep_free)
