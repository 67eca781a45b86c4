"""Unpacking onto a disk: what lands where, and what is left when it must not be."""

import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.bags import BagRejected, DestinationOccupied, SourceReport, read_plan, unpack, verify
from ao_workflows.errors import AoError, ExitCode, MustWait, SystemFailed
from ao_workflows.storage import ObjectChanged, S3Store, Source, open_local_source
from bags.corpus import Item, bag_of, build_zip, counted_source, tree, zip_files

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Accepted = Callable[..., tuple[Path, SourceReport]]


@pytest.fixture
def zipped(tmp_path: Path, payload: dict[str, bytes]) -> Path:
    return zip_files(tmp_path / "W22084.bag.zip", bag_of(payload, tag_manifests=["sha512"]), "W22084.bag/")


def test_a_work_lands_in_its_place_with_its_provenance(zipped: Path, tmp_path: Path, payload: dict[str, bytes]):
    result = unpack(read_plan(open_local_source(zipped)), tmp_path / "new" / "scratch")
    (work,) = result.works
    assert (work.rid, work.path) == ("W22084", tmp_path / "new/scratch/W22084")
    bag = bag_of(payload, tag_manifests=["sha512"])
    tags = {f"W22084.bag/{path}": content for path, content in bag.items() if not path.startswith("data/")}
    found = tree(work.path)
    assert {path: content for path, content in found.items() if content is not None} == payload | tags
    assert {record.path: record.sha512 for record in work.inventory} == {
        path: hashlib.sha512(content).hexdigest() for path, content in (payload | tags).items()
    }
    assert all(
        (work.path / record.path).stat().st_mtime_ns == record.modified_ns
        and (work.path / record.path).stat().st_size == record.size
        for record in work.inventory
    )
    assert [record.path for record in work.inventory] == sorted(payload | tags)
    assert result.as_dict()["works"] == [
        {"rid": "W22084", "path": str(work.path), "files": 7, "bytes": sum(map(len, (payload | tags).values()))}
    ]
    assert [path.name for path in work.path.parent.iterdir()] == ["W22084"]


def test_empty_folders_are_kept(accepted: Accepted):
    files = bag_of({"images/a": b"x"}) | {"data/images/empty/": b"", "data/archive/deep/er/": b"", "data/": b""}
    items = [Item(f"W22084.bag/{path}".encode(), content, mode=0) for path, content in files.items()]
    scratch, _ = accepted(build_zip(items))
    assert (scratch / "W22084/images/empty").is_dir()
    assert (scratch / "W22084/archive/deep/er").is_dir()
    assert (scratch / "W22084").stat().st_mtime == 1_592_224_240


def test_progress_counts_every_byte_once(zipped: Path, tmp_path: Path):
    plan = read_plan(open_local_source(zipped))
    done: list[int] = []
    unpack(plan, tmp_path / "scratch", progress=done.append)
    assert sum(done) == plan.bytes
    done.clear()
    unpack(plan, tmp_path / "scratch", progress=done.append)
    assert sum(done) == plan.bytes


def test_every_byte_is_read_about_once_and_the_zip_is_nowhere_else(zipped: Path, tmp_path: Path):
    source, store = counted_source(zipped)
    unpack(read_plan(source), tmp_path / "scratch")
    # Twice: what is looked through for the end record (at most 64 kB), and bagit.txt.
    assert store.served <= zipped.stat().st_size + 66_000
    assert len(store.ranges) < 12


