"""One sync of a work at a time, and a few syncs of a mount, among all processes and machines that share it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ao_workflows.archive.disk import archive_errors
from ao_workflows.errors import MustWait
from ao_workflows.works import Rid

FIRST_TURN = ".ao-sync-turn-1.lock"
"""A file that each mount has once a work was synced to it, and whose time says nothing to anybody."""


def work_lock_path(shard: Path, rid: Rid) -> Path:
    """Return the file that is locked while the work ``rid`` is synced, or sent from its copy."""
    return shard / f".{rid}.lock"


@contextmanager
def work_lock(shard: Path, rid: Rid, *, mount: Path) -> Iterator[int]:
    """Hold the lock of the work ``rid``, a hidden file beside it in ``shard``.

    The kernel frees the lock when the process ends, however it ends. The file itself stays: removing it would
    let two processes each hold the lock of a different file of that name.

    :raises MustWait: (``waiting-for-sync``) if another sync of the work holds it, or somebody publishes it.
    """
    path = work_lock_path(shard, rid)
    with _lock_file(path, mount=mount) as descriptor:
        if not _locked(descriptor, path, mount=mount):
            raise MustWait(
                f"another sync of {rid}, or its publishing, to end",
                action=f"It holds {str(path)!r}; see who runs it with: fuser {str(path)!r}",
                code="waiting-for-sync",
            )
        yield descriptor


@contextmanager
def turn_of_mount(mount: Path, *, at_once: int) -> Iterator[None]:
    """Hold one of the ``at_once`` turns that a mount has for syncs that write to it.

    More of them at a time drown a server in waiting for its disks. A turn is a lock on a hidden file of the mount.

    :raises MustWait: (``waiting-for-turn``) if other syncs hold them all.
    """
    for number in range(1, at_once + 1):
        path = mount / f".ao-sync-turn-{number}.lock"
        with _lock_file(path, mount=mount) as descriptor:
            if _locked(descriptor, path, mount=mount):
                yield
                return
    raise MustWait(
        f"one of the {at_once} syncs that write to {str(mount)!r} to end",
        action="It goes on by itself; archive.max_syncs says how many may run at the same time.",
        code="waiting-for-turn",
    )


@contextmanager
def _lock_file(path: Path, *, mount: Path) -> Iterator[int]:
    with archive_errors(mount, path):
        descriptor = _open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a lock's file, which is made if need be, for all users: each of them has to be able to lock it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    os.fchmod(descriptor, 0o666)  # whatever the umask takes
    return descriptor


def _locked(descriptor: int, path: Path, *, mount: Path) -> bool:
    """Lock the open file; tell whether that could be done."""
    with archive_errors(mount, path):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
