"""Whether a sync could write where it has to: found out by looking, for whoever only wants to know what it would do."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ao_workflows.archive.disk import archive_errors, check_free_space
from ao_workflows.archive.job import Job
from ao_workflows.archive.lock import FIRST_TURN
from ao_workflows.archive.place import Place, expect_mount, is_real_folder


def check_writable(place: Place) -> None:
    """Make sure that a sync could make its files in ``place``.

    :raises ArchiveFailed: if the mount is not there (``archive-mount-missing``), or cannot be written.
    :raises MustWait: (``waiting-for-mount``) if it does not answer.
    """
    expect_mount(place)
    with archive_errors(place.mount, place.shard):
        folders = {place.shard if is_real_folder(place.shard) else place.mount}
        if not os.path.lexists(place.mount / FIRST_TURN):
            folders.add(place.mount)  # each sync locks that file, and makes it if need be
    for folder in folders:
        with archive_errors(place.mount, folder):
            if os.statvfs(folder).f_flag & os.ST_RDONLY:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_room(job: Job, paths: Iterable[str], folder: Path) -> None:
    """Make sure that the work's files at ``paths`` fit on the disk of ``folder``.

    Files that may become the archive's by links need no room there, if links can be made: only trying tells that.

    :raises MustWait: (``waiting-for-disk``) if they do not.
    """
    if not job.options.link:
        sizes = [job.source.files[path].size for path in paths]
        check_free_space(job.place.mount, folder, sizes, keep_free=job.options.keep_free)
