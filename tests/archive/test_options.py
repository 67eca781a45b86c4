"""What can be asked of a sync: what vouches for bytes, what goes, what stays, and who may use it."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ao_workflows.archive import (
    Access,
    ArchiveFailed,
    ScratchDamaged,
    ScratchFailed,
    SyncOptions,
    copying,
    reading_back,
    sync_work,
    transfer,
)
from ao_workflows.errors import MustWait
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
TakeInventory = Callable[[Path], list[FileRecord]]
RID = Rid("W22084")
PAGE = "images/W22084-0001/00010002.jpg"
MASTER = "archive/W22084-0001/00010001.tif"


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def try_of(folder: Path) -> Path:
    """Return the name under which it is tried whether links can be made in a folder."""
    return Path(copying.temporary_for(f"{folder}/a second name"))


def changes(copy: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (copy / "sync-inventory/W22084.changes.jsonl").read_text().splitlines()]


class TestReplacing:
    def test_what_the_work_does_not_have_goes_and_what_proves_deliveries_stays(
        self, work: Path, root: Path, copy: Path
    ):
        sync_work(work, root, rid=RID)
        (copy / "images" / "W22084-0002" / "deep").mkdir(parents=True)
        (copy / "images" / "W22084-0002" / "deep" / "old.jpg").write_bytes(b"old")
        (copy / "images" / ".DS_Store").write_bytes(b"litter")
        (copy / "W22084.bag" / "manifest-sha256.txt").write_bytes(b"of another delivery")
        (work / PAGE).unlink()
        result = sync_work(work, root, rid=RID, options=SyncOptions(replace=True))
        assert (result.added, result.replaced, result.removed, result.unchanged) == (0, 0, 3, 5)
        assert not (copy / "images" / "W22084-0002").exists()
        assert not (copy / PAGE).exists()
        assert not (copy / "images" / ".DS_Store").exists()
        assert (copy / "W22084.bag" / "manifest-sha256.txt").read_bytes() == b"of another delivery"
        assert PAGE not in (copy / "sync-inventory/W22084.inventory.jsonl").read_text()

    def test_doing_it_twice_changes_nothing(self, work: Path, root: Path, copy: Path, everything: Everything):
        sync_work(work, root, rid=RID)
        (copy / "sources" / "old").mkdir()
        (copy / "sources" / "old" / "file").write_bytes(b"x")
        sync_work(work, root, rid=RID, options=SyncOptions(replace=True))
        before = everything(root)
        assert sync_work(work, root, rid=RID, options=SyncOptions(replace=True)).removed == 0
        assert everything(root) == before

    def test_nothing_goes_when_something_new_could_not_be_written(
        self, work: Path, root: Path, copy: Path, inventory_of: TakeInventory
    ):
        sync_work(work, root, rid=RID)
        (work / MASTER).unlink()
        (work / PAGE).write_bytes(b"a new page")
        inventory = inventory_of(work)
        (work / PAGE).write_bytes(b"a bad page")
        before = files_below(copy)
        with pytest.raises(ScratchDamaged):
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(replace=True))
        assert files_below(copy) == before

    def test_replaced_and_removed_versions_are_kept_beside_the_work_for_some_days(
        self, work: Path, root: Path, copy: Path
    ):
        options = SyncOptions(replace=True, keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        (work / PAGE).write_bytes(b"a better scan")
        (work / MASTER).unlink()
        sync_work(work, root, rid=RID, options=options)
        (dated,) = (copy.parent / ".W22084.replaced").iterdir()
        kept_since = datetime.strptime(dated.name, "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - kept_since) < timedelta(minutes=1)
        assert files_below(dated) == {PAGE: b"second page", MASTER: bytes(range(256)) * 5000}
        assert (copy / PAGE).read_bytes() == b"a better scan"

    @pytest.mark.parametrize("is_changed", [False, True])
    def test_what_was_kept_for_long_enough_goes_with_the_next_sync_beside_it_whatever_that_does(
        self, work: Path, root: Path, copy: Path, *, is_changed: bool
    ):
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        now = datetime.now(UTC)
        kept = {days: (now - timedelta(days=days)).strftime("%Y-%m-%dT%H%M%SZ") for days in (2, 4)}
        for folder in (".W22084.replaced", ".W1184.replaced"):
            for name in (*kept.values(), "notes"):
                (copy.parent / folder / name).mkdir(parents=True)
        (copy.parent / ".W1284.replaced" / kept[4]).mkdir(parents=True)
        if is_changed:
            (work / PAGE).write_bytes(b"a better scan")
        sync_work(work, root, rid=RID, options=options)
        assert set(os.listdir(copy.parent / ".W1184.replaced")) == {kept[2], "notes"}
        assert len(os.listdir(copy.parent / ".W22084.replaced")) == 2 + is_changed
        assert not (copy.parent / ".W1284.replaced").exists()

    def test_syncs_that_follow_one_another_at_once_keep_what_each_of_them_replaces(
        self, work: Path, root: Path, copy: Path
    ):
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        for scan in (b"the second scan", b"the third scan", b"the fourth scan"):
            (work / PAGE).write_bytes(scan)
            sync_work(work, root, rid=RID, options=options)
        kept = [files_below(dated)[PAGE] for dated in sorted((copy.parent / ".W22084.replaced").iterdir())]
        assert kept == [b"second page", b"the second scan", b"the third scan"]

    def test_what_another_sync_of_the_mount_removes_at_the_same_time_is_gone_and_no_error(
        self, work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ):
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        old = (datetime.now(UTC) - timedelta(days=4)).strftime("%Y-%m-%dT%H%M%SZ")
        (copy.parent / ".W1184.replaced" / old).mkdir(parents=True)
        real_rmtree = shutil.rmtree

        def be_late(folder: Path) -> None:
            real_rmtree(folder.parent)
            real_rmtree(folder)

        (work / PAGE).write_bytes(b"a better scan")
        monkeypatch.setattr(shutil, "rmtree", be_late)
        assert sync_work(work, root, rid=RID, options=options).replaced == 1
        assert not (copy.parent / ".W1184.replaced").exists()

    def test_whoever_may_use_the_works_folders_may_use_those_of_what_was_kept(self, work: Path, root: Path, copy: Path):
        options = SyncOptions(keep_replaced_days=3, access=Access(folder_mode=0o2775))
        before = os.umask(0o077)
        try:
            sync_work(work, root, rid=RID, options=options)
            (work / PAGE).write_bytes(b"a better scan")
            sync_work(work, root, rid=RID, options=options)
        finally:
            os.umask(before)
        kept = copy.parent / ".W22084.replaced"
        modes = [folder.stat().st_mode & 0o7777 for folder in (kept, *kept.rglob("*")) if folder.is_dir()]
        assert modes == [0o2775] * 4

    def test_what_cannot_be_removed_stays_and_is_named_and_the_work_is_in_its_place(
        self, work: Path, root: Path, copy: Path, content: Content, monkeypatch: pytest.MonkeyPatch
    ):
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", "00010002.jpg")

        old = copy.parent / ".W1184.replaced" / "2020-01-01T000000Z"
        old.mkdir(parents=True)
        monkeypatch.setattr(shutil, "rmtree", refuse)
        with capture_logs() as logs:
            sync_work(work, root, rid=RID, options=SyncOptions(keep_replaced_days=3))
        assert [(line["event"], line["folder"]) for line in logs] == [("old versions stay", str(old))]
        assert content(copy) == content(work)

    @pytest.mark.parametrize("kind", ["link", "file"])
    def test_what_only_has_the_name_of_a_time_is_left_alone(self, work: Path, root: Path, copy: Path, kind: str):
        old = copy.parent / ".W1184.replaced" / "2020-01-01T000000Z"
        old.parent.mkdir(parents=True)
        (old.symlink_to if kind == "link" else old.write_bytes)(os.fsencode(work))
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        (work / PAGE).write_bytes(b"a better scan")
        assert sync_work(work, root, rid=RID, options=options).replaced == 1
        assert old.lstat()

    def test_nothing_is_kept_through_a_link(self, work: Path, root: Path, copy: Path, tmp_path: Path):
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        (tmp_path / "elsewhere").mkdir()
        (copy.parent / ".W22084.replaced").symlink_to(tmp_path / "elsewhere")
        (work / PAGE).write_bytes(b"a better scan")
        with pytest.raises(ArchiveFailed) as caught:
            sync_work(work, root, rid=RID, options=options)
        assert caught.value.code == "archive-in-the-way"
        assert (copy / PAGE).read_bytes() == b"second page"
        assert os.listdir(tmp_path / "elsewhere") == []

    def test_without_links_the_old_version_is_copied(
        self, work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", no_links)
        options = SyncOptions(keep_replaced_days=3)
        sync_work(work, root, rid=RID, options=options)
        (work / PAGE).write_bytes(b"a better scan")
        real_replace, seen = os.replace, []

        def look(source: Path, target: Path) -> None:
            seen.append((copy / PAGE).read_bytes())
            real_replace(source, target)

        monkeypatch.setattr(os, "replace", look)
        sync_work(work, root, rid=RID, options=options)
        (dated,) = (copy.parent / ".W22084.replaced").iterdir()
        assert files_below(dated) == {PAGE: b"second page"}
        assert (copy / PAGE).read_bytes() == b"a better scan"
        assert seen == [b"second page"] * 3 + [b"a better scan"] * 2  # at no moment was there none


class TestLinks:
    def test_files_on_the_same_disk_are_not_copied(
        self, work: Path, root: Path, copy: Path, content: Content, inventory_of: TakeInventory
    ):
        result = sync_work(work, root, rid=RID, inventory=inventory_of(work), options=SyncOptions(link=True))
        assert result.added == 6
        assert result.bytes == 10_000 + 11 + 1_280_000 + 19 + 8
        assert content(copy) == content(work)
        assert (copy / PAGE).stat().st_ino == (work / PAGE).stat().st_ino

    def test_and_need_no_room(self, work: Path, root: Path, inventory_of: TakeInventory):
        options = SyncOptions(link=True, keep_free=1 << 60)
        assert sync_work(work, root, rid=RID, inventory=inventory_of(work), options=options).added == 6
        with pytest.raises(MustWait, match="stay free"):
            sync_work(work, root, rid=Rid("W22184"), options=SyncOptions(keep_free=1 << 60))

    def test_nothing_is_read_where_what_is_written_vouches(
        self, work: Path, root: Path, inventory_of: TakeInventory, monkeypatch: pytest.MonkeyPatch
    ):
        inventory = inventory_of(work)
        monkeypatch.setattr(copying.hashlib, "sha512", None)
        monkeypatch.setattr(transfer, "prove_on_disk", None)
        options = SyncOptions(link=True, verify="written")
        assert sync_work(work, root, rid=RID, inventory=inventory, options=options).added == 6

    def test_a_bit_that_flipped_since_it_was_unpacked_is_found_by_reading_back(
        self, work: Path, root: Path, copy: Path, inventory_of: TakeInventory
    ):
        inventory = inventory_of(work)
        state = (work / PAGE).stat()
        (work / PAGE).write_bytes(b"secOnd page")
        os.utime(work / PAGE, ns=(state.st_mtime_ns, state.st_mtime_ns))
        with pytest.raises(ScratchDamaged, match="00010002"):
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(link=True))
        assert not copy.exists()

    def test_a_changed_file_takes_the_place_of_the_old_one_without_a_copy(
        self, work: Path, root: Path, copy: Path, inventory_of: TakeInventory
    ):
        sync_work(work, root, rid=RID)
        (work / PAGE).write_bytes(b"a better scan")
        sync_work(work, root, rid=RID, inventory=inventory_of(work), options=SyncOptions(link=True))
        assert (copy / PAGE).stat().st_ino == (work / PAGE).stat().st_ino
        assert (copy / MASTER).stat().st_ino != (work / MASTER).stat().st_ino

    @pytest.mark.parametrize("what", ["gone", "another", "a link", "written to", "written to after"])
    def test_a_file_that_changes_between_the_listing_and_the_link_is_told_and_not_archived(
        self, work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ):
        sync_work(work, root, rid=RID)
        before = files_below(copy)
        (work / PAGE).write_bytes(b"a better scan")
        real_link = os.link

        def link(path: str, target: str, **options: bool) -> None:
            source = Path(path)
            if Path(target) == try_of(copy):
                real_link(source, target, **options)
                return
            if what == "written to after":
                real_link(source, target, **options)
            if source.name == Path(PAGE).name:
                if not what.startswith("written"):
                    source.rename(work / "moved")
                if what == "a link":
                    source.symlink_to(work / "moved")
                elif what != "gone":
                    source.write_bytes(b"in the middle of the sync")
            if what != "written to after":
                real_link(source, target, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, "link", link)
            with pytest.raises(ScratchFailed) as caught:
                sync_work(work, root, rid=RID, options=SyncOptions(link=True))
        assert caught.value.code == "scratch-damaged"
        assert str(work / PAGE) in caught.value.message
        assert files_below(copy) == before

    def test_a_link_never_has_its_name_without_its_mode(
        self, work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ):
        modes = []
        real_link = os.link

        def link(source: str, target: str, **options: bool) -> None:
            real_link(source, target, **options)
            if Path(target) != try_of(copy.with_name(".W22084.incoming")):
                modes.append(os.stat(target).st_mode & 0o777)

        monkeypatch.setattr(os, "link", link)
        sync_work(work, root, rid=RID, options=SyncOptions(link=True, access=Access(file_mode=0o640)))
        assert modes == [0o640] * 6

    def test_a_file_that_somebody_goes_on_writing_to_ends_the_sync(
        self, work: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        real_read = os.read
        reads = []

        def read(descriptor: int, size: int) -> bytes:
            chunk = real_read(descriptor, size)
            if Path(os.readlink(f"/proc/self/fd/{descriptor}")) == work / PAGE:
                reads.append(len(chunk))
                assert len(reads) < 100, "it would go on for ever"
                with (work / PAGE).open("ab") as file:
                    file.write(b"a line of a log")
            return chunk

        monkeypatch.setattr(os, "read", read)
        with pytest.raises(ScratchDamaged, match="changed on scratch"):
            sync_work(work, root, rid=RID)

    def test_where_links_cannot_be_made_files_are_copied(
        self, work: Path, root: Path, copy: Path, content: Content, monkeypatch: pytest.MonkeyPatch
    ):
        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "no links here")

        monkeypatch.setattr(os, "link", no_links)
        sync_work(work, root, rid=RID, options=SyncOptions(link=True))
        assert content(copy) == content(work)
        assert (copy / PAGE).stat().st_ino != (work / PAGE).stat().st_ino


class TestProof:
    def test_written_bytes_are_not_read_back_where_nobody_asks_for_it(
        self, work: Path, root: Path, copy: Path, content: Content, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(transfer, "prove_on_disk", None)
        assert sync_work(work, root, rid=RID, options=SyncOptions(verify="written")).from_memory == 0
        assert content(copy) == content(work)

    def test_what_is_not_read_back_is_hashed_while_it_is_written(
        self, work: Path, root: Path, copy: Path, inventory_of: TakeInventory
    ):
        inventory, state = inventory_of(work), (work / PAGE).stat()
        (work / PAGE).write_bytes(b"secOnd page")
        os.utime(work / PAGE, ns=(state.st_mtime_ns, state.st_mtime_ns))
        with pytest.raises(ScratchDamaged):
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(verify="written"))
        assert not copy.exists()

    def test_a_bit_that_flips_later_is_found_by_the_next_check(self, work: Path, root: Path, copy: Path):
        sync_work(work, root, rid=RID, options=SyncOptions(verify="written"))
        state = (copy / PAGE).stat()
        (copy / PAGE).write_bytes(b"secOnd page")
        os.utime(copy / PAGE, ns=(state.st_mtime_ns, state.st_mtime_ns))
        result = sync_work(work, root, rid=RID, options=SyncOptions(checksum=True))
        assert (result.replaced, result.unchanged) == (1, 5)
        assert (copy / PAGE).read_bytes() == b"second page"

    def test_reading_back_says_how_many_files_memory_answered_for(
        self, work: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        # A file system that keeps its pages, whoever asks it to drop them.
        monkeypatch.setattr(os, "posix_fadvise", lambda *_: None)
        result = sync_work(work, root, rid=RID)
        assert (result.verified, result.from_memory) == (6, 5)  # one of the six has no bytes

    @pytest.mark.parametrize(("is_kept", "from_memory"), [(False, 0), (True, 5)])
    def test_only_what_memory_answered_for_is_counted(
        self, work: Path, root: Path, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool, from_memory: int
    ):
        monkeypatch.setattr(reading_back, "_is_in_memory", lambda _: is_kept)
        assert sync_work(work, root, rid=RID).from_memory == from_memory


class TestAccess:
    def test_files_and_folders_get_the_modes_and_the_group_that_are_set(self, work: Path, root: Path, copy: Path):
        group = os.getgroups()[0] if os.geteuid() else 12_345
        access = Access(file_mode=0o640, folder_mode=0o2750, group=group)
        sync_work(work, root, rid=RID, options=SyncOptions(access=access))
        for path in [copy.parent, copy, *copy.rglob("*")]:  # the shard's folder was made for this work
            expected = 0o2750 if path.is_dir() else 0o640
            assert (path.stat().st_mode & 0o7777, path.stat().st_gid) == (expected, group), path

    def test_a_group_that_this_user_may_not_give_is_told(self, work: Path, root: Path, monkeypatch: pytest.MonkeyPatch):
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "fchown", refuse)
        with pytest.raises(ArchiveFailed, match="Operation not permitted"):
            sync_work(work, root, rid=RID, options=SyncOptions(access=Access(group=1)))


class TestTurns:
    def test_no_more_syncs_than_are_allowed_write_to_a_mount_at_once(self, work: Path, root: Path, copy: Path):
        turns = []
        for number in (1, 2):
            turns.append((root / "Archive3" / f".ao-sync-turn-{number}.lock").open("w"))
            fcntl.flock(turns[-1], fcntl.LOCK_EX)
        with pytest.raises(MustWait) as caught:
            sync_work(work, root, rid=RID)
        assert caught.value.code == "waiting-for-turn"
        assert caught.value.waiting_for == f"one of the 2 syncs that write to {str(root / 'Archive3')!r} to end"
        assert not copy.exists()
        assert sync_work(work, root, rid=RID, options=SyncOptions(at_once=3)).added == 6
        turns.pop().close()
        assert sync_work(work, root, rid=RID).unchanged == 6
        turns.pop().close()

    def test_each_mount_has_turns_of_its_own(self, work: Path, root: Path):
        with (root / "Archive3" / ".ao-sync-turn-1.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert sync_work(work, root, rid=Rid("W1FPL2251"), options=SyncOptions(at_once=1)).added == 6


class TestChanges:
    def test_each_sync_that_changes_something_adds_a_line_of_what_it_changed(self, work: Path, root: Path, copy: Path):
        sync_work(work, root, rid=RID)
        sync_work(work, root, rid=RID)
        (work / PAGE).write_bytes(b"a better scan")
        (work / "images" / "W22084-0002").mkdir()
        (work / "images" / "W22084-0002" / "00020001.jpg").write_bytes(b"new group")
        (work / MASTER).unlink()
        sync_work(work, root, rid=RID, options=SyncOptions(replace=True))
        first, second = changes(copy)
        assert len(first["added"]) == 6
        assert (first["replaced"], first["removed"], first["untouched"]) == ([], [], {})
        assert second["added"] == ["images/W22084-0002/00020001.jpg"]
        assert second["replaced"] == [PAGE]
        assert second["removed"] == [MASTER]
        assert second["untouched"] == {"": 2, "W22084-0001": 2}

    def test_a_file_that_only_has_another_time_is_no_change(self, work: Path, root: Path, copy: Path):
        sync_work(work, root, rid=RID)
        os.utime(copy / PAGE, ns=(0, 0))
        sync_work(work, root, rid=RID)
        assert len(changes(copy)) == 1

    def test_a_line_that_the_disk_has_spoiled_keeps_no_work_out_of_the_archive(
        self, work: Path, root: Path, copy: Path
    ):
        sync_work(work, root, rid=RID)
        history = copy / "sync-inventory" / "W22084.changes.jsonl"
        history.write_bytes(b'{"at": "2026\xff\x00"}\n' + history.read_bytes())
        (work / PAGE).write_bytes(b"a better scan")
        sync_work(work, root, rid=RID)
        spoiled, first, second = history.read_text("ascii").splitlines()
        assert spoiled == '{"at": "2026\\xff\x00"}'
        assert len(json.loads(first)["added"]) == 6
        assert json.loads(second)["replaced"] == [PAGE]
