from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.works import (
    InvalidRid,
    Rid,
    archive_path,
    archive_shard,
    glacier_staging_key,
    parse_rid,
    rid_of_object_key,
    web_image_key,
    web_images_prefix,
)

# From the archive's own catalogue: work, folder in the archive, staging key, web folder.
KNOWN_PLACES = [
    ("W1FPL2251", "Archive2/51/W1FPL2251", "Archive1/51/W1FPL2251/W1FPL2251.bag.zip", "Works/8d/W1FPL2251"),
    ("W22084", "Archive3/84/W22084", "Archive1/84/W22084/W22084.bag.zip", "Works/60/W22084"),
    ("W1AC6", "Archive0/00/W1AC6", "Archive0/00/W1AC6/W1AC6.bag.zip", "Works/c5/W1AC6"),
]

# The ends of RIDs, the shard, and which archive root and staging prefix hold it.
SHARDS = [
    ("W100", 0, 0, 0),
    ("W107", 7, 0, 0),
    ("W108", 8, 0, 0),
    ("W109", 9, 0, 0),
    ("W124", 24, 0, 0),
    ("W125", 25, 1, 0),
    ("W149", 49, 1, 0),
    ("W150", 50, 2, 1),
    ("W174", 74, 2, 1),
    ("W175", 75, 3, 1),
    ("W199", 99, 3, 1),
    ("W42", 42, 1, 0),
    # No two digits at the end.
    ("W1A9", 0, 0, 0),
    ("W19A", 0, 0, 0),
    ("W7", 0, 0, 0),
    ("W12-1", 0, 0, 0),
    ("W1_9", 0, 0, 0),
    ("WAB", 0, 0, 0),
]

rids = st.from_regex(r"[A-Z][A-Za-z0-9_-]{1,44}", fullmatch=True).map(parse_rid)


@pytest.mark.parametrize(("rid", "archive", "staging", "web"), KNOWN_PLACES)
def test_a_known_work_is_where_the_archive_has_it(rid: str, archive: str, staging: str, web: str):
    assert archive_path(Path("/mnt"), parse_rid(rid)) == Path("/mnt") / archive
    assert glacier_staging_key(parse_rid(rid)) == staging
    assert web_images_prefix(parse_rid(rid)) == f"{web}/images/"
    assert web_image_key(parse_rid(rid), f"{rid}-0886", "08860001.tif") == f"{web}/images/{rid}-0886/08860001.tif"


@pytest.mark.parametrize(("rid", "shard", "archive", "staging"), SHARDS)
def test_two_digits_at_the_end_are_the_shard_and_anything_else_is_shard_zero(
    rid: str, shard: int, archive: int, staging: int
):
    assert archive_shard(parse_rid(rid)) == shard
    two_digits = ("0" + str(shard))[-2:]
    assert archive_path(Path(), parse_rid(rid)) == Path(f"Archive{archive}", two_digits, rid)
    assert glacier_staging_key(parse_rid(rid)) == f"Archive{staging}/{two_digits}/{rid}/{rid}.bag.zip"


@pytest.mark.parametrize(
    "tail", ["\u0663\u0664", "\uff14\uff12", "²³", "๑๒", "1\u0663", "+1", " 1", "1_", "1.", "\n1", "1\n"]
)
def test_only_the_digits_0_to_9_count_as_digits(tail: str):
    # No RID can end so; the formula must not depend on that.
    assert archive_shard(Rid("W1" + tail)) == 0


@given(rids)
def test_every_work_has_its_shard_in_the_root_that_is_responsible_for_it(rid: Rid):
    root, shard, folder = archive_path(Path("/mnt"), rid).relative_to("/mnt").parts
    assert folder == rid
    assert len(shard) == 2
    assert int(shard) == archive_shard(rid)
    first = {"Archive0": 0, "Archive1": 25, "Archive2": 50, "Archive3": 75}[root]
    assert first <= int(shard) <= first + 24


@given(rids)
def test_every_staging_key_names_its_work_again(rid: Rid):
    key = glacier_staging_key(rid)
    assert rid_of_object_key(key) == rid
    prefix, shard, folder, _ = PurePosixPath(key).parts
    assert folder == rid
    assert (prefix, int(shard) < 50) in {("Archive0", True), ("Archive1", False)}


@given(rids, st.integers(0, 99))
def test_a_shard_depends_on_the_last_two_digits_only_and_gives_them_back(rid: Rid, number: int):
    tail = ("0" + str(number))[-2:]
    assert archive_shard(Rid(rid[:43] + tail)) == archive_shard(Rid("W" + tail)) == number


@given(rids)
def test_every_web_prefix_spreads_by_two_hexadecimal_digits(rid: Rid):
    works, spread, folder, images, end = web_images_prefix(rid).split("/")
    assert (works, folder, images, end) == ("Works", rid, "images", "")
    assert len(spread) == 2
    assert set(spread) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("key", "rid"),
    [
        ("W22084.bag.zip", "W22084"),
        ("W22084.zip", "W22084"),
        ("W22084", "W22084"),
        ("Archive1/84/W22084/W22084.bag.zip", "W22084"),
        ("W9.zip/W22084.bag.zip", "W22084"),
        ("/drop/W1FPL2251.tar.gz.zip.part", "W1FPL2251"),
        ("W22084.bag.zip.1", "W22084"),
        ("W22084.", "W22084"),
        ("W22084/", "W22084"),
    ],
)
def test_the_rid_of_a_key_is_its_base_name_without_all_suffixes(key: str, rid: str):
    assert rid_of_object_key(key) == rid


@pytest.mark.parametrize("key", ["", "/", ".bag.zip", "W22084/.bag.zip", "W22084 (2).bag.zip", "w1.zip", "a/b/c.zip"])
def test_a_key_that_names_no_work_is_rejected(key: str):
    with pytest.raises(InvalidRid):
        rid_of_object_key(key)


@given(
    rid=rids,
    folders=st.lists(st.text(max_size=8).filter(lambda name: "/" not in name), max_size=4),
    suffixes=st.lists(st.text(max_size=8).filter(lambda suffix: "/" not in suffix), max_size=4),
)
def test_neither_folders_nor_suffixes_change_the_rid_of_a_key(rid: Rid, folders: list[str], suffixes: list[str]):
    assert rid_of_object_key("/".join([*folders, ".".join([rid, *suffixes])])) == rid
