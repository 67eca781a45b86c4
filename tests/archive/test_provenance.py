"""The provenance of a delivery is never replaced by that of another one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.archive import ArchiveClash, sync_work
from ao_workflows.archive.copying import temporary_for
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.works import Rid

Content = Callable[[Path], dict[str, tuple[bytes | None, int]]]
Everything = Callable[[Path], dict[str, tuple[int, ...]]]
TakeInventory = Callable[[Path], list[FileRecord]]
RID = Rid("W22084")
FIRST = {"bagit.txt": b"BagIt", "manifest-sha512.txt": b"first", "metadata/mets.xml": b"first mets"}
SECOND = {"bagit.txt": b"BagIt", "manifest-sha512.txt": b"other", "metadata/mets.xml": b"other mets"}
THIRD = {"bagit.txt": b"BagIt", "manifest-sha512.txt": b"third", "metadata/mets.xml": b"third mets"}


def deliver(work: Path, files: dict[str, bytes]) -> None:
    """Give ``work`` this provenance and no other."""
    shutil.rmtree(work / "W22084.bag")
    for path, content in files.items():
        target = work / "W22084.bag" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def provenance(copy: Path) -> dict[str, bytes]:
    folder = copy / "W22084.bag"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": content for path, content in files.items()}


@pytest.fixture(params=[True, False], ids=["with inventory", "without inventory"])
def sync(request: pytest.FixtureRequest, work: Path, root: Path, inventory_of: TakeInventory) -> Callable[[], object]:
    return lambda: sync_work(work, root, rid=RID, inventory=inventory_of(work) if request.param else None)


def test_each_delivery_leaves_its_provenance_beside_the_others_and_on_record(
    work: Path, copy: Path, sync: Callable[[], object], inventory_of: TakeInventory
):
    for files in (FIRST, SECOND, THIRD):
        deliver(work, files)
        result = sync()
    assert provenance(copy) == FIRST | below("bag-2", SECOND) | below("bag-3", THIRD)
    assert (result.added, result.replaced, result.bytes) == (3, 0, 5 + 5 + 10)
    record = read_inventory(copy / "sync-inventory" / "W22084.inventory.jsonl")
    assert record == [line for line in inventory_of(copy) if not line.path.startswith("sync-inventory/")]


@pytest.mark.parametrize("again", [FIRST, SECOND])
def test_provenance_that_the_archive_has_is_not_added_again(
    work: Path, root: Path, sync: Callable[[], object], everything: Everything, again: dict[str, bytes]
):
    for files in (FIRST, SECOND):
        deliver(work, files)
        sync()
    before = everything(root)
    deliver(work, again)
    result = sync()
    assert (result.added, result.replaced, result.unchanged) == (0, 0, 5 + 3)
    assert everything(root) == before


def test_a_set_goes_whole_even_where_only_one_file_of_it_differs(work: Path, copy: Path, sync: Callable[[], object]):
    deliver(work, FIRST)
    sync()
    other = FIRST | {"metadata/mets.xml": b"FIRST METS"}
    deliver(work, other)
    sync()
    assert provenance(copy) == FIRST | below("bag-2", other)


def test_the_sets_of_a_work_that_was_bagged_twice_each_find_their_place(
    work: Path, root: Path, copy: Path, sync: Callable[[], object], everything: Everything
):
    for files in (FIRST, SECOND):
        deliver(work, files)
        sync()
    deliver(work, SECOND | below("bag-2", THIRD))
    sync()
    assert provenance(copy) == FIRST | below("bag-2", SECOND) | below("bag-3", THIRD)
    before = everything(root)
    sync()
    assert everything(root) == before


def test_a_numbered_set_that_stays_keeps_its_place_when_the_set_above_it_moves(
    work: Path, copy: Path, sync: Callable[[], object]
):
    deliver(work, FIRST)
    sync()
    deliver(work, SECOND | below("bag-2", THIRD))
    sync()
    assert provenance(copy) == FIRST | below("bag-2", THIRD) | below("bag-3", SECOND)
    assert sorted(path.name for path in (copy / "W22084.bag").iterdir() if path.is_dir()) == [
        "bag-2",
        "bag-3",
        "metadata",
    ]


def test_what_a_killed_sync_left_of_a_set_is_completed(work: Path, copy: Path, sync: Callable[[], object]):
    deliver(work, FIRST)
    sync()
    deliver(work, SECOND)
    sync()
    (copy / "W22084.bag" / "bag-2" / "manifest-sha512.txt").unlink()
    (copy / "sync-inventory" / "W22084.inventory.jsonl").unlink()
    sync()
    assert provenance(copy) == FIRST | below("bag-2", SECOND)


def test_a_folder_in_which_a_killed_sync_was_writing_is_the_one_to_go_on_with(
    work: Path, copy: Path, sync: Callable[[], object]
):
    deliver(work, FIRST)
    sync()
    deliver(work, SECOND)
    (copy / "W22084.bag" / "bag-2").mkdir()
    Path(temporary_for(str(copy / "W22084.bag" / "bag-2" / "manifest-sha512.txt"))).write_bytes(b"half of")
    sync()
    assert provenance(copy) == FIRST | below("bag-2", SECOND)
    assert not (copy / "W22084.bag" / "bag-3").exists()


def test_something_else_under_a_number_is_not_touched(work: Path, copy: Path, sync: Callable[[], object]):
    deliver(work, FIRST)
    sync()
    (copy / "W22084.bag" / "bag-2").write_bytes(b"a file")
    (copy / "W22084.bag" / "bag-3").symlink_to("metadata")
    deliver(work, SECOND)
    sync()
    assert (copy / "W22084.bag" / "bag-3").is_symlink()
    (copy / "W22084.bag" / "bag-3").unlink()
    assert provenance(copy) == FIRST | {"bag-2": b"a file"} | below("bag-4", SECOND)


def test_two_sets_of_a_work_are_never_mixed(work: Path, copy: Path, sync: Callable[[], object]):
    for files in (FIRST, SECOND):
        deliver(work, files)
        sync()
    deliver(work, SECOND | {"bag-2/other.txt": b"of another delivery"})
    sync()
    assert provenance(copy) == FIRST | below("bag-2", SECOND) | {"bag-3/other.txt": b"of another delivery"}


def test_a_file_where_the_archive_should_have_the_folder_is_a_clash(copy: Path, sync: Callable[[], object]):
    sync()
    shutil.rmtree(copy / "W22084.bag")
    (copy / "W22084.bag").write_bytes(b"a file")
    with pytest.raises(ArchiveClash, match=r"'W22084\.bag' is a folder in the work, and a file in the archive"):
        sync()
