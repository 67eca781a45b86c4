"""Syncs that are killed at moments that nobody has chosen: what can be seen then, and how the next one ends."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ao_workflows.archive import SyncOptions, sync_work
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.works import Rid
from fixtures.killed_at_random import Killer, killer

pytestmark = pytest.mark.slow

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
TakeInventory = Callable[[Path], list[FileRecord]]
RID = Rid("W22084")
KILLS = 50
INVENTORY = "sync-inventory/W22084.inventory.jsonl"
CHANGES = "sync-inventory/W22084.changes.jsonl"
OPTIONS = {"replace": True, "keep_replaced_days": 3}

FIRST = {f"images/W22084-0001/0001{page:04d}.jpg": b"first scan of page %d " % page * 1000 for page in range(1, 13)} | {
    "archive/W22084-0001/00010001.tif": b"master" * 200_000,
    "archive/W22084-0001/00010002.tif": b"MASTER" * 200_000,
    "images/W22084-0002/00020001.jpg": b"of a group that goes",
    "images/W22084-0002/deep/note.txt": b"of a folder that goes",
    "W22084.bag/manifest-sha512.txt": b"of the first delivery",
    "sources/\u0f40\udcff\n.txt": b"a hostile name",
}
GONE = {path for path in FIRST if path.startswith("images/W22084-0002/")} | {"images/W22084-0001/00010012.jpg"}
NEW = (
    {path: content for path, content in FIRST.items() if path not in GONE}
    | {f"images/W22084-0001/0001{page:04d}.jpg": b"better scan of page %d " % page * 900 for page in range(1, 7)}
    | {f"images/W22084-0003/0003{page:04d}.jpg": b"page %d of a group that comes " % page * 500 for page in range(1, 7)}
    | {"archive/W22084-0001/00010002.tif": b"MASTEr" * 200_000, "W22084.bag/manifest-sha512.txt": b"of the second"}
)
# Provenance is never replaced: that of the second delivery goes beside the first.
ARCHIVED = NEW | {
    "W22084.bag/manifest-sha512.txt": b"of the first delivery",
    "W22084.bag/bag-2/manifest-sha512.txt": b"of the second",
}


@pytest.fixture(scope="module")
def kills() -> Iterator[Killer]:
    with killer() as running:
        yield running


@pytest.fixture
def seed() -> int:
    return random.SystemRandom().randrange(1 << 32)


def make(work: Path, files: dict[str, bytes]) -> Path:
    for number, (path, content) in enumerate(files.items()):
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(content)
        os.utime(work / path, ns=(number * 1_000_000_001, number * 1_000_000_001))
    return work


def visible(folder: Path) -> dict[str, bytes]:
    """What somebody finds who looks for files of the work: nothing hidden, and not what the archive knows of it."""
    return {
        path: (folder / path).read_bytes()
        for path in (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        if not any(part.startswith(".") for part in path.split("/")) and not path.startswith("sync-inventory/")
    }


def history(copy: Path) -> list[dict[str, object]]:
    return [json.loads(line) | {"at": ""} for line in (copy / CHANGES).read_text().splitlines()]


def temporary_names(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".*") if path.name.endswith((".part", ".incoming"))]


def usual_seconds(runs: Iterable[float | None]) -> float:
    """Return what a run takes when the machine has little else to do: the least of some."""
    return min(seconds for seconds in runs if seconds is not None)


def moments(usual: float, seed: int) -> Iterator[tuple[int, float]]:
    """Yield the moments at which to kill, a few of them after the end."""
    chosen = random.Random(seed)  # noqa: S311  # nothing is encrypted
    yield from enumerate(chosen.uniform(0, usual * 1.1) for _ in range(KILLS))


def check_kept(old_versions: Path, now: dict[str, bytes]) -> None:
    """Whatever is not to be seen any more is kept, whole; and nothing else is."""
    kept: dict[str, bytes] = {}
    for dated in old_versions.iterdir() if old_versions.exists() else ():
        for path, content in visible(dated).items():
            assert content == FIRST[path]
            kept[path] = content
    for path, content in FIRST.items():
        assert now.get(path) == content or kept.get(path) == content, f"{path!r} is lost"


@pytest.mark.parametrize("link", [False, True])
def test_an_update_that_is_killed_shows_each_file_old_or_new_loses_nothing_and_ends_right(
    tmp_path: Path,
    kills: Killer,
    seed: int,
    content: Content,
    everything: Everything,
    inventory_of: TakeInventory,
    *,
    link: bool,
):
    first, work = make(tmp_path / "first" / RID, FIRST), make(tmp_path / "second" / RID, NEW)
    inventory = inventory_of(work) if link else None
    options = OPTIONS | {"link": link}
    before, done, *usual = (tmp_path / name for name in ("before", "done", "one", "two", "three"))
    (before / "Archive3").mkdir(parents=True)
    sync_work(first, before, rid=RID)
    for root in (done, *usual):
        shutil.copytree(before, root)
    sync_work(work, done, rid=RID, inventory=inventory, options=SyncOptions(**options))
    expected = done / "Archive3" / "84" / "W22084"
    assert visible(expected) == ARCHIVED
    records = {root: (root / "Archive3" / "84" / "W22084" / INVENTORY).read_bytes() for root in (before, done)}
    seconds = usual_seconds(kills.run("sync", work, root, inventory, options) for root in usual)
    states, killed = set(), 0
    for number, moment in moments(seconds, seed):
        root = tmp_path / "killed"
        copy = root / "Archive3" / "84" / "W22084"
        shutil.copytree(before, root)
        killed += kills.run("sync", work, root, inventory, options, after=moment) is None
        now = visible(copy)
        try:
            assert [name for name in os.listdir(copy.parent) if not name.startswith(".")] == ["W22084"]
            for path, found in now.items():
                assert found in (FIRST.get(path), ARCHIVED.get(path)), f"{path!r} is neither old nor new"
            assert now.keys() >= FIRST.keys() - GONE
            if not now.keys() >= GONE:
                assert now.items() >= ARCHIVED.items(), "something went before everything else was in place"
            check_kept(copy.parent / ".W22084.replaced", now)
            assert (copy / INVENTORY).read_bytes() in records.values()
            states.add(tuple(sorted(now.items())))
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(**options))
            assert content(copy) == content(expected)
            assert (copy / INVENTORY).read_bytes() == records[done]
            assert history(copy) == history(expected)
            assert temporary_names(root) == []
            check_kept(copy.parent / ".W22084.replaced", visible(copy))
            settled = everything(root)
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(**options))
            assert everything(root) == settled
        except BaseException:
            print(f"seed {seed}, number {number}: killed after {moment} of {seconds} seconds")  # noqa: T201  # pytest shows it with the failure
            raise
        shutil.rmtree(root)
    assert visible(work) == NEW
    assert killed > KILLS // 5, f"seed {seed}"
    assert len(states) > 1, f"seed {seed}"


@pytest.mark.parametrize("link", [False, True])
def test_a_new_work_that_is_killed_is_not_seen_until_it_is_complete_and_ends_right(
    tmp_path: Path, kills: Killer, seed: int, content: Content, inventory_of: TakeInventory, *, link: bool
):
    work = make(tmp_path / "scratch" / RID, FIRST)
    inventory = inventory_of(work) if link else None
    options = OPTIONS | {"link": link}
    for name in ("done", "one", "two", "three"):
        (tmp_path / name / "Archive3").mkdir(parents=True)
    sync_work(work, tmp_path / "done", rid=RID, inventory=inventory, options=SyncOptions(**options))
    expected = tmp_path / "done" / "Archive3" / "84" / "W22084"
    usual = [tmp_path / name for name in ("one", "two", "three")]
    seconds = usual_seconds(kills.run("sync", work, root, inventory, options) for root in usual)
    unseen = 0
    for number, moment in moments(seconds, seed):
        root = tmp_path / "killed"
        copy = root / "Archive3" / "84" / "W22084"
        (root / "Archive3").mkdir(parents=True)
        kills.run("sync", work, root, inventory, options, after=moment)
        try:
            if copy.exists():
                assert content(copy) == content(expected)
                assert (copy / INVENTORY).read_bytes() == (expected / INVENTORY).read_bytes()
            else:
                unseen += 1
                assert visible(root) == {}
            sync_work(work, root, rid=RID, inventory=inventory, options=SyncOptions(**options))
            assert content(copy) == content(expected)
            assert len(read_inventory(copy / INVENTORY)) == len(FIRST)
            assert (copy / INVENTORY).read_bytes() == (expected / INVENTORY).read_bytes()
            assert history(copy) == history(expected)
            assert sorted(os.listdir(copy.parent)) == [".W22084.lock", "W22084"]
            assert temporary_names(root) == []
        except BaseException:
            print(f"seed {seed}, number {number}: killed after {moment} of {seconds} seconds")  # noqa: T201  # pytest shows it with the failure
            raise
        shutil.rmtree(root)
    assert visible(work) == FIRST
    assert unseen > KILLS // 10, f"seed {seed}"
