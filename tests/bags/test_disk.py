"""A disk that is too small, or becomes so: nothing is lost, nothing is left half, and what is there counts."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ao_workflows.bags import read_plan, unpack
from ao_workflows.errors import MustWait
from ao_workflows.storage import open_local_source
from bags.corpus import bag_of, counted_source, zip_files

PAGE = 1 << 20
PAGES = {f"images/W22084-0001/0001{number:04}.jpg": os.urandom(PAGE) for number in range(40)}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    """A bag of forty pages, a MiB each: several threads have their part of it."""
    return zip_files(tmp_path / "W22084.bag.zip", bag_of(PAGES), "W22084.bag/")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 44 MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=44m", "tmpfs", mount], check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount a disk")
    yield mount
    subprocess.run(["umount", mount], check=True)


def pages_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_a_disk_that_is_too_small_is_told_before_anything_is_read(zipped: Path, disk: Path):
    (disk / "other").write_bytes(bytes(5 * PAGE))
    source, store = counted_source(zipped)
    plan = read_plan(source)
    store.served = 0
    with pytest.raises(MustWait, match=r"42 MB of free space in .*disk, which has 40\.\d MB") as waiting:
        unpack(plan, disk)
    assert waiting.value.code == "waiting-for-disk"
    assert store.served == 0


def test_a_disk_that_fills_up_meanwhile_keeps_what_was_verified(zipped: Path, disk: Path):
    def fill(_: int) -> None:
        if not (disk / "other").exists():
            (disk / "other").write_bytes(bytes(20 * PAGE))

    with pytest.raises(MustWait) as waiting:
        unpack(read_plan(open_local_source(zipped)), disk, progress=fill, threads=2)
    assert waiting.value.code == "waiting-for-disk"
    assert sorted(path.name for path in disk.iterdir()) == [".W22084.partial", "other"]
    kept = pages_in(disk / ".W22084.partial" / "content")
    assert 1 <= len(kept) < len(PAGES)
    assert kept.items() <= PAGES.items()
    assert not list(disk.rglob("incoming*"))
    (disk / "other").unlink()
    source, store = counted_source(zipped)
    plan = read_plan(source)
    store.served = 0
    assert unpack(plan, disk).report.valid
    assert pages_in(disk / "W22084") == PAGES
    assert store.served < (len(PAGES) - len(kept)) * PAGE + 20_000


def test_what_is_there_already_needs_no_room(zipped: Path, disk: Path):
    unpack(read_plan(open_local_source(zipped)), disk)
    (disk / "other").write_bytes(bytes(PAGE))
    assert unpack(read_plan(open_local_source(zipped)), disk).report.valid


def test_a_large_file_that_was_cut_off_by_a_kill_takes_no_room_at_the_next_start(zipped: Path, disk: Path):
    plan = read_plan(open_local_source(zipped))
    (disk / ".W22084.partial").mkdir()
    (disk / ".W22084.partial" / "incoming.41").write_bytes(bytes(30 * PAGE))
    assert unpack(plan, disk).report.valid


def test_what_was_verified_before_is_not_asked_room_for_again(zipped: Path, disk: Path):
    def stop(_: int) -> None:
        if len(pages_in(disk)) > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(read_plan(open_local_source(zipped)), disk, progress=stop)
    (disk / "other").write_bytes(bytes(2 * PAGE))
    assert unpack(read_plan(open_local_source(zipped)), disk).report.valid
