"""The jobs that are measured, as commands: ours, and what people use now."""

import os
import sys
import zipfile
from pathlib import Path

import bagit

from ao_workflows.archive import sync_work
from ao_workflows.bags import create, read_plan, unpack
from ao_workflows.storage import open_local_source
from ao_workflows.works import parse_rid

RID = "W22084"


def make_work(folder: Path, files: int, size: int) -> None:
    """Make a work of ``files`` files of ``size`` bytes that no disk can compress or share."""
    for kind, suffix in (("images", "jpg"), ("archive", "tif")):
        group = folder / RID / kind / f"{RID}-0001"
        group.mkdir(parents=True)
        for number in range(1, files // 2 + 1):
            (group / f"0001{number:04d}.{suffix}").write_bytes(os.urandom(size))


def make_bag(work: Path, target: Path) -> None:
    """Bag the work into a zip."""
    create([work], target)


def ours_unpack(bag: Path, folder: Path) -> None:
    """Unpack and verify in one pass."""
    unpack(read_plan(open_local_source(bag)), folder)


def zipfile_and_bagit(bag: Path, folder: Path) -> None:
    """Unpack with the standard library, then verify with bagit-python in one process."""
    with zipfile.ZipFile(bag) as archive:
        archive.extractall(folder)
    bagit.Bag(str(folder / f"{RID}.bag")).validate()


def ours_sync(work: Path, root: Path) -> None:
    """Copy into an archive, every byte read back and compared."""
    for number in range(4):
        (root / f"Archive{number}").mkdir(exist_ok=True)
    sync_work(work, root, rid=parse_rid(RID))


if __name__ == "__main__":
    job, first, second = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    {"unpack": ours_unpack, "zipfile+bagit": zipfile_and_bagit, "sync": ours_sync, "bag": make_bag}[job](first, second)
