"""What can be asked of a sync: into the archive file system, and onto the web."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ao_workflows.crew import default_jobs

KEEP_FREE = 64 * 1024 * 1024
"""Bytes that a sync leaves free on a mount for the file system's own needs and for others."""

Verify = Literal["written", "reread"]
"""``written``: the bytes that were handed to the disk are proved, and the disk has said that it has them. ``reread``:
they are read back from the disk and compared as well."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use what a sync writes; ``None`` leaves it to the process (umask) and the file system.

    :param file_mode: permission bits of files, such as ``0o644``.
    :param folder_mode: permission bits of folders.
    :param group: number of the group that owns both.
    """

    file_mode: int | None = None
    folder_mode: int | None = None
    group: int | None = None

    def give(self, descriptor: int, mode: int | None) -> None:
        """Give the open file or folder its group and ``mode``. :raises OSError: if this user may not."""
        if self.group is not None:
            os.fchown(descriptor, -1, self.group)
        if mode is not None:
            os.fchmod(descriptor, mode)

    def give_file(self, descriptor: int) -> None:
        """Give an open file its group and mode. :raises OSError: if this user may not."""
        self.give(descriptor, self.file_mode)

    def give_folder(self, folder: Path) -> None:
        """Give a folder that was just made its group and mode. :raises OSError: if this user may not."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self.give(descriptor, self.folder_mode)
        finally:
            os.close(descriptor)


AS_MADE = Access()
"""As the process and the file system make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """How a sync works.

    :param verify: how what is written is proved before it gets its name.
    :param checksum: read each file that the archive has and compare its content; else its size and time vouch for
        what is on record of it.
    :param replace: take files out of the archive copy that the work does not have, when all others are in place; the
        provenance of deliveries stays.
    :param link: files on the archive's own file system become files of the archive without being copied. Only for a
        work that nobody writes to afterwards: both names lead to the same bytes.
    :param keep_replaced_days: for how many days the versions that were replaced or taken out are kept beside the work;
        0 for not at all.
    :param keep_free: bytes to leave free on the mount.
    :param at_once: syncs that may write to one mount at the same time, over all processes and machines.
    :param threads: files that are copied at a time; ``None`` for one for each core.
    """

    verify: Verify = "reread"
    checksum: bool = False
    replace: bool = False
    link: bool = False
    keep_replaced_days: int = 0
    keep_free: int = KEEP_FREE
    at_once: int = 2
    access: Access = AS_MADE
    threads: int | None = None

    @property
    def jobs(self) -> int:
        """How many files are dealt with at a time."""
        return self.threads or default_jobs(is_local=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """How a work is published.

    :param prefix: what all keys begin with, such as ``library/``; empty for nothing.
    :param replace: remove what is on the web below the work's ``images/`` and not in the work.
    :param update: send images, too, that the web has with other content; else what is there is left alone.
    :param at_once: uploads on their way at a time.
    :param iiif_base: the address under which the keys are found on the web, without their prefix: where
        ``{prefix}Works/…`` is, ``{iiif_base}/Works/…`` leads; set if a IIIF manifest is wanted.
    :param access: who may use the record of what was sent.
    """

    prefix: str = ""
    replace: bool = False
    update: bool = True
    at_once: int = 32
    iiif_base: str | None = None
    access: Access = AS_MADE
