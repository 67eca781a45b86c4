"""What another program has put onto the web is right only when every image is there, and a manifest that names it."""

import gzip
import hashlib
import json
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.archive import ArchiveFailed, WebOptions
from ao_workflows.archive.web import PageImage, WebFile, WebVolume, proof, verify_web
from ao_workflows.storage import (
    LocalWebStore,
    ObjectChanged,
    ObjectGone,
    ObjectInfo,
    ObjectNotRestored,
    S3WebStore,
    Upload,
    WebStore,
)
from ao_workflows.works import Rid
from fixtures.aws import MakeBucket

RID = Rid("W22084")
# The first two hexadecimal digits of the MD5 of "W22084" are 60.
PLACE = "library/Works/60/W22084/images/W22084-0001/"
PAGES = {"00010001.jpg": b"first page", "00010002.jpg": b"second page"}
NAMES = [{"filename": "00010001.jpg"}, {"filename": "00010002.jpg"}]
FIRST, SECOND, MANIFEST = (f"images/W22084-0001/{name}" for name in (*PAGES, "dimensions.json"))

Find = Callable[..., list[tuple[str, str]]]


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> WebStore:
    if request.param == "local":
        return folder_store(tmp_path)
    make_bucket: MakeBucket = request.getfixturevalue("make_bucket")
    return S3WebStore(request.getfixturevalue("aws_access"), make_bucket())


@pytest.fixture
def local(tmp_path: Path) -> WebStore:
    """A folder alone, for what does not depend on the store."""
    return folder_store(tmp_path)


def folder_store(tmp_path: Path) -> WebStore:
    (tmp_path / "web").mkdir()
    return LocalWebStore(tmp_path / "web")


@pytest.fixture
def volumes(tmp_path: Path) -> list[WebVolume]:
    """A group of two pages, and one without any."""
    files = []
    for name, content in PAGES.items():
        (tmp_path / name).write_bytes(content)
        page = PageImage(filename=name, format="JPEG", width=60, height=80, dpi=None, size=len(content))
        files.append(WebFile(page, tmp_path / name, hashlib.sha512(content).hexdigest()))
    return [WebVolume("W22084-0001", tuple(files)), WebVolume("W22084-0002", ())]


@pytest.fixture
def find(volumes: list[WebVolume]) -> Find:
    def run(store: WebStore, **options: object) -> list[tuple[str, str]]:
        options = WebOptions(**{"prefix": "library/"} | options)
        return [(each.code, each.path) for each in verify_web(RID, volumes, store, options=options)]

    return run


def publish(store: WebStore, **others: bytes | None) -> None:
    """Put the pages and their manifest onto the web; ``others``, by name, in place of what is right, or not at all."""
    right = {**PAGES, "dimensions.json": gzip.compress(json.dumps(NAMES).encode())}
    for name, content in (right | {name.replace("_", "."): content for name, content in others.items()}).items():
        if content is not None:
            store.send(Upload(key=f"{PLACE}{name}", content=content, content_type="image/jpeg"))


PAGE_2 = "00010002_jpg"


def test_what_is_all_there_has_nothing_to_find_whatever_else_the_web_has(store: WebStore, find: Find):
    publish(store, strangers_jpg=b"of somebody")
    assert find(store) == []


def test_a_work_without_images_needs_nothing_and_nothing_is_asked(local: WebStore):
    class Silent:
        def __getattr__(self, name: str) -> None:
            pytest.fail(f"asked to {name}")

    assert verify_web(RID, [WebVolume("W22084-0001", ())], Silent(), options=WebOptions()) == []
    assert verify_web(RID, [], local, options=WebOptions()) == []


def test_each_object_that_is_missing_is_named(store: WebStore, find: Find):
    assert find(store) == [
        ("web-object-missing", FIRST),
        ("web-object-missing", SECOND),
        ("web-object-missing", MANIFEST),
    ]
    publish(store, **{PAGE_2: None})
    assert find(store) == [("web-object-missing", SECOND)]


def test_a_page_that_is_cut_off_is_found_and_both_sizes_are_told(store: WebStore, volumes: list[WebVolume]):
    publish(store, **{PAGE_2: b"second"})
    (finding,) = verify_web(RID, volumes, store, options=WebOptions(prefix="library/"))
    assert (finding.code, finding.path) == ("web-object-differs", SECOND)
    assert (finding.expected, finding.found) == ("11 bytes", "6 bytes")


def test_as_many_other_bytes_are_found_and_both_checksums_are_told(store: WebStore, volumes: list[WebVolume]):
    publish(store, **{PAGE_2: b"second pag3"})
    (finding,) = verify_web(RID, volumes, store, options=WebOptions(prefix="library/"))
    assert (finding.code, finding.path) == ("web-object-differs", SECOND)
    # By md5sum.
    assert (finding.expected, finding.found) == (
        "a762b134721711c6cc7adf00aeaad9c1",
        "4a73c9298ff30f011a1440645cfb45cf",
    )


class Fake:
    """A folder of readers that answers some questions as another store would."""

    def __init__(self, store: WebStore, **answers: Callable[..., object]) -> None:
        self._store = store
        self.__dict__.update(answers)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_where_the_store_cannot_tell_the_size_has_to_do(local: WebStore, find: Find):
    publish(local, **{PAGE_2: b"second pag3"})
    assert find(Fake(local, md5_of=lambda _: None)) == []


