"""A work that the archive has already."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ao_workflows.archive import ArchiveClash, ArchiveFailed, RecordDamaged, ScratchDamaged, SyncOptions, sync_work
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
TakeInventory = Callable[[Path], list[FileRecord]]
RID = Rid("W22084")
PAGE = "images/W22084-0001/00010002.jpg"


def recorded(copy: Path) -> dict[str, dict[str, object]]:
    text = (copy / "sync-inventory" / "W22084.inventory.jsonl").read_text("ascii")
    return {line["path"]: line for line in map(json.loads, text.splitlines())}


def counts(result: object) -> tuple[int, ...]:
    return tuple(getattr(result, name) for name in ("added", "replaced", "removed", "unchanged", "bytes", "verified"))


@pytest.mark.parametrize("with_inventory", [False, True])
def test_a_second_run_changes_nothing_at_all(
    work: Path, root: Path, everything: Everything, inventory_of: TakeInventory, with_inventory: bool
):
    inventory = inventory_of(work) if with_inventory else None
    sync_work(work, root, rid=RID, inventory=inventory)
    before = everything(root)
    result = sync_work(work, root, rid=RID, inventory=inventory)
    assert everything(root) == before
    assert counts(result) == (0, 0, 0, 6, 0, 0)


@pytest.mark.parametrize("with_inventory", [False, True])
def test_all_of_the_archive_copy_is_read_when_checksums_are_asked_for(
    work: Path, root: Path, everything: Everything, inventory_of: TakeInventory, with_inventory: bool
):
    inventory = inventory_of(work) if with_inventory else None
    sync_work(work, root, rid=RID, inventory=inventory)
    before = everything(root)
    result = sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(checksum=True))
    assert everything(root) == before
    assert counts(result) == (0, 0, 0, 6, 0, 6)


def test_the_same_content_unpacked_again_at_another_time_changes_nothing(
    work: Path, root: Path, everything: Everything, inventory_of: TakeInventory
):
    sync_work(work, root, rid=RID)
    before = everything(root)
    for path in work.rglob("*"):
        os.utime(path, ns=(0, 1_600_000_000_000_000_000))
    for inventory in (inventory_of(work), None):
        result = sync_work(work, root, rid=RID, inventory=inventory)
        assert counts(result) == (0, 0, 0, 6, 0, 0)
    assert everything(root) == before


def test_changed_files_are_replaced_new_ones_added_and_the_rest_left_alone(
    work: Path, root: Path, copy: Path, content: Content, everything: Everything
):
    sync_work(work, root, rid=RID)
    before = everything(copy)
    (work / PAGE).write_bytes(b"a better scan of the second page")
    (work / "images" / "W22084-0002").mkdir()
    (work / "images" / "W22084-0002" / "00020001.jpg").write_bytes(b"new group")
    result = sync_work(work, root, rid=RID)
    assert counts(result) == (1, 1, 0, 5, 32 + 9, 2)
    assert content(copy) == content(work)
    after = everything(copy)
    untouched = [path for path in after if path.endswith((".tif", "00010001.jpg", "manifest-sha512.txt"))]
    assert len(untouched) == 4
    assert {path: after[path] for path in untouched} == {path: before[path] for path in untouched}
    assert recorded(copy)[PAGE]["size"] == 32
    assert len(recorded(copy)) == 7
    assert sync_work(work, root, rid=RID).unchanged == 7


@pytest.mark.parametrize("with_inventory", [False, True])
def test_a_change_of_content_behind_the_same_size_and_time_is_seen_by_what_was_unpacked_or_by_checksums(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory, with_inventory: bool
):
    sync_work(work, root, rid=RID)
    time = (work / PAGE).stat().st_mtime_ns
    (work / PAGE).write_bytes(b"SECOND page")
    os.utime(work / PAGE, ns=(time, time))
    if with_inventory:
        result = sync_work(work, root, rid=RID, inventory=inventory_of(work))
    else:
        assert sync_work(work, root, rid=RID).unchanged == 6
        result = sync_work(work, root, rid=RID, options=SyncOptions(checksum=True))
    assert counts(result) == (0, 1, 0, 5, 11, 1 if with_inventory else 6)
    assert (copy / PAGE).read_bytes() == b"SECOND page"


def test_files_that_are_gone_from_the_work_are_kept_in_the_archive_and_its_record(work: Path, root: Path, copy: Path):
    sync_work(work, root, rid=RID)
    line = recorded(copy)[PAGE]
    (work / PAGE).unlink()
    (work / "images" / "W22084-0001" / "00010001.jpg").write_bytes(b"new content")
    result = sync_work(work, root, rid=RID)
    assert counts(result) == (0, 1, 0, 4, 11, 1)
    assert (copy / PAGE).read_bytes() == b"second page"
    assert recorded(copy)[PAGE] == line


def test_what_was_recorded_of_a_file_stays_on_record_when_the_archive_lost_or_altered_it(
    work: Path, root: Path, copy: Path, everything: Everything
):
    sync_work(work, root, rid=RID)
    before = recorded(copy)
    other = "sources/\u0f40\u0f0b\xe9.txt"
    for path in (PAGE, other):
        (work / path).unlink()
    (copy / PAGE).write_bytes(b"altered")
    (copy / other).unlink()
    (work / "sources" / "new.txt").write_bytes(b"new")
    sync_work(work, root, rid=RID)
    after = recorded(copy)
    assert {path: after[path] for path in before} == before
    settled = everything(root)
    sync_work(work, root, rid=RID)
    assert everything(root) == settled


def test_a_copy_that_was_altered_in_the_archive_is_found_by_its_time_and_put_right(
    work: Path, root: Path, copy: Path, content: Content
):
    sync_work(work, root, rid=RID)
    (copy / PAGE).write_bytes(b"secOnd page")
    result = sync_work(work, root, rid=RID)
    assert counts(result) == (0, 1, 0, 5, 11, 1)
    assert content(copy) == content(work)


def test_an_archived_file_that_rotted_behind_its_size_and_time_is_put_right_by_a_delivery(
    work: Path, root: Path, copy: Path, content: Content, inventory_of: TakeInventory
):
    inventory = inventory_of(work)
    sync_work(work, root, rid=RID, inventory=inventory)
    before = recorded(copy)
    for path in (PAGE, "W22084.bag/manifest-sha512.txt"):
        state = (copy / path).stat()
        (copy / path).write_bytes((copy / path).read_bytes()[:-1] + b"\x00")
        os.utime(copy / path, ns=(state.st_mtime_ns, state.st_mtime_ns))
    result = sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(checksum=True))
    assert counts(result) == (0, 2, 0, 4, 11 + 8, 6)
    assert content(copy) == content(work)
    assert recorded(copy) == before


def test_a_work_that_another_tool_archived_is_read_once_and_recorded(
    work: Path, root: Path, copy: Path, everything: Everything, inventory_of: TakeInventory
):
    shutil.copytree(work, copy)
    (copy / "images" / "extra.jpg").write_bytes(b"only in the archive")
    (copy / "images" / ".DS_Store").write_bytes(b"litter")
    files = {path: state for path, state in everything(copy).items() if Path(path).is_file()}
    result = sync_work(work, root, rid=RID)
    assert counts(result) == (0, 0, 0, 6, 0, 6)
    after = everything(copy)
    assert {path: after[path] for path in files} == files
    assert set(recorded(copy)) == {record.path for record in inventory_of(work)} | {"images/extra.jpg"}
    before = everything(root)
    assert counts(sync_work(work, root, rid=RID)) == (0, 0, 0, 6, 0, 0)
    assert everything(root) == before


def test_what_a_killed_sync_left_half_built_goes_when_the_work_is_there_all_the_same(
    work: Path, root: Path, copy: Path
):
    shutil.copytree(work, copy)
    incoming = copy.with_name(".W22084.incoming")
    shutil.copytree(work / "images", incoming / "images")
    sync_work(work, root, rid=RID)
    assert not incoming.exists()
    incoming.symlink_to(work)
    with capture_logs() as lines:
        sync_work(work, root, rid=RID)
    assert [(line["event"], line["folder"]) for line in lines] == [("a half-built copy stays", str(incoming))]
    assert incoming.is_symlink()
    assert any(work.iterdir())


def test_a_new_empty_folder_is_made_with_its_time(work: Path, root: Path, copy: Path, content: Content):
    sync_work(work, root, rid=RID)
    (work / "sources" / "to come").mkdir()
    os.utime(work / "sources" / "to come", ns=(0, 1_400_000_000_000_000_001))
    assert sync_work(work, root, rid=RID).unchanged == 6
    assert content(copy) == content(work)


def test_the_temporary_file_of_a_killed_sync_is_taken_away(work: Path, root: Path, copy: Path, content: Content):
    sync_work(work, root, rid=RID)
    left = copy / "sources" / (".ao-sync-" + "0123456789abcdef" * 2 + ".part")
    left.write_bytes(b"half a file")
    (copy / "sources" / ".ao-sync-notes.part").write_bytes(b"not ours")
    sync_work(work, root, rid=RID)
    assert not left.exists()
    (copy / "sources" / ".ao-sync-notes.part").unlink()
    os.utime(copy / "sources", ns=(0, (work / "sources").stat().st_mtime_ns))
    assert content(copy) == content(work)


def test_a_damaged_scratch_file_never_replaces_a_good_archive_file(
    work: Path, root: Path, copy: Path, inventory_of: TakeInventory
):
    sync_work(work, root, rid=RID)
    inventory = inventory_of(work)
    (work / PAGE).write_bytes(b"sEcond page")
    with pytest.raises(ScratchDamaged, match="00010002"):
        sync_work(work, root, rid=RID, inventory=inventory)
    assert (copy / PAGE).read_bytes() == b"second page"


def test_a_damaged_scratch_file_is_not_right_because_the_archive_has_the_same_damage(
    work: Path, root: Path, inventory_of: TakeInventory
):
    inventory = inventory_of(work)
    (work / PAGE).write_bytes(b"sEcond page")
    sync_work(work, root, rid=RID)
    with pytest.raises(ScratchDamaged, match="00010002"):
        sync_work(work, root, rid=RID, inventory=inventory)


def test_a_file_under_the_name_of_the_record_folder_is_left_alone(work: Path, root: Path, copy: Path):
    copy.mkdir(parents=True)
    (copy / "sync-inventory").write_bytes(b"a file")
    with pytest.raises(ArchiveFailed, match="is a file; nothing is written"):
        sync_work(work, root, rid=RID)
    assert os.listdir(copy) == ["sync-inventory"]


def test_a_file_that_stands_where_the_archive_has_a_folder_is_rejected_with_both_named(
    work: Path, root: Path, copy: Path, everything: Everything
):
    sync_work(work, root, rid=RID)
    (work / "sources" / "a.txt").write_bytes(b"x")
    (copy / "sources" / "a.txt").mkdir()
    before = everything(root)
    with pytest.raises(ArchiveClash) as caught:
        sync_work(work, root, rid=RID)
    assert "'sources/a.txt' is a file in the work, and a folder in the archive" in caught.value.message
    assert str(copy / "sources/a.txt") in caught.value.message
    assert everything(root) == before


def test_a_folder_that_stands_where_the_archive_has_a_file_is_rejected_with_both_named(
    work: Path, root: Path, everything: Everything
):
    sync_work(work, root, rid=RID)
    (work / PAGE).unlink()
    (work / PAGE).mkdir()
    (work / PAGE / "0001.jpg").write_bytes(b"x")
    before = everything(root)
    with pytest.raises(ArchiveClash) as caught:
        sync_work(work, root, rid=RID)
    assert f"{PAGE!r} is a folder in the work, and a file in the archive" in caught.value.message
    assert [finding.path for finding in caught.value.findings] == [PAGE]
    assert everything(root) == before


@pytest.mark.parametrize(
    "path", [PAGE, "images/W22084-0001", "images", "sync-inventory", "sync-inventory/W22084.inventory.jsonl"]
)
def test_a_link_in_the_archive_copy_is_never_followed(work: Path, root: Path, copy: Path, tmp_path: Path, path: str):
    sync_work(work, root, rid=RID)
    outside = tmp_path / "outside"
    (copy / path).rename(outside)
    (copy / path).symlink_to(outside)
    (work / "images" / "W22084-0001" / "new.jpg").write_bytes(b"new")
    (work / PAGE).write_bytes(b"replaced page")
    before = outside.stat().st_mtime_ns
    with pytest.raises(ArchiveFailed, match="is a symbolic link") as caught:
        sync_work(work, root, rid=RID)
    assert str(copy / path) in caught.value.message
    assert outside.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["not json\n", '{"path": "a"}\n', "[]\n", "\xff", "[" * 100_000])
def test_a_damaged_record_stops_the_sync_and_is_named(work: Path, root: Path, copy: Path, text: str):
    sync_work(work, root, rid=RID)
    record = copy / "sync-inventory" / "W22084.inventory.jsonl"
    record.write_text(text)
    with pytest.raises(RecordDamaged) as caught:
        sync_work(work, root, rid=RID)
    assert str(record) in str(caught.value)
    record.unlink()
    assert sync_work(work, root, rid=RID).verified == 6
    assert len(recorded(copy)) == 6


@pytest.mark.parametrize("kind", ["inventory", "changes", "web"])
def test_what_the_archive_knows_of_a_work_is_never_replaced_by_what_is_delivered(
    work: Path, root: Path, copy: Path, everything: Everything, inventory_of: TakeInventory, kind: str
):
    own = f"sync-inventory/W22084.{kind}.jsonl"
    sync_work(work, root, rid=RID)
    (copy / "sync-inventory" / "W22084.web.jsonl").write_text("what the web has")
    before = everything(root)
    (work / "sync-inventory").mkdir()
    os.utime(work, ns=(copy.stat().st_mtime_ns, copy.stat().st_mtime_ns))
    (work / own).write_text("of a copy that came out of the archive once")
    result = sync_work(work, root, rid=RID, inventory=inventory_of(work))
    assert (result.replaced, result.unchanged, result.skipped) == (0, 6, (own,))
    assert everything(root) == before


def test_folders_get_their_times_even_if_the_sync_that_removed_files_was_killed(
    work: Path, root: Path, copy: Path, content: Content
):
    sync_work(work, root, rid=RID)
    state = (work / PAGE).parent.stat()
    (work / PAGE).unlink()
    os.utime((work / PAGE).parent, ns=(state.st_mtime_ns, state.st_mtime_ns))
    sync_work(work, root, rid=RID, options=SyncOptions(replace=True))
    os.utime((copy / PAGE).parent)  # so it is between the removal and the end
    sync_work(work, root, rid=RID, options=SyncOptions(replace=True))
    assert content(copy) == content(work)


@pytest.mark.parametrize("again", [False, True])
def test_what_a_killed_sync_has_replaced_is_on_record_as_it_is_whatever_comes_next(
    work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, *, again: bool
):
    sync_work(work, root, rid=RID)
    other = "images/W22084-0001/00010001.jpg"
    real_unlink = os.unlink

    def die(path: Path, **options: int) -> None:
        if str(path).endswith(".W22084.inventory.jsonl.part"):
            raise KeyboardInterrupt
        real_unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", die)
        (work / PAGE).write_bytes(b"a better scan")
        with pytest.raises(KeyboardInterrupt):
            sync_work(work, root, rid=RID)
        if again:
            (work / PAGE).unlink()
            (work / other).write_bytes(b"a better scan of the other")
            with pytest.raises(KeyboardInterrupt):
                sync_work(work, root, rid=RID)
    if not again:
        (work / PAGE).unlink()
    sync_work(work, root, rid=RID)
    assert (copy / PAGE).read_bytes() == b"a better scan"
    for path, line in recorded(copy).items():
        assert line["sha512"] == hashlib.sha512((copy / path).read_bytes()).hexdigest(), path
    history = (copy / "sync-inventory" / "W22084.changes.jsonl").read_text().splitlines()
    assert json.loads(history[-1])["replaced"] == ([other, PAGE] if again else [PAGE])
    assert sorted(os.listdir(copy / "sync-inventory")) == ["W22084.changes.jsonl", "W22084.inventory.jsonl"]


def test_a_file_that_rotted_stays_on_record_as_it_was_whatever_was_to_be_replaced(work: Path, root: Path, copy: Path):
    sync_work(work, root, rid=RID)
    right = recorded(copy)[PAGE]
    pending = copy / "sync-inventory" / "W22084.pending.jsonl"
    pending.write_text(json.dumps(right | {"sha512": "0" * 128}) + "\n")
    (work / PAGE).unlink()
    sync_work(work, root, rid=RID)
    assert recorded(copy)[PAGE] == right
    pending.write_text("nonsense")
    sync_work(work, root, rid=RID)
    assert recorded(copy)[PAGE] == right
    assert not pending.exists()
