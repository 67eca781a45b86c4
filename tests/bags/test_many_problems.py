"""What is wrong in more places than anybody reads does not fill the memory: the first are kept, the others counted."""

from pathlib import Path

import pytest

from ao_workflows.bags import BagRejected, read_plan, unpack, verify, verify_folder
from ao_workflows.bags.findings import FindingLog, number_of
from ao_workflows.errors import Finding
from ao_workflows.storage import open_local_source
from bags.corpus import Item, bag_of, build_zip, zip_files


def finding(number: int) -> Finding:
    return Finding(code="odd", path=str(number), message="it is odd.")


def test_the_first_ten_thousand_are_kept_and_the_others_counted():
    log = FindingLog()
    log.extend(finding(number) for number in range(10_000))
    assert log.as_tuple() == tuple(finding(number) for number in range(10_000))
    log.add(finding(10_000))
    log.add(finding(10_001))
    *kept, last = log.as_tuple()
    assert [kept[0].path, kept[-1].path, len(kept)] == ["0", "9999", 10_000]
    assert (last.code, last.found, last.message) == (
        "more-problems",
        "2",
        "there are 2 more problems, which are not listed.",
    )
    assert len(log) == number_of(log.as_tuple()) == 10_002


def test_counts_are_added_up_when_findings_are_put_together():
    part, whole = FindingLog(), FindingLog()
    part.extend(finding(number) for number in range(10_005))
    whole.add(finding(0))
    whole.extend(part.as_tuple())
    whole.add(finding(1))
    *kept, last = whole.as_tuple()
    assert (len(kept), last.found, len(whole)) == (10_000, "7", 10_007)


@pytest.mark.parametrize("file", ["manifest-sha512.txt", "fetch.txt", "bag-info.txt"])
def test_a_tag_file_that_is_wrong_in_every_line_gives_as_many_findings_as_are_kept(file: str, tmp_path: Path):
    bag = bag_of({"images/a": b"page"}) | {file: b"wrong\n" * 10_050}
    zipped = zip_files(tmp_path / "x.zip", bag, "W22084.bag/")
    (report,) = verify(open_local_source(zipped)).bags
    assert (len(report.errors), report.errors[-1].code) == (10_001, "more-problems")
    others = {"manifest-sha512.txt": 1}  # the payload, which it then does not list
    assert number_of(report.errors) == 10_050 + others.get(file, 0)
    with pytest.raises(BagRejected, match=r"And 10,0(49|50) more problems\.") as rejected:
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    assert rejected.value.findings == report.errors
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_folder_and_a_zip_with_many_files_that_are_not_listed_say_the_same(tmp_path: Path):
    bag = bag_of({"images/a": b"page"}) | {f"data/images/{number}": b"" for number in range(10_020)}
    zipped = zip_files(tmp_path / "x.zip", bag, "W22084.bag/")
    for path, content in bag.items():
        place = tmp_path / "W22084.bag" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for report in (verify(open_local_source(zipped)), verify_folder(tmp_path / "W22084.bag")):
        assert [error.code for error in report.bags[0].errors[-2:]] == ["file-not-in-manifest", "more-problems"]
        assert report.bags[0].errors[-1].found == "20"


def test_warnings_are_counted_too(tmp_path: Path):
    litter = {f"data/images/{number}/.DS_Store": b"" for number in range(10_003)}
    zipped = zip_files(tmp_path / "x.zip", bag_of({"images/a": b"page"}) | litter, "W22084.bag/")
    (report,) = verify(open_local_source(zipped)).bags
    assert report.valid
    assert (len(report.warnings), report.warnings[-1].found) == (10_001, "3")


@pytest.mark.parametrize("kind", ["name", "entry", "top"])
def test_a_zip_that_is_wrong_in_every_entry_gives_as_many_findings_as_are_kept(kind: str, tmp_path: Path):
    bag = bag_of({"images/a": b"page"})
    name = {"name": b"W22084.bag/data/a\\b%d", "entry": b"W22084.bag/data/%d", "top": b"%d"}[kind]
    broken = {"disk": 1} if kind == "entry" else {}
    items = [
        *(Item(f"W22084.bag/{path}".encode(), content) for path, content in bag.items()),
        *(Item(name % number, central=broken) for number in range(10_030)),
    ]
    (tmp_path / "x.zip").write_bytes(build_zip(items))
    report = verify(open_local_source(tmp_path / "x.zip"))
    assert (report.bags, len(report.errors), report.errors[-1].found) == ((), 10_001, "30")


def test_a_plain_work_that_is_wrong_in_every_file_gives_as_many_findings_as_are_kept(tmp_path: Path):
    items = [Item(b"W22084/images/%d" % number, b"x", central={"crc": 1}) for number in range(10_004)]
    (tmp_path / "x.zip").write_bytes(build_zip(items))
    report = verify(open_local_source(tmp_path / "x.zip"))
    assert (len(report.errors), report.errors[-1].code) == (10_001, "more-problems")
