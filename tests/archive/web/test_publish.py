"""Publishing a work's images: into a folder and into a bucket, by the same contract."""

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.archive import Access, WebOptions
from ao_workflows.archive.web import PageImage, WebFile, WebVolume, publish
from ao_workflows.errors import AoError, SystemFailed
from ao_workflows.storage import (
    AwsAccess,
    LocalWebStore,
    ObjectInfo,
    PretendingWebStore,
    S3WebStore,
    Upload,
    WebStore,
)
from ao_workflows.works import Rid
from fixtures.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, MakeBucket
from fixtures.faults import Fault, FaultyProxy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

RID = Rid("W22084")
# The first two hexadecimal digits of the MD5 of "W22084" are 60.
PLACE = "Works/60/W22084/images/"
FIRST, SECOND = f"{PLACE}W22084-0886/", f"{PLACE}W22084-0887/"


class Recording:
    """A store that remembers the order of what is asked of it."""

    def __init__(self, store: WebStore) -> None:
        self.store = store
        self.asked: list[str] = []
        self.sent: list[Upload] = []

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        self.asked.append(f"list {prefix}")
        return self.store.list(prefix)

    def send(self, upload: Upload) -> str:
        etag = self.store.send(upload)
        self.asked.append(f"send {upload.key}")
        self.sent.append(upload)
        return etag

    def md5_of(self, info: ObjectInfo) -> str | None:
        return self.store.md5_of(info)

    def delete(self, keys: Sequence[str]) -> None:
        self.asked += [f"delete {key}" for key in keys]
        self.store.delete(keys)