def test_a_flipped_byte_is_rejected_with_both_checksums(zipped: Path, tmp_path: Path):
    content = bytearray(zipped.read_bytes())
    at = content.index(b"second page")
    content[at] ^= 1
    zipped.write_bytes(content)
    scratch = tmp_path / "scratch"
    with pytest.raises(BagRejected) as rejected:
        unpack(read_plan(open_local_source(zipped)), scratch)
    expected = hashlib.sha512(b"second page").hexdigest()[:12]
    found = hashlib.sha512(b"recond page").hexdigest()[:12]
    message = str(rejected.value)
    assert '"data/images/W22084-0001/00010002.jpg" has another sha512 checksum' in message
    assert f"expected {expected}…, found {found}…. And 1 more problem. Nothing was delivered" in message
    (bag,) = rejected.value.report.bags
    assert [error.code for error in bag.errors] == ["checksum-mismatch", "zip-crc-mismatch"]
    assert rejected.value.report.complete
    assert rejected.value.exit_code == ExitCode.REJECTED
    assert not rejected.value.retryable
    assert list(scratch.iterdir()) == []
    assert zipped.read_bytes() == content


def test_the_message_is_about_the_first_checksum_whatever_else_is_wrong(tmp_path: Path):
    files = bag_of({"images/a": b"page"}, info="Payload-Oxum: 9.9\n") | {"data/images/a": b"pagE"}
    zipped = zip_files(tmp_path / "x.zip", files, "W22084.bag/")
    with pytest.raises(BagRejected, match=r'x\.zip, W22084\.bag: "data/images/a" has another sha512') as rejected:
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    assert rejected.value.code == "checksum-mismatch"


def test_a_bag_whose_tag_files_are_not_in_utf_16_as_it_says_leaves_nothing(tmp_path: Path):
    bag = bag_of({"images/a": b"page"})
    bag["bagit.txt"] = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-16\n"
    zipped = zip_files(tmp_path / "x.zip", bag, "W22084.bag/")
    with pytest.raises(BagRejected) as rejected:
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    assert "tag-file-encoding" in {finding.code for finding in rejected.value.findings}
    assert list((tmp_path / "scratch").iterdir()) == []


def test_one_bad_bag_keeps_the_other_back(tmp_path: Path):
    good = {f"W1AC6.bag/{path}": content for path, content in bag_of({"images/a": b"a"}).items()}
    bad = {f"W22084.bag/{path}": content for path, content in bag_of({"images/b": b"b"}).items()}
    bad["W22084.bag/data/images/b"] = b"B"
    for name, files in (("good-first", good | bad), ("bad-first", bad | good)):
        zipped = zip_files(tmp_path / f"{name}.zip", files)
        with pytest.raises(BagRejected) as rejected:
            unpack(read_plan(open_local_source(zipped)), tmp_path / name)
        assert {bag.name: bag.valid for bag in rejected.value.report.bags} == {"W1AC6.bag": True, "W22084.bag": False}
        assert list((tmp_path / name).iterdir()) == []


def test_once_a_bag_is_known_to_be_bad_nothing_more_is_written(tmp_path: Path):
    files = bag_of({"images/a": b"a" * 1000, "images/b": b"b" * 1000, "images/missing": b"m"})
    del files["data/images/missing"]
    zipped = zip_files(tmp_path / "x.zip", files, "W22084.bag/")
    seen: set[str] = set()

    def look(_: int) -> None:
        seen.update(path.name for path in (tmp_path / "scratch").rglob("*") if path.is_file())

    with pytest.raises(BagRejected):
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch", progress=look)
    assert "bagit.txt" in seen
    assert not seen & {"a", "b"}


def test_after_a_bad_bag_nothing_of_the_next_is_written(tmp_path: Path):
    bad = {f"W22084.bag/{path}": content for path, content in bag_of({"images/a": b"a"}).items()}
    good = {f"W1AC6.bag/{path}": content for path, content in bag_of({"images/b": b"b"}).items()}
    bad["W22084.bag/data/images/a"] = b"A"
    zipped = zip_files(tmp_path / "x.zip", bad | good)
    seen: set[str] = set()

    def look(_: int) -> None:
        seen.update(path.name for path in (tmp_path / "scratch/.W1AC6.partial").rglob("*") if path.is_file())

    with pytest.raises(BagRejected):
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch", progress=look)
    assert seen <= {"source.json", "journal.db"}


