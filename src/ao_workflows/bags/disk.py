"""Errors of the disk, said to the operator, and what lies on it."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ao_workflows.errors import MustWait, SystemFailed
from ao_workflows.units import size_text

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn an ``OSError`` into what the operator can act on.

    :param place: what the disk was asked for, where the error itself does not name a file.
    :raises MustWait: with the code ``waiting-for-disk``, if the disk or a quota is full.
    :raises SystemFailed: for everything else.
    """
    try:
        yield
    except OSError as error:
        path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(place)
        if error.errno in _FULL:
            raise MustWait(
                f"free space for {path}",
                action="Free some, or choose another folder; what is already there is kept and used.",
                code="waiting-for-disk",
            ) from error
        raise SystemFailed(
            f"{path}: {error.strerror or error}.",
            action="Check the disk, the mount and its permissions; what is already there is kept and used.",
            code="disk-failed",
        ) from error


def expect_room(folder: Path, sizes: Iterable[int], *, there: Iterable[int]) -> None:
    """Make sure that the disk of ``folder`` has room for files of these ``sizes`` in bytes, each in blocks of its own.

    :param there: the sizes of those among them that are on the disk already.
    :raises MustWait: with the code ``waiting-for-disk``, if not.
    """
    disk = os.statvfs(folder)
    if not disk.f_blocks:
        return  # a file system that does not tell its size, such as one in memory without a limit
    block = disk.f_frsize
    # Both in the same way: a disk that compresses what is there would else seem to need room for it once more.
    needed = sum(-(-size // block) * block for size in sizes) - sum(-(-size // block) * block for size in there)
    free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * block  # root may use what is reserved
    if needed > free:
        raise MustWait(
            f"{size_text(needed)} of free space in {folder}, which has {size_text(free)}",
            action="Free some, or choose another folder; what is already there is kept and used.",
            code="waiting-for-disk",
        )


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_new(path: str | Path) -> int:
    """Return a descriptor that writes to a new file; what is there, such as a link to elsewhere, is unlinked first."""
    try:
        return os.open(path, _NEW, 0o666)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, _NEW, 0o666)


def special_below(root: Path) -> str | None:
    """Return the path in ``root`` of something that is neither a file nor a folder, such as a link, if there is any."""
    for folder, folders, names in walk(root):
        for name in [*folders, *names]:
            place = Path(folder, name)
            mode = place.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return place.relative_to(root).as_posix()
    return None


def walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Like :func:`os.walk`, but a folder that cannot be listed is an error, not an empty one."""
    return os.walk(root, onerror=_raise)


def names_taken_for_others(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return those of ``paths`` that the file system of ``folder`` takes for one before them.

    It is asked, by making files of these names in a folder of their own.
    """
    taken = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="names-") as place:
        for path in paths:
            file = Path(place, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                file.touch(exist_ok=False)
            except FileExistsError:
                taken.append(path)
    return taken


def _raise(error: OSError) -> None:
    raise error
