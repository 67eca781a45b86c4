"""A file that gets its name when it is complete, and never the name of another one.

It is written beside its place as ``.{name}.{16 hex digits}.partial``, each time a new one, so that two who make the
same file do not write into one. Who writes it holds a lock on it: one that nobody holds was left by a process that was
killed, and is removed by the next that makes this file.
"""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ao_workflows.bags.disk import sync
from ao_workflows.errors import UsageError

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems without hard links answer, such as those of memory cards and of some servers."""


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file that becomes ``target``, flushed to the disk, when the block ends well; else it is removed.

    :raises UsageError: with the code ``target-exists``, if something of that name is there by then. (An ``OSError`` of
        the disk passes.)
    """
    _remove_abandoned(target)
    temporary, descriptor = _open(target)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _publish(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    sync(target.parent)


def target_exists(target: Path) -> UsageError:
    """Return the error for a name that is taken."""
    return UsageError(
        f"{target} is there already.", action="Choose another name, or move it away.", code="target-exists"
    )


def _open(target: Path) -> tuple[Path, int]:
    """Make the file and lock it; once more, if it was taken for an abandoned one between the two."""
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _publish(temporary: Path, target: Path) -> None:
    """Give the file its name, which fails where there is one: a rename would replace it."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise target_exists(target) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Two could still pass here at once; each has a complete file, and the later one's stays.
        if target.exists() or target.is_symlink():
            raise target_exists(target) from error
        temporary.rename(target)


def _remove_abandoned(target: Path) -> None:
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}\.partial", re.DOTALL)
    for name in filter(pattern.fullmatch, os.listdir(target.parent)):
        with suppress(OSError):  # another user's, or gone meanwhile: it is in nobody's way
            _remove_unless_locked(target.with_name(name))


def _remove_unless_locked(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if _lock(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file for this process; tell whether that could be done. Closing it gives the lock back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