class Encrypted(Recording):
    """A bucket that encrypts with a key: its eTags look like the MD5 of something else."""

    def md5_of(self, info: ObjectInfo) -> str | None:
        return hashlib.md5(info.etag.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Recording:
    if request.param == "local":
        (tmp_path / "web").mkdir()
        return Recording(LocalWebStore(tmp_path / "web"))
    make_bucket: MakeBucket = request.getfixturevalue("make_bucket")
    return Recording(S3WebStore(request.getfixturevalue("aws_access"), make_bucket()))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two groups of three pages each; what is in them need not be an image here."""
    for group in ("0886", "0887"):
        folder = tmp_path / "images" / f"W22084-{group}"
        folder.mkdir(parents=True)
        for page in range(1, 4):
            (folder / f"{group}{page:04d}.jpg").write_bytes(f"page {page} of {group}".encode() * 50)
    return tmp_path / "images"


def volumes(images: Path, *, known: bool = True) -> list[WebVolume]:
    return [
        WebVolume(
            folder.name,
            tuple(
                WebFile(
                    PageImage(
                        filename=path.name, format="JPEG", width=10, height=20, dpi=None, size=path.stat().st_size
                    ),
                    path,
                    hashlib.sha512(path.read_bytes()).hexdigest() if known else None,
                )
                for path in sorted(folder.iterdir())
            ),
        )
        for folder in sorted(images.iterdir())
    ]


@pytest.fixture
def send(store: Recording, images: Path, tmp_path: Path) -> Callable[..., tuple[int, ...]]:
    def run(*, known: bool = True, keep_record: bool = True, **options: object) -> tuple[int, ...]:
        result = publish(
            RID,
            volumes(images, known=known),
            store,
            address="web",
            options=WebOptions(**options),
            record=tmp_path / "web.jsonl" if keep_record else None,
        )
        return result.sent, result.unchanged, result.left, result.removed

    return run


def content(store: Recording) -> dict[str, str | None]:
    return {info.key: store.md5_of(info) for info in store.store.list()}


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_all_images_arrive_where_readers_look_for_them(send, store: Recording, images: Path):
    assert send() == (8, 0, 0, 0)
    found = content(store)
    assert len(found) == 8
    assert found[f"{FIRST}08860001.jpg"] == md5(images / "W22084-0886" / "08860001.jpg")
    assert found[f"{SECOND}08870003.jpg"] == md5(images / "W22084-0887" / "08870003.jpg")
    assert f"{FIRST}dimensions.json" in found


def test_the_manifest_of_a_group_is_sent_after_its_last_image(send, store: Recording):
    send()
    for place in (FIRST, SECOND):
        own = [asked for asked in store.asked if asked.startswith(f"send {place}")]
        assert own[-1] == f"send {place}dimensions.json"
        assert len(own) == 4


def test_the_manifest_is_gzipped_json_and_says_so(send, store: Recording):
    send()
    (manifest,) = (upload for upload in store.sent if upload.key == f"{FIRST}dimensions.json")
    assert (manifest.content_type, manifest.content_encoding) == ("application/json", "gzip")
    assert [entry["filename"] for entry in json.loads(gzip.decompress(manifest.content))] == [
        "08860001.jpg",
        "08860002.jpg",
        "08860003.jpg",
    ]


def test_keys_begin_with_the_prefix_of_the_site(send, store: Recording):
    send(prefix="library/2026/")
    assert all(key.startswith(f"library/2026/{PLACE}") for key in content(store))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("keep_record", [True, False])
def test_a_second_time_nothing_is_sent_after_one_listing(
    send, store: Recording, images: Path, *, known: bool, keep_record: bool
):
    send(known=known, keep_record=keep_record)
    store.asked.clear()
    for path in images.rglob("*.jpg"):
        os.utime(path, (0, 0))
    assert send(known=known, keep_record=keep_record) == (0, 8, 0, 0)
    assert store.asked == [f"list {PLACE}"]


def test_what_is_on_record_is_not_read_again(store: Recording, images: Path, tmp_path: Path):
    work = volumes(images)
    record = tmp_path / "web.jsonl"
    publish(RID, work, store, address="web", options=WebOptions(), record=record)
    for path in images.rglob("*.jpg"):
        path.write_bytes(b"x" * path.stat().st_size)  # whoever read it would send it
    assert publish(RID, work, store, address="web", options=WebOptions(), record=record).unchanged == 8
    store.asked.clear()
    with pytest.raises(SystemFailed) as caught:
        publish(RID, work, store, address="web", options=WebOptions(at_once=1))
    assert caught.value.code == "archive-file-damaged"
    assert "08860001.jpg" in caught.value.message
    assert store.asked == [f"list {PLACE}"]


def test_a_manifest_that_names_what_goes_is_sent_although_all_that_is_there_is_left_alone(
    send, store: Recording, images: Path
):
    send(iiif_base="https://images.example.org")
    (images / "W22084-0886" / "08860002.jpg").unlink()
    (images / "W22084-0887" / "08870001.jpg").write_bytes(b"a better scan that is not to be sent")
    store.asked.clear()
    sent, unchanged, left, removed = send(iiif_base="https://images.example.org", replace=True, update=False)
    assert (sent, unchanged, left, removed) == (2, 5, 1, 1)
    manifests = [f"{PLACE}W22084-0886/dimensions.json", "Works/60/W22084/manifest.json"]
    changing = [each for each in store.asked if not each.startswith("list")]
    assert changing == [*(f"send {key}" for key in manifests), f"delete {PLACE}W22084-0886/08860002.jpg"]


def test_the_record_of_what_was_sent_is_for_whom_the_archive_is(send, tmp_path: Path):
    send(access=Access(file_mode=0o640))
    assert (tmp_path / "web.jsonl").stat().st_mode & 0o777 == 0o640


def test_a_changed_image_and_its_manifest_are_sent_and_nothing_else(send, store: Recording, images: Path):
    send()
    store.asked.clear()
    (images / "W22084-0887" / "08870002.jpg").write_bytes(b"a better scan")
    # The manifest says names and pixels, which are the same: it is not sent.
    assert send() == (1, 7, 0, 0)
    assert store.asked == [f"list {PLACE}", f"send {SECOND}08870002.jpg"]
    assert content(store)[f"{SECOND}08870002.jpg"] == md5(images / "W22084-0887" / "08870002.jpg")


def test_what_somebody_replaced_on_the_web_is_put_right(send, store: Recording, images: Path):
    send()
    path = images / "W22084-0886" / "08860001.jpg"
    store.store.send(Upload(key=f"{FIRST}08860001.jpg", content=b"x" * path.stat().st_size, content_type="image/jpeg"))
    assert send() == (1, 7, 0, 0)
    assert content(store)[f"{FIRST}08860001.jpg"] == md5(path)


def test_without_update_existing_images_are_left_alone_and_new_ones_are_sent(send, store: Recording, images: Path):
    send()
    before = content(store)
    (images / "W22084-0886" / "08860001.jpg").write_bytes(b"another size")
    path = images / "W22084-0886" / "08860002.jpg"
    path.write_bytes(b"x" * path.stat().st_size)
    (images / "W22084-0886" / "08860004.jpg").write_bytes(b"new")
    sent, unchanged, left, removed = send(update=False)
    assert (sent, unchanged, left, removed) == (1, 5, 3, 0)  # the manifest would be another one, too
    after = content(store)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {f"{FIRST}08860004.jpg"}


def test_what_is_gone_from_the_work_goes_from_the_web_only_when_asked_for_and_last_and_manifests_first(
    send, store: Recording, images: Path
):
    send()
    store.store.send(Upload(key="Works/60/W22084/other/note.txt", content=b"not ours", content_type="text/plain"))
    (images / "W22084-0886" / "08860003.jpg").unlink()
    for path in (images / "W22084-0887").iterdir():
        path.unlink()
    (images / "W22084-0887").rmdir()
    assert send()[3] == 0
    assert f"{FIRST}08860003.jpg" in content(store)
    store.asked.clear()
    assert send(replace=True)[3] == 5
    assert store.asked[-5:] == [
        f"delete {key}"
        for key in (
            f"{SECOND}dimensions.json",
            f"{FIRST}08860003.jpg",
            f"{SECOND}08870001.jpg",
            f"{SECOND}08870002.jpg",
            f"{SECOND}08870003.jpg",
        )
    ]
    assert set(content(store)) == {
        f"{FIRST}08860001.jpg",
        f"{FIRST}08860002.jpg",
        f"{FIRST}dimensions.json",
        "Works/60/W22084/other/note.txt",
    }


def test_a_pretended_publishing_counts_and_sends_nothing(store: Recording, images: Path):
    pretending = PretendingWebStore(store)
    result = publish(RID, volumes(images), pretending, address="web", options=WebOptions(replace=True))
    assert (result.sent, result.unchanged) == (8, 0)
    assert content(store) == {}


def test_progress_adds_up_to_the_size_of_the_images(store: Recording, images: Path):
    seen: list[int] = []
    publish(RID, volumes(images), store, address="web", options=WebOptions(), progress=seen.append)
    assert sum(seen) == sum(path.stat().st_size for path in images.rglob("*.jpg"))


def test_a_group_without_images_has_no_manifest_and_the_one_that_it_had_goes_only_when_asked_for(
    send, store: Recording, images: Path
):
    send(iiif_base="https://iiif.example.org")
    for path in (images / "W22084-0887").iterdir():
        path.unlink()
    send(iiif_base="https://iiif.example.org")
    assert {key for key in content(store) if key.startswith(SECOND)} == {
        f"{SECOND}08870001.jpg",
        f"{SECOND}08870002.jpg",
        f"{SECOND}08870003.jpg",
        f"{SECOND}dimensions.json",
    }
    (manifest,) = (upload for upload in store.sent[-1:] if upload.key == "Works/60/W22084/manifest.json")
    assert len(json.loads(manifest.content)["structures"]) == 1
    send(iiif_base="https://iiif.example.org", replace=True)
    assert not [key for key in content(store) if key.startswith(SECOND)]


def test_what_was_sent_once_is_not_sent_again_where_etags_tell_nothing(store: Recording, images: Path, tmp_path: Path):
    options, record = WebOptions(iiif_base="https://iiif.example.org"), tmp_path / "web.jsonl"
    for sent in (9, 0):
        store.asked.clear()
        result = publish(RID, volumes(images), Encrypted(store), address="web", options=options, record=record)
        assert (result.sent, result.unchanged) == (sent, 9 - sent)
    assert not [asked for asked in store.asked if asked.startswith("send")]


def test_a_work_without_images_sends_nothing(store: Recording):
    options = WebOptions(iiif_base="https://iiif.example.org")
    assert publish(RID, [WebVolume("W22084-0001", ())], store, address="web", options=options).sent == 0
    assert content(store) == {}


def test_the_record_is_kept_where_nothing_was_on_record_before(store: Recording, images: Path, tmp_path: Path):
    record = tmp_path / "sync-inventory" / "web.jsonl"
    publish(RID, volumes(images), store, address="web", options=WebOptions(), record=record)
    assert len(record.read_text().splitlines()) == 8


def test_a_damaged_record_only_costs_a_comparison(send, tmp_path: Path):
    send()
    (tmp_path / "web.jsonl").write_text("{}\nnonsense")
    assert send() == (0, 8, 0, 0)


@pytest.mark.parametrize("damage", ["gone", "cut", "link", "folder"])
def test_an_image_that_cannot_be_read_stops_the_publishing_before_the_manifest(
    store: Recording, images: Path, damage: str
):
    work = volumes(images)
    path = images / "W22084-0886" / "08860002.jpg"
    if damage == "cut":
        os.truncate(path, 3)
    else:
        path.rename(images.parent / "moved")
        if damage == "link":
            path.symlink_to(images.parent / "moved")
        elif damage == "folder":
            path.mkdir()
    with pytest.raises(SystemFailed) as caught:
        publish(RID, work, store, address="web", options=WebOptions())
    assert caught.value.code == "publish-unreadable"
    assert "08860002.jpg" in caught.value.message
    assert f"send {FIRST}dimensions.json" not in store.asked


@pytest.fixture
def faulty(own_faulty_s3: FaultyProxy, make_bucket: MakeBucket, monkeypatch: pytest.MonkeyPatch) -> S3WebStore:
    """A bucket behind the proxy that breaks on command."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    return S3WebStore(AwsAccess(endpoint_url=own_faulty_s3.url, region=REGION), make_bucket())


def test_a_server_that_asks_to_slow_down_or_hangs_up_is_asked_again(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy, images: Path
):
    own_faulty_s3.fail("PUT", Fault(status=503), Fault(cut_after=0), Fault(status=500))
    result = publish(RID, volumes(images), faulty, address="web", options=WebOptions())
    assert result.sent == 8
    assert len(list(faulty.list())) == 8


def test_a_server_that_refuses_is_told_with_the_key(faulty: S3WebStore, own_faulty_s3: FaultyProxy, images: Path):
    own_faulty_s3.fail("PUT", *[Fault(status=403)] * 20)
    with pytest.raises(AoError) as caught:
        publish(RID, volumes(images), faulty, address="web", options=WebOptions(at_once=1))
    assert caught.value.code == "access-denied"
    assert f"{FIRST}08860001.jpg" in caught.value.message
    own_faulty_s3.forget()
    assert publish(RID, volumes(images), faulty, address="web", options=WebOptions()).sent == 8


def test_keys_that_are_refused_in_the_middle_leave_what_was_sent_and_no_manifest(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy, images: Path
):
    own_faulty_s3.fail("PUT", Fault(), Fault(), Fault(status=403))
    with pytest.raises(AoError) as caught:
        publish(RID, volumes(images), faulty, address="web", options=WebOptions(at_once=1))
    assert caught.value.code == "access-denied"
    assert [info.key for info in faulty.list()] == [f"{FIRST}08860001.jpg", f"{FIRST}08860002.jpg"]
    result = publish(RID, volumes(images), faulty, address="web", options=WebOptions())
    assert (result.sent, result.unchanged) == (6, 2)


def test_a_bucket_that_is_not_there_is_told(aws_access: AwsAccess, images: Path):
    with pytest.raises(AoError) as caught:
        publish(RID, volumes(images), S3WebStore(aws_access, "no-such-bucket"), address="web", options=WebOptions())
    assert caught.value.code == "bucket-missing"


def test_what_is_sent_has_its_media_type_and_a_checksum_along(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy, images: Path, s3: "S3Client"
):
    publish(RID, volumes(images), faulty, address="web", options=WebOptions())
    path = images / "W22084-0886" / "08860001.jpg"
    (request,) = (
        each for each in own_faulty_s3.requests if each.method == "PUT" and each.path.endswith("08860001.jpg")
    )
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["content-type"] == "image/jpeg"
    # The body's SHA-256: once to be checked, in Base64, and once as a part of the signature, in hexadecimal.
    assert headers["x-amz-content-sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert headers["x-amz-checksum-sha256"]
    bucket = request.path.split("/")[1]
    head = s3.head_object(Bucket=bucket, Key=f"{FIRST}dimensions.json")
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/json", "gzip")


@pytest.mark.parametrize("name", ["a b+%20.jpg", "\u0f40\u0f0b\xe9.jpg", "#~[1]&='\".jpg", "..b.jpg"])
def test_odd_names_arrive_as_they_are(store: Recording, name: str):
    store.send(Upload(key=f"{FIRST}{name}", content=b"x", content_type="image/jpeg"))
    assert [info.key for info in store.list(FIRST)] == [f"{FIRST}{name}"]


def test_more_than_a_thousand_objects_are_removed(store: Recording):
    store.delete([f"{FIRST}{number}.jpg" for number in range(1001)])
    store.send(Upload(key=f"{FIRST}1.jpg", content=b"x", content_type="image/jpeg"))
    store.delete([f"{FIRST}{number}.jpg" for number in range(1001)])
    assert list(store.list()) == []
