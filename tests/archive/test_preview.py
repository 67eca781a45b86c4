"""What a sync would do, and would fail at, told without changing anything."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.archive import ArchiveFailed, SyncOptions, preview_sync, sync_work
from ao_workflows.errors import MustWait
from ao_workflows.works import Rid

RID = Rid("W22084")
ALL_THERE_IS = SyncOptions(keep_free=0)


def test_a_mount_that_is_not_there_is_told_as_a_sync_tells_it(work: Path, root: Path):
    (root / "Archive3").rmdir()
    with pytest.raises(ArchiveFailed) as caught:
        preview_sync(work, root, rid=RID)
    assert caught.value.code == "archive-mount-missing"
    assert not (root / "Archive3").exists()


@pytest.mark.parametrize("synced", [False, True])
def test_a_mount_that_is_read_only_is_told(work: Path, small_disk: Callable[[str], Path], synced: bool):
    root = small_disk("size=16m")
    if synced:
        sync_work(work, root, rid=RID, options=ALL_THERE_IS)
    small_disk("remount,ro")
    with pytest.raises(ArchiveFailed, match="Read-only file system") as caught:
        preview_sync(work, root, rid=RID, options=ALL_THERE_IS)
    assert "writable for uid" in caught.value.action


def test_a_folder_that_this_user_may_not_write_is_told(work: Path, root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "Archive3" / "84").mkdir()
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, *how, **others: path.name != "84" and real(path, *how, **others)
    )  # root may anything
    with pytest.raises(ArchiveFailed, match=r"84.*Permission denied"):
        preview_sync(work, root, rid=RID)


def test_a_mount_without_room_is_told_and_only_what_would_be_written_counts(
    work: Path, small_disk: Callable[[str], Path]
):
    root = small_disk("size=1m")
    with pytest.raises(MustWait, match="bytes are needed") as caught:
        preview_sync(work, root, rid=RID, options=ALL_THERE_IS)
    assert caught.value.code == "waiting-for-disk"
    small_disk("remount,size=2200k")
    sync_work(work, root, rid=RID, options=ALL_THERE_IS)
    assert preview_sync(work, root, rid=RID, options=ALL_THERE_IS).unchanged == 6
    (work / "archive" / "W22084-0001" / "00010001.tif").write_bytes(b"changed" * 180_000)
    with pytest.raises(MustWait, match="bytes are needed"):
        preview_sync(work, root, rid=RID, options=ALL_THERE_IS)


def test_what_a_killed_sync_has_copied_needs_no_room_again(work: Path, small_disk: Callable[[str], Path]):
    root = small_disk("size=2200k")
    sync_work(work, root, rid=RID, options=ALL_THERE_IS)
    shard = root / "Archive3" / "84"
    (shard / "W22084").rename(shard / ".W22084.incoming")
    assert preview_sync(work, root, rid=RID, options=ALL_THERE_IS).added == 6


def test_nothing_is_changed_and_nothing_counts_as_verified(
    work: Path, root: Path, everything: Callable[[Path], dict[str, tuple[int, ...]]]
):
    before = everything(root)
    result = preview_sync(work, root, rid=RID)
    assert (result.added, result.verified) == (6, 0)
    assert everything(root) == before
