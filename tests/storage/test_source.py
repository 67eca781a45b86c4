import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.errors import UsageError
from ao_workflows.storage import LocalStore, ObjectChanged, ObjectGone, S3Store, Store, open_local_source, open_source
from fixtures.aws import MakeBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def no_bucket(name: str) -> Store:
    raise AssertionError(f"bucket {name} was asked for")


def test_a_path_is_opened_as_a_local_file(tmp_path: Path):
    (tmp_path / "W1.bag.zip").write_bytes(b"0123456789")
    source = open_source(str(tmp_path / "W1.bag.zip"), no_bucket)
    assert (source.name, source.size) == (f"{tmp_path}/W1.bag.zip", 10)
    assert source.read(2, 3) == b"234"
    assert b"".join(source.stream(0, 10)) == b"0123456789"
    assert source.read(10, 0) == b""


def test_a_relative_path_is_opened_from_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "W1.zip").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "folder")
    source = open_local_source(Path("../W1.zip"))
    monkeypatch.chdir(tmp_path)
    assert (source.name, source.read(0, 1)) == ("../W1.zip", b"x")


def test_a_link_that_a_person_names_is_followed_once(tmp_path: Path):
    (tmp_path / "real.zip").write_bytes(b"real")
    (tmp_path / "link.zip").symlink_to("real.zip")
    (tmp_path / "other.zip").write_bytes(b"evil")
    source = open_local_source(tmp_path / "link.zip")
    (tmp_path / "link.zip").unlink()
    (tmp_path / "link.zip").symlink_to("other.zip")
    assert source.read(0, 4) == b"real"


@pytest.mark.parametrize("location", ["absent.zip", "no/such/folder/W1.zip", ".", "nul\0.zip", "W1.zip/inside"])
def test_a_path_to_no_file_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "W1.zip").touch()
    with pytest.raises(ObjectGone, match="not there") as gone:
        open_source(location, no_bucket)
    assert str(gone.value).isprintable()


def test_a_loop_of_links_is_gone(tmp_path: Path):
    (tmp_path / "loop.zip").symlink_to("loop.zip")
    with pytest.raises(ObjectGone):
        open_local_source(tmp_path / "loop.zip")


def test_the_root_of_the_file_system_is_no_file():
    with pytest.raises(ObjectGone):
        open_local_source(Path("/"))


def test_a_source_is_pinned_to_what_was_opened(tmp_path: Path):
    path = tmp_path / "W1.zip"
    path.write_bytes(b"old")
    source = open_local_source(path)
    (tmp_path / "new").write_bytes(b"new")
    os.replace(tmp_path / "new", path)
    with pytest.raises(ObjectChanged, match=r"W1\.zip"):
        source.read(0, 3)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (0, 4), (3, 1), (4, 0)])
def test_a_range_outside_the_object_is_refused_at_once(tmp_path: Path, offset: int, length: int):
    (tmp_path / "W1.zip").write_bytes(b"abc")
    source = open_local_source(tmp_path / "W1.zip")
    with pytest.raises(ValueError, match=r"outside .*W1\.zip of 3 bytes"):
        source.stream(offset, length)


@pytest.mark.parametrize(
    "key", ["W1.bag.zip", "Archive0/00/W1/W1.bag.zip", "a b+c%20d.zip", "part#1?.zip", "ཀ.zip", "x?versionId", "//x"]
)
def test_an_address_names_its_key_as_it_is(s3_store: S3Store, tmp_path: Path, key: str):
    (tmp_path / "file").write_bytes(b"content")
    s3_store.put(key, tmp_path / "file")
    asked: list[str] = []

    def bucket_store(name: str) -> Store:
        asked.append(name)
        return s3_store

    source = open_source(f"s3://some-bucket/{key}", bucket_store)
    assert (asked, source.info.key) == (["some-bucket"], key)
    assert source.name == f"s3://some-bucket/{key}"
    assert source.read(0, 7) == b"content"


def test_an_address_may_name_a_version(s3: "S3Client", make_bucket: MakeBucket):
    store = S3Store(s3, make_bucket(versioned=True))
    versions = [
        s3.put_object(Bucket=store.bucket, Key="what?versionId=1", Body=body)["VersionId"] for body in (b"old", b"new")
    ]
    for version, content in zip(versions, (b"old", b"new"), strict=True):
        source = open_source(f"s3://bucket/what?versionId=1?versionId={version}", lambda _: store)
        assert (source.info.key, source.info.version_id) == ("what?versionId=1", version)
        assert source.read(0, 3) == content
    assert open_source("s3://bucket/what?versionId=1?versionId=", lambda _: store).read(0, 3) == b"new"
    with pytest.raises(ObjectGone):
        open_source("s3://bucket/what?versionId=1?versionId=nonsense", lambda _: store)


def test_a_local_file_may_be_named_like_an_address_with_a_version(tmp_path: Path):
    (tmp_path / "a?versionId=1").write_bytes(b"x")
    assert open_source(f"{tmp_path}/a?versionId=1", no_bucket).size == 1


@pytest.mark.parametrize(
    "location", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/?versionId=1", "s3://\x1b[2J"]
)
def test_an_address_without_a_bucket_or_a_key_is_refused_with_an_example(location: str):
    with pytest.raises(UsageError, match="not an address of an object") as refusal:
        open_source(location, no_bucket)
    assert "s3://bucket/key" in refusal.value.action
    assert str(refusal.value).isprintable()


def test_an_object_that_is_gone_is_named_by_its_address(s3_store: S3Store):
    with pytest.raises(ObjectGone, match=rf"s3://{s3_store.bucket}/absent\.zip is not there"):
        open_source("s3://bucket/absent.zip", lambda _: s3_store)


def test_a_hostile_name_is_quoted_where_a_person_reads_it(tmp_path: Path):
    path = tmp_path / "W1\x1b[2J.zip"
    path.touch()
    source = open_local_source(path)
    assert source.name.isprintable()
    assert isinstance(source.store, LocalStore)
    assert source.info.key == "W1\x1b[2J.zip"
