"""Works to measure with; apart from the jobs, so that who needs no more than these loads no more."""

import os
from pathlib import Path

RID = "W22084"


def make_work(folder: Path, files: int, size: int) -> None:
    """Make a work of ``files`` files of ``size`` bytes that no disk can compress or share."""
    for kind, suffix in (("images", "jpg"), ("archive", "tif")):
        group = folder / RID / kind / f"{RID}-0001"
        group.mkdir(parents=True)
        for number in range(1, files // 2 + 1):
            (group / f"0001{number:04d}.{suffix}").write_bytes(os.urandom(size))


def files_of(work: Path) -> list[Path]:
    """Return the files of a work."""
    return sorted(path for path in work.rglob("*") if path.is_file())
