import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ao_workflows.inventory import FileRecord

MODIFIED_NS = 1_500_000_000_123_456_789
"""The time of the sample's first file; each later one is a second and a nanosecond younger."""

SAMPLE = {
    "images/W22084-0001/00010001.jpg": b"first page" * 1000,
    "images/W22084-0001/00010002.jpg": b"second page",
    "archive/W22084-0001/00010001.tif": bytes(range(256)) * 5000,
    "archive/W22084-0001/" + "n" * 251 + ".tif": b"a name of 255 bytes",
    "W22084.bag/manifest-sha512.txt": b"tag file",
    "sources/\u0f40\u0f0b\xe9.txt": b"",
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work with odd names, an empty file, an empty folder, and times to the nanosecond."""
    root = tmp_path / "scratch" / "W22084"
    for path, content in SAMPLE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "images" / "W22084-0001" / "empty").mkdir()
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        moment = MODIFIED_NS + number * 1_000_000_001
        os.utime(path, ns=(moment, moment))
    os.utime(root, ns=(MODIFIED_NS, MODIFIED_NS))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with its four mounts."""
    for number in range(4):
        (tmp_path / "mnt" / f"Archive{number}").mkdir(parents=True)
    return tmp_path / "mnt"


@pytest.fixture
def copy(root: Path) -> Path:
    """Where the work W22084 belongs."""
    return root / "Archive3" / "84" / "W22084"


@pytest.fixture
def inventory_of() -> Callable[[Path], list[FileRecord]]:
    def take(work: Path) -> list[FileRecord]:
        return [
            FileRecord(
                path.relative_to(work).as_posix(),
                path.stat().st_size,
                hashlib.sha512(path.read_bytes()).hexdigest(),
                path.stat().st_mtime_ns,
            )
            for path in sorted(work.rglob("*"))
            if path.is_file()
        ]

    return take


@pytest.fixture
def content() -> Callable[[Path], dict[str, tuple[bytes | None, int]]]:
    """Bytes and time of everything below a folder, without what the archive keeps for itself; folders have no bytes."""

    def take(root: Path) -> dict[str, tuple[bytes | None, int]]:
        return {
            path.relative_to(root).as_posix(): (
                path.read_bytes() if path.is_file() else None,
                path.stat().st_mtime_ns,
            )
            for path in [root, *root.rglob("*")]
            if "sync-inventory" not in path.parts
        }

    return take


@pytest.fixture
def everything() -> Callable[[Path], dict[str, tuple[int, ...]]]:
    """What a change of any kind below a folder would alter: inode, mode, size, times."""

    def take(root: Path) -> dict[str, tuple[int, ...]]:
        states = {str(path): path.lstat() for path in [root, *root.rglob("*")]}
        return {
            path: (state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
            for path, state in states.items()
        }

    return take


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small tmpfs at Archive3 of an archive of its own, remount it, and take it away afterwards."""
    mount = tmp_path / "small" / "Archive3"
    mount.mkdir(parents=True)

    def set_up(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(mount)], check=False, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"this user may not mount a tmpfs: {done.stderr.strip()}")
        return mount.parent

    yield set_up
    while os.path.ismount(mount):
        subprocess.run(["umount", str(mount)], check=True)
