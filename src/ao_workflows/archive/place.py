"""Where a work goes in the archive, and making sure that what leads there is what it seems to be."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.archive.disk import ArchiveFailed, archive_errors, expect_answer, sync_folder
from ao_workflows.archive.options import AS_MADE, Access
from ao_workflows.archive.tree import kind_of
from ao_workflows.errors import UsageError
from ao_workflows.works import Rid, archive_path


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one work in the archive file system.

    :param mount: ``Archive{n}``, a mount point.
    :param shard: ``Archive{n}/{nn}``.
    :param path: the work's own folder.
    :param incoming: the hidden folder in which a new work is built.
    """

    mount: Path
    shard: Path
    path: Path
    incoming: Path


def place_of(root: Path, rid: Rid) -> Place:
    """Return the place of the work ``rid`` in the archive whose mounts are in ``root``."""
    path = archive_path(root, rid)
    return Place(path.parent.parent, path.parent, path, path.with_name(f".{rid}.incoming"))


def expect_mount(place: Place) -> None:
    """Make sure that the mount is there.

    The mount itself is never made: if it is not mounted, the work would fill the disk that lies below.

    :raises ArchiveFailed: (``archive-mount-missing``) if it is not there.
    :raises MustWait: (``waiting-for-mount``) if it does not answer.
    """
    expect_answer(place.mount)
    with archive_errors(place.mount, place.mount):
        if not place.mount.is_dir():
            raise ArchiveFailed(
                f"The archive mount {str(place.mount)!r} is not there.",
                action="Mount it, or make the folder if the archive is on this disk on purpose; then retry.",
                code="archive-mount-missing",
            )


def open_shard(place: Place, access: Access = AS_MADE) -> None:
    """Make sure that the mount is there, and make the shard's folder in it if need be.

    :param access: who may use the shard's folder if that has to be made.
    :raises ArchiveFailed: (``archive-mount-missing``) if the mount is not there.
    :raises MustWait: (``waiting-for-mount``) if it does not answer.
    """
    expect_mount(place)
    with archive_errors(place.mount, place.shard):
        if not is_real_folder(place.shard):
            with suppress(FileExistsError):  # another sync makes it at the same moment
                place.shard.mkdir()
                access.give_folder(place.shard)
            sync_folder(place.mount)


def is_archived(place: Place, work: Path) -> bool:
    """Tell whether the archive has the work already.

    :raises UsageError: if ``work`` is that archive copy itself.
    """
    with archive_errors(place.mount, place.path):
        if not is_real_folder(place.path):
            return False
        if os.path.samefile(work, place.path):
            raise UsageError(
                f"{str(work)!r} is the archive copy itself; there is nothing to sync.",
                action="Name the work's folder outside the archive.",
            )
    return True


def is_real_folder(path: Path) -> bool:
    """Tell whether a folder is at ``path``; anything else there, even a link to a folder, is an error."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        raise in_the_way(path, kind_of(mode))
    return True


def in_the_way(path: Path, kind: str) -> ArchiveFailed:
    """Return the error for something in the archive that no sync writes through or over."""
    return ArchiveFailed(
        f"{str(path)!r} in the archive is {kind}; nothing is written through or over it.",
        action="Find out who put it there, and move it away.",
        code="archive-in-the-way",
    )
