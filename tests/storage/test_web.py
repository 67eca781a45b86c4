"""What only the stores that readers get their files from can get wrong: time limits, keys that expire, a full /tmp."""

import gzip
import hashlib
import os
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.errors import MustWait
from ao_workflows.storage import (
    AwsAccess,
    LocalWebStore,
    ObjectChanged,
    ObjectGone,
    PretendingWebStore,
    S3WebStore,
    StorageFailed,
    Upload,
    WebStore,
    web,
)
from fixtures.aws import REGION, MakeBucket
from fixtures.faults import Fault, FaultyProxy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PAGE = Upload(key="Works/60/W22084/images/W22084-0001/00010001.jpg", content=b"page", content_type="image/jpeg")


@pytest.fixture
def local(tmp_path: Path) -> LocalWebStore:
    (tmp_path / "web").mkdir()
    return LocalWebStore(tmp_path / "web")


@pytest.fixture(params=["local", "s3"])
def either(request: pytest.FixtureRequest) -> WebStore:
    """Every store of readers in turn: what is tested with this is their contract."""
    if request.param == "local":
        store: WebStore = request.getfixturevalue("local")
        return store
    return S3WebStore(request.getfixturevalue("aws_access"), request.getfixturevalue("make_bucket")())


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds in place of minutes, for a server that does not answer."""
    monkeypatch.setattr(web, "_TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(web, "_RETRY_FOR", timedelta(seconds=2))


@pytest.fixture
def faulty(
    own_faulty_s3: FaultyProxy,
    aws_environment: dict[str, str],  # noqa: ARG001  # the keys
    make_bucket: MakeBucket,
) -> S3WebStore:
    """A bucket behind the proxy that breaks on command."""
    return S3WebStore(AwsAccess(endpoint_url=own_faulty_s3.url, region=REGION), make_bucket())


@pytest.mark.usefixtures("hurried")
def test_a_server_that_never_answers_is_given_up(faulty: S3WebStore, own_faulty_s3: FaultyProxy):
    ended = threading.Event()
    own_faulty_s3.fail("PUT", *[Fault(before=ended.wait, status=503)] * 20)
    began = time.monotonic()
    with pytest.raises(StorageFailed) as caught:
        faulty.send(PAGE)
    ended.set()
    assert 1 < time.monotonic() - began < 8
    assert caught.value.retryable
    assert PAGE.key in caught.value.message


@pytest.mark.usefixtures("hurried")
def test_a_server_that_answers_the_second_time_is_all_right(faulty: S3WebStore, own_faulty_s3: FaultyProxy):
    ended = threading.Event()
    own_faulty_s3.fail("PUT", Fault(before=ended.wait, status=503))
    faulty.send(PAGE)
    ended.set()
    assert [info.size for info in faulty.list()] == [4]


@pytest.mark.usefixtures("hurried")
def test_a_large_image_has_the_time_that_a_slow_line_takes(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "_SLOWEST", 100_000)  # 300,000 bytes: three seconds and more
    own_faulty_s3.fail("PUT", Fault(before=lambda: time.sleep(2)))
    faulty.send(Upload(key="large.tif", content=bytes(300_000), content_type="image/tiff"))
    assert len([request for request in own_faulty_s3.requests if request.method == "PUT"]) == 1


def test_a_storm_of_requests_to_slow_down_that_lasts_for_seconds_is_sat_out(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy
):
    own_faulty_s3.fail("PUT", *[Fault(status=503)] * 7)
    faulty.send(PAGE)
    assert [info.size for info in faulty.list()] == [4]


def test_a_body_that_is_corrupted_on_the_way_is_noticed_and_sent_again(
    faulty: S3WebStore, own_faulty_s3: FaultyProxy, s3: "S3Client"
):
    own_faulty_s3.fail("PUT", Fault(sent=b"pagf"))
    with pytest.raises(StorageFailed, match="not what was sent") as caught:
        faulty.send(PAGE)  # S3 refuses it by the checksum; the stand-in takes it
    assert caught.value.retryable
    (spoiled,) = faulty.list()
    assert faulty.md5_of(spoiled) != hashlib.md5(b"page", usedforsecurity=False).hexdigest()
    faulty.send(PAGE)
    bucket = own_faulty_s3.requests[-1].path.split("/")[1]
    assert s3.get_object(Bucket=bucket, Key=PAGE.key)["Body"].read() == b"page"


def test_an_answer_that_tells_of_other_content_is_not_believed(faulty: S3WebStore, own_faulty_s3: FaultyProxy):
    own_faulty_s3.fail("PUT", Fault(headers={"ETag": f'"{"0" * 32}"'}))
    with pytest.raises(StorageFailed, match="not what was sent"):
        faulty.send(PAGE)


def test_keys_are_asked_for_again_before_they_can_expire(aws_access: AwsAccess):
    # botocore hands out keys that are good for ten more minutes, at least.
    expires = aws_access.credentials()()["expires_at"]
    assert expires is not None
    assert expires - datetime.now(UTC) < timedelta(minutes=10)


def test_a_folder_of_readers_needs_no_room_elsewhere(
    local: LocalWebStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    local.send(PAGE)
    assert (tmp_path / "web" / PAGE.key).read_bytes() == b"page"


def test_what_a_killed_publishing_left_in_the_folder_is_removed_when_nobody_can_be_writing_it_any_more(
    local: LocalWebStore, tmp_path: Path
):
    folder = tmp_path / "web" / "Works/60/W22084/images/W22084-0001"
    folder.mkdir(parents=True)
    for name, seconds in ((".put-0123456789abcdef", 4000), (".put-fedcba9876543210", 3000), (".put-not-ours", 4000)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - seconds,) * 2)
    local.send(PAGE)
    assert sorted(os.listdir(folder)) == [".put-fedcba9876543210", ".put-not-ours", "00010001.jpg"]


def test_what_readers_get_is_no_program(local: LocalWebStore, tmp_path: Path):
    before = os.umask(0o022)
    try:
        local.send(PAGE)
    finally:
        os.umask(before)
    assert (tmp_path / "web" / PAGE.key).stat().st_mode & 0o777 == 0o644


def test_the_listing_of_a_work_looks_at_no_other_work(
    local: LocalWebStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    local.send(PAGE)
    local.send(Upload(key="Works/60/W1/images/W1-0001/1.jpg", content=b"x", content_type="image/jpeg"))
    (tmp_path / "web" / "Works" / "61").symlink_to(tmp_path)
    looked_at = []
    real_scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked_at.append(str(path)) or real_scandir(path))
    assert [info.key for info in local.list("Works/60/W22084/images/")] == [PAGE.key]
    assert looked_at
    assert not [path for path in looked_at if "W22084" not in path]
    assert [info.key for info in local.list("Works/60/W2")] == [PAGE.key]
    for prefix in ("Works/61/", "../", "Works//", "nul\0/", "Works/60/W22084/images/W22084-0001/00010001.jpg/"):
        assert list(local.list(prefix)) == []


def test_a_full_disk_is_waited_for(local: LocalWebStore, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MustWait) as caught:
        local.send(PAGE)
    assert caught.value.code == "waiting-for-disk"
    assert list(local.list()) == []


def test_an_object_is_read_as_it_is_stored_and_as_far_as_one_asks(either: WebStore):
    packed = gzip.compress(b"[]", mtime=0)
    either.send(Upload(key="list.json", content=packed, content_type="application/json", content_encoding="gzip"))
    (info,) = either.list()
    assert info.size == len(packed)
    assert b"".join(either.stream(info, 0, info.size)) == packed
    assert b"".join(either.stream(info, 0, 2)) == b"\x1f\x8b"
    assert b"".join(PretendingWebStore(either).stream(info, 2, 1)) == b"\x08"


def test_an_object_that_was_replaced_or_removed_since_it_was_listed_is_not_read(either: WebStore):
    either.send(PAGE)
    (info,) = either.list()
    either.send(Upload(key=PAGE.key, content=b"line", content_type="image/jpeg"))
    with pytest.raises(ObjectChanged):
        list(either.stream(info, 0, 4))
    either.delete([PAGE.key])
    with pytest.raises(ObjectGone):
        list(either.stream(info, 0, 4))


def test_a_store_is_sure_of_the_md5_that_it_tells(either: WebStore):
    either.send(PAGE)
    (info,) = either.list()
    # printf page | md5sum
    assert either.md5_of(info) == "71860c77c6745379b0d44304d66b6a13"
    assert either.is_sure_of_md5(info)
    assert PretendingWebStore(either).is_sure_of_md5(info)


def test_an_etag_of_what_is_encrypted_with_a_key_is_no_md5_to_be_sure_of(
    aws_access: AwsAccess, make_bucket: MakeBucket, s3: "S3Client"
):
    bucket = make_bucket()
    s3.put_object(Bucket=bucket, Key="page", Body=b"page", ServerSideEncryption="aws:kms")
    store = S3WebStore(aws_access, bucket)
    (info,) = store.list()
    assert not store.is_sure_of_md5(info)
