"""An archive copy that is read, such as to be published, is not changed by a sync meanwhile."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ao_workflows.archive import SyncOptions, read_record, sync_work, unchanged_copy
from ao_workflows.errors import MustWait
from ao_workflows.works import Rid

RID = Rid("W22084")
PAGE = "images/W22084-0001/00010002.jpg"


def test_no_sync_of_the_work_begins_meanwhile_and_none_is_under_way(work: Path, root: Path, copy: Path):
    sync_work(work, root, rid=RID)
    mount = root / "Archive3"
    records = read_record(copy, RID, mount=mount)
    with unchanged_copy(copy, RID, records, mount=mount):
        for another in (
            lambda: sync_work(work, root, rid=RID),
            unchanged_copy(copy, RID, records, mount=mount).__enter__,
        ):
            with pytest.raises(MustWait) as caught:
                another()
            assert caught.value.code == "waiting-for-sync"
    assert sync_work(work, root, rid=RID).unchanged == 6


def test_what_a_sync_has_changed_since_it_was_looked_at_is_not_read(work: Path, root: Path, copy: Path):
    sync_work(work, root, rid=RID)
    mount = root / "Archive3"
    records = read_record(copy, RID, mount=mount)
    (work / PAGE).write_bytes(b"a better scan")
    sync_work(work, root, rid=RID)
    with pytest.raises(MustWait, match="has changed the archive copy") as caught:
        unchanged_copy(copy, RID, records, mount=mount).__enter__()
    assert caught.value.code == "waiting-for-sync"


def test_on_a_mount_that_takes_no_writes_nothing_has_to_be_held(work: Path, small_disk: Callable[[str], Path]):
    root = small_disk("size=8m")
    mount = root / "Archive3"
    copy = sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0)).archive_path
    (mount / "84" / ".W22084.lock").unlink()
    small_disk("remount,ro")
    records = read_record(copy, RID, mount=mount)
    with capture_logs() as lines, unchanged_copy(copy, RID, records, mount=mount):
        pass
    assert [line["event"] for line in lines] == ["read without a lock: this user may not lock it"]
    reading = unchanged_copy(copy, RID, records, mount=mount)
    reading.__enter__()
    small_disk("remount,rw")  # another machine may write
    (work / PAGE).write_bytes(b"a better scan")
    sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    with pytest.raises(MustWait):
        reading.__exit__(None, None, None)
