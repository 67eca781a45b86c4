"""A file system that was made a moment ago: ext4 takes twice as long to create files where many others once were."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.line import run

# Else the kernel goes on making it while it is measured.
_MADE_WHOLE = "lazy_itable_init=0,lazy_journal_init=0"


@contextmanager
def fresh_file_system(folder: Path, gigabytes: int) -> Iterator[Path]:
    """Make an ext4 of that size in a file in ``folder``, mount it, and yield where; it is gone afterwards. Needs root.

    It is in nobody's page cache twice: the file is written and read directly.
    """
    image, place = folder / "image", folder / "fresh"
    place.mkdir()
    run(["fallocate", "--length", f"{gigabytes}GB", str(image)])
    run(["mkfs.ext4", "-q", "-F", "-E", _MADE_WHOLE, str(image)])
    attach = ["losetup", "--find", "--show", "--direct-io=on", str(image)]
    device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()
    try:
        run(["mount", device, str(place)])
        try:
            yield place
        finally:
            run(["umount", str(place)])
    finally:
        run(["losetup", "--detach", device])
