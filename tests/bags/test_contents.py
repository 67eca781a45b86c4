"""What a zip is taken for: bags, plain works, or nothing known."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.bags import SourceReport, read_plan
from ao_workflows.storage import open_local_source
from bags.corpus import Item, bag_of, build_zip, tree

Accepted = Callable[..., tuple[Path, SourceReport]]
Refused = Callable[[bytes], set[str]]

PAGE = {"images/W22084-0001/00010001.jpg": b"page"}


def items_of(files: dict[str, bytes], top: str = "") -> list[Item]:
    return [Item(f"{top}{path}".encode(), content) for path, content in files.items()]


@pytest.mark.parametrize("top", ["W22084.bag/", "W22084/"])
def test_a_top_folder_with_a_declaration_is_a_bag_whatever_its_suffix(top: str, accepted: Accepted):
    scratch, report = accepted(build_zip(items_of(bag_of(PAGE), top)), "delivery.zip")
    assert [bag.name for bag in report.bags] == [top[:-1]]
    assert sorted(tree(scratch / "W22084")) == [
        "W22084.bag",
        "W22084.bag/bagit.txt",
        "W22084.bag/manifest-sha512.txt",
        "images",
        "images/W22084-0001",
        "images/W22084-0001/00010001.jpg",
    ]


@pytest.mark.parametrize("name", ["W22084.bag.zip", "W22084.zip", "W22084.2021.bag.zip"])
def test_a_bag_at_the_root_is_named_after_the_zip(name: str, accepted: Accepted):
    scratch, report = accepted(build_zip(items_of(bag_of(PAGE))), name)
    assert report.bags[0].name == "W22084"
    assert (scratch / "W22084/images/W22084-0001/00010001.jpg").read_bytes() == b"page"


def test_two_bags_in_one_zip_become_two_works(accepted: Accepted):
    items = items_of(bag_of(PAGE), "W22084.bag/") + items_of(bag_of({"archive/a.tif": b"tif"}), "W1AC6.bag/")
    scratch, report = accepted(build_zip(items), "two.zip")
    assert {bag.name for bag in report.bags} == {"W22084.bag", "W1AC6.bag"}
    assert (scratch / "W1AC6/archive/a.tif").read_bytes() == b"tif"
    assert (scratch / "W22084/images/W22084-0001/00010001.jpg").read_bytes() == b"page"


def test_bags_whose_entries_alternate_are_told_apart(accepted: Accepted):
    one = items_of(bag_of(PAGE), "W22084.bag/")
    two = items_of(bag_of({"archive/a.tif": b"tif"}), "W1AC6.bag/")
    mixed = [item for pair in zip(one, two, strict=True) for item in pair]
    assert accepted(build_zip(mixed), "two.zip")[1].valid


def test_folders_deeper_down_are_payload_whatever_their_names(accepted: Accepted):
    inner = bag_of({"x": b"x"})
    payload = {**PAGE, **{f"images/W1AC6.bag/{path}": content for path, content in inner.items()}}
    scratch, report = accepted(build_zip(items_of(bag_of(payload), "W22084.bag/")))
    assert len(report.bags) == 1
    assert (scratch / "W22084/images/W1AC6.bag/bagit.txt").is_file()


def test_a_plain_zip_of_works_is_unpacked_and_given_manifests(accepted: Accepted):
    items = [*items_of(PAGE, "W22084/"), Item(b"W1AC6/W1AC6-0001/archive/00010001.tif", b"tif")]
    scratch, report = accepted(build_zip(items), "by-hand.zip")
    document = report.as_dict()
    assert (document["valid"], document["complete"], document["bags"]) == (True, True, [])
    assert [(finding["code"], finding["path"]) for finding in document["warnings"]] == [
        ("not-a-bag", "W22084"),
        ("not-a-bag", "W1AC6"),
    ]
    provenance = tree(scratch / "W22084/W22084.bag")
    digest = hashlib.sha512(b"page").hexdigest()
    assert provenance["manifest-sha512.txt"] == f"{digest}  data/images/W22084-0001/00010001.jpg\n".encode()
    assert provenance["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert b"Payload-Oxum: 4.1\n" in provenance["bag-info.txt"]
    assert sorted(provenance) == ["bag-info.txt", "bagit.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt"]


def test_the_report_of_a_good_bag_has_exactly_the_agreed_keys(accepted: Accepted):
    _, report = accepted(build_zip(items_of(bag_of(PAGE), "W22084.bag/")))
    document = report.as_dict()
    assert list(document) == ["source", "valid", "complete", "bags"]
    assert document["bags"] == [
        {"name": "W22084.bag", "version": "1.0", "errors": [], "warnings": [], "files": 1, "bytes": 4}
    ]


def test_litter_in_a_folder_is_one_warning(accepted: Accepted):
    litter = [Item(b"__MACOSX/"), Item(b"__MACOSX/._a", b"x"), Item(b"__MACOSX/deep/._b", b"x")]
    _, report = accepted(build_zip([*items_of(bag_of(PAGE), "W22084.bag/"), *litter]))
    assert [(finding.code, finding.path) for finding in report.warnings] == [("os-litter", "__MACOSX")]


@pytest.mark.parametrize("litter", ["__MACOSX/._W22084", ".DS_Store", "Thumbs.db", "._W22084.bag"])
def test_litter_at_the_top_is_skipped_with_a_warning(litter: str, accepted: Accepted):
    items = [*items_of(bag_of(PAGE), "W22084.bag/"), Item(litter.encode(), b"litter")]
    scratch, report = accepted(build_zip(items))
    assert [finding.code for finding in report.warnings] == ["os-litter"]
    assert [path.name for path in scratch.iterdir()] == ["W22084"]


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({}, {"zip-nothing-known"}),
        ({"README.txt": b"x"}, {"zip-nothing-known"}),
        ({"pictures/one.jpg": b"x"}, {"zip-nothing-known"}),
        ({"W22084/one.jpg": b"x"}, {"zip-nothing-known"}),
        ({"images/W22084-0001/00010001.jpg": b"x"}, {"zip-nothing-known"}),
        ({"W22084/images/a": b"x", "notes.txt": b"x"}, {"zip-stray-content"}),
        ({"W22084/images/a": b"x", "other/images/a": b"x"}, {"zip-stray-content"}),
    ],
)
def test_what_is_not_known_is_refused(files: dict[str, bytes], codes: set[str], refused: Refused):
    assert refused(build_zip(items_of(files))) == codes


def test_a_bag_beside_something_else_is_refused(refused: Refused):
    bag = items_of(bag_of(PAGE), "W22084.bag/")
    assert refused(build_zip([*bag, Item(b"notes.txt", b"x")])) == {"zip-stray-content"}
    assert refused(build_zip([*bag, Item(b"W1AC6/images/a", b"x")])) == {"zip-stray-content"}
    assert refused(build_zip([*bag, Item(b"W1AC6.bag/data/images/a", b"x")])) == {"zip-stray-content"}


def test_the_message_says_what_was_found(tmp_path: Path):
    path = tmp_path / "x.zip"
    path.write_bytes(build_zip(items_of({"pictures/one.jpg": b"x", "README.txt": b"x"})))
    with pytest.raises(Exception, match=r'At its top there is: "README\.txt", "pictures"'):
        read_plan(open_local_source(path))


def test_a_bag_whose_name_is_no_rid_is_refused(refused: Refused):
    assert refused(build_zip(items_of(bag_of(PAGE), "my pictures.bag/"))) == {"rid-invalid"}


def test_two_bags_for_one_work_are_refused(refused: Refused):
    items = items_of(bag_of(PAGE), "W22084.bag/") + items_of(bag_of(PAGE), "W22084/")
    assert refused(build_zip(items)) == {"rid-repeated"}


def test_the_plan_says_what_will_be_written(tmp_path: Path):
    path = tmp_path / "x.zip"
    files = bag_of(PAGE)
    path.write_bytes(build_zip([*items_of(files, "W22084.bag/"), Item(b"__MACOSX/x", b"litter")]))
    plan = read_plan(open_local_source(path))
    assert plan.works == ("W22084",)
    assert plan.files == 3
    assert plan.bytes == sum(len(content) for content in files.values())
