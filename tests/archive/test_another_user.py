"""A work that one user has archived and another one syncs again, in an archive that belongs to a group."""

import codecs
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ao_workflows.archive import Access, ArchiveFailed, SyncOptions, sync_work
from ao_workflows.inventory import read_inventory
from ao_workflows.works import Rid

RID = Rid("W22084")
GROUP, STRANGER = 12_345, 54_321
FOR_GROUP = SyncOptions(access=Access(file_mode=0o664, folder_mode=0o2775, group=GROUP))
PAGE = "images/W22084-0001/00010002.jpg"
RECORD = "sync-inventory/W22084.inventory.jsonl"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def place(work: Path) -> Iterator[Path]:
    """Return a folder that everybody may use, with a work and an archive that a careful user has made."""
    before = os.umask(0o077)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(work, folder / "W22084")
            (folder / "mnt" / "Archive3").mkdir(parents=True)
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o777)
            sync_work(folder / "W22084", folder / "mnt", rid=RID, options=FOR_GROUP)
            yield folder
    finally:
        os.umask(before)


@contextmanager
def as_stranger(group: int) -> Iterator[None]:
    """Be another user of one group while the block runs."""
    codecs.lookup("ascii")  # who may not read Python's own files never gets it, and neither does anybody afterwards
    groups, own = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(own)
        os.setgroups(groups)


def test_who_is_of_the_group_and_owns_nothing_adds_and_replaces(place: Path):
    work, copy = place / "W22084", place / "mnt" / "Archive3" / "84" / "W22084"
    (work / PAGE).write_bytes(b"a better scan")
    (work / PAGE).with_name("00010009.jpg").write_bytes(b"one more page")
    for path in (work / PAGE, (work / PAGE).with_name("00010009.jpg")):
        path.chmod(0o644)
    with as_stranger(GROUP):
        result = sync_work(work, place / "mnt", rid=RID, options=FOR_GROUP)
        again = sync_work(work, place / "mnt", rid=RID, options=FOR_GROUP)
    assert (result.added, result.replaced, result.unchanged) == (1, 1, 5)
    assert (again.added, again.replaced, again.unchanged) == (0, 0, 7)
    assert (copy / PAGE).read_bytes() == b"a better scan"
    assert len(read_inventory(copy / RECORD)) == 7


def test_a_record_that_this_user_may_not_read_is_not_called_damaged(place: Path):
    (place / "mnt" / "Archive3" / "84" / "W22084" / RECORD).chmod(0o600)
    with as_stranger(GROUP), pytest.raises(ArchiveFailed, match="Permission denied") as caught:
        sync_work(place / "W22084", place / "mnt", rid=RID, options=FOR_GROUP)
    assert caught.value.code == "archive-failed"
    assert caught.value.action.startswith("Let uid 54321 read and write")
