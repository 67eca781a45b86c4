"""``ao bag``: verify, unpack, create."""

import zipfile
from pathlib import Path

import pytest

from fixtures.house import bag_zip, work_files, write_files, zip_folder

DAMAGED = "images/W1AC6-0001/00010002.jpg"
HASH_EXPECTED = 128
REPORT_KEYS = {"source", "valid", "complete", "bags"}
BAG_KEYS = {"name", "version", "errors", "warnings", "files", "bytes"}


@pytest.fixture
def good(place: Path) -> Path:
    return bag_zip(place / "W1AC6.bag.zip", {"W1AC6": work_files("W1AC6")})


@pytest.fixture
def flipped(place: Path) -> Path:
    return bag_zip(place / "W1AC6.bag.zip", {"W1AC6": work_files("W1AC6")}, damage=DAMAGED)


def test_a_good_bag_is_valid(ao, good):
    answer = ao("bag", "verify", good, "--json")
    assert answer.code == 0
    assert set(answer.json) == REPORT_KEYS
    assert (answer.json["valid"], answer.json["complete"], answer.json["source"]) == (True, True, str(good))
    (bag,) = answer.json["bags"]
    assert set(bag) == BAG_KEYS
    assert (bag["name"], bag["version"], bag["errors"], bag["files"]) == ("W1AC6.bag", "0.97", [], 6)
    assert bag["bytes"] == sum(map(len, work_files("W1AC6").values()))
    assert answer.err == ""


def test_a_person_gets_a_line_for_each_bag_on_standard_error(ao, good):
    answer = ao("bag", "verify", good)
    assert (answer.code, answer.out) == (0, "")
    assert "W1AC6.bag: valid (BagIt 0.97, 6 files" in answer.err


def test_the_installed_program_says_the_same(installed_ao, good):
    answer = installed_ao("bag", "verify", good, "--json")
    assert answer.code == 0
    assert answer.json["valid"] is True


def test_a_flipped_byte_is_exit_code_1_with_both_checksums(ao, flipped):
    answer = ao("bag", "verify", flipped, "--json")
    assert answer.code == 1
    assert (answer.json["valid"], answer.json["complete"]) == (False, True)
    (error,) = answer.json["bags"][0]["errors"]
    assert set(error) == {"code", "path", "message", "expected", "found"}
    assert (error["code"], error["path"]) == ("checksum-mismatch", f"data/{DAMAGED}")
    assert len(error["expected"]) == len(error["found"]) == HASH_EXPECTED
    assert error["expected"] != error["found"]


def test_a_person_is_told_of_a_flipped_byte_with_both_checksums(ao, flipped):
    answer = ao("bag", "verify", flipped)
    assert answer.code == 1
    assert "W1AC6.bag: not valid" in answer.err
    assert DAMAGED in answer.err
    assert "expected " in answer.err
    assert "found    " in answer.err


@pytest.mark.parametrize("command", [["verify"], ["unpack"]])
def test_a_missing_file_is_exit_code_3_because_it_says_nothing_about_content(ao, place, command):
    arguments = ["bag", *command, "nowhere.bag.zip", *(["dest"] if command == ["unpack"] else [])]
    answer = ao(*arguments, "--json")
    assert answer.code == 3
    assert "nowhere.bag.zip" in answer.json["error"]["message"]
    assert answer.json["error"] == {
        "code": "source-gone",
        "message": answer.json["error"]["message"],
        "action": "Check the path or address.",
    }
    assert list(place.iterdir()) == []


def test_a_file_that_is_no_zip_is_reported_like_a_bad_bag(ao, place):
    (place / "x.zip").write_bytes(b"this is no zip")
    answer = ao("bag", "verify", "x.zip", "--json")
    assert answer.code == 1
    assert (answer.json["valid"], answer.json["bags"]) == (False, [])
    assert answer.json["errors"][0]["code"]
    told = ao("bag", "verify", "x.zip")
    assert told.code == 1
    assert answer.json["errors"][0]["message"] in told.err


def test_an_unpacked_bag_can_be_verified(ao, good, place):
    with zipfile.ZipFile(good) as archive:
        archive.extractall(place)
    answer = ao("bag", "verify", "W1AC6.bag", "--json")
    assert (answer.code, answer.json["valid"]) == (0, True)
    (place / "W1AC6.bag" / "data" / DAMAGED).unlink()
    answer = ao("bag", "verify", "W1AC6.bag", "--json")
    assert (answer.code, answer.json["valid"], answer.json["complete"]) == (1, False, False)


