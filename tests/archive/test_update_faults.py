"""What happens to an update of a work when the disk is full, or takes nothing more, at its tenderest moments."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.archive import SyncOptions, sync_work
from ao_workflows.errors import MustWait, SystemFailed
from ao_workflows.works import Rid

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
RID = Rid("W22084")
PAGES = ("images/W22084-0001/00010001.jpg", "images/W22084-0001/00010002.jpg")
MASTER = "archive/W22084-0001/00010001.tif"
OPTIONS = SyncOptions(replace=True, keep_replaced_days=3, keep_free=0)
RECORD = "sync-inventory/W22084.inventory.jsonl"


@pytest.fixture
def disk(work: Path, small_disk: Callable[[str], Path]) -> Path:
    """A small disk that has the work; two pages are changed since, one file is gone, and another has come."""
    root = small_disk("size=8m,nr_inodes=200")
    sync_work(work, root, rid=RID, options=OPTIONS)
    for page in PAGES:
        (work / page).write_bytes(b"a better scan")
    (work / MASTER).unlink()
    (work / "images" / "W22084-0001" / "00010003.jpg").write_bytes(b"a third page")
    return root


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def content_files(copy: Path) -> dict[str, bytes]:
    return {path: content for path, content in files_below(copy).items() if not path.startswith("sync-inventory/")}


def fill(folder: Path) -> list[Path]:
    """Take all room, and all inodes, of the disk; return the files that hold them."""
    fillers = [folder / "filler"]
    state = os.statvfs(folder)
    fillers[0].write_bytes(bytes(state.f_bavail * state.f_frsize))
    while True:
        try:
            (folder / f"filler {len(fillers)}").touch()
        except OSError:
            return fillers
        fillers.append(folder / f"filler {len(fillers)}")


def check_ends_right(work: Path, root: Path, old: dict[str, bytes], content: Content) -> None:
    """The next sync ends right, and every old version can be found: where it was, or kept."""
    copy = root / "Archive3" / "84" / "W22084"
    sync_work(work, root, rid=RID, options=OPTIONS)
    assert content(copy) == content(work)
    kept: dict[str, bytes] = {}
    for dated in (copy.parent / ".W22084.replaced").iterdir():
        kept |= files_below(dated)
    assert {path: kept[path] for path in (*PAGES, MASTER)} == {path: old[path] for path in (*PAGES, MASTER)}
    assert not list(root.rglob("*.part"))


def test_a_disk_that_is_full_when_versions_are_to_be_kept_has_nothing_replaced_that_is_not_kept(
    work: Path, disk: Path, content: Content
):
    copy = disk / "Archive3" / "84" / "W22084"
    old, real_link, fillers = content_files(copy), os.link, []

    def somebody_is_faster(source: Path, target: Path, **options: bool) -> None:
        if not fillers:
            fillers.extend(fill(disk / "Archive3"))
        real_link(source, target, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", somebody_is_faster)
        with pytest.raises(MustWait) as caught:
            sync_work(work, disk, rid=RID, options=OPTIONS)
    assert caught.value.code == "waiting-for-disk"
    assert content_files(copy) == old | {"images/W22084-0001/00010003.jpg": b"a third page"}
    for filler in fillers:
        filler.unlink()
    check_ends_right(work, disk, old, content)


@pytest.mark.parametrize("what", ["changes", "inventory"])
def test_a_disk_that_is_full_when_the_record_is_written_has_all_that_is_new_and_removes_nothing(
    work: Path, disk: Path, content: Content, what: str
):
    copy = disk / "Archive3" / "84" / "W22084"
    old, record, real_unlink, fillers = content_files(copy), (copy / RECORD).read_bytes(), os.unlink, []

    def somebody_is_faster(path: Path, **options: int) -> None:
        if not fillers and str(path).endswith(f".W22084.{what}.jsonl.part"):
            fillers.extend(fill(disk / "Archive3"))
        real_unlink(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", somebody_is_faster)
        with pytest.raises(MustWait) as caught:
            sync_work(work, disk, rid=RID, options=OPTIONS)
    assert caught.value.code == "waiting-for-disk"
    assert content_files(copy) == content_files(work) | {MASTER: old[MASTER]}
    assert (copy / RECORD).read_bytes() == record
    for filler in fillers:
        filler.unlink()
    check_ends_right(work, disk, old, content)


@pytest.mark.parametrize("calls", range(1, 12))
def test_a_disk_that_becomes_read_only_in_the_middle_leaves_each_file_old_or_new(
    work: Path, root: Path, copy: Path, content: Content, calls: int
):
    sync_work(work, root, rid=RID, options=OPTIONS)
    old = content_files(copy)
    for page in PAGES:
        (work / page).write_bytes(b"a better scan")
    (work / MASTER).unlink()
    left = calls

    def read_only_soon(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return call(*arguments, **options)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        # A mount cannot be made read-only while the lock is open for writing; a file system with an error does so.
        for name in ("link", "mkdir", "replace", "unlink", "rmdir"):
            patch.setattr(os, name, read_only_soon(getattr(os, name)))
        with pytest.raises(SystemFailed, match="Read-only file system") as caught:
            sync_work(work, root, rid=RID, options=OPTIONS)
    assert caught.value.retryable
    now = {path: each for path, each in content_files(copy).items() if not path.endswith(".part")}
    for path, each in now.items():
        assert each in (old.get(path), content_files(work).get(path))
    assert now.keys() >= old.keys() - {MASTER}
    check_ends_right(work, root, old, content)
