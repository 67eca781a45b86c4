"""What happens to a sync that is killed, lied to by the disk, out of space, shut out, or not alone."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ao_workflows.archive import ArchiveFailed, SyncOptions, WriteDamaged, preview_sync, sync_work, verify_copy
from ao_workflows.archive.disk import archive_error, expect_answer, scratch_error
from ao_workflows.errors import MustWait, SystemFailed
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid
from fixtures import killed_at_call

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
RID = Rid("W22084")
DRIVER = killed_at_call.__file__
CHANGES = "sync-inventory/W22084.changes.jsonl"
PAGES = ("images/W22084-0001/00010001.jpg", "images/W22084-0001/00010002.jpg", "archive/W22084-0001/00010001.tif")


def run_until(work: Path, root: Path, call: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DRIVER, "sync", work, root, str(call)], check=False, capture_output=True, text=True, timeout=60
    )


def calls_of(work: Path, root: Path) -> int:
    """Count the calls of a sync that is not disturbed."""
    done = run_until(work, root, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def small_work(tmp_path: Path) -> Path:
    """Three pages and an empty folder: few calls, so that each can be the last."""
    work = tmp_path / "scratch" / "W22084"
    for number, page in enumerate(PAGES):
        (work / page).parent.mkdir(parents=True, exist_ok=True)
        (work / page).write_bytes(b"old %d" % number * 100)
    (work / "sources").mkdir()
    return work


def visible(copy: Path) -> dict[str, bytes]:
    return {
        path.relative_to(copy).as_posix(): path.read_bytes()
        for path in copy.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.parent.name != "sync-inventory"
    }


@pytest.mark.slow
def test_a_new_work_that_is_killed_at_any_call_is_not_seen_until_it_is_complete_and_ends_right(
    small_work: Path, tmp_path: Path, content: Content
):
    (tmp_path / "count" / "Archive3").mkdir(parents=True)
    calls = calls_of(small_work, tmp_path / "count")
    assert calls > 50
    seen_unfinished = seen_complete = 0
    for call in range(1, calls + 1, 2):
        root = tmp_path / f"killed at {call}"
        (root / "Archive3").mkdir(parents=True)
        copy = root / "Archive3" / "84" / "W22084"
        assert run_until(small_work, root, call).returncode == -signal.SIGKILL
        if copy.exists():
            seen_complete += 1
            assert content(copy) == content(small_work)
            assert len(visible(copy)) == 3
        else:
            seen_unfinished += 1
        sync_work(small_work, root, rid=RID)
        assert content(copy) == content(small_work)
        assert len((copy / "sync-inventory" / "W22084.inventory.jsonl").read_text().splitlines()) == 3
        assert sorted(os.listdir(copy.parent)) == [".W22084.lock", "W22084"]
    assert seen_unfinished > 20
    assert seen_complete > 0


@pytest.mark.slow
def test_a_work_whose_update_is_killed_at_any_call_has_each_file_old_or_new_and_ends_right(
    small_work: Path, tmp_path: Path, content: Content, everything: Everything
):
    before = tmp_path / "before"
    (before / "Archive3").mkdir(parents=True)
    sync_work(small_work, before, rid=RID)
    old = visible(before / "Archive3" / "84" / "W22084")
    for number, page in enumerate(PAGES[:2]):
        (small_work / page).write_bytes(b"new content %d" % number * 100)
    (small_work / "images" / "W22084-0002").mkdir()
    (small_work / "images" / "W22084-0002" / "00020001.jpg").write_bytes(b"added")
    new = visible(small_work)

    shutil.copytree(before, tmp_path / "count", symlinks=True)
    calls = calls_of(small_work, tmp_path / "count")
    assert calls > 30
    states = set()
    for call in range(1, calls + 1, 2):
        root = tmp_path / f"killed at {call}"
        shutil.copytree(before, root, symlinks=True)
        copy = root / "Archive3" / "84" / "W22084"
        assert run_until(small_work, root, call).returncode == -signal.SIGKILL
        now = visible(copy)
        for path, found in now.items():
            assert found in (old.get(path), new.get(path)), (call, path)
        assert now.keys() >= old.keys()
        states.add(tuple(sorted((path, found == new[path]) for path, found in now.items())))
        sync_work(small_work, root, rid=RID)
        assert content(copy) == content(small_work)
        assert len((copy / "sync-inventory" / "W22084.inventory.jsonl").read_text().splitlines()) == 4
        changes = [json.loads(line) for line in (copy / CHANGES).read_text().splitlines()]
        assert [(len(line["added"]), len(line["replaced"])) for line in changes] == [(3, 0), (1, 2)]
        assert not list(copy.rglob(".*"))
        settled = everything(root)
        sync_work(small_work, root, rid=RID)
        assert everything(root) == settled
    assert len(states) == 4


def test_a_killed_sync_does_not_copy_again_what_is_right_already(
    small_work: Path, root: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
):
    incoming = copy.with_name(".W22084.incoming")
    assert run_until(small_work, root, calls_of(small_work, root_of_its_own(root)) - 6).returncode == -signal.SIGKILL
    kept = {path: (incoming / path).stat().st_ino for path in PAGES}
    # Two of the three are spoiled: one in its bytes, one only in its time.
    state = (incoming / PAGES[0]).stat()
    (incoming / PAGES[0]).write_bytes(b"0ld 0" * 100)
    os.utime(incoming / PAGES[0], ns=(state.st_mtime_ns, state.st_mtime_ns))
    os.utime(incoming / PAGES[1], ns=(0, 0))
    (incoming / "images" / "gone").mkdir()
    (incoming / "images" / "gone" / "page.jpg").write_bytes(b"not in the work any more")
    (incoming / "images" / "link").symlink_to("/etc")
    written: list[int] = []
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(len(data)) or real_write(fd, data))
    result = sync_work(small_work, root, rid=RID)
    assert written == [500, 500]
    assert (copy / PAGES[2]).stat().st_ino == kept[PAGES[2]]
    assert (copy / PAGES[0]).read_bytes() == b"old 0" * 100
    assert result.added == 3
    assert sorted(os.listdir(copy / "images")) == ["W22084-0001"]


def root_of_its_own(root: Path) -> Path:
    other = root.with_name("other")
    (other / "Archive3").mkdir(parents=True)
    return other


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("replacing", [False, True])
def test_a_byte_that_flips_between_writing_and_reading_back_is_caught(
    work: Path,
    root: Path,
    copy: Path,
    content: Content,
    inventory_of: Callable[[Path], list[FileRecord]],
    *,
    replacing: bool,
    is_known: bool,
):
    page = "archive/W22084-0001/00010001.tif"
    if replacing:
        sync_work(work, root, rid=RID)
        (work / page).write_bytes(b"N" * 100_000)
    before = content(copy) if replacing else None
    inventory = inventory_of(work) if is_known else None
    real_utime = os.utime

    def finish_and_flip(descriptor: int, *, ns: tuple[int, int], **options: bool) -> None:
        if isinstance(descriptor, int) and os.fstat(descriptor).st_size == (work / page).stat().st_size:
            with open(f"/proc/self/fd/{descriptor}", "r+b") as file:
                file.seek(50_000)
                byte = file.read(1)
                file.seek(50_000)
                file.write(bytes([byte[0] ^ 1]))
        real_utime(descriptor, ns=ns, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "utime", finish_and_flip)
        with pytest.raises(WriteDamaged) as caught:
            sync_work(work, root, rid=RID, inventory=inventory)
    assert str(copy.with_name(".W22084.incoming") / page if not replacing else copy / page) in caught.value.message
    assert caught.value.code == "archive-write-damaged"
    assert caught.value.retryable
    assert not list(root.rglob("*.part"))
    if replacing:
        assert content(copy)[page] == before[page]
    else:
        assert not copy.exists()
    sync_work(work, root, rid=RID)
    assert content(copy) == content(work)


def test_a_work_that_does_not_fit_waits_before_anything_is_written(work: Path, small_disk: Callable[[str], Path]):
    root = small_disk("size=1m")
    with pytest.raises(MustWait) as caught:
        sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    assert caught.value.code == "waiting-for-disk"
    assert str(root / "Archive3") in caught.value.waiting_for
    # The files in blocks of 4,096 bytes: 3 + 1 + 313 + 1 + 1 + 0 blocks, and 512 bytes for each of the 6.
    assert "1,309,696 bytes are needed beside 0 that stay free" in caught.value.waiting_for
    assert not list((root / "Archive3").rglob("*.part"))
    assert not [path for path in (root / "Archive3").rglob("*") if path.is_file() and path.stat().st_size]


def test_on_one_disk_that_is_mounted_twice_room_is_asked_for_since_nothing_can_be_linked(
    work: Path, small_disk: Callable[[str], Path], tmp_path: Path
):
    root, scratch = small_disk("size=2m"), tmp_path / "scratch on it"
    scratch.mkdir()
    subprocess.run(["mount", "--bind", root / "Archive3", scratch], check=True)
    try:
        shutil.copytree(work, scratch / "W22084")
        before = os.statvfs(scratch).f_bavail
        with pytest.raises(MustWait, match="1,309,696 bytes are needed"):
            sync_work(scratch / "W22084", root, rid=RID, options=SyncOptions(link=True, keep_free=0))
        assert os.statvfs(scratch).f_bavail >= before - 4
    finally:
        subprocess.run(["umount", scratch], check=True)
    linked = sync_work(root / "Archive3" / "W22084", root, rid=RID, options=SyncOptions(link=True, keep_free=0))
    assert linked.added == 6


@pytest.mark.parametrize("link", [False, True])
def test_what_writes_no_file_needs_no_room(work: Path, small_disk: Callable[[str], Path], *, link: bool):
    root = small_disk("size=8m")
    sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    assert preview_sync(work, root, rid=RID).unchanged == 6  # and no 64 MiB are free
    (work / PAGES[0]).unlink()
    options = SyncOptions(link=link, replace=True)
    assert preview_sync(work, root, rid=RID, options=options).removed == 1
    assert sync_work(work, root, rid=RID, options=options).removed == 1


def test_a_file_system_that_keeps_everything_in_memory_is_found_out(work: Path, small_disk: Callable[[str], Path]):
    result = sync_work(work, small_disk("size=8m"), rid=RID, options=SyncOptions(keep_free=0))
    assert (result.verified, result.from_memory) == (6, 5)  # one of the six has no bytes


def test_the_margin_is_kept_free(work: Path, small_disk: Callable[[str], Path]):
    root = small_disk("size=8m")
    with pytest.raises(MustWait, match="67,108,864 that stay free"):
        sync_work(work, root, rid=RID)
    assert sync_work(work, root, rid=RID, options=SyncOptions(keep_free=1024 * 1024)).added == 6


def test_a_disk_that_becomes_full_in_the_middle_makes_the_work_wait_and_go_on_later(
    work: Path, small_disk: Callable[[str], Path], content: Content
):
    root = small_disk("size=3m")
    filler = root / "Archive3" / "someone else's"
    real_utime = os.utime

    def somebody_fills_the_disk(path: int, **times: object) -> None:
        real_utime(path, **times)
        if not filler.exists():
            state = os.statvfs(filler.parent)
            filler.write_bytes(bytes((state.f_bavail - 8) * state.f_frsize))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "utime", somebody_fills_the_disk)
        with pytest.raises(MustWait, match=r"became full while") as caught:
            sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0, threads=1))
    assert caught.value.code == "waiting-for-disk"
    assert str(root / "Archive3") in caught.value.waiting_for
    assert not (root / "Archive3" / "84" / "W22084").exists()
    filler.unlink()
    sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    assert content(root / "Archive3" / "84" / "W22084") == content(work)


def test_a_full_disk_leaves_the_old_content_of_a_work_that_exists(
    work: Path, small_disk: Callable[[str], Path], content: Content
):
    root = small_disk("size=2m")
    sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    copy = root / "Archive3" / "84" / "W22084"
    before = content(copy)
    (work / PAGES[2]).write_bytes(b"b" * 1_280_000)
    with pytest.raises(MustWait):
        sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    assert content(copy) == before


@pytest.fixture
def shut_out(root: Path, request: pytest.FixtureRequest) -> Path:
    """An archive into whose mount nobody can write; no mode keeps root out, a read-only mount does."""
    if os.geteuid() == 0:
        return request.getfixturevalue("small_disk")("size=8m,ro")
    (root / "Archive3").chmod(0o555)
    return root


def test_a_mount_that_cannot_be_written_is_named(work: Path, shut_out: Path):
    with pytest.raises(ArchiveFailed, match=r"Read-only file system|Permission denied") as caught:
        sync_work(work, shut_out, rid=RID)
    assert str(shut_out / "Archive3") in caught.value.message
    assert "writable" in caught.value.action


def test_a_mount_that_becomes_read_only_leaves_the_archive_copy_as_it_was(
    work: Path, small_disk: Callable[[str], Path], content: Content
):
    root = small_disk("size=8m")
    sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    copy = root / "Archive3" / "84" / "W22084"
    before = content(copy)
    (work / PAGES[0]).write_bytes(b"new")
    subprocess.run(["mount", "-o", "remount,ro", str(root / "Archive3")], check=True)
    with pytest.raises(ArchiveFailed, match="Read-only file system"):
        sync_work(work, root, rid=RID, options=SyncOptions(keep_free=0))
    assert content(copy) == before


@pytest.mark.parametrize(
    ("number", "kind", "code", "action"),
    [
        (errno.ENOSPC, MustWait, "waiting-for-disk", "Free some space"),
        (errno.EDQUOT, MustWait, "waiting-for-disk", "Free some space"),
        (errno.EROFS, SystemFailed, "archive-failed", "writable for uid"),
        (errno.EACCES, SystemFailed, "archive-failed", "writable for uid"),
        (errno.ESTALE, SystemFailed, "archive-failed", "mount it again"),
        (errno.EIO, SystemFailed, "archive-failed", "mount it again"),
        (errno.ENAMETOOLONG, SystemFailed, "archive-failed", "then retry"),
        (errno.EMFILE, SystemFailed, "archive-failed", "ulimit -n"),
    ],
)
def test_each_error_of_a_disk_names_the_mount_and_the_next_step(
    number: int, kind: type[Exception], code: str, action: str
):
    error = archive_error(
        OSError(number, os.strerror(number)), mount=Path("/mnt/Archive3"), path=Path("/mnt/Archive3/84/x")
    )
    assert isinstance(error, kind)
    assert error.code == code
    assert "'/mnt/Archive3'" in error.message
    assert action in error.action


def test_a_process_that_may_open_no_more_files_blames_no_disk():
    errors = OSError(errno.EMFILE, "Too many open files"), OSError(errno.ENFILE, "Too many open files in system")
    for error in errors:
        assert "ulimit -n" in scratch_error(error, "/scratch/x").action
        told = archive_error(error, mount=Path("/mnt/Archive3"), path=Path("/mnt/Archive3/84/x"))
        assert "failed" not in told.message


def test_two_syncs_of_one_work_exclude_each_other(work: Path, root: Path, copy: Path, content: Content):
    copy.parent.mkdir()
    with (copy.parent / ".W22084.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(MustWait) as caught:
            sync_work(work, root, rid=RID)
        assert caught.value.code == "waiting-for-sync"
        assert caught.value.waiting_for == "another sync of W22084, or its publishing, to end"
        assert os.listdir(copy.parent) == [".W22084.lock"]
        assert sync_work(work, root, rid=Rid("W22184")).added == 6
    sync_work(work, root, rid=RID)
    assert content(copy) == content(work)


def test_a_sync_holds_its_lock_while_it_copies(work: Path, root: Path):
    refused: list[str] = []

    def try_another(_: int) -> None:
        with pytest.raises(MustWait) as caught:
            sync_work(work, root, rid=RID)
        refused.append(caught.value.code)

    sync_work(work, root, rid=RID, progress=try_another)
    assert set(refused) == {"waiting-for-sync"}
    assert sync_work(work, root, rid=RID).unchanged == 6


def test_processes_that_start_at_once_end_with_one_right_copy(work: Path, root: Path, copy: Path, content: Content):
    syncs = [
        subprocess.Popen(
            [sys.executable, DRIVER, "sync", work, root, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = [sync.communicate(timeout=60) for sync in syncs]
    assert 0 in [sync.returncode for sync in syncs]
    for sync, (_, error) in zip(syncs, outputs, strict=True):
        assert sync.returncode == 0 or b"waiting-for-sync" in error or b"another sync of W22084" in error
    assert content(copy) == content(work)


def test_a_mount_that_does_not_answer_makes_the_work_wait_and_is_named(root: Path, monkeypatch: pytest.MonkeyPatch):
    answer = threading.Event()
    real_statvfs = os.statvfs
    # As a network mount whose server is gone: the call comes back when the server does.
    monkeypatch.setattr(os, "statvfs", lambda path: answer.wait(60) and real_statvfs(path))
    with pytest.raises(MustWait) as caught:
        expect_answer(root / "Archive3", within=0.2)
    assert caught.value.code == "waiting-for-mount"
    assert f"{str(root / 'Archive3')!r} to answer: it has not for 0.2 seconds" in caught.value.waiting_for
    answer.set()
    expect_answer(root / "Archive3", within=60)
    expect_answer(root / "not there", within=60)


@pytest.mark.parametrize("during", ["bringing", "proving", "comparing", "verifying"])
def test_who_interrupts_a_sync_leaves_nobody_at_work_and_nothing_open(
    small_work: Path, root: Path, inventory_of: Callable[[Path], list[FileRecord]], during: str
):
    for number in range(100):  # several batches of them
        (small_work / "images" / "W22084-0001" / f"0001{number:04d}.jpg").write_bytes(b"page %d" % number)
    inventory, options = inventory_of(small_work), SyncOptions(threads=2, checksum=True)
    if during in {"comparing", "verifying"}:
        sync_work(small_work, root, rid=RID, inventory=inventory)
    calls = []

    def interrupt(size: int) -> None:
        calls.append(size)
        if len(calls) == {"bringing": 2, "proving": 6}.get(during, 3):
            raise KeyboardInterrupt

    run = partial(verify_copy if during == "verifying" else partial(sync_work, small_work, options=options), root)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt) as caught:
        run(rid=RID, inventory=inventory, progress=interrupt)
    assert caught.traceback  # whoever tells of it holds on to all that was going on
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("crew")] == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_lock_of_one_user_can_be_held_by_another(work: Path, root: Path):
    before = os.umask(0o077)
    try:
        sync_work(work, root, rid=RID)
    finally:
        os.umask(before)
    locks = [root / "Archive3" / ".ao-sync-turn-1.lock", root / "Archive3" / "84" / ".W22084.lock"]
    assert [lock.stat().st_mode & 0o777 for lock in locks] == [0o666, 0o666]