def test_a_file_that_is_not_right_never_gets_its_name(tmp_path: Path):
    files = bag_of({f"images/{number}": b"%d" % number * 1000 for number in range(3)})
    files["data/images/1"] = b"!" * 1000
    zipped = zip_files(tmp_path / "x.zip", files, "W22084.bag/")
    seen: set[str] = set()

    def look(_: int) -> None:
        seen.update(path.name for path in (tmp_path / "scratch/.W22084.partial/content").rglob("*") if path.is_file())

    with pytest.raises(BagRejected):
        unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch", progress=look)
    assert "0" in seen
    assert "1" not in seen


def test_unpacking_again_changes_nothing(zipped: Path, tmp_path: Path):
    first = unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    states = states_below(tmp_path / "scratch")
    source, store = counted_source(zipped)
    plan = read_plan(source)
    store.served = 0
    assert unpack(plan, tmp_path / "scratch").works == first.works
    assert states_below(tmp_path / "scratch") == states
    assert store.served < 300  # bagit.txt


def states_below(root: Path) -> dict[Path, tuple[int, ...]]:
    """What a change of any kind would alter."""
    states = {path: path.stat() for path in root.rglob("*")}
    return {path: (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for path, state in states.items()}


@pytest.mark.parametrize(
    "change",
    ["content", "size", "missing", "extra", "link", "like-link", "file", "tag"],
)
def test_another_work_in_its_place_is_never_touched(change: str, zipped: Path, tmp_path: Path):
    scratch = tmp_path / "scratch"
    work = scratch / "W22084"
    page = work / "images/W22084-0001/00010002.jpg"
    unpack(read_plan(open_local_source(zipped)), scratch)
    if change == "content":
        page.write_bytes(b"Second page")
    elif change == "size":
        page.write_bytes(b"longer than it was")
    elif change == "missing":
        page.unlink()
    elif change == "extra":
        (work / "images/note.txt").write_bytes(b"mine")
    elif change == "link":
        page.rename(tmp_path / "page")
        page.symlink_to(tmp_path / "page")
    elif change == "like-link":  # to the same content, and as long as the file itself
        page.rename(scratch / "pg")
        page.symlink_to("../../../pg")
    elif change == "tag":
        (work / "W22084.bag/bagit.txt").write_bytes(b"x")
    else:
        work.rename(tmp_path / "moved")
        work.write_bytes(b"a file")
    before = tree(scratch)
    with pytest.raises(DestinationOccupied, match="is not the same work") as occupied:
        unpack(read_plan(open_local_source(zipped)), scratch)
    assert occupied.value.exit_code == ExitCode.USAGE
    assert tree(scratch) == before


@pytest.mark.parametrize("more", ["folder", "folder-link", "fifo"])
def test_a_work_with_something_else_than_its_files_and_folders_is_another_one(more: str, zipped: Path, tmp_path: Path):
    scratch = tmp_path / "scratch"
    work = scratch / "W22084"
    unpack(read_plan(open_local_source(zipped)), scratch)
    if more == "folder":
        (work / "images/empty").mkdir()
    elif more == "folder-link":  # to a folder with the very same in it
        (work / "images").rename(tmp_path / "images")
        (work / "images").symlink_to(tmp_path / "images")
    else:
        os.mkfifo(work / "pipe")
    with pytest.raises(DestinationOccupied, match="is not the same work"):
        unpack(read_plan(open_local_source(zipped)), scratch)


def test_an_empty_folder_that_is_missing_makes_it_another_work(tmp_path: Path):
    files = bag_of({"images/a": b"x"}) | {"": b"", "data/": b"", "data/images/empty/in/": b"", "metadata/": b""}
    zipped = zip_files(tmp_path / "x.zip", files, "W22084.bag/")
    scratch = tmp_path / "scratch"
    first = unpack(read_plan(open_local_source(zipped)), scratch)
    assert unpack(read_plan(open_local_source(zipped)), scratch).works == first.works
    (scratch / "W22084/images/empty/in").rmdir()
    with pytest.raises(DestinationOccupied, match="images/empty/in"):
        unpack(read_plan(open_local_source(zipped)), scratch)


@pytest.mark.parametrize("name", ["source.json.part", "source.json", "incoming", "content", "content/images"])
@pytest.mark.parametrize("top", ["W22084.bag/", "W22084/"])
def test_links_that_wait_in_a_partial_folder_are_not_followed(name: str, top: str, tmp_path: Path):
    files = {"images/a": b"x" * 1000}
    zipped = zip_files(tmp_path / "x.zip", bag_of(files) if "bag" in top else files, top)
    partial, elsewhere = tmp_path / "scratch/.W22084.partial", tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    source = open_local_source(zipped)

    class Stopped(Exception):
        pass

    def stop(_: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        unpack(read_plan(source), tmp_path / "scratch", progress=stop)
    place = partial / name
    if name in {"content", "content/images"}:
        if place.is_dir():
            shutil.rmtree(place)
        place.symlink_to(elsewhere)
    else:
        place.unlink(missing_ok=True)
        place.symlink_to(precious)
        if name == "source.json.part":
            (partial / "source.json").unlink()
    result = unpack(read_plan(source), tmp_path / "scratch")
    assert precious.read_bytes() == b"mine"
    assert list(elsewhere.iterdir()) == []
    assert not any(path.is_symlink() for path in (tmp_path / "scratch").rglob("*"))
    assert (result.works[0].path / "images/a").read_bytes() == b"x" * 1000


def test_a_second_name_of_another_file_that_waits_as_the_incoming_one_is_not_written_to(zipped: Path, tmp_path: Path):
    partial = tmp_path / "scratch/.W22084.partial"
    partial.mkdir(parents=True)
    (tmp_path / "precious").write_bytes(b"mine")
    (partial / "incoming").hardlink_to(tmp_path / "precious")
    unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_plain_work_that_is_there_already_is_compared(tmp_path: Path):
    zipped = zip_files(tmp_path / "W22084.zip", {"images/a": b"page"}, "W22084/")
    scratch = tmp_path / "scratch"
    first = unpack(read_plan(open_local_source(zipped)), scratch)
    assert unpack(read_plan(open_local_source(zipped)), scratch).works == first.works
    (scratch / "W22084/images/a").write_bytes(b"Page")
    with pytest.raises(DestinationOccupied):
        unpack(read_plan(open_local_source(zipped)), scratch)


def test_a_link_that_waits_in_the_destination_is_not_followed(zipped: Path, tmp_path: Path):
    scratch, elsewhere = tmp_path / "scratch", tmp_path / "elsewhere"
    scratch.mkdir()
    elsewhere.mkdir()
    (scratch / ".W22084.partial").symlink_to(elsewhere)
    with pytest.raises(AoError):
        unpack(read_plan(open_local_source(zipped)), scratch)
    (scratch / ".W22084.partial").unlink()
    (scratch / "W22084").symlink_to(elsewhere)
    with pytest.raises(DestinationOccupied):
        unpack(read_plan(open_local_source(zipped)), scratch)
    assert list(elsewhere.iterdir()) == []


def test_two_at_once_do_not_meet(zipped: Path, tmp_path: Path):
    partial = tmp_path / "scratch/.W22084.partial"
    partial.mkdir(parents=True)
    held = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(MustWait, match="another process that unpacks W22084") as busy:
            unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch")
    finally:
        os.close(held)
    assert busy.value.code == "unpack-in-progress"
    assert busy.value.retryable
    assert unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch").report.valid


def test_a_destination_that_cannot_be_written_is_a_failure_of_the_system(zipped: Path, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SystemFailed, match="file") as failed:
        unpack(read_plan(open_local_source(zipped)), tmp_path / "file" / "scratch")
    assert failed.value.action
    assert isinstance(failed.value.__cause__, OSError)


def test_a_full_disk_is_waited_for_and_what_was_verified_is_kept(tmp_path: Path):
    # A limit on the size of files stands in for a full disk: the large file fails, the small one before it is kept.
    files = bag_of({"images/a": b"small" * 10_000, "images/b": os.urandom(3 << 20)})
    zipped = zip_files(tmp_path / "W22084.bag.zip", files, "W22084.bag/")
    scratch = tmp_path / "scratch"
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from ao_workflows.bags import read_plan, unpack\n"
        "from ao_workflows.errors import SystemFailed\n"
        "from ao_workflows.storage import ObjectChanged, S3Store, Source, open_local_source\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try:\n"
        "    unpack(read_plan(open_local_source(Path(sys.argv[1]))), Path(sys.argv[2]))\n"
        "except SystemFailed as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, zipped, scratch], check=True, capture_output=True, text=True)
    assert done.stdout == "disk-failed\n"
    assert not (scratch / "W22084").exists()
    assert (scratch / ".W22084.partial/content/images/a").is_file()
    source, store = counted_source(zipped)
    plan = read_plan(source)
    store.served = 0
    assert unpack(plan, scratch).report.valid
    assert store.served < zipped.stat().st_size - 50_000 + 1000


def test_no_space_is_a_wait_for_disk(tmp_path: Path):
    from ao_workflows.bags.disk import disk_errors  # noqa: PLC0415  # not part of the room's face

    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(MustWait) as waiting, disk_errors(tmp_path):
            raise OSError(number, os.strerror(number))
        assert waiting.value.code == "waiting-for-disk"
        assert str(tmp_path) in str(waiting.value)


def test_names_that_the_disk_takes_for_one_are_found_by_asking_it(tmp_path: Path):
    from ao_workflows.bags.disk import names_taken_for_others  # noqa: PLC0415  # not part of the room's face

    # The same name twice is the only pair that every file system takes for one.
    assert names_taken_for_others(tmp_path, ["a/x", "b/x", "a/x"]) == ["a/x"]
    assert list(tmp_path.iterdir()) == []


def test_names_that_differ_by_case_are_both_there(accepted: Accepted):
    payload = {"images/A.jpg": b"upper", "images/a.jpg": b"lower"}
    files = bag_of(payload)
    scratch, report = accepted(
        build_zip([Item(f"W22084.bag/{path}".encode(), content) for path, content in files.items()])
    )
    assert [warning.code for warning in report.bags[0].warnings] == ["names-differ-by-case"]
    assert {path: tree(scratch / "W22084")[path] for path in payload} == payload


def test_a_bag_is_unpacked_straight_from_a_bucket(
    zipped: Path, tmp_path: Path, payload: dict[str, bytes], s3: "S3Client", bucket: str
):
    store = S3Store(s3, bucket)
    source = Source("s3://somewhere/W22084.bag.zip", store, store.put("Archive3/84/W22084/W22084.bag.zip", zipped))
    assert verify(source).valid
    result = unpack(read_plan(source), tmp_path / "scratch")
    found = tree(result.works[0].path)
    assert {path: found[path] for path in payload} == payload


def test_an_object_that_is_replaced_meanwhile_says_so_and_starts_over(
    zipped: Path, tmp_path: Path, s3: "S3Client", bucket: str
):
    store = S3Store(s3, bucket)
    plan = read_plan(Source("s3://somewhere/x.zip", store, store.put("W22084.bag.zip", zipped)))
    other = zip_files(tmp_path / "other.zip", bag_of({"images/a": b"other"}), "W22084.bag/")
    new = store.put("W22084.bag.zip", other)
    with pytest.raises(ObjectChanged):
        unpack(plan, tmp_path / "scratch")
    result = unpack(read_plan(Source("s3://somewhere/x.zip", store, new)), tmp_path / "scratch")
    assert (result.works[0].path / "images/a").read_bytes() == b"other"
