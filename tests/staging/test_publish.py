"""The process puts what it archived onto the web, and on record."""

import gzip
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ao_workflows.archive.lock import work_lock
from ao_workflows.audit import run_audit
from ao_workflows.audit.images import ImageFacts, gallery
from ao_workflows.catalog import changes_of, manifest_of, retry_delivery
from ao_workflows.staging import archive as stage
from ao_workflows.staging import publish as publish_stage
from ao_workflows.staging.seen_images import remember_images, seen_images
from ao_workflows.staging.volumes import volumes_of
from ao_workflows.works import Rid
from fixtures.aws import MakeBucket
from fixtures.house import House, bag_zip, work_files, write_files
from fixtures.images import jpeg

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PLACE = "library/Works/60/W22084/images/W22084-0001/"


@pytest.fixture
def web(make_bucket: MakeBucket) -> str:
    """The name of a bucket for readers."""
    return make_bucket()


@pytest.fixture
def web_house(make_house: Callable[..., House], web: str) -> Callable[..., House]:
    """Return a maker of houses that publish; ``others`` are further keys of ``[web]``."""
    return lambda others="", settings="": make_house(
        settings=f'web = {{ target = "s3://{web}/library"{others} }}\n{settings}'
    )


def published(s3: "S3Client", bucket: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {entry["Key"]: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in found}


def delivered(house: House, files: dict[str, bytes], name: str) -> None:
    house.send(bag_zip(house.root / f"{name}.bag.zip", {"W22084": files}), key=f"{name}.bag.zip")
    house.run()


def test_the_images_of_a_work_and_their_manifest_are_where_readers_look(
    web_house: Callable[..., House], web: str, s3: "S3Client"
):
    house = web_house()
    files = house.send_work("W22084")
    house.run()
    assert house.states() == {"W22084": "complete"}
    found = published(s3, web)
    manifest = json.loads(gzip.decompress(found.pop(f"{PLACE}dimensions.json")))
    expected = {path: content for path, content in files.items() if path.startswith("images/")}
    assert found == {f"{PLACE}{path.rpartition('/')[2]}": content for path, content in expected.items()}
    # fixtures.images.jpeg draws 60 by 80 pixels, and writes no resolution.
    assert manifest == [{"filename": f"0001000{page}.jpg", "width": 60, "height": 80} for page in (1, 2, 3)]
    (row,) = house.works()
    assert row.web_address == f"s3://{web}/library/Works/60/W22084/images/"


def test_a_work_that_another_syncs_just_now_waits_to_be_published(
    web_house: Callable[..., House], web: str, s3: "S3Client", monkeypatch: pytest.MonkeyPatch
):
    house, real = web_house(), publish_stage.look_at

    def look_at(source: Path, *arguments: Any, **others: Any) -> Any:
        found = real(source, *arguments, **others)
        held.enter_context(work_lock(source.parent, Rid("W22084"), mount=source.parents[1]))
        return found

    house.send_work("W22084")
    with ExitStack() as held, monkeypatch.context() as patch:
        patch.setattr(publish_stage, "look_at", look_at)
        house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("waiting", "waiting-for-sync")
    assert published(s3, web) == {}


def test_a_second_delivery_sends_only_what_changed_and_pages_of_the_first_stay(
    web_house: Callable[..., House], web: str, s3: "S3Client"
):
    house = web_house()
    first = work_files("W22084")
    delivered(house, first, "first")
    before = {entry["Key"]: entry["LastModified"] for entry in s3.list_objects_v2(Bucket=web)["Contents"]}
    second = work_files("W22084", pages=2) | {"images/W22084-0001/00010002.jpg": jpeg("a better scan" * 500)}
    delivered(house, second, "second")
    assert set(house.states().values()) == {"complete"}
    found = published(s3, web)
    assert found[f"{PLACE}00010002.jpg"] == jpeg("a better scan" * 500)
    # The archive keeps the third page, and so readers do.
    assert len(json.loads(gzip.decompress(found[f"{PLACE}dimensions.json"]))) == 3
    after = {entry["Key"]: entry["LastModified"] for entry in s3.list_objects_v2(Bucket=web)["Contents"]}
    assert [key for key in after if after[key] != before.get(key)] in ([], [f"{PLACE}00010002.jpg"])


def test_an_image_that_cannot_be_shown_rejects_the_work_and_nothing_is_sent(
    web_house: Callable[..., House], web: str, s3: "S3Client"
):
    house = web_house(settings='audit = { tests = ["NoFilesInFolder"] }')
    files = work_files("W22084") | {"images/W22084-0001/00010002.jpg": b"no image"}
    delivered(house, files, "one")
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("rejected", "web-image-unreadable")
    assert "00010002.jpg" in row.reason
    assert published(s3, web) == {}
    assert house.archived("W22084") == files  # it is in the archive all the same, and the record says so
    assert row.archive_path


def test_a_work_may_stay_off_the_web(web_house: Callable[..., House], web: str, s3: "S3Client"):
    house = web_house()
    delivered(house, work_files("W22084") | {"config/sync.yml": b"sync: {web: false}\n"}, "one")
    assert house.states() == {"W22084": "complete"}
    assert published(s3, web) == {}


def test_a_work_may_go_onto_the_web_only(web_house: Callable[..., House], web: str, s3: "S3Client"):
    house = web_house()
    delivered(house, work_files("W22084") | {"config/sync.yml": b"sync: {archive: false}\n"}, "one")
    assert house.states() == {"W22084": "complete"}
    assert len(published(s3, web)) == 4
    assert house.archived("W22084") == {}
    (row,) = house.works()
    assert row.archive_path == ""


def test_a_web_that_fails_is_tried_again_and_nothing_is_fetched_again(
    web_house: Callable[..., House], web: str, s3: "S3Client"
):
    house = web_house(settings="process = { retry_seconds = 1 }")
    s3.delete_bucket(Bucket=web)
    house.send_work("W22084")
    house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("error", "bucket-missing")
    assert row.archive_path
    s3.create_bucket(Bucket=web)
    s3.delete_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")  # nothing could be fetched
    process = house.process()
    with process.catalog.transaction() as session:
        retry_delivery(session, row.delivery, actor="tester")
    process.catalog.close()
    house.run()
    assert house.states() == {"W22084": "complete"}
    assert len(published(s3, web)) == 4


def test_what_the_archive_holds_and_how_it_changed_is_on_record(web_house: Callable[..., House]):
    house = web_house()
    first = work_files("W22084")
    delivered(house, first, "first")
    changed = first | {"images/W22084-0001/00010002.jpg": jpeg("a better scan" * 500)}
    delivered(house, changed, "second")
    process = house.process()
    with process.catalog.reading() as session:
        records = manifest_of(session, "W22084")
        newest, oldest = changes_of(session, "W22084", limit=9)
    process.catalog.close()
    in_archive = house.archive / "Archive3" / "84" / "W22084"
    for record in records:
        assert (in_archive / record.path).stat().st_size == record.size
    assert {record.path for record in records} >= set(first)
    assert len(oldest.paths["added"]) == len(first) + 4  # the provenance: four files of the bag
    assert oldest.groups["W22084-0001"] == {"added": 6, "replaced": 0, "removed": 0, "untouched": 0}
    assert newest.paths["replaced"] == ["images/W22084-0001/00010002.jpg"]
    assert newest.groups["W22084-0001"] == {"added": 0, "replaced": 1, "removed": 0, "untouched": 5}
    assert (oldest.delivery, newest.delivery) == (1, 2)


def test_a_work_that_asks_for_it_has_its_old_pages_removed_in_both_places(
    web_house: Callable[..., House], web: str, s3: "S3Client"
):
    house = web_house(settings="sync = { replace = true }")
    delivered(house, work_files("W22084", pages=4), "first")
    files = work_files("W22084", pages=3) | {"config/sync.yml": b"sync: {replace: true}\n"}
    delivered(house, files, "second")
    assert set(house.states().values()) == {"complete"}
    assert house.archived("W22084") == files
    assert len(published(s3, web)) == 4


def test_files_in_scratch_become_the_archives_without_a_copy(web_house: Callable[..., House]):
    house = web_house()
    assert os.stat(house.scratch if house.scratch.exists() else house.root).st_dev == house.archive.stat().st_dev
    house.send_work("W22084")
    inodes: dict[str, int] = {}
    real = stage.sync_work

    def looking(work: Any, *args: Any, **others: Any) -> Any:
        inodes.update({path.name: path.stat().st_ino for path in work.rglob("*.tif")})
        return real(work, *args, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "sync_work", looking)
        house.run()
    copy = house.archive / "Archive3" / "84" / "W22084"
    assert len(inodes) == 3
    assert {path.name: path.stat().st_ino for path in copy.rglob("*.tif")} == inodes
    assert {path.stat().st_nlink for path in copy.rglob("*.tif")} == {1}  # scratch is freed


def test_what_the_audit_saw_of_an_image_is_not_looked_at_again(
    web_house: Callable[..., House], web: str, s3: "S3Client", monkeypatch: pytest.MonkeyPatch
):
    looked_at: list[str] = []
    real = gallery.look_at

    def looking(path: Path, **others: bool) -> ImageFacts:
        looked_at.append(str(path))
        return real(path, **others)

    monkeypatch.setattr(gallery, "look_at", looking)
    house = web_house()
    house.send_work("W22084")
    house.run()
    assert len(published(s3, web)) == 4
    # Three images and three masters, as they were unpacked and in the archive; and none to publish them.
    assert len(looked_at) == 12


def test_what_is_known_of_an_image_counts_only_while_it_is_untouched(tmp_path: Path):
    work = write_files(tmp_path / "W22084", work_files("W22084"))
    report = run_audit(work, tests=["ImageConsistency"])
    remember_images(tmp_path, work, report.images)
    page = work / "images/W22084-0001/00010002.jpg"
    page.write_bytes(jpeg("wide", size=(90, 80)))
    (volume,) = volumes_of(work, {}, seen_images(tmp_path, "W22084"))
    assert [file.image.width for file in volume.files] == [60, 90, 60]


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '["a", {}]', '[1, {"name": 2, "dpi": [1]}]'])
def test_what_was_kept_and_cannot_be_read_is_found_out_again(tmp_path: Path, text: str):
    (tmp_path / "W22084.images.jsonl").write_text(text)
    assert seen_images(tmp_path, "W22084") == {}
