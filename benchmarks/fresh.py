"""A file system that was made a moment ago: ext4 takes up to twice as long to create files where many others are."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.line import run

# Else the kernel goes on making it while it is measured.
_MADE_WHOLE = "lazy_itable_init=0,lazy_journal_init=0"


@dataclass(frozen=True, slots=True)
class Place:
    """Where programs work that are measured.

    :param renew: called before each round; it may empty the folder.
    """

    folder: Path
    renew: Callable[[], None] = lambda: None


@contextmanager
def fresh_file_system(folder: Path, gigabytes: int) -> Iterator[Place]:
    """Yield a place on an ext4 of that size in a file in ``folder``, which is made anew for each round. Needs root.

    The file is read and written directly, so that nothing is in the page cache twice.
    """
    image, mount = folder / "image", folder / "mount"
    mount.mkdir()
    run(["fallocate", "--length", f"{gigabytes}GB", str(image)])
    attach = ["losetup", "--find", "--show", "--direct-io=on", str(image)]
    device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()

    def renew() -> None:
        if mount.is_mount():
            run(["umount", str(mount)])
        run(["mkfs.ext4", "-q", "-F", "-E", _MADE_WHOLE, device])
        run(["mount", device, str(mount)])

    try:
        renew()
        yield Place(mount, renew)
    finally:
        if mount.is_mount():
            run(["umount", str(mount)])
        run(["losetup", "--detach", device])
