"""What happens to a sync whose mount stops answering in the middle, and answers again later."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.answering import while_answering
from ao_workflows.archive import FIRST_TURN, SyncOptions, SyncResult, sync_work
from ao_workflows.archive.lock import work_lock
from ao_workflows.crew import MOST_JOBS
from ao_workflows.errors import ExitCode, MustWait
from ao_workflows.works import Rid
from fixtures.freezing import FreezableDisk

pytestmark = pytest.mark.slow

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
RID = Rid("W22084")
PATIENCE = 0.5
SIZE = 10_000 + 11 + 1_280_000 + 19 + 8
"""The bytes of the sample."""
PAGES = 2000

PROGRAM = """
import subprocess, sys
from ao_workflows.cli import sync
from ao_workflows.cli.main import main

mount = sys.argv.pop()

def frozen(*names):
    done = []
    class Bar:
        def __enter__(self): return self.count
        def __exit__(self, *error): pass
        def count(self, size):
            if not done:
                subprocess.run(["fsfreeze", "--freeze", mount], check=True)
            done.append(size)
    return Bar()

sync.progress_bytes = frozen
main()
"""
"""``ao``, which freezes the mount that its last argument names when it has copied something to it."""


@pytest.fixture
def disk(root: Path, freezable: Callable[[Path], FreezableDisk]) -> FreezableDisk:
    """The mount of W22084."""
    return freezable(root / "Archive3")


def sync_until(work: Path, root: Path, disk: FreezableDisk, *, done: int) -> SyncResult:
    """Sync the work to its mount, which is frozen when so many bytes of it are dealt with."""
    seen = 0

    def freeze(size: int) -> None:
        nonlocal seen
        before, seen = seen, seen + size
        if before < done <= seen:
            disk.freeze()

    return while_answering(
        disk.mount,
        lambda progress: sync_work(work, root, rid=RID, options=SyncOptions(threads=2), progress=progress),
        patience=PATIENCE,
        touched=FIRST_TURN,
        progress=freeze,
    )


@pytest.fixture
def many(work: Path) -> Path:
    """The sample with pages enough for many batches."""
    for number in range(PAGES):
        (work / "sources" / f"{number:04}.txt").write_bytes(b"%d" % number * 100)
    return work


def brought(disk: FreezableDisk) -> int:
    """Return how many pages of a new work are on its mount."""
    return sum(1 for _ in disk.mount.glob("84/.W22084.incoming/sources/*.txt"))


@pytest.mark.parametrize("done", [1, SIZE], ids=["at its first files", "when all is proved"])
def test_a_new_work_whose_mount_freezes_waits_and_is_not_named_by_the_sync_that_was_left(
    work: Path, root: Path, copy: Path, content: Content, disk: FreezableDisk, done: int
):
    began = time.monotonic()
    with pytest.raises(MustWait) as caught:
        sync_until(work, root, disk, done=done)
    assert time.monotonic() - began < PATIENCE + 10
    assert caught.value.code == "waiting-for-mount"
    assert str(disk.mount) in caught.value.waiting_for
    disk.thaw_and_settle()
    assert not copy.exists()
    sync_work(work, root, rid=RID)
    assert content(copy) == content(work)
    assert sorted(path.name for path in copy.parent.iterdir()) == [".W22084.lock", "W22084"]


def test_a_sync_that_was_left_brings_no_more_files_when_the_mount_is_back(many: Path, root: Path, disk: FreezableDisk):
    with pytest.raises(MustWait):
        sync_until(many, root, disk, done=1)
    before = brought(disk)
    disk.thaw_and_settle()
    assert 0 < before < PAGES - 200
    assert brought(disk) - before <= 2  # the file that each thread was at


def test_a_sync_that_was_left_holds_its_lock_until_it_has_ended(
    work: Path, root: Path, copy: Path, content: Content, disk: FreezableDisk
):
    with pytest.raises(MustWait):
        sync_until(work, root, disk, done=1)
    # Opened for reading, the lock's file can be asked for without writing to the disk, which would have to wait.
    lock = copy.with_name(".W22084.lock")
    held = subprocess.run(["flock", "--nonblock", "--shared", lock, "true"], check=False, timeout=30)
    assert held.returncode == 1
    disk.thaw_and_settle()
    with work_lock(copy.parent, RID, mount=disk.mount):
        pass
    sync_work(work, root, rid=RID)
    assert content(copy) == content(work)


def test_an_update_whose_mount_freezes_replaces_nothing_after_it_was_left(
    work: Path, root: Path, copy: Path, content: Content, disk: FreezableDisk
):
    sync_work(work, root, rid=RID)
    page = work / "images" / "W22084-0001" / "00010002.jpg"
    before = page.read_bytes()
    page.write_bytes(b"a better scan")
    with pytest.raises(MustWait):
        sync_until(work, root, disk, done=SIZE + 2)  # when the new page is proved beside the old one
    disk.thaw_and_settle()
    assert (copy / page.relative_to(work)).read_bytes() == before
    assert list(copy.rglob(".ao-sync-*")) == []
    result = sync_work(work, root, rid=RID)
    assert (result.replaced, result.unchanged) == (1, 5)
    assert content(copy) == content(work)


def test_a_mount_that_only_freezes_for_a_moment_is_waited_for(
    work: Path, root: Path, copy: Path, content: Content, disk: FreezableDisk
):
    def freeze(_: int) -> None:
        if not frozen:
            frozen.append(disk.mount)
            disk.freeze()
            thaw.append(subprocess.Popen(["sh", "-c", f"sleep 0.5; fsfreeze --unfreeze '{disk.mount}'"]))

    frozen: list[Path] = []
    thaw: list[subprocess.Popen[bytes]] = []
    result = while_answering(
        disk.mount,
        lambda progress: sync_work(work, root, rid=RID, progress=progress),
        patience=20,
        touched=FIRST_TURN,
        progress=freeze,
    )
    assert (result.added, len(frozen)) == (6, 1)
    assert content(copy) == content(work)
    assert thaw[0].wait(timeout=30) == 0


def test_the_program_tells_it_and_ends_without_the_threads_that_hang(
    many: Path, root: Path, copy: Path, content: Content, disk: FreezableDisk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AO_ARCHIVE__ANSWER_MINUTES", str(PATIENCE / 60))
    command = [sys.executable, "-c", PROGRAM, "sync", many, "--archive", root, disk.mount]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as child:
        assert child.stderr is not None
        try:
            told = ""
            while "(code waiting-for-mount)" not in told:
                line = child.stderr.readline()
                assert line, told
                told += line
            assert f"{str(disk.mount)!r} to answer: it has not since" in told.replace("\n", " ")
            # What is left of it are calls that nobody can end but the disk.
            until = time.monotonic() + 30
            while state_of(child.pid) != "Z":
                assert time.monotonic() < until, "it waits for its threads"
                time.sleep(0.02)
            before = brought(disk)
        finally:
            disk.thaw()  # until then, it cannot even be killed
        assert child.wait(timeout=30) == ExitCode.SYSTEM
    assert not copy.exists()
    assert 0 < before < PAGES - 200
    assert brought(disk) - before <= MOST_JOBS  # the file that each thread was at
    sync_work(many, root, rid=RID)
    assert content(copy) == content(many)


def state_of(process: int) -> str:
    """Return the letter for the state of a process's main thread: ``Z`` when it has ended."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
