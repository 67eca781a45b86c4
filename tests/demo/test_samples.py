import errno
import hashlib
import struct
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest
from PIL import Image

from ao_workflows.demo.samples import SampleDelivery, Samples, _disk_errors_named, make_delivery, make_samples
from ao_workflows.errors import MustWait, SystemFailed, UsageError
from ao_workflows.works import Layout, group_id, image_name_pattern, parse_rid, read_structure

Unzip = Callable[[SampleDelivery], Path]

DELIVERIES = ("one_work", "two_works", "damaged", "dropped")


def sha512(content: bytes) -> str:
    return hashlib.sha512(content).hexdigest()


def works_in(root: Path):
    """Return the folder of each work in an unzipped delivery, by RID."""
    return {
        folder.name.removesuffix(".bag"): folder / "data" if folder.name.endswith(".bag") else folder
        for folder in root.iterdir()
    }


def test_the_deliveries_are_three_bags_for_the_bucket_and_one_zip_for_the_drop_folder(samples: Samples):
    assert [(delivery.zip_path.name, delivery.kind, delivery.key) for delivery in samples.deliveries] == [
        ("W1FPL2251.bag.zip", "s3", "Archive1/51/W1FPL2251/W1FPL2251.bag.zip"),
        ("W22084.bag.zip", "s3", "Archive1/84/W22084/W22084.bag.zip"),
        ("W1NLM4700.bag.zip", "s3", "Archive0/00/W1NLM4700/W1NLM4700.bag.zip"),
        ("W8LS68226.zip", "drop", "W8LS68226.zip"),
    ]
    assert [[work.rid for work in delivery.works] for delivery in samples.deliveries] == [
        ["W1FPL2251"],
        ["W22084", "W1KG10108"],
        ["W1NLM4700"],
        ["W8LS68226"],
    ]


def test_nothing_but_the_four_zips_is_left_in_the_folder_and_they_are_small(samples: Samples):
    zips = list(samples.one_work.zip_path.parent.iterdir())
    assert len(zips) == 4
    assert sum(path.stat().st_size for path in zips) < 25_000_000


@pytest.mark.parametrize("name", DELIVERIES)
def test_every_zip_is_intact_and_stored(samples: Samples, name: str):
    with zipfile.ZipFile(getattr(samples, name).zip_path) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_bags_have_folder_entries_and_the_dropped_zip_has_none(samples: Samples):
    def folders(delivery: SampleDelivery):
        with zipfile.ZipFile(delivery.zip_path) as archive:
            return [entry.filename for entry in archive.infolist() if entry.is_dir()]

    assert "W1FPL2251.bag/data/images/W1FPL2251-0886/" in folders(samples.one_work)
    assert folders(samples.dropped) == []


