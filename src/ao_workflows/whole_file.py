"""A file that is there whole, or as it was before."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ao_workflows.errors import MustWait, SystemFailed

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def whole_file(
    target: Path, *, what: str, make_folder: bool = False, give: Callable[[int], None] | None = None
) -> Iterator[TextIO]:
    """Open a text file in UTF-8 that gets the name ``target`` when the block ends well, synced.

    :param what: what it is, for the message.
    :param make_folder: whether its folder is made where there is none.
    :param give: gives the open file, by its descriptor, its group and mode before it has its name.
    :raises MustWait: if the disk is full. :raises SystemFailed: if it cannot be written.
    """
    temporary = target.with_name(f".{target.name}.part")
    try:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        # What a killed run or a stranger left under that name is never written through.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                if give is not None:
                    give(descriptor)
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise MustWait(
                f"free space to write {target}",
                action="Free some space on its disk, or raise the quota.",
                code="waiting-for-disk",
            ) from error
        raise SystemFailed(
            f"Cannot write {what} {target}: {error.strerror}.", action="Check the disk and its permissions."
        ) from error
