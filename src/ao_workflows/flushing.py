"""Having the disk write what was written to it: many files in one go, or a file while it still comes (Linux)."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Python has os.sync() for all file systems, and nothing for one. syncfs(2) tells of failed writes since Linux 5.8.
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYNCFS = _LIBC.syncfs

_SYNC_FILE_RANGE = _LIBC.sync_file_range
_WRITE = 2  # SYNC_FILE_RANGE_WRITE
_FAILED = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})


@contextmanager
def flushed(path: Path) -> Iterator[Callable[[], None]]:
    """Open the file system of ``path``; yield what flushes all that was written to it to its disk, in one go.

    One flush for many files takes the time of the disk; one for each of them takes a rotation, or a round trip, each.
    It has to be opened before the first of them is written: a write that has failed is told to those only who have the
    file system open at that time.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def flush() -> None:
        if _SYNCFS(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))

    try:
        yield flush
    finally:
        os.close(descriptor)


def start_writing(descriptor: int, offset: int, length: int) -> None:
    """Have the kernel begin to write these bytes of a file to the disk, and do not wait for it.

    Left alone it begins half a minute later, and a flush at the end waits for everything at once. A file system that
    does not know this is left alone.

    :raises OSError: if the disk fails, or is full.
    """
    if _SYNC_FILE_RANGE(descriptor, ctypes.c_int64(offset), ctypes.c_int64(length), _WRITE) != 0:
        number = ctypes.get_errno()
        if number in _FAILED:
            raise OSError(number, os.strerror(number))
