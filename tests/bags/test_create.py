"""Making bags, and getting back what was put in."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import bagit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ao_workflows import __version__
from ao_workflows.bags import DestinationOccupied, WorkRejected, create, read_plan, unpack, verify, verify_folder
from ao_workflows.bags.contents import Member
from ao_workflows.bags.provenance import place
from ao_workflows.bags.zip import Entry
from ao_workflows.errors import ContentRejected, ExitCode, SystemFailed, UsageError
from ao_workflows.storage import open_local_source
from ao_workflows.works import parse_rid
from bags.corpus import bag_of, tree, zip_files

TIME_NS = 1_500_000_000_123_456_700
"""A time to 100 ns, which is what a zip can keep."""

ODD_NAMES = [
    "with  two spaces.jpg",
    " leading space.jpg",
    "-dash.jpg",
    "100%.jpg",
    "*star?.jpg",
    "quote'\".jpg",
    "\u0f56\u0f7c\u0f51\u0f0b\u0f61\u0f72\u0f42.jpg",
    "cafe\u0301.jpg",
    "\U0001f600.jpg",
    "#hash;&.jpg",
    "n" * 251 + ".jpg",
    ".hidden",
    ".DS_Store",
    "empty",
    "~tilde",
    "data",
    "bagit.txt",
]


def write_work(root: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(TIME_NS + number * 1_000_000_100,) * 2)
    os.utime(root, ns=(TIME_NS, TIME_NS))
    return root


def states(root: Path) -> dict[str, tuple[bytes | None, int]]:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in [root, *root.rglob("*")]
    }


def round_trip(work: Path, folder: Path) -> Path:
    target = folder / "made.bag.zip"
    create([work], target)
    result = unpack(read_plan(open_local_source(target)), folder / "scratch")
    assert not result.report.bags[0].errors
    return result.works[0].path


@pytest.fixture
def work(tmp_path: Path, payload: dict[str, bytes]) -> Path:
    odd = {f"images/W22084-0001/{name}": name.encode() for name in ODD_NAMES}
    odd["images/W22084-0001/empty"] = b""
    return write_work(tmp_path / "W22084", payload | odd, ("images/W22084-0001/none", "archive/none/at/all"))


def test_what_comes_out_is_what_went_in(work: Path, tmp_path: Path):
    before = states(work)
    back = round_trip(work, tmp_path)
    after = states(back)
    provenance = {path for path in after if path.split("/")[0] == "W22084.bag"}
    assert provenance == {
        "W22084.bag",
        *(
            f"W22084.bag/{name}"
            for name in ("bagit.txt", "bag-info.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt")
        ),
    }
    assert {path: state for path, state in after.items() if path not in provenance} == before
    assert states(work) == before


@pytest.mark.parametrize("algorithms", [["sha512"], ["md5", "sha256"], ["sha512", "sha3-256", "blake2b", "sha1"]])
def test_another_reader_finds_the_bag_valid(algorithms: list[str], work: Path, tmp_path: Path):
    create([work], tmp_path / "made.zip", algorithms=algorithms)
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        archive.extractall(tmp_path / "out")
    folder = tmp_path / "out" / "W22084.bag"
    if "sha3-256" in algorithms:  # which the other reader calls by another name
        assert verify_folder(folder).valid
    else:
        assert bagit.Bag(str(folder)).validate()
    assert verify(open_local_source(tmp_path / "made.zip")).valid


@pytest.mark.skipif(not shutil.which("unzip"), reason="Info-ZIP is not installed")
def test_info_zip_reads_it_with_its_times(work: Path, tmp_path: Path):
    create([work], tmp_path / "made.zip")
    subprocess.run(["unzip", "-q", tmp_path / "made.zip", "-d", tmp_path / "out"], check=True, env={"TZ": "Asia/Tokyo"})
    page = "images/W22084-0001/00010001.jpg"
    assert int((tmp_path / "out/W22084.bag/data" / page).stat().st_mtime) == int((work / page).stat().st_mtime)


def test_the_tag_files_say_what_is_in_it(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"page", "images/b": b"other"})
    result = create([work], tmp_path / "made.zip", algorithms=["sha512", "md5"])
    assert result.as_dict() == {
        "target": str(tmp_path / "made.zip"),
        "works": [{"rid": "W1AC6", "path": str(work), "files": 2, "bytes": 9}],
        "files": 2,
        "bytes": 9,
    }
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        names = archive.namelist()
        info = archive.read("W1AC6.bag/bag-info.txt").decode().splitlines()
        assert archive.read("W1AC6.bag/bagit.txt") == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        assert archive.read("W1AC6.bag/manifest-md5.txt").decode() == (
            f"{hashlib.md5(b'page', usedforsecurity=False).hexdigest()}  data/images/a\n"
            f"{hashlib.md5(b'other', usedforsecurity=False).hexdigest()}  data/images/b\n"
        )
    assert names == [
        "W1AC6.bag/",
        "W1AC6.bag/data/",
        "W1AC6.bag/data/images/",
        "W1AC6.bag/data/images/a",
        "W1AC6.bag/data/images/b",
        "W1AC6.bag/bagit.txt",
        "W1AC6.bag/bag-info.txt",
        "W1AC6.bag/manifest-sha512.txt",
        "W1AC6.bag/manifest-md5.txt",
        "W1AC6.bag/tagmanifest-sha512.txt",
        "W1AC6.bag/tagmanifest-md5.txt",
    ]
    assert info[:2] == ["BDRC-RID: W1AC6", f"Bag-Software-Agent: ao-workflows {__version__}"]
    assert info[3] == "Payload-Oxum: 9.2"


def test_several_works_go_into_one_zip(tmp_path: Path):
    works = [write_work(tmp_path / rid, {"images/a": rid.encode()}) for rid in ("W22084", "W1AC6")]
    result = create(works, tmp_path / "two.zip")
    assert [bag.rid for bag in result.works] == ["W22084", "W1AC6"]
    unpacked = unpack(read_plan(open_local_source(tmp_path / "two.zip")), tmp_path / "scratch")
    assert {work.rid: (work.path / "images/a").read_bytes() for work in unpacked.works} == {
        "W22084": b"W22084",
        "W1AC6": b"W1AC6",
    }


@pytest.mark.parametrize(
    ("name", "version"), [("100%.jpg", b"0.97"), ("a%0Ab.jpg", b"1.0"), ("50%25.jpg", b"0.97"), ("plain.jpg", b"1.0")]
)
def test_percent_signs_are_written_so_that_they_are_read_back(name: str, version: bytes, tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {f"images/{name}": b"x"})
    back = round_trip(work, tmp_path)
    assert (back / "images" / name).read_bytes() == b"x"
    assert version in (back / "W1AC6.bag/bagit.txt").read_bytes()


def test_bagging_again_and_again_keeps_every_provenance_side_by_side(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"page"})
    for number in range(4):
        place = tmp_path / str(number)
        place.mkdir()
        before = states(work)
        back = round_trip(work, place)
        after = states(back)
        assert {path: after[path] for path in before} == before
        work = back
    assert {path for path in tree(work) if path.endswith("/bagit.txt")} == {
        "W1AC6.bag/bagit.txt",
        "W1AC6.bag/bag-2/bagit.txt",
        "W1AC6.bag/bag-3/bagit.txt",
        "W1AC6.bag/bag-4/bagit.txt",
    }
    # The second bag's manifest vouches for the first one's.
    assert b"data/W1AC6.bag/manifest-sha512.txt" in (work / "W1AC6.bag/bag-2/manifest-sha512.txt").read_bytes()


def test_a_provenance_folder_without_the_same_names_is_joined(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"page", "W1AC6.bag/note.txt": b"mine"}, ("W1AC6.bag/folder",))
    before = states(work)
    back = round_trip(work, tmp_path)
    assert {path: states(back)[path] for path in before} == before
    assert (back / "W1AC6.bag/bagit.txt").is_file()


def test_tag_files_that_need_a_folder_where_there_is_a_file_go_beside(tmp_path: Path):
    payload = {"images/a": b"page", "W1AC6.bag/metadata": b"a file"}
    bag = bag_of(payload, tags={"metadata/mets.xml": b"<mets/>"})
    zipped = zip_files(tmp_path / "x.zip", bag, "W1AC6.bag/")
    (work,) = unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch").works
    assert (work.path / "W1AC6.bag/metadata").read_bytes() == b"a file"
    assert (work.path / "W1AC6.bag/bag-2/metadata/mets.xml").read_bytes() == b"<mets/>"
    assert (work.path / "W1AC6.bag/bag-2/bagit.txt").is_file()


def test_a_file_where_the_provenance_belongs_is_refused(tmp_path: Path):
    zipped = zip_files(tmp_path / "x.zip", bag_of({"images/a": b"page", "W1AC6.bag": b"a file"}), "W1AC6.bag/")
    with pytest.raises(ContentRejected) as rejected:
        read_plan(open_local_source(zipped))
    assert [finding.code for finding in rejected.value.findings] == ["provenance-blocked"]


def test_no_bag_is_made_of_a_work_with_a_file_where_the_provenance_belongs(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"page", "W1AC6.bag": b"a file"})
    with pytest.raises(WorkRejected, match="another name") as rejected:
        create([work], tmp_path / "made.zip")
    assert rejected.value.code == "provenance-blocked"
    assert [path.name for path in tmp_path.iterdir()] == ["W1AC6"]


@pytest.mark.parametrize("tag", ["x/", "x/y/", "x/y.xml"])
def test_tag_folders_that_meet_a_file_of_the_payload_go_beside(tag: str, tmp_path: Path):
    bag = bag_of({"images/a": b"page", "W1AC6.bag/x": b"a file", "W1AC6.bag/bag-2/z": b"taken"}) | {tag: b""}
    zipped = zip_files(tmp_path / "x.zip", bag, "W1AC6.bag/")
    (work,) = unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch").works
    assert (work.path / "W1AC6.bag/x").read_bytes() == b"a file"
    assert (work.path / "W1AC6.bag/bag-3" / tag).exists()
    assert (work.path / "W1AC6.bag/bag-3/bagit.txt").is_file()


@pytest.mark.parametrize("inside", ["note.xml/a", "note.xml/"])
def test_tag_files_that_meet_a_folder_of_the_payload_go_beside(inside: str, tmp_path: Path):
    payload = {"images/a": b"page"} | ({} if inside.endswith("/") else {f"W1AC6.bag/{inside}": b"x"})
    bag = bag_of(payload, tags={"note.xml": b"<note/>"}) | {f"data/W1AC6.bag/{inside}": b"x" * bool(inside[-1] != "/")}
    zipped = zip_files(tmp_path / "x.zip", bag, "W1AC6.bag/")
    (work,) = unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch").works
    assert (work.path / "W1AC6.bag/note.xml").is_dir()
    assert (work.path / "W1AC6.bag/bag-2/note.xml").read_bytes() == b"<note/>"


def test_planning_deep_folders_takes_little_memory():
    deep = "/".join(["W1AC6.bag/data/W1AC6.bag/{}", *["f" * 40] * 58])
    names = [deep.format(number) for number in range(1000)]
    entries = tuple(
        Entry(name, b"", 0, 0, 0, 0, 0, number, number, 0, 0)
        for number, name in enumerate([*names, "W1AC6.bag/bagit.txt"])
    )
    member = Member(name="W1AC6.bag", rid=parse_rid("W1AC6"), prefix="W1AC6.bag/", is_bag=True, entries=entries)
    tracemalloc.start()
    try:
        placement, problems = place(member)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (placement.provenance, problems) == ("W1AC6.bag", [])
    assert peak < 5 * sum(map(len, names))


def test_what_a_bag_cannot_keep_is_refused_and_all_of_it_named(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x", "images/a\nb": b"x", "images/a\\b": b"x"})
    (work / "images/link").symlink_to("a")
    (work / "images/folder-link").symlink_to("/etc")
    os.mkfifo(work / "images/pipe")
    (Path(os.fsdecode(os.fsencode(work) + b"/images/\xff"))).write_bytes(b"x")
    with pytest.raises(WorkRejected) as rejected:
        create([work], tmp_path / "made.zip")
    assert sorted(finding.code for finding in rejected.value.findings) == [
        "name-backslash",
        "name-control-character",
        "name-not-utf8",
        "work-special-file",
        "work-special-file",
        "work-special-file",
    ]
    assert rejected.value.exit_code == ExitCode.REJECTED
    assert [path.name for path in tmp_path.iterdir()] == ["W1AC6"]


def test_a_work_that_is_nested_without_end_is_refused(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x", "/".join(["images", *"d" * 100]) + "/b": b"x"})
    with pytest.raises(WorkRejected) as rejected:
        create([work], tmp_path / "made.zip")
    assert {finding.code for finding in rejected.value.findings} == {"name-too-deep"}


def test_a_work_without_files_is_refused(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {}, ("images/W1AC6-0001",))
    with pytest.raises(WorkRejected, match="no file"):
        create([work], tmp_path / "made.zip")


@pytest.mark.parametrize("wrong", ["target", "inside", "file", "twice", "algorithm", "nothing"])
def test_a_wrong_call_is_refused_before_anything_is_written(wrong: str, tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    target = tmp_path / "made.zip"
    if wrong == "target":
        target.write_bytes(b"mine")
    before = tree(tmp_path)
    arguments = {
        "target": ([work], target, ["sha512"]),
        "inside": ([work], work / "made.zip", ["sha512"]),
        "file": ([work / "images/a"], target, ["sha512"]),
        "twice": ([work, work], target, ["sha512"]),
        "algorithm": ([work], target, ["crc32"]),
        "nothing": ([], target, ["sha512"]),
    }
    works, place, algorithms = arguments[wrong]
    with pytest.raises(UsageError):
        create(works, place, algorithms=algorithms)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("target", ["/", ".", "", "..", "somewhere/.."])
def test_a_target_without_a_file_name_is_a_wrong_call(target: str, tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    with pytest.raises(UsageError, match="no name for a file"):
        create([work], Path(target))


def test_two_makers_of_one_zip_do_not_write_into_each_other(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x" * 3_000_000})
    other = write_work(tmp_path / "W22084", {"images/b": b"other"})
    target = tmp_path / "made.zip"
    begun: list[int] = []

    def meanwhile(size: int) -> None:
        if not begun:
            create([other], target)
        begun.append(size)

    with pytest.raises(UsageError, match="is there already") as refused:
        create([work], target, progress=meanwhile)
    assert refused.value.code == "target-exists"
    report = verify(open_local_source(target))
    assert (report.valid, [bag.name for bag in report.bags]) == (True, ["W22084.bag"])
    assert {path.name for path in tmp_path.iterdir()} == {"W1AC6", "W22084", "made.zip"}


@pytest.mark.parametrize("name", [".made.zip.partial", "made.zip"])
def test_a_link_that_waits_where_the_zip_is_made_is_not_followed(name: str, tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "precious").write_bytes(b"mine")
    (place / name).symlink_to(tmp_path / "precious")
    with suppress(UsageError):
        create([work], place / "made.zip")
    assert (tmp_path / "precious").read_bytes() == b"mine"


@pytest.mark.parametrize("taken", [False, True])
def test_where_the_disk_knows_no_links_the_zip_is_made_and_replaces_none(
    taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def meanwhile(_: int) -> None:
        if taken:
            (tmp_path / "made.zip").write_bytes(b"mine")

    monkeypatch.setattr(os, "link", refuse)
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    if taken:
        with pytest.raises(UsageError, match="is there already"):
            create([work], tmp_path / "made.zip", progress=meanwhile)
        assert (tmp_path / "made.zip").read_bytes() == b"mine"
    else:
        create([work], tmp_path / "made.zip", progress=meanwhile)
        assert verify(open_local_source(tmp_path / "made.zip")).valid
    assert {path.name for path in tmp_path.iterdir()} == {"W1AC6", "made.zip"}


def test_a_disk_that_fails_when_the_zip_gets_its_name_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", fail)
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    with pytest.raises(SystemFailed):
        create([work], tmp_path / "made.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["W1AC6"]


def test_a_work_that_is_named_by_no_rid_is_refused(tmp_path: Path):
    with pytest.raises(ContentRejected, match="not the identifier"):
        create([write_work(tmp_path / "my pictures", {"images/a": b"x"})], tmp_path / "made.zip")


def test_a_file_that_changes_while_it_is_read_stops_it(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x" * 3_000_000, "images/b": b"y"})

    def touch(_: int) -> None:
        with (work / "images/a").open("ab") as file:
            file.write(b"more")

    with pytest.raises(Exception, match="changed while it was read") as changed:
        create([work], tmp_path / "made.zip", progress=touch)
    assert changed.value.code == "work-changed"
    assert [path.name for path in tmp_path.iterdir()] == ["W1AC6"]


def test_a_killed_maker_leaves_no_zip_of_that_name(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {f"images/{number}": os.urandom(1 << 20) for number in range(4)})
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ao_workflows.bags import create\n"
        "done = []\n"
        "def stop(size):\n"
        "    done.append(size)\n"
        "    if len(done) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "create([Path(sys.argv[1])], Path(sys.argv[2]), progress=stop)\n"
    )
    subprocess.run([sys.executable, "-c", code, work, tmp_path / "made.zip"], check=False)
    assert not (tmp_path / "made.zip").exists()
    create([work], tmp_path / "made.zip")
    assert verify(open_local_source(tmp_path / "made.zip")).valid
    assert {path.name for path in tmp_path.iterdir()} == {"W1AC6", "made.zip"}


def test_times_beyond_what_dos_and_32_bits_can_say_are_kept(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/old": b"x", "images/new": b"y"})
    os.utime(work / "images/old", ns=(-86_400_000_000_000,) * 2)  # 1969-12-31
    os.utime(work / "images/new", ns=(4_102_444_800_000_000_000,) * 2)  # 2100-01-01
    back = round_trip(work, tmp_path)
    assert (back / "images/old").stat().st_mtime_ns == -86_400_000_000_000
    assert (back / "images/new").stat().st_mtime_ns == 4_102_444_800_000_000_000


NAME = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"), min_size=1, max_size=20
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)
PATH = st.lists(NAME, min_size=1, max_size=4).map("/".join)


@given(
    files=st.dictionaries(PATH, st.binary(max_size=300), min_size=1, max_size=8),
    folders=st.lists(PATH, max_size=3),
    times=st.lists(st.integers(0, 4_000_000_000_0_000_000), min_size=1, max_size=20),
)
@settings(max_examples=25, deadline=None)
def test_any_work_comes_back_as_it_was(files: dict[str, bytes], folders: list[str], times: list[int]):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "W1AC6"
        root.mkdir()
        for path, content in files.items():
            try:
                (root / "images" / path).parent.mkdir(parents=True, exist_ok=True)
                (root / "images" / path).write_bytes(content)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue  # a name that is a folder already, or the other way round
        for path in folders:
            try:
                (root / "images" / path).mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                continue
        for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
            os.utime(path, ns=(times[number % len(times)] * 100,) * 2)
        before = states(root)
        back = round_trip(root, Path(place))
        after = {path: state for path, state in states(back).items() if path.split("/")[0] != "W1AC6.bag"}
        after["."], before["."] = after["."], after["."]  # its own time was not set to one that a zip can keep
        assert after == before


def test_unpacking_beside_the_work_itself_does_not_replace_it(tmp_path: Path):
    work = write_work(tmp_path / "W1AC6", {"images/a": b"x"})
    create([work], tmp_path / "made.zip")
    with pytest.raises(DestinationOccupied):
        unpack(read_plan(open_local_source(tmp_path / "made.zip")), tmp_path)
