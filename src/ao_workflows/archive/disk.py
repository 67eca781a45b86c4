"""The archive's disks: their errors in an operator's words, and the space that a sync needs."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ao_workflows.errors import AoError, MustWait, SystemFailed

ANSWER_SECONDS = 60.0
"""How long a mount may take to say how much room it has: a disk that sleeps wakes up in ten."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""Errors that say: this user may not write here."""
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
_LOST = frozenset({errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV})

_OPEN_MORE = "Let the process have more files open at a time (ulimit -n): 1,024 are enough. Then retry."


class ArchiveFailed(SystemFailed):
    """The archive's file system did not do what it was asked for."""

    code = "archive-failed"


class ScratchFailed(SystemFailed):
    """The work's copy on scratch cannot be read, or is not what was verified when it was unpacked."""

    code = "scratch-failed"


def expect_answer(mount: Path, *, within: float = ANSWER_SECONDS) -> None:
    """Make sure that a mount answers: one whose server is gone keeps whoever asks it for ever, and cannot be left.

    :param within: seconds.
    :raises MustWait: (``waiting-for-mount``) if it does not.
    """
    asking = threading.Thread(target=_ask, args=(mount,), name="mount", daemon=True)
    asking.start()
    asking.join(within)
    if asking.is_alive():
        raise MustWait(
            f"the archive mount {str(mount)!r} to answer: it has not for {within:g} seconds",
            action="Check the disk or server behind it, and mount it again.",
            code="waiting-for-mount",
        )


def _ask(mount: Path) -> None:
    with suppress(OSError):  # that, too, is an answer, and whoever uses the mount next tells it
        os.statvfs(mount)


@contextmanager
def archive_errors(mount: Path, path: Path | str) -> Iterator[None]:
    """Turn an :class:`OSError` met while using ``path`` into the error that says who has to do what.

    :raises MustWait: (``waiting-for-disk``) when ``mount`` is full.
    :raises ArchiveFailed: for everything else.
    """
    try:
        yield
    except OSError as error:
        raise archive_error(error, mount=mount, path=path) from error


@contextmanager
def record_errors(mount: Path, folder: Path) -> Iterator[None]:
    """Name the mount in the error of whoever writes the archive's own files into ``folder``, and knows no mounts.

    :raises ArchiveFailed: in place of another :class:`SystemFailed` that an :class:`OSError` has caused.
    """
    try:
        yield
    except SystemFailed as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error, ArchiveFailed):
            raise archive_error(error.__cause__, mount=mount, path=folder) from error
        raise


def archive_error(error: OSError, *, mount: Path, path: Path | str) -> AoError:
    """Return the operator's error for ``error``, met at ``path`` on the archive mount ``mount``."""
    if error.errno in _FULL:
        return MustWait(
            f"free space on {str(mount)!r}: it became full while {str(path)!r} was written",
            action="Free some space there; the sync goes on where it stopped.",
            code="waiting-for-disk",
        )
    reason = error.strerror or str(error)
    if error.errno in _NO_DESCRIPTOR:  # the disk is well
        return ArchiveFailed(f"{str(path)!r} on {str(mount)!r} could not be opened: {reason}.", action=_OPEN_MORE)
    if error.errno in NOT_WRITABLE:
        action = f"Mount {str(mount)!r} writable for uid {os.geteuid()}, then retry."
    elif error.errno in _LOST:
        action = f"Check the disk or server behind {str(mount)!r}, mount it again, then retry."
    else:
        action = f"Check {str(mount)!r}, then retry."
    return ArchiveFailed(f"The archive mount {str(mount)!r} failed at {str(path)!r}: {reason}.", action=action)


@contextmanager
def scratch_errors(path: Path | str) -> Iterator[None]:
    """Turn an :class:`OSError` met while reading the scratch file or folder ``path`` into :class:`ScratchFailed`."""
    try:
        yield
    except OSError as error:
        raise scratch_error(error, path) from error


def scratch_error(error: OSError, path: Path | str) -> ScratchFailed:
    """Return the operator's error for ``error``, met while reading ``path`` on scratch."""
    place = error.filename if isinstance(error.filename, str) else str(path)
    action = "Check the scratch disk; if the file is gone, unpack the delivery again."
    return ScratchFailed(
        f"The work on scratch cannot be read at {place!r}: {error.strerror or error}.",
        action=_OPEN_MORE if error.errno in _NO_DESCRIPTOR else action,
    )


def check_free_space(mount: Path, folder: Path, sizes: list[int], *, keep_free: int) -> None:
    """Make sure that files of ``sizes`` bytes fit into ``folder`` and leave ``keep_free`` bytes.

    :raises MustWait: (``waiting-for-disk``) if they do not.
    """
    with archive_errors(mount, folder):
        state = os.statvfs(folder)
    if not state.f_blocks:
        return  # a file system that does not tell its size
    # Files occupy whole blocks, and each one a little in its folder and in the inventory.
    block = state.f_frsize
    needed = sum(-(-size // block) * block for size in sizes) + 512 * len(sizes)
    free = state.f_bavail * block
    if free < needed + keep_free:
        raise MustWait(
            f"free space on {str(mount)!r}: {needed:,} bytes are needed beside {keep_free:,} that stay free, "
            f"and {free:,} are free",
            action="Free some space there, or sync fewer works at once.",
            code="waiting-for-disk",
        )


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
