"""What the archive's disk has, rather than what the system has in memory of it."""

import ctypes
import mmap
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ao_workflows.answering import Progress, ignored
from ao_workflows.archive.copying import FileCopy, damaged_source, hash_open, hash_source
from ao_workflows.archive.disk import ArchiveFailed, archive_error
from ao_workflows.errors import SystemFailed

_CHUNK = 1024 * 1024
_AHEAD = 8 * _CHUNK
"""Bytes of a file that the disk is asked for before they are read; from then on the system reads ahead by itself."""

_LIBC = ctypes.CDLL(None)

_ONCE_MORE_AFTER = 0.002
"""Seconds after which a file that the system did not drop from memory is tried once more."""

# Opening a pipe must not wait for its writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class WriteDamaged(ArchiveFailed):
    """What was read back from the archive's disk is not what was written to it."""

    code = "archive-write-damaged"


class OnDisk(NamedTuple):
    """What was read of a file.

    :param from_disk: whether it was the disk that was read, as far as one can tell, and not memory.
    """

    sha512: str
    from_disk: bool


def read_from_disk(
    paths: Sequence[Path | str], *, mount: Path, progress: Progress = ignored
) -> Generator[OnDisk, None, None]:
    """Read files of the archive as the disk has them, in this order; symbolic links are not followed.

    The disk is asked for all of them before the first is read: one after the other, each would wait for the disk.

    :param paths: not many: all of them are open at the same time.
    :param progress: called with 0 after each piece; what it raises ends the reading.
    :raises ArchiveFailed: if one cannot be read.
    """
    descriptors: list[int] = []
    dropped: list[bool] = []
    path: Path | str = mount
    try:
        for path in paths:
            descriptors.append(os.open(path, _READ))
            dropped.append(_drop_from_memory(descriptors[-1]))
            os.posix_fadvise(descriptors[-1], 0, _AHEAD, os.POSIX_FADV_WILLNEED)
        for path, descriptor, from_disk in zip(paths, descriptors, dropped, strict=True):  # noqa: B007  # the error's
            size = os.fstat(descriptor).st_size
            yield OnDisk(hash_open(descriptor, size, progress=progress), from_disk)
    except OSError as error:
        raise archive_error(error, mount=mount, path=path) from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def prove_on_disk(brought: Sequence[tuple[FileCopy, str]], *, mount: Path, goes_on: Callable[[], bool]) -> int:
    """Make sure that the disk has each of the files, which were flushed, with the SHA-512 that comes with it.

    :param brought: not many, as for :func:`read_from_disk`.
    :param goes_on: tells, after each file, whether there is any use in going on; asked after each piece, too.
    :returns: how many were read from memory all the same.
    :raises WriteDamaged: if one is something else. :raises ScratchDamaged: if it is so on scratch already.
    """
    from_memory = 0

    def ask(_: int) -> None:
        goes_on()

    found = read_from_disk([copy.written for copy, _ in brought], mount=mount, progress=ask)
    with closing(found):
        for (copy, sha512), on_disk in zip(brought, found, strict=True):
            if on_disk.sha512 != sha512:
                raise _damaged(copy, expected=sha512, found=on_disk.sha512, mount=mount)
            from_memory += not on_disk.from_disk and copy.state.size > 0
            if not goes_on():
                break
    return from_memory


def hash_archived(path: Path, *, mount: Path) -> str:
    """Return the SHA-512 of one file in the archive, as the disk has it."""
    return next(read_from_disk([path], mount=mount)).sha512


def _damaged(copy: FileCopy, *, expected: str, found: str, mount: Path) -> SystemFailed:
    """Return the error for a file that is not what it has to be: where it was already so on scratch, it says that."""
    on_scratch = hash_source(copy.source, state=copy.state)
    if on_scratch != expected:
        return damaged_source(copy.source, expected=expected, found=on_scratch)
    return WriteDamaged(
        f"{str(copy.target)!r} was not archived: SHA-512 {expected} was written, and {found} was read back.",
        action=f"Check the disk behind {str(mount)!r} (and the machine's memory) before the next sync.",
    )


def _drop_from_memory(descriptor: int) -> bool:
    """Have the system drop what it has of a file in memory; return whether it has, as far as one can tell.

    A page that is just on its way to the disk, or between two lists of the kernel, stays; a moment later it goes.
    """
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    in_memory = _is_in_memory(descriptor)
    if in_memory is None:
        return False
    if not in_memory:
        return True
    time.sleep(_ONCE_MORE_AFTER)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return _is_in_memory(descriptor) is False


def _is_in_memory(descriptor: int) -> bool | None:
    """Tell whether the first byte can be had without asking the disk; ``None`` where the system does not tell."""
    try:
        return os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False
    except OSError:
        return _is_resident(descriptor)  # tmpfs, network and stacked file systems know no such reading


def _is_resident(descriptor: int) -> bool | None:
    """Tell whether the first page is in memory; ``None`` where the system does not tell, as of others' files."""
    state = os.fstat(descriptor)
    if os.geteuid() not in {0, state.st_uid}:
        return None
    try:
        # Python gives the address of memory only where it could be written to; this is nobody else's.
        memory = mmap.mmap(descriptor, 1, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    except (OSError, ValueError):  # an empty file has no page
        return None if state.st_size else False
    with memory:
        first, answer = ctypes.c_char.from_buffer(memory), ctypes.c_ubyte()
        failed = _LIBC.mincore(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(1), ctypes.byref(answer))
        del first  # else the memory cannot be given back
        return None if failed else bool(answer.value & 1)