@pytest.mark.parametrize("name", ["one_work", "two_works", "dropped"])
def test_the_content_has_the_checksums_that_were_taken_when_it_was_drawn(samples: Samples, unzip: Unzip, name: str):
    delivery = getattr(samples, name)
    folders = works_in(unzip(delivery))
    assert folders.keys() == {work.rid for work in delivery.works}
    for work in delivery.works:
        folder = folders[work.rid]
        found = {
            path.relative_to(folder).as_posix(): sha512(path.read_bytes())
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert found == work.checksums


@pytest.mark.parametrize("name", ["one_work", "two_works"])
def test_bagit_finds_the_bags_valid_and_they_name_their_work(samples: Samples, unzip: Unzip, name: str):
    for folder in unzip(getattr(samples, name)).iterdir():
        bag = bagit.Bag(str(folder))
        bag.validate()
        assert f"{bag.info['BDRC-RID']}.bag" == folder.name


def test_the_second_of_two_works_is_in_layout_v2_with_a_sha256_manifest(samples: Samples, unzip: Unzip):
    root = unzip(samples.two_works)
    assert read_structure(root / "W22084.bag" / "data").layout is Layout.V1
    assert read_structure(root / "W1KG10108.bag" / "data").layout is Layout.V2
    assert (root / "W22084.bag" / "manifest-sha512.txt").is_file()
    assert [path.name for path in (root / "W1KG10108.bag").glob("manifest-*")] == ["manifest-sha256.txt"]


def test_bagit_finds_the_damaged_bag_invalid_for_exactly_the_file_that_was_changed(samples: Samples, unzip: Unzip):
    damage = samples.damaged.damage
    bag = bagit.Bag(str(unzip(samples.damaged) / "W1NLM4700.bag"))
    with pytest.raises(bagit.BagValidationError) as caught:
        bag.validate()
    (problem,) = caught.value.details
    assert isinstance(problem, bagit.ChecksumMismatch)
    assert (problem.path, problem.algorithm) == (f"data/{damage.path}", "sha512")
    assert (problem.expected, problem.found) == (damage.expected, damage.found)


def test_the_damage_is_one_byte_of_one_image_whose_right_checksum_is_known(samples: Samples, unzip: Unzip):
    damage = samples.damaged.damage
    (work,) = samples.damaged.works
    folder = unzip(samples.damaged) / "W1NLM4700.bag" / "data"
    assert (damage.rid, damage.path) == ("W1NLM4700", "images/W1NLM4700-0902/09020001.jpg")
    assert damage.expected == work.checksums[damage.path]
    content = bytearray((folder / damage.path).read_bytes())
    assert sha512(content) == damage.found
    content[len(content) // 2] ^= 1
    assert sha512(content) == damage.expected
    others = {path: sha512((folder / path).read_bytes()) for path in work.checksums if path != damage.path}
    assert others.items() <= work.checksums.items()


def test_only_the_damaged_delivery_is_damaged(samples: Samples):
    assert [delivery.damage is not None for delivery in samples.deliveries] == [False, False, True, False]


def test_the_first_work_has_two_groups_and_at_least_20_pages_in_both_kinds(samples: Samples, unzip: Unzip):
    structure = read_structure(unzip(samples.one_work) / "W1FPL2251.bag" / "data")
    counts = {(group.kind, group.name): len(list(group.path.iterdir())) for group in structure.groups}
    assert counts == {
        ("images", "W1FPL2251-0886"): 12,
        ("images", "W1FPL2251-I1KG10195"): 10,
        ("archive", "W1FPL2251-0886"): 12,
        ("archive", "W1FPL2251-I1KG10195"): 10,
    }


@pytest.mark.parametrize("name", DELIVERIES)
def test_images_follow_the_name_rule_without_gaps(samples: Samples, unzip: Unzip, name: str):
    for folder in works_in(unzip(getattr(samples, name))).values():
        for group in read_structure(folder).groups:
            names = sorted(path.name for path in group.path.iterdir())
            assert all(image_name_pattern(group.name).fullmatch(file) for file in names)
            number = len(group_id(group.name))
            assert [file[number : number + 4] for file in names] == [f"{n + 1:04d}" for n in range(len(names))]


def test_no_two_files_of_all_samples_are_the_same(samples: Samples):
    checksums = [
        value for delivery in samples.deliveries for work in delivery.works for value in work.checksums.values()
    ]
    assert len(set(checksums)) == len(checksums)


@pytest.mark.parametrize("name", ["one_work", "two_works", "dropped"])
def test_images_are_small_and_masters_large_and_none_has_metadata_that_turns_or_repeats_it(
    samples: Samples, unzip: Unzip, name: str
):
    for folder in works_in(unzip(getattr(samples, name))).values():
        structure = read_structure(folder)
        for kind in ("images", "archive"):
            for group in structure.groups_of(kind):
                for path in group.path.iterdir():
                    with Image.open(path) as image:
                        image.load()
                        assert 0x0112 not in image.getexif()
                        assert "exif" not in image.info
                        assert getattr(image, "n_frames", 1) == 1
                    if kind == "images":
                        assert path.stat().st_size <= 400 * 1024
        for derivatives, masters in zip(structure.groups_of("images"), structure.groups_of("archive"), strict=True):
            for small, large in zip(sorted(derivatives.path.iterdir()), sorted(masters.path.iterdir()), strict=True):
                assert large.suffix == ".tif"
                assert small.stem == large.stem
                assert small.stat().st_size < large.stat().st_size


def test_the_first_work_has_colour_jpegs_and_group_4_tiffs(samples: Samples, unzip: Unzip):
    images = unzip(samples.one_work) / "W1FPL2251.bag" / "data" / "images"
    for path in (images / "W1FPL2251-0886").iterdir():
        with Image.open(path) as image:
            assert (path.suffix, image.format, image.mode) == (".jpg", "JPEG", "RGB")
    for path in (images / "W1FPL2251-I1KG10195").iterdir():
        with Image.open(path) as image:
            assert (path.suffix, image.mode, image.info["compression"]) == (".tif", "1", "group4")


@pytest.mark.parametrize("name", DELIVERIES)
def test_the_zip_holds_the_times_of_the_files_in_utc_and_in_even_seconds(samples: Samples, name: str):
    delivery = getattr(samples, name)
    works = {work.rid: work for work in delivery.works}
    seen = 0
    with zipfile.ZipFile(delivery.zip_path) as archive:
        for entry in archive.infolist():
            top, _, rest = entry.filename.partition("/")
            path = rest.removeprefix("data/")
            header, length, flags, seconds = struct.unpack("<HHBi", entry.extra)
            assert (header, length, flags) == (0x5455, 5, 1)
            expected = works[top.removesuffix(".bag")].modified.get(path)
            if expected is not None:
                assert datetime.fromtimestamp(seconds, UTC) == expected
                assert datetime(*entry.date_time).astimezone(UTC) == expected  # zip's are local
                seen += 1
    assert seen == sum(len(work.modified) for work in delivery.works)
    times = [time for work in delivery.works for time in work.modified.values()]
    assert all(time.second % 2 == 0 and time.microsecond == 0 for time in times)
    assert max(times) < datetime(2016, 1, 1, tzinfo=UTC)


def test_each_file_has_a_checksum_and_a_time(samples: Samples):
    for delivery in samples.deliveries:
        for work in delivery.works:
            assert work.checksums.keys() == work.modified.keys()


def test_another_seed_draws_other_pages_of_the_same_works(samples: Samples, tmp_path: Path):
    other = make_samples(tmp_path, seed=2)
    for mine, theirs in zip(samples.deliveries, other.deliveries, strict=True):
        for work, other_work in zip(mine.works, theirs.works, strict=True):
            assert work.checksums.keys() == other_work.checksums.keys()
            assert set(work.checksums.values()).isdisjoint(other_work.checksums.values())


def test_a_delivery_is_the_same_whenever_it_is_made(tmp_path: Path):
    first = make_delivery(tmp_path / "first", parse_rid("W1AC6"), pages=2)
    second = make_delivery(tmp_path / "second", parse_rid("W1AC6"), pages=2)
    assert first.zip_path.read_bytes() == second.zip_path.read_bytes()
    assert first.works == second.works


def test_a_delivery_of_another_rid_has_other_pages(tmp_path: Path):
    one = make_delivery(tmp_path, parse_rid("W1AC6"), pages=2)
    other = make_delivery(tmp_path, parse_rid("W1AC7"), pages=2)
    assert set(one.works[0].checksums.values()).isdisjoint(other.works[0].checksums.values())


def test_a_delivery_is_a_valid_bag_with_as_many_pages_as_asked(tmp_path: Path, unzip: Unzip):
    delivery = make_delivery(tmp_path, parse_rid("W1AC6"), pages=5)
    assert (delivery.kind, delivery.key) == ("s3", "Archive0/00/W1AC6/W1AC6.bag.zip")
    assert len([path for path in delivery.works[0].checksums if path.startswith("images/")]) == 5
    bagit.Bag(str(unzip(delivery) / "W1AC6.bag")).validate()


def test_a_corrupt_delivery_says_what_is_wrong_with_it(tmp_path: Path, unzip: Unzip):
    delivery = make_delivery(tmp_path, parse_rid("W1AC6"), corrupt=True, pages=2)
    content = (unzip(delivery) / "W1AC6.bag" / "data" / delivery.damage.path).read_bytes()
    assert sha512(content) == delivery.damage.found != delivery.damage.expected


def test_a_delivery_of_one_page_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="at least 2 pages"):
        make_delivery(tmp_path, parse_rid("W1AC6"), pages=1)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SystemFailed) as caught:
        make_delivery(tmp_path / "file" / "samples", parse_rid("W1AC6"), pages=2)
    assert str(tmp_path / "file") in caught.value.message
    assert caught.value.action


def test_a_full_disk_is_something_to_wait_for(tmp_path: Path):
    with pytest.raises(MustWait) as caught, _disk_errors_named(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.code == "waiting-for-disk"
    assert str(tmp_path) in caught.value.waiting_for


def test_a_missing_package_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "bagit", None)
    with pytest.raises(UsageError, match=r"needs bagit.*ao-workflows\[demo\]"):
        make_delivery(tmp_path, parse_rid("W1AC6"), pages=2)
