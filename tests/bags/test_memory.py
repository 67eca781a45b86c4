"""What unpacking takes of the memory: nothing more for larger files, and little for each file."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bags.corpus import bag_of, zip_files

pytestmark = pytest.mark.slow

CODE = """
import re, sys
from pathlib import Path
from ao_workflows.bags import read_plan, unpack
from ao_workflows.storage import open_local_source

def peak():
    # Not what getrusage says: that begins with the memory of the process which started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()
unpack(read_plan(open_local_source(Path(sys.argv[1]))), Path(sys.argv[2]), threads=3)
print(peak() - before)
"""


def memory_of_unpacking(zipped: Path, destination: Path) -> int:
    """Return how many bytes more the process takes at most."""
    done = subprocess.run([sys.executable, "-c", CODE, zipped, destination], check=True, capture_output=True, text=True)
    return int(done.stdout) << 10


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_memory_does_not_grow_with_the_size_of_a_file(tmp_path: Path, method: int):
    zipped = tmp_path / "W22084.zip"
    with zipfile.ZipFile(zipped, "w", method) as archive:
        for number in range(3):
            with archive.open(f"W22084/images/large-{number}", "w") as entry:
                for _ in range(70):
                    entry.write(os.urandom(20_000) + bytes((1 << 20) - 20_000))
    assert memory_of_unpacking(zipped, tmp_path / "scratch") < 24 << 20


def memory_of_files(folder: Path, files: int) -> int:
    """Return the same for a bag of so many tiny files."""
    folder.mkdir()
    pages = {f"images/W22084-{number // 500:04}/W22084-{number:08}.jpg": b"%d" % number for number in range(files)}
    zipped = zip_files(folder / "W22084.bag.zip", bag_of(pages), "W22084.bag/")
    # What the C library keeps for each thread differs by some megabytes from run to run, and only ever adds.
    return min(memory_of_unpacking(zipped, folder / f"scratch-{number}") for number in range(3))


def test_each_file_takes_less_than_a_kilobyte(tmp_path: Path):
    # 200,000 of them less than 200 MB, then, beside the 50 to 75 MB of the program itself.
    few, many = memory_of_files(tmp_path / "few", 10_000), memory_of_files(tmp_path / "many", 50_000)
    assert (many - few) / 40_000 < 1000
