"""What the site's program archived is, once proved, on record in the copy and in the catalog, the same in both."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ao_workflows.archive import hold_place
from ao_workflows.catalog import ChangeRow, changes_of, manifest_of
from ao_workflows.errors import ExitCode, MustWait
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.settings import Settings
from ao_workflows.staging import site_archive
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.works import Rid
from fixtures.house import House, bag_zip, work_files
from fixtures.images import jpeg
from fixtures.site import outcome

PAGE = "images/W22084-0001/00010002.jpg"
THIRD = {"images/W22084-0001/00010003.jpg", "archive/W22084-0001/00010003.tif"}


def deliver(house: House, files: dict[str, bytes], name: str) -> ExitCode:
    house.send(bag_zip(house.root / f"{name}.bag.zip", {"W22084": files}), key=f"{name}.bag.zip")
    return house.run().exit_code


def copy_of(house: House) -> Path:
    return house.archive / "Archive3" / "84" / "W22084"


def record_of(house: House) -> list[FileRecord]:
    return read_inventory(copy_of(house) / "sync-inventory" / "W22084.inventory.jsonl")


def history_of(house: House) -> list[dict[str, list[str]]]:
    text = (copy_of(house) / "sync-inventory" / "W22084.changes.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def catalog_of(house: House) -> tuple[list[FileRecord], list[ChangeRow]]:
    """Return what the catalog has of the copy, and its changes, the oldest first."""
    process = house.process()
    with process.catalog.reading() as session:
        found = manifest_of(session, "W22084"), changes_of(session, "W22084", limit=9)[::-1]
    process.catalog.close()
    return found


def test_each_delivery_is_on_record_in_the_copy_and_in_the_catalog(site_house: Callable[..., House]):
    house = site_house()
    first = work_files("W22084")
    assert deliver(house, first, "first") == ExitCode.DONE
    second = work_files("W22084", pages=2) | {PAGE: jpeg("a better scan" * 500)}
    assert deliver(house, second, "second") == ExitCode.DONE
    records, changes = catalog_of(house)
    assert record_of(house) == records
    # Six pages, and of the bag: bagit.txt, bag-info.txt, manifest-sha512.txt and tagmanifest-sha512.txt.
    assert len(records) == 10
    assert {record.path for record in records} >= THIRD, "what the first delivery brought is still there"
    for record in records:
        state = (copy_of(house) / record.path).stat()
        assert (record.size, record.modified_ns) == (state.st_size, state.st_mtime_ns)
    on_disk = history_of(house)
    assert [len(line["added"]) for line in on_disk] == [10, 0]
    assert [PAGE in line["replaced"] for line in on_disk] == [False, True]
    assert [line["removed"] for line in on_disk] == [[], []]
    for line, change in zip(on_disk, changes, strict=True):
        assert {kind: line[kind] for kind in ("added", "replaced", "removed")} == change.paths


def test_what_the_copys_own_record_has_lost_is_known_from_the_catalog_and_folders_are_for_whom_they_are_meant(
    site_house: Callable[..., House],
):
    house = site_house()
    text = house.config.read_text().replace("archive = {", 'archive = { folder_mode = "2770",')
    house.config.write_text(text)
    assert deliver(house, work_files("W22084"), "first") == ExitCode.DONE
    folder = copy_of(house) / "sync-inventory"
    shutil.rmtree(folder)
    assert deliver(house, work_files("W22084", pages=2), "second") == ExitCode.DONE
    assert {record.path for record in record_of(house)} >= THIRD
    assert folder.stat().st_mode & 0o7777 == 0o2770


def test_old_records_that_a_work_brings_along_take_the_place_of_none_and_can_be_delivered_again(
    site_house: Callable[..., House],
):
    house = site_house()
    deliver(house, work_files("W22084"), "first")
    back = work_files("W22084") | {
        "sync-inventory/W22084.inventory.jsonl": b"of an earlier copy",
        "sync-inventory/W22084.changes.jsonl": b"of an earlier copy",
    }
    assert deliver(house, back, "second") == ExitCode.DONE
    assert record_of(house) == catalog_of(house)[0]
    # Its bag lists two files more: bag-info.txt and both manifests differ, and the stand-in puts them in place.
    assert [len(line["replaced"]) for line in history_of(house)] == [0, 3]


def test_what_was_not_proved_is_not_on_record(site_house: Callable[..., House], record: Path):
    house = site_house()
    deliver(house, work_files("W22084"), "first")
    before = record_of(house), history_of(house)
    (record / "wrong").write_text("flips-a-byte")
    better = work_files("W22084") | {PAGE: jpeg("a better scan" * 500)}
    assert deliver(house, better, "second") == ExitCode.SYSTEM
    assert (record_of(house), history_of(house)) == before


def test_litter_that_it_may_leave_out_is_on_record_nowhere(site_house: Callable[..., House], record: Path):
    (record / "wrong").write_text("skips-litter")
    house = site_house(sync="may_skip_litter = true")
    litter = "images/W22084-0001/.DS_Store"
    assert deliver(house, work_files("W22084") | {litter: b"of a desktop"}, "first") == ExitCode.DONE
    records, _ = catalog_of(house)
    assert record_of(house) == records
    assert litter not in {record.path for record in records}


def test_a_page_that_somebody_changed_in_the_archive_keeps_its_record_and_is_told(site_house: Callable[..., House]):
    house = site_house()
    deliver(house, work_files("W22084"), "first")
    (third,) = (path for path in THIRD if path.endswith(".jpg"))
    before = [record for record in record_of(house) if record.path == third]
    (copy_of(house) / third).write_bytes(jpeg("of somebody"))
    assert deliver(house, work_files("W22084", pages=2), "second") == ExitCode.DONE
    assert [record for record in record_of(house) if record.path == third] == before
    assert outcome(house, "archive").detail["not_as_recorded"] == [third]


def test_a_link_in_place_of_the_records_folder_is_told_and_not_written_through(
    site_house: Callable[..., House], tmp_path: Path
):
    house = site_house()
    copy_of(house).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (copy_of(house) / "sync-inventory").symlink_to(tmp_path / "elsewhere")
    assert deliver(house, work_files("W22084"), "first") == ExitCode.SYSTEM
    assert house.works()[0].reason_code == "archive-in-the-way"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_mount_that_falls_silent_while_the_program_runs_keeps_no_lock_and_the_next_attempt_proves_the_copy(
    site_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
):
    house = site_house(others="process = { wait_seconds = 1 }")
    held = []  # what nobody knows any more is let go of by itself

    def silent_after_the_program(settings: Settings, mount: Path, work: Callable, **others: Any) -> Any:
        if work.__name__ == "prove":
            raise MustWait("the archive mount to answer", action="Check it.", code="waiting-for-mount")
        held.append(on_mount(settings, mount, work, **others))
        return held[-1]

    with monkeypatch.context() as patch:
        patch.setattr(site_archive, "on_mount", silent_after_the_program)
        deliver(house, work_files("W22084"), "first")
    assert len(held) == 1
    assert outcome(house, "archive").code == "waiting-for-mount"
    with hold_place(house.archive, Rid("W22084"), at_once=1):
        pass
    time.sleep(1)
    assert house.run().exit_code == ExitCode.DONE
    assert record_of(house) == catalog_of(house)[0]
