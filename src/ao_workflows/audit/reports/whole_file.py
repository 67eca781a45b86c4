"""A report that is there whole, or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ao_workflows.errors import MustWait, SystemFailed

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def whole_file(target: Path) -> Iterator[TextIO]:
    """Open a text file in UTF-8 that gets the name ``target`` when the block ends well; its folder is made.

    :raises MustWait: if the disk is full. :raises SystemFailed: if it cannot be written.
    """
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
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
                f"free space to write {target}", action="Free some space on its disk.", code="waiting-for-disk"
            ) from error
        raise SystemFailed(
            f"Cannot write the report {target}: {error.strerror}.", action="Check the folder and its permissions."
        ) from error
