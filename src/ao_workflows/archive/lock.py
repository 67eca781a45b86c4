"""One sync of a work at a time, among all processes and machines that share the archive mount."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ao_workflows.archive.disk import archive_errors
from ao_workflows.errors import MustWait
from ao_workflows.works import Rid


@contextmanager
def work_lock(shard: Path, rid: Rid, *, mount: Path) -> Iterator[None]:
    """Hold the lock of the work ``rid``, a hidden file beside it in ``shard``.

    The kernel frees the lock when the process ends, however it ends. The file itself stays: removing it would
    let two processes each hold the lock of a different file of that name.

    :raises MustWait: (``waiting-for-sync``) if another sync of the work holds it.
    """
    path = shard / f".{rid}.lock"
    with archive_errors(mount, path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with archive_errors(mount, path):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MustWait(
                    f"another sync of {rid} to end",
                    action=f"It holds {str(path)!r}; see who runs it with: fuser {str(path)!r}",
                    code="waiting-for-sync",
                ) from None
        yield
    finally:
        os.close(descriptor)