def test_what_only_looks_like_an_md5_accuses_nobody(local: WebStore, find: Find):
    publish(local)
    assert find(Fake(local, md5_of=lambda _: "0" * 32, is_sure_of_md5=lambda _: False)) == []
    assert find(Fake(local, md5_of=lambda _: "0" * 32)) == [
        ("web-object-differs", FIRST),
        ("web-object-differs", SECOND),
    ]


def test_where_the_web_is_not_to_be_updated_only_what_is_missing_counts(local: WebStore, find: Find):
    publish(local, **{PAGE_2: b"another", "dimensions_json": b"nonsense"})
    assert find(local, update=False) == []
    local.delete([f"{PLACE}00010001.jpg", f"{PLACE}dimensions.json"])
    assert find(local, update=False) == [("web-object-missing", FIRST), ("web-object-missing", MANIFEST)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(NAMES).encode(),
        json.dumps(NAMES).encode("utf-16"),
        json.dumps([*NAMES, {"filename": "of an earlier delivery.jpg", "width": "?"}]).encode(),
    ],
)
def test_a_manifest_may_be_plain_and_name_more(local: WebStore, find: Find, content: bytes):
    publish(local, dimensions_json=content)
    assert find(local) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"filename": "00010001.jpg"}]', "does not name 1 of the 2 images of its group, first '00010002.jpg'"),
        (b"[]", "does not name 2 of the 2 images of its group, first '00010001.jpg'"),
        (b"", "Expecting value"),
        (b"<html>", "Expecting value"),
        (b"\xff\xfe\xff", "no text in Unicode"),
        (b'{"filename": "00010001.jpg"}', "no JSON array of objects"),
        (b"null", "no JSON array of objects"),
        (b'["00010001.jpg", "00010002.jpg"]', "no JSON array of objects"),
        (b'[{"filename": ["00010001.jpg"]}]', "no JSON array of objects"),
        (b'[{"filename": "00010001.jpg", "width": NaN}]', "NaN is no JSON"),
        (b'[{"width": ' + b"9" * 5000 + b"}]", "Exceeds the limit"),
        (b"[" * 200_000, "nested too deep"),
        (gzip.compress(json.dumps(NAMES).encode())[:-9], "cannot be unpacked"),
        (b"\x1f\x8bnonsense of a stranger", "cannot be unpacked"),
        (gzip.compress(bytes(8 << 20) + b" "), "unpacks to more than 8,388,608 bytes"),
        (b" " * (8 << 20) + b"[]", "it has 8,388,610 bytes, and may have 8,388,608"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_of_a_stranger_is_told_as_what_it_is(
    local: WebStore, volumes: list[WebVolume], content: bytes, message: str
):
    publish(local, dimensions_json=content)
    (finding,) = verify_web(RID, volumes, local, options=WebOptions(prefix="library/"))
    assert (finding.code, finding.path) == ("web-manifest-wrong", MANIFEST)
    assert message in finding.message
    assert len(finding.message) < 300


def test_a_small_manifest_that_unpacks_to_very_much_takes_little_memory(local: WebStore, find: Find):
    publish(local, dimensions_json=gzip.compress(bytes(16 << 20)) * 16)
    tracemalloc.start()
    try:
        assert find(local) == [("web-manifest-wrong", MANIFEST)]
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def raising(error: Exception) -> Callable[..., object]:
    def answer(*_: object) -> object:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "of_images", "of_manifest"),
    [
        (ObjectGone("gone"), "web-object-missing", "web-object-missing"),
        (ObjectChanged("changed"), "web-object-differs", "web-manifest-wrong"),
    ],
)
def test_what_changes_on_the_web_while_one_looks_rejects_no_work(
    local: WebStore, find: Find, error: Exception, of_images: str, of_manifest: str
):
    publish(local)
    assert find(Fake(local, md5_of=raising(error))) == [(of_images, FIRST), (of_images, SECOND)]
    assert find(Fake(local, stream=raising(error))) == [(of_manifest, MANIFEST)]


def test_a_manifest_in_glacier_is_none(local: WebStore, find: Find):
    publish(local)
    assert find(Fake(local, stream=raising(ObjectNotRestored("the restore")))) == [("web-manifest-wrong", MANIFEST)]


def test_an_image_that_rotted_in_the_archive_is_not_taken_for_the_programs_fault(
    local: WebStore, find: Find, volumes: list[WebVolume]
):
    publish(local)
    volumes[0].files[1].path.write_bytes(b"second pag3")
    with pytest.raises(ArchiveFailed) as caught:
        find(local)
    assert caught.value.code == "archive-file-damaged"


def test_the_web_is_listed_once_and_each_image_counts_as_progress(local: WebStore, volumes: list[WebVolume]):
    publish(local)
    listed: list[str] = []
    sizes: list[int] = []

    def listing(prefix: str) -> list[ObjectInfo]:
        listed.append(prefix)
        return list(local.list(prefix))

    verify_web(
        RID,
        volumes,
        Fake(local, list=listing),
        options=WebOptions(prefix="library/"),
        progress=sizes.append,
    )
    assert listed == ["library/Works/60/W22084/images/"]
    assert sizes == [10, 11]
    assert proof.LARGEST_MANIFEST == 8_388_608


def test_who_interrupts_a_look_leaves_nobody_at_work(local: WebStore, volumes: list[WebVolume]):
    publish(local)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        verify_web(RID, volumes, local, options=WebOptions(prefix="library/"), progress=interrupt)
    assert caught.traceback  # whoever tells of it holds on to all that was going on
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("crew")] == []
