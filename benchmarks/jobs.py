"""The jobs that are measured, as commands: ours, and what people use now."""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ao_workflows.archive import sync_work
from ao_workflows.bags import create, read_plan, unpack
from ao_workflows.flushing import flushed
from ao_workflows.storage import open_local_source
from ao_workflows.works import parse_rid
from benchmarks.works import RID, files_of


def make_bag(work: Path, target: Path) -> None:
    """Bag the work into a zip."""
    create([work], target)


def ours_unpack(bag: Path, folder: Path) -> None:
    """Unpack and verify in one pass."""
    unpack(read_plan(open_local_source(bag)), folder)


def hash_only(work: Path, _folder: Path) -> None:
    """Read and hash every file with two threads, and do nothing else."""

    def one(path: Path) -> None:
        with path.open("rb", buffering=0) as file:
            hashlib.file_digest(file, "sha512")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, files_of(work)))


def write_only(work: Path, folder: Path) -> None:
    """Write as many files of the same sizes with two threads, flush once, and do nothing else."""
    content = os.urandom(max(path.stat().st_size for path in files_of(work)))

    def one(path: Path) -> None:
        (folder / path.relative_to(work)).write_bytes(memoryview(content)[: path.stat().st_size])

    paths = files_of(work)
    for parent in {path.parent for path in paths}:
        (folder / parent.relative_to(work)).mkdir(parents=True)
    with flushed(folder) as flush:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, paths))
        flush()


def ours_sync(work: Path, root: Path) -> None:
    """Copy into an archive, every byte read back and compared."""
    for number in range(4):
        (root / f"Archive{number}").mkdir(exist_ok=True)
    sync_work(work, root, rid=parse_rid(RID))


if __name__ == "__main__":
    job, first, second = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    jobs = {"unpack": ours_unpack, "sync": ours_sync, "bag": make_bag, "hash": hash_only, "write": write_only}
    jobs[job](first, second)
