"""The copy's own record says what was proved of a copy that another program wrote, and nothing of it gets lost."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ao_workflows.archive import (
    Access,
    ArchiveFailed,
    RecordDamaged,
    Recorded,
    changes,
    own_record_kept,
    record_proof,
    sync_work,
    verify_copy,
)
from ao_workflows.errors import SystemFailed
from ao_workflows.inventory import FileRecord, read_inventory, write_inventory
from ao_workflows.works import Rid

RID = Rid("W22084")
FIRST = "images/W22084-0001/00010001.jpg"
SECOND = "images/W22084-0001/00010002.jpg"
EARLIER = "images/W22084-0001/00010009.jpg"
RECORD, HISTORY, PENDING = (f"sync-inventory/W22084.{kind}.jsonl" for kind in ("inventory", "changes", "pending"))

InventoryOf = Callable[[Path], list[FileRecord]]
Prove = Callable[..., Recorded]


@pytest.fixture
def prove(root: Path, work: Path, copy: Path, inventory_of: InventoryOf) -> Prove:
    """Return what copies the work into the archive as a program without manners does, proves that, and records it."""

    def run(**others: object) -> Recorded:
        for path in work.rglob("*"):
            if path.is_file():
                target = copy / path.relative_to(work)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)  # without its time
        proof = verify_copy(root, rid=RID, inventory=inventory_of(work))
        assert proof.findings == ()
        return record_proof(root, RID, proof, **others)

    return run


def record_of(copy: Path, path: str, content: bytes | None = None) -> FileRecord:
    """Return the record of a file as it is in the archive, or as it is with another content."""
    state = (copy / path).stat()
    content = (copy / path).read_bytes() if content is None else content
    return FileRecord(path, len(content), hashlib.sha512(content).hexdigest(), state.st_mtime_ns)


def earlier(copy: Path, path: str = EARLIER, content: bytes = b"a page of an earlier delivery") -> FileRecord:
    (copy / path).parent.mkdir(parents=True, exist_ok=True)
    (copy / path).write_bytes(content)
    return record_of(copy, path)


def history(copy: Path) -> list[dict[str, list[str]]]:
    lines = [json.loads(line) for line in (copy / HISTORY).read_text().splitlines()]
    return [{kind: line[kind] for kind in ("added", "replaced", "removed")} for line in lines]


def test_each_file_is_on_record_with_the_size_checksum_and_time_that_it_has_in_the_archive(prove, copy, work):
    os.utime(work / SECOND, ns=(1, 1))
    recorded = prove()
    records = read_inventory(copy / RECORD)
    assert tuple(records) == recorded.records
    assert len(records) == 6
    (second,) = (record for record in records if record.path == SECOND)
    assert second == (
        SECOND,
        11,
        hashlib.sha512(b"second page").hexdigest(),
        (copy / SECOND).stat().st_mtime_ns,
    )
    assert second.modified_ns != 1
    assert [len(line["added"]) for line in history(copy)] == [6]


def test_the_built_in_sync_trusts_that_record_and_reads_nothing_of_the_copy(prove, root, work, inventory_of):
    prove()
    result = sync_work(work, root, rid=RID, inventory=inventory_of(work))
    assert (result.unchanged, result.added, result.replaced, result.verified) == (6, 0, 0, 0)


def test_what_was_on_record_and_is_still_there_stays_and_what_is_gone_is_told_as_removed(prove, copy, work):
    prove()
    kept = earlier(copy)
    gone = earlier(copy, "images/W22084-0001/00010008.jpg")
    write_inventory(copy / RECORD, [*read_inventory(copy / RECORD), kept, gone])
    (copy / gone.path).unlink()
    (work / SECOND).write_bytes(b"a better second page")
    recorded = prove()
    assert kept in recorded.records
    assert {record.path for record in recorded.records} == {record.path for record in read_inventory(copy / RECORD)}
    assert len(recorded.records) == 7
    assert history(copy)[1:] == [{"added": [], "replaced": [SECOND], "removed": [gone.path]}]


def test_a_file_that_nobody_has_on_record_and_nobody_delivered_is_not_recorded(prove, copy):
    stranger = earlier(copy)
    assert stranger.path not in {record.path for record in prove().records}


def test_of_a_copy_of_which_nothing_was_proved_nothing_is_recorded(root, copy):
    copy.parent.mkdir(parents=True)
    nothing = verify_copy(root, rid=RID, inventory=[])
    assert record_proof(root, RID, nothing) == Recorded((), ())
    assert not copy.exists()


def test_a_file_that_changed_since_it_was_recorded_keeps_its_record_and_is_told(prove, copy):
    prove()
    kept = earlier(copy)
    write_inventory(copy / RECORD, [*read_inventory(copy / RECORD), kept])
    (copy / EARLIER).write_bytes(b"as many bytes, of another one")
    assert len(b"as many bytes, of another one") == kept.size
    recorded = prove()
    assert recorded.changed == (EARLIER,)
    assert kept in read_inventory(copy / RECORD)


def test_a_file_that_was_only_touched_is_read_and_gets_its_new_time(prove, copy):
    prove()
    kept = earlier(copy)
    write_inventory(copy / RECORD, [*read_inventory(copy / RECORD), kept])
    os.utime(copy / EARLIER, ns=(5, 5))
    recorded = prove()
    assert recorded.changed == ()
    assert kept._replace(modified_ns=5) in recorded.records


def test_what_is_on_record_elsewhere_counts_where_the_copys_own_record_is_missing_or_stale(prove, copy):
    missing = earlier(copy)
    stale = earlier(copy, "images/W22084-0001/00010008.jpg")
    (copy / "sync-inventory").mkdir()
    write_inventory(copy / RECORD, [record_of(copy, stale.path, b"before")._replace(modified_ns=3)])
    recorded = prove(recorded=[missing, stale])
    assert {missing, stale} <= set(recorded.records)
    assert recorded.changed == ()


def test_of_two_records_that_fit_that_of_the_copy_counts(prove, copy):
    own = earlier(copy)
    (copy / "sync-inventory").mkdir()
    write_inventory(copy / RECORD, [own])
    assert own in prove(recorded=[own._replace(sha512="0" * 128)]).records


def test_what_a_work_brings_along_beside_the_records_is_proved_and_not_recorded(prove, copy, work):
    (work / "sync-inventory").mkdir()
    (work / "sync-inventory" / "of the site.txt").write_text("of the work itself")
    assert len(prove().records) == 6
    assert (copy / "sync-inventory" / "of the site.txt").exists()


def test_what_a_killed_built_in_sync_has_replaced_is_recorded_as_it_is_and_its_note_goes(prove, copy):
    prove()
    was = earlier(copy)
    write_inventory(copy / RECORD, [*read_inventory(copy / RECORD), was])
    replaced = earlier(copy, content=b"what the killed one put there in place of it")
    write_inventory(copy / PENDING, [replaced, record_of(copy, FIRST, b"what it did not get to")])
    recorded = prove()
    assert replaced in recorded.records
    assert recorded.changed == ()
    assert not (copy / PENDING).exists()


def test_killed_between_history_and_record_the_next_attempt_tells_the_change_once(prove, copy, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(changes, "write_record", raising(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prove()
    assert not (copy / RECORD).exists()
    assert len(history(copy)) == 1
    prove()
    assert len(read_inventory(copy / RECORD)) == 6
    assert len(history(copy)) == 1


def raising(error: type[BaseException]) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_what_a_sync_of_ours_left_half_built_goes_when_the_copy_is_proved(prove, copy):
    incoming = copy.with_name(".W22084.incoming")
    (incoming / "images").mkdir(parents=True)
    prove()
    assert not incoming.exists()


def test_a_second_proof_of_the_same_writes_nothing(prove, root, copy, work, inventory_of, everything):
    prove()
    before = everything(copy)
    record_proof(root, RID, verify_copy(root, rid=RID, inventory=inventory_of(work)))
    assert everything(copy) == before


def test_names_of_the_record_are_written_out_before_it_counts(prove, copy, monkeypatch):
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda each: (synced.append(os.fstat(each).st_ino), real(each)))
    prove()
    assert synced[-1] == (copy / "sync-inventory").stat().st_ino
    inodes = {(copy / path).stat().st_ino for path in (HISTORY, RECORD)} | {copy.stat().st_ino}
    assert inodes <= set(synced[-4:])


def test_a_record_that_cannot_be_written_is_told_with_the_mount(small_disk, work, inventory_of):
    root = small_disk("size=20m")
    copy = root / "Archive3" / "84" / "W22084"
    copy.parent.mkdir()
    shutil.copytree(work, copy)
    proof = verify_copy(root, rid=RID, inventory=inventory_of(work))
    (copy / "sync-inventory").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(root / "Archive3")], check=True)
    with pytest.raises(ArchiveFailed) as caught:
        record_proof(root, RID, proof)
    assert f"The archive mount '{root}/Archive3' failed" in caught.value.message
    assert "sync-inventory" in caught.value.message
    assert "writable" in caught.value.action


def test_a_record_that_cannot_be_put_back_is_told_with_the_mount(small_disk):
    root = small_disk("size=20m")
    copy = root / "Archive3" / "84" / "W22084"
    (copy / "sync-inventory").mkdir(parents=True)
    write_inventory(copy / RECORD, [])

    def removes_it_and_breaks_the_disk() -> None:
        (copy / RECORD).unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(root / "Archive3")], check=True)

    with pytest.raises(ArchiveFailed, match="Archive3' failed at"), own_record_kept(root, RID):
        removes_it_and_breaks_the_disk()


def test_a_file_where_the_records_folder_belongs_is_told(prove, copy):
    copy.mkdir(parents=True)
    (copy / "sync-inventory").write_text("of a stranger")
    with pytest.raises(ArchiveFailed) as caught:
        prove()
    assert caught.value.code == "archive-in-the-way"


def overwrites(copy: Path) -> None:
    (copy / RECORD).write_text("of an earlier copy")
    (copy / HISTORY).write_text("of an earlier copy")


def removes_all(copy: Path) -> None:
    shutil.rmtree(copy)


def links(copy: Path) -> None:
    for path in (RECORD, HISTORY):
        (copy / path).unlink()
        (copy / path).symlink_to(copy.parents[1] / "elsewhere")


@pytest.mark.parametrize("does", [overwrites, removes_all, links])
@pytest.mark.parametrize("error", [None, SystemFailed("the program failed")])
def test_what_a_program_does_to_the_record_is_undone_however_it_ends(prove, root, copy, does, error):
    prove()
    before = {path: (copy / path).read_bytes() for path in (RECORD, HISTORY)}
    with suppress(SystemFailed), own_record_kept(root, RID):
        does(copy)
        if error:
            raise error
    assert {path: (copy / path).read_bytes() for path in (RECORD, HISTORY)} == before
    assert not (copy.parents[1] / "elsewhere").exists()


def test_whoever_could_use_the_records_folder_still_can_when_a_program_has_removed_it(prove, root, copy):
    access = Access(folder_mode=0o2770)
    prove(access=access)
    with own_record_kept(root, RID, access=access):
        removes_all(copy)
    prove(access=access)
    assert (copy / "sync-inventory").stat().st_mode & 0o7777 == 0o2770


def test_a_record_that_a_work_brings_along_is_not_taken_for_that_of_the_copy(root, copy):
    with own_record_kept(root, RID):
        (copy / "sync-inventory").mkdir(parents=True)
        overwrites(copy)
        (copy / "sync-inventory" / "W22084.of-the-site.txt").write_text("of the work itself")
    assert os.listdir(copy / "sync-inventory") == ["W22084.of-the-site.txt"]


def test_nothing_is_taken_out_of_a_folder_that_a_program_has_linked_in_place_of_the_records(root, copy, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / RECORD.rpartition("/")[2]).write_text("of somebody")
    copy.mkdir(parents=True)
    with pytest.raises(ArchiveFailed) as caught, own_record_kept(root, RID):
        (copy / "sync-inventory").symlink_to(elsewhere)
    assert caught.value.code == "archive-in-the-way"
    assert len(list(elsewhere.iterdir())) == 1


def test_a_damaged_record_is_told_before_the_program_works_for_hours(prove, root, copy):
    prove()
    (copy / RECORD).write_text("spoiled")
    with pytest.raises(RecordDamaged), own_record_kept(root, RID):
        pytest.fail("the program was started")


@pytest.mark.parametrize("path", ["sync-inventory", RECORD])
def test_a_link_in_place_of_the_record_is_not_written_through(prove, root, copy, tmp_path, path):
    prove()
    shutil.move(copy / path, tmp_path / "elsewhere")
    (copy / path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveFailed) as caught, own_record_kept(root, RID):
        pytest.fail("the program was started")
    assert caught.value.code == "archive-in-the-way"
