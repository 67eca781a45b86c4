"""A work that the archive does not have yet."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.archive import ArchiveFailed, EmptyWork, NotArchivable, ScratchDamaged, ScratchFailed, sync_work
from ao_workflows.errors import ContentRejected, ExitCode, SystemFailed, UsageError
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.works import Rid

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
TakeInventory = Callable[[Path], list[FileRecord]]
RID = Rid("W22084")


def test_a_new_work_arrives_with_all_bytes_times_and_empty_folders(
    work: Path, root: Path, copy: Path, content: Content
):
    result = sync_work(work, root, rid=RID)
    assert content(copy) == content(work)
    told = result.as_dict()
    assert told.pop("from_memory") in range(7)  # how soon a page can be dropped is the system's business
    assert told == {
        "rid": "W22084",
        "archive_path": str(copy),
        "added": 6,
        "replaced": 0,
        "removed": 0,
        "unchanged": 0,
        "bytes": 10_000 + 11 + 1_280_000 + 19 + 8,
        "verified": 6,
        "skipped": [],
    }
    assert sorted(os.listdir(copy.parent)) == [".W22084.lock", "W22084"]


def test_the_archive_copy_keeps_an_inventory_of_what_it_holds(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory
):
    sync_work(work, root, rid=RID)
    record = copy / "sync-inventory" / "W22084.inventory.jsonl"
    lines = [json.loads(line) for line in record.read_text("ascii").splitlines()]
    assert [FileRecord(**line) for line in lines] == inventory_of(work)
    assert sorted(os.listdir(record.parent)) == ["W22084.changes.jsonl", record.name]


@pytest.mark.parametrize(
    ("rid", "place"),
    [("W1FPL2251", "Archive2/51/W1FPL2251"), ("W1AC6", "Archive0/00/W1AC6"), ("W8LS68208", "Archive0/08/W8LS68208")],
)
def test_each_work_goes_to_its_own_mount_and_shard(work: Path, root: Path, rid: str, place: str):
    assert sync_work(work, root, rid=Rid(rid)).archive_path == root / place
    assert (root / place / "images").is_dir()


def test_the_unpacked_checksums_are_what_the_archive_is_measured_by(
    work: Path, root: Path, copy: Path, content: Content, inventory_of: TakeInventory
):
    assert sync_work(work, root, rid=RID, inventory=inventory_of(work)).verified == 6
    assert content(copy) == content(work)


def test_progress_adds_up_to_the_size_of_the_work(work: Path, root: Path):
    seen: list[int] = []
    sync_work(work, root, rid=RID, progress=seen.append)
    assert sum(seen) == 10_000 + 11 + 1_280_000 + 19 + 8
    seen.clear()
    sync_work(work, root, rid=RID, progress=seen.append)
    assert sum(seen) == 10_000 + 11 + 1_280_000 + 19 + 8


def test_litter_is_left_out_and_reported(work: Path, root: Path, copy: Path):
    names = [
        ".DS_Store",
        "images/Thumbs.db",
        "images/~lock",
        "archive/#a#",
        "archive/b~",
        ".git/config",
        "~old/page.jpg",
    ]
    for name in names:
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_bytes(b"x")
    result = sync_work(work, root, rid=RID)
    assert result.skipped == tuple(sorted(names))
    assert result.added == 6
    assert not [path for path in copy.rglob("*") if path.name in {name.rpartition("/")[2] for name in names}]
    assert not (copy / ".git").exists()


LISTED = ["images/W22084-0001/~00010003.jpg", "images/#W22084-0003/#1/.0001.jpg", "sources/.keep", "sources/Thumbs.db"]


def test_what_the_inventory_lists_is_archived_whatever_its_name(
    work: Path, root: Path, copy: Path, content: Content, everything: Everything, inventory_of: TakeInventory
):
    for name in LISTED:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(name.encode())
    inventory = inventory_of(work)
    result = sync_work(work, root, rid=RID, inventory=inventory)
    assert (result.added, result.skipped) == (10, ())
    assert content(copy) == content(work)
    assert read_inventory(copy / "sync-inventory" / "W22084.inventory.jsonl") == inventory
    before = everything(root)
    assert sync_work(work, root, rid=RID, inventory=inventory).unchanged == 10
    assert everything(root) == before
    # A sync that has no inventory leaves them out again, and takes nothing away.
    assert sync_work(work, root, rid=RID).skipped == tuple(sorted(LISTED))
    assert everything(root) == before


def test_such_files_are_added_to_a_work_that_the_archive_has(
    work: Path, root: Path, copy: Path, content: Content, inventory_of: TakeInventory
):
    sync_work(work, root, rid=RID)
    for name in LISTED:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(name.encode())
    assert sync_work(work, root, rid=RID, inventory=inventory_of(work)).added == 4
    assert content(copy) == content(work)


def test_beside_what_the_inventory_lists_litter_is_still_left_out(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory
):
    listed = work / "images" / "#W22084-0003" / "0001.jpg"
    listed.parent.mkdir()
    listed.write_bytes(b"page")
    inventory = inventory_of(work)
    (listed.parent / "0002.jpg").write_bytes(b"not delivered")
    (work / ".DS_Store").write_bytes(b"x")
    result = sync_work(work, root, rid=RID, inventory=inventory)
    assert result.skipped == (".DS_Store", "images/#W22084-0003/0002.jpg")
    assert [path.name for path in (copy / "images" / "#W22084-0003").iterdir()] == ["0001.jpg"]


def test_a_name_that_a_sync_uses_for_itself_is_rejected(work: Path, root: Path, inventory_of: TakeInventory):
    name = "sources/.ao-sync-" + "0123456789abcdef" * 2 + ".part"
    (work / name).write_bytes(b"x")
    with pytest.raises(ContentRejected, match="that a sync is writing") as caught:
        sync_work(work, root, rid=RID, inventory=inventory_of(work))
    assert caught.value.code == "archive-clash"


def test_names_that_are_no_utf_8_arrive_as_they_are(work: Path, root: Path, copy: Path):
    name = os.fsdecode(b"images/W22084-0001/\xff\xfe0001.jpg")
    (work / name).write_bytes(b"odd")
    sync_work(work, root, rid=RID)
    assert (copy / name).read_bytes() == b"odd"
    assert sync_work(work, root, rid=RID).unchanged == 7


@pytest.mark.parametrize("kind", ["link", "link to a folder", "dangling link", "pipe"])
def test_a_work_with_links_or_special_files_is_rejected_before_anything_is_written(
    work: Path, root: Path, copy: Path, kind: str
):
    odd = work / "images" / "W22084-0001" / "00010003.jpg"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to({"link": "00010001.jpg", "link to a folder": "/etc", "dangling link": "nowhere"}[kind])
    with pytest.raises(NotArchivable, match=r"00010003\.jpg") as caught:
        sync_work(work, root, rid=RID)
    assert caught.value.exit_code is ExitCode.REJECTED
    assert [finding.path for finding in caught.value.findings] == ["images/W22084-0001/00010003.jpg"]
    assert not copy.parent.exists()


def test_a_work_without_a_single_file_is_rejected(tmp_path: Path, root: Path):
    (tmp_path / "W22084" / "images").mkdir(parents=True)
    (tmp_path / "W22084" / ".DS_Store").touch()
    with pytest.raises(EmptyWork):
        sync_work(tmp_path / "W22084", root, rid=RID)


def test_a_scratch_file_that_is_not_what_was_unpacked_is_not_archived(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory
):
    inventory = inventory_of(work)
    damaged = work / "images/W22084-0001/00010002.jpg"
    time = damaged.stat().st_mtime_ns
    damaged.write_bytes(b"sEcond page")
    os.utime(damaged, ns=(time, time))
    with pytest.raises(ScratchDamaged) as caught:
        sync_work(work, root, rid=RID, inventory=inventory)
    assert caught.value.code == "scratch-damaged"
    assert isinstance(caught.value, SystemFailed)
    assert str(damaged) in caught.value.message
    assert next(r.sha512 for r in inventory if r.path.endswith("00010002.jpg")) in caught.value.message
    assert not copy.exists()
    assert not list(copy.parent.rglob("*.part"))


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_scratch_file_that_is_missing_or_cut_stops_the_sync_before_it_begins(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory, damage: str
):
    inventory = inventory_of(work)
    file = work / "images/W22084-0001/00010002.jpg"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"sec")
    with pytest.raises(ScratchFailed, match=r"00010002\.jpg") as caught:
        sync_work(work, root, rid=RID, inventory=inventory)
    assert caught.value.code == "scratch-damaged"
    assert not copy.parent.exists()


def test_a_scratch_file_that_changes_while_it_is_copied_is_not_archived(
    work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
):
    victim = work / "images/W22084-0001/00010002.jpg"
    real_write = os.write

    def write_and_touch(descriptor: int, data: memoryview) -> int:
        victim.write_bytes(b"another page of some length")
        return real_write(descriptor, data)

    monkeypatch.setattr(os, "write", write_and_touch)
    with pytest.raises(ScratchDamaged, match="changed on scratch"):
        sync_work(work, root, rid=RID)
    assert not copy.exists()


def test_a_large_file_is_archived_whole_although_the_disk_takes_little_at_a_time(
    work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
):
    page, real_write = "images/W22084-0001/00010002.jpg", os.write
    (work / page).write_bytes(os.urandom(2_500_001))

    def write_little(descriptor: int, data: bytes) -> int:
        return real_write(descriptor, data[:100_003])

    monkeypatch.setattr(os, "write", write_little)
    sync_work(work, root, rid=RID)
    assert (copy / page).read_bytes() == (work / page).read_bytes()


def test_a_work_that_is_not_on_scratch_is_a_failure_of_the_system(tmp_path: Path, root: Path):
    with pytest.raises(ScratchFailed, match="W22084"):
        sync_work(tmp_path / "W22084", root, rid=RID)


def test_a_missing_mount_is_named_and_never_made(work: Path, root: Path):
    (root / "Archive3").rmdir()
    with pytest.raises(ArchiveFailed) as caught:
        sync_work(work, root, rid=RID)
    assert caught.value.code == "archive-mount-missing"
    assert str(root / "Archive3") in caught.value.message
    assert "Mount it" in caught.value.action
    assert not (root / "Archive3").exists()


@pytest.mark.parametrize("place", ["84", "84/W22084", "84/.W22084.incoming", "84/.W22084.lock"])
def test_a_link_where_the_work_belongs_is_not_followed(work: Path, root: Path, tmp_path: Path, place: str):
    outside = tmp_path / "outside"
    outside.mkdir()
    link = root / "Archive3" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside / "lock" if place.endswith(".lock") else outside)
    with pytest.raises(ArchiveFailed, match=link.name):
        sync_work(work, root, rid=RID)
    assert os.listdir(outside) == []


def test_a_file_where_the_work_belongs_is_left_alone(work: Path, root: Path, copy: Path):
    copy.parent.mkdir()
    copy.write_bytes(b"what is this?")
    with pytest.raises(ArchiveFailed, match="is a file"):
        sync_work(work, root, rid=RID)
    assert copy.read_bytes() == b"what is this?"


def test_a_mount_that_is_a_link_to_a_folder_is_the_operators_choice(work: Path, root: Path, tmp_path: Path):
    (root / "Archive3").rmdir()
    (tmp_path / "disk").mkdir()
    (root / "Archive3").symlink_to(tmp_path / "disk")
    sync_work(work, root, rid=RID)
    assert (tmp_path / "disk" / "84" / "W22084" / "images").is_dir()


def test_an_archive_copy_is_not_synced_onto_itself(work: Path, root: Path, copy: Path):
    sync_work(work, root, rid=RID)
    with pytest.raises(UsageError, match="the archive copy itself"):
        sync_work(copy, root, rid=RID)


@pytest.mark.parametrize(
    ("path", "is_folder"), [("sync-inventory", False), ("sync-inventory/W22084.inventory.jsonl", True)]
)
def test_a_work_that_has_the_name_of_the_archives_own_record_is_rejected(
    work: Path, root: Path, path: str, is_folder: bool
):
    if is_folder:
        (work / path).mkdir(parents=True)
    else:
        (work / path).touch()
    with pytest.raises(ContentRejected, match="its own record") as caught:
        sync_work(work, root, rid=RID)
    assert caught.value.code == "archive-clash"


def test_the_record_of_an_earlier_archive_copy_does_not_take_the_place_of_the_new_one(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory, everything: Everything
):
    (work / "sync-inventory").mkdir()
    (work / "sync-inventory" / "W22084.inventory.jsonl").write_text("of 2019")
    (work / "sync-inventory" / "notes.txt").write_text("kept")
    result = sync_work(work, root, rid=RID, inventory=inventory_of(work))
    assert result.skipped == ("sync-inventory/W22084.inventory.jsonl",)
    assert (copy / "sync-inventory" / "notes.txt").read_text() == "kept"
    recorded = (copy / "sync-inventory" / "W22084.inventory.jsonl").read_text()
    assert "sync-inventory" not in recorded
    assert recorded.count("\n") == 6
    before = everything(root)
    assert sync_work(work, root, rid=RID).unchanged == 7
    assert everything(root) == before


def test_a_work_that_is_named_by_a_link_has_the_time_of_its_folder(work: Path, root: Path, copy: Path, tmp_path: Path):
    (tmp_path / "W22084").symlink_to(work)
    sync_work(tmp_path / "W22084", root, rid=RID)
    assert copy.stat().st_mtime_ns == work.stat().st_mtime_ns