@pytest.mark.usefixtures("aws_environment")
def test_a_bag_in_a_bucket_is_verified_by_its_address(ao, good, s3, bucket):
    s3.upload_file(str(good), bucket, "Archive0/00/W1AC6/W1AC6.bag.zip")
    address = f"s3://{bucket}/Archive0/00/W1AC6/W1AC6.bag.zip"
    answer = ao("bag", "verify", address, "--json")
    assert (answer.code, answer.json["valid"], answer.json["source"]) == (0, True, address)
    answer = ao("bag", "verify", f"s3://{bucket}/nothing.zip", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (3, "source-gone")


@pytest.mark.usefixtures("aws_server")
def test_a_bucket_that_needs_credentials_that_nobody_set_is_exit_code_3(ao):
    answer = ao("bag", "verify", "s3://b/k.zip", "--json")
    assert answer.code == 3
    assert answer.json["error"]["action"]


def test_unpacking_lays_each_work_below_the_destination_with_its_provenance(ao, place):
    works = {"W1AC6": work_files("W1AC6"), "W22084": work_files("W22084", pages=1)}
    source = bag_zip(place / "two.bag.zip", works)
    answer = ao("bag", "unpack", source, "dest", "--json")
    assert answer.code == 0
    assert set(answer.json) == {*REPORT_KEYS, "works"}
    assert answer.json["valid"] is True
    told = {work["rid"]: work for work in answer.json["works"]}
    assert set(told) == set(works)
    for rid, files in works.items():
        assert set(told[rid]) == {"rid", "path", "files", "bytes"}
        folder = Path(told[rid]["path"])
        assert folder.samefile(place / "dest" / rid)
        for path, content in files.items():
            assert (folder / path).read_bytes() == content
        assert (folder / f"{rid}.bag" / "bag-info.txt").is_file()
        found = [path for path in folder.rglob("*") if path.is_file()]
        assert told[rid]["files"] == len(found)
        assert told[rid]["bytes"] == sum(path.stat().st_size for path in found)


def test_unpacking_tells_a_person_where_each_work_is(ao, good):
    answer = ao("bag", "unpack", good, "dest")
    assert (answer.code, answer.out) == (0, "")
    assert "W1AC6: " in answer.err
    assert "dest/W1AC6" in answer.err


def test_unpacking_a_flipped_byte_leaves_nothing_and_says_all_that_is_wrong(ao, flipped, place):
    answer = ao("bag", "unpack", flipped, "dest", "--json")
    assert answer.code == 1
    assert set(answer.json) == {*REPORT_KEYS, "works"}
    assert (answer.json["valid"], answer.json["works"]) == (False, [])
    assert [error["path"] for error in answer.json["bags"][0]["errors"]] == [f"data/{DAMAGED}"]
    assert "next step" not in answer.out
    assert list((place / "dest").iterdir()) == []


def test_unpacking_a_flipped_byte_tells_a_person_the_next_step(ao, flipped):
    answer = ao("bag", "unpack", flipped, "dest")
    assert (answer.code, answer.out) == (1, "")
    assert DAMAGED in answer.err
    assert "next step: " in answer.err
    assert "(code checksum-mismatch)" in answer.err


def test_unpacking_what_leaves_its_place_is_refused_before_anything_is_written(ao, place):
    with zipfile.ZipFile("evil.zip", "w") as archive:
        archive.writestr("W1AC6.bag/bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        archive.writestr("W1AC6.bag/data/../../../evil", "x")
        archive.writestr("/etc/evil", "x")
    answer = ao("bag", "unpack", "evil.zip", "dest", "--json")
    assert answer.code == 1
    assert (answer.json["valid"], answer.json["works"]) == (False, [])
    assert len(answer.json["errors"]) >= 2
    assert sorted(path.name for path in place.iterdir()) == ["evil.zip"]


def test_unpacking_over_something_else_is_wrong_usage_and_touches_nothing(ao, good, place):
    (place / "dest" / "W1AC6").mkdir(parents=True)
    (place / "dest" / "W1AC6" / "mine.txt").write_text("mine")
    answer = ao("bag", "unpack", good, "dest", "--json")
    assert answer.code == 2
    assert answer.json["error"]["code"] == "destination-occupied"
    assert (place / "dest" / "W1AC6" / "mine.txt").read_text() == "mine"
    assert len(list((place / "dest" / "W1AC6").iterdir())) == 1


def test_a_plain_zip_of_a_work_is_unpacked_with_a_warning(ao, place):
    write_files(place / "making" / "W1AC6", work_files("W1AC6"))
    zip_folder(place / "making", place / "W1AC6.zip")
    answer = ao("bag", "unpack", "W1AC6.zip", "dest", "--json")
    assert (answer.code, answer.json["bags"]) == (0, [])
    assert [work["rid"] for work in answer.json["works"]] == ["W1AC6"]
    assert answer.json["warnings"]


def test_what_is_created_can_be_verified_and_unpacked_again(ao, place):
    works = {"W1AC6": work_files("W1AC6"), "W22084": work_files("W22084", pages=1)}
    for rid, files in works.items():
        write_files(place / rid, files)
    answer = ao("bag", "create", "W1AC6", "W22084", "two.bag.zip", "--algorithm", "sha256", "--json")
    assert answer.code == 0
    assert set(answer.json) == {"target", "works", "files", "bytes"}
    assert answer.json["target"] == "two.bag.zip"
    assert [work["rid"] for work in answer.json["works"]] == ["W1AC6", "W22084"]
    assert answer.json["files"] == 6 + 2
    assert answer.json["bytes"] == sum(len(content) for files in works.values() for content in files.values())
    with zipfile.ZipFile("two.bag.zip") as archive:
        assert "W1AC6.bag/manifest-sha256.txt" in archive.namelist()
    assert ao("bag", "verify", "two.bag.zip").code == 0
    assert ao("bag", "unpack", "two.bag.zip", "dest").code == 0
    for rid, files in works.items():
        for path, content in files.items():
            assert (place / "dest" / rid / path).read_bytes() == content


def test_creating_tells_a_person_what_was_made(ao, place):
    write_files(place / "W1AC6", work_files("W1AC6"))
    answer = ao("bag", "create", "W1AC6", "W1AC6.bag.zip")
    assert (answer.code, answer.out) == (0, "")
    assert "W1AC6.bag.zip: 1 work, 6 files" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["W1AC6", "taken.zip"], 2),
        (["nowhere", "new.zip"], 2),
        (["W1AC6", "W1AC6", "new.zip"], 2),
        (["W1AC6", "new.zip", "--algorithm", "crc32"], 2),
        (["W1AC6", "nowhere/new.zip"], 3),
        (["not a rid", "new.zip"], 1),
    ],
)
def test_what_cannot_be_created_is_told_and_leaves_nothing(ao, place, arguments, code):
    write_files(place / "W1AC6", work_files("W1AC6"))
    write_files(place / "not a rid", work_files("W1AC6"))
    (place / "taken.zip").write_text("mine")
    answer = ao("bag", "create", *arguments, "--json")
    assert answer.code == code
    assert answer.json["error"]["message"]
    assert answer.json["error"]["action"]
    assert (place / "taken.zip").read_text() == "mine"
    assert sorted(path.name for path in place.iterdir()) == ["W1AC6", "not a rid", "taken.zip"]


@pytest.mark.usefixtures("aws_environment")
def test_a_bag_is_made_in_a_bucket_and_comes_back_as_it_was(ao, bucket, place):
    files = work_files("W22084")
    write_files(place / "W22084", files)
    address = f"s3://{bucket}/Archive1/84/W22084.bag.zip"
    answer = ao("bag", "create", "W22084", address, "--json")
    assert answer.code == 0
    assert answer.json["target"] == address
    assert answer.json["files"] == len(files)
    assert sorted(path.name for path in place.iterdir()) == ["W22084"]
    assert ao("bag", "unpack", address, "back", "--json").code == 0
    assert {path: (place / "back" / "W22084" / path).read_bytes() for path in work_files("W22084")} == work_files(
        "W22084"
    )
    again = ao("bag", "create", "W22084", address, "--json")
    assert (again.code, again.json["error"]["code"]) == (2, "target-exists")


def test_an_address_that_names_no_object_is_told(ao, place):
    write_files(place / "W22084", work_files("W22084"))
    assert ao("bag", "create", "W22084", "s3://bucket-only").code == 2
    assert sorted(path.name for path in place.iterdir()) == ["W22084"]
