"""The jobs that are measured, as commands: ours, and what people use now."""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ao_workflows.bags import create, read_plan, unpack
from ao_workflows.flushing import flushed
from ao_workflows.inventory import FileRecord, write_inventory
from ao_workflows.storage import open_local_source
from benchmarks.works import files_of, inventory_of


def make_bag(work: Path, target: Path) -> None:
    """Bag the work into a zip."""
    create([work], target)


def make_inventory(work: Path) -> None:
    """Write what an unpacked bag comes with: what each file has to be."""
    records = []
    for path in files_of(work):
        state, digest = path.stat(), hashlib.sha512(path.read_bytes()).hexdigest()
        records.append(FileRecord(path.relative_to(work).as_posix(), state.st_size, digest, state.st_mtime_ns))
    write_inventory(inventory_of(work), records)


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


if __name__ == "__main__":
    job, first, second = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    jobs = {"unpack": ours_unpack, "bag": make_bag, "hash": hash_only, "write": write_only}
    jobs[job](first, second)
