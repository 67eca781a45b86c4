"""A copy that another program made is right only when every file of it is what was delivered."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ao_workflows.archive import Access, ArchiveFailed, hold_place, proof, sync_work, verify_copy
from ao_workflows.archive.tree import Tree, read_tree
from ao_workflows.errors import MustWait
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

RID = Rid("W22084")
FIRST = "images/W22084-0001/00010001.jpg"
SECOND = "images/W22084-0001/00010002.jpg"

InventoryOf = Callable[[Path], list[FileRecord]]


@pytest.fixture
def delivered(work: Path, copy: Path, inventory_of: InventoryOf) -> list[FileRecord]:
    """The inventory of a work of which the archive has a good copy."""
    copy.parent.mkdir(parents=True)
    shutil.copytree(work, copy)
    return inventory_of(work)


def found(root: Path, delivered: list[FileRecord]) -> list[tuple[str, str]]:
    return [(finding.code, finding.path) for finding in verify_copy(root, rid=RID, inventory=delivered).findings]


def test_a_good_copy_has_nothing_to_find_whatever_else_stands_beside_it(root, copy, delivered):
    (copy / "images" / "W22084-0001" / "of an earlier delivery.jpg").write_bytes(b"kept")
    assert len(delivered) == 6
    assert found(root, delivered) == []


def test_each_file_that_is_missing_is_named(root, copy, delivered):
    (copy / FIRST).unlink()
    (copy / SECOND).unlink()
    assert found(root, delivered) == [("copy-file-missing", FIRST), ("copy-file-missing", SECOND)]


def test_what_differs_and_what_is_missing_is_told_in_the_order_of_the_paths_and_what_was_read_is_progress(
    root, copy, delivered
):
    (copy / FIRST).write_bytes(b"first pagE" * 1000)
    (copy / SECOND).unlink()
    read: list[int] = []
    findings = verify_copy(root, rid=RID, inventory=delivered[::-1], progress=read.append).findings
    assert [finding.path for finding in findings] == [FIRST, SECOND]
    sizes = sorted(record.size for record in delivered if record.path != SECOND)
    assert sorted(size for size in read if size) == [size for size in sizes if size]


def test_a_copy_that_is_not_there_misses_every_file(root, copy, delivered):
    shutil.rmtree(copy)
    assert len(found(root, delivered)) == 6


def test_one_flipped_byte_is_found_and_both_checksums_are_told(root, copy, delivered):
    content = bytearray((copy / SECOND).read_bytes())
    content[3] ^= 1
    (copy / SECOND).write_bytes(content)
    (finding,) = verify_copy(root, rid=RID, inventory=delivered).findings
    assert (finding.code, finding.path) == ("copy-file-differs", SECOND)
    assert len(finding.expected) == len(finding.found) == 128
    assert finding.expected != finding.found


def test_a_file_that_is_cut_off_is_found_and_both_sizes_are_told(root, copy, delivered):
    os.truncate(copy / SECOND, 4)
    (finding,) = verify_copy(root, rid=RID, inventory=delivered).findings
    assert (finding.expected, finding.found) == ("11 bytes", "4 bytes")


def test_a_link_is_no_copy_neither_of_a_file_nor_of_a_folder(root, copy, work, delivered):
    (copy / SECOND).unlink()
    (copy / SECOND).symlink_to(work / SECOND)
    assert found(root, delivered) == [("copy-file-differs", SECOND)]
    shutil.rmtree(copy / "images")
    (copy / "images").symlink_to(work / "images")
    assert found(root, delivered) == [("copy-file-missing", FIRST), ("copy-file-missing", SECOND)]


def test_a_link_in_place_of_the_whole_copy_is_told(root, copy, work, delivered):
    shutil.rmtree(copy)
    copy.symlink_to(work)
    with pytest.raises(ArchiveFailed, match="is a symbolic link"):
        verify_copy(root, rid=RID, inventory=delivered)


def test_the_archives_own_record_is_not_compared_with_that_of_an_earlier_copy(root, work, inventory_of):
    (work / "sync-inventory").mkdir()
    (work / "sync-inventory" / "W22084.inventory.jsonl").write_text("of an earlier copy")
    inventory = inventory_of(work)
    sync_work(work, root, rid=RID, inventory=inventory)
    assert found(root, inventory) == []


def test_a_pipe_that_took_the_place_of_a_file_is_told_and_not_waited_for(root, copy, delivered, monkeypatch):
    def listed_before(path: Path) -> Tree:
        found = read_tree(path)
        (copy / SECOND).unlink()
        os.mkfifo(copy / SECOND)
        return found

    monkeypatch.setattr(proof, "read_tree", listed_before)
    with pytest.raises(ArchiveFailed, match="00010002"):
        verify_copy(root, rid=RID, inventory=delivered)


def test_a_link_that_took_the_place_of_a_folder_since_it_was_listed_is_told(root, copy, work, delivered, monkeypatch):
    def listed_before(path: Path) -> Tree:
        found = read_tree(path)
        shutil.rmtree(copy / "images")
        (copy / "images").symlink_to(work / "images")
        return found

    monkeypatch.setattr(proof, "read_tree", listed_before)
    with pytest.raises(ArchiveFailed, match="is a symbolic link"):
        verify_copy(root, rid=RID, inventory=delivered)


def test_a_file_that_grows_while_it_is_read_is_not_read_byte_by_byte(root, copy, delivered, monkeypatch):
    asked: list[int] = []
    real = os.read

    def grown(descriptor: int, length: int) -> bytes:
        asked.append(length)
        if len(asked) == 1:
            with (copy / FIRST).open("ab") as file:
                file.write(bytes(5000))
        return real(descriptor, length)

    monkeypatch.setattr(os, "read", grown)
    only = [record for record in delivered if record.path == FIRST]
    assert found(root, only) == [("copy-file-differs", FIRST)]
    assert len(asked) < 5


def test_a_program_that_outlives_its_caller_still_holds_the_place(root):
    with hold_place(root, RID, at_once=2) as descriptor:
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    try:
        with pytest.raises(MustWait) as caught, hold_place(root, RID, at_once=2):
            pass
        assert caught.value.code == "waiting-for-sync"
    finally:
        sleeper.communicate()
    with hold_place(root, RID, at_once=2):
        pass


def test_a_folder_that_is_made_for_the_place_gets_the_mode_that_is_set(root, copy):
    with hold_place(root, RID, at_once=2, access=Access(folder_mode=0o2770)):
        assert copy.parent.stat().st_mode & 0o7777 == 0o2770


def test_a_place_whose_mount_is_missing_is_not_held(root):
    (root / "Archive3").rmdir()
    with pytest.raises(ArchiveFailed) as caught, hold_place(root, RID, at_once=2):
        pass
    assert caught.value.code == "archive-mount-missing"


def test_who_does_not_want_the_proof_any_more_is_not_kept_by_a_large_file(root, copy, delivered, monkeypatch):
    large = copy / "archive" / "large.tif"
    large.write_bytes(bytes(5 << 20))
    real_read, read = os.read, []

    def count(descriptor: int, length: int) -> bytes:
        chunk = real_read(descriptor, length)
        if os.path.sameopenfile(descriptor, large_file):
            read.append(len(chunk))
        return chunk

    def stop_in_the_large_file(_: int) -> None:
        if read:
            raise KeyboardInterrupt

    record = FileRecord("archive/large.tif", 5 << 20, "0" * 128, large.stat().st_mtime_ns)
    with large.open("rb") as file:
        large_file = file.fileno()
        monkeypatch.setattr(os, "read", count)
        with pytest.raises(KeyboardInterrupt):
            verify_copy(root, rid=RID, inventory=[*delivered, record], progress=stop_in_the_large_file)
    assert len(read) == 1


def test_all_is_written_out_and_each_file_dropped_from_memory_before_it_is_read(root, copy, delivered, monkeypatch):
    calls: list[tuple[str, int]] = []
    real_advice, real_open = os.posix_fadvise, proof.flushed

    def advised(descriptor: int, offset: int, length: int, advice: int) -> None:
        said = {os.POSIX_FADV_DONTNEED: "drop", os.POSIX_FADV_WILLNEED: "ask"}[advice]
        calls.append((said, os.fstat(descriptor).st_ino))
        real_advice(descriptor, offset, length, advice)

    @contextmanager
    def noted(path: Path) -> Iterator[Callable[[], None]]:
        with real_open(path) as flush:
            yield lambda: (calls.append(("flush", path.stat().st_ino)), flush())

    monkeypatch.setattr(os, "posix_fadvise", advised)
    monkeypatch.setattr(proof, "flushed", noted)
    assert found(root, delivered) == []
    assert calls[0] == ("flush", copy.parent.stat().st_ino)
    for record in delivered:
        inode = (copy / record.path).stat().st_ino
        assert [name for name, number in calls if number == inode] == ["drop", "ask"]
