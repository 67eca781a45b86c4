"""What only S3 has: versions, storage classes, parts, checksums."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.storage import ObjectChanged, ObjectGone, ObjectInfo, ObjectNotRestored, S3Store, Store
from fixtures.aws import MakeBucket, Restores

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Put = Callable[[Store, str, bytes], ObjectInfo]


@pytest.fixture
def versioned(s3: "S3Client", make_bucket: MakeBucket) -> S3Store:
    return S3Store(s3, make_bucket(versioned=True))


def test_a_version_stays_readable_after_it_was_replaced_and_deleted(versioned: S3Store, put: Put):
    old = put(versioned, "key", b"old")
    new = put(versioned, "key", b"newer")
    assert old.version_id
    assert old.version_id != new.version_id
    versioned.delete("key")
    assert b"".join(versioned.stream(old, 0, 3)) == b"old"
    assert versioned.stat("key", version_id=old.version_id) == old
    assert versioned.stat("key", version_id=new.version_id).size == 5
    with pytest.raises(ObjectGone):
        versioned.stat("key")


def test_the_mark_of_a_deletion_is_no_version_of_the_object(versioned: S3Store, put: Put):
    put(versioned, "key", b"x")
    versioned.delete("key")
    (marker,) = versioned.client.list_object_versions(Bucket=versioned.bucket)["DeleteMarkers"]
    with pytest.raises(ObjectGone):
        versioned.stat("key", version_id=marker["VersionId"])


def test_an_object_from_before_the_bucket_had_versions_is_pinned_by_its_etag(s3_store: S3Store, put: Put):
    info = put(s3_store, "key", b"old")
    s3_store.client.put_bucket_versioning(Bucket=s3_store.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3_store.stat("key").version_id is None
    assert b"".join(s3_store.stream(info, 0, 3)) == b"old"
    put(s3_store, "key", b"new")
    with pytest.raises(ObjectChanged):
        list(s3_store.stream(info, 0, 3))


def test_an_object_in_deep_archive_is_readable_only_once_its_restore_has_completed(
    s3_store: S3Store, file_of: Callable[[bytes], Path], restores: Restores
):
    info = s3_store.put("key", file_of(b"content"), storage_class="DEEP_ARCHIVE")
    assert info.storage_class == "DEEP_ARCHIVE"

    def assert_unreadable() -> None:
        assert not s3_store.is_readable("key")
        with pytest.raises(ObjectNotRestored, match=r"restore of s3://.*/key from Glacier") as waiting:
            list(s3_store.stream(info, 0, 7))
        assert waiting.value.code == "waiting-for-restore"

    assert_unreadable()
    restores.request(s3_store.bucket, "key")
    assert_unreadable()
    restores.complete(s3_store.bucket, "key")
    assert s3_store.is_readable("key")
    assert b"".join(s3_store.stream(info, 0, 7)) == b"content"


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "GLACIER_IR"])
def test_an_object_that_is_in_no_frozen_class_is_readable(
    s3_store: S3Store, file_of: Callable[[bytes], Path], storage_class: str
):
    info = s3_store.put("key", file_of(b"x"), storage_class=storage_class)
    assert s3_store.is_readable("key")
    assert info.storage_class == storage_class
    assert [entry.storage_class for entry in s3_store.list()] == [storage_class]


def test_a_large_file_is_sent_in_parts_and_arrives_whole(s3_store: S3Store, file_of: Callable[[bytes], Path]):
    content = bytes(range(256)) * (11 << 12)
    info = s3_store.put("key", file_of(content), storage_class="STANDARD_IA")
    # S3's eTag of an upload in parts ends with their number: 11 MiB are three parts of at most 5 MiB.
    assert info.etag.endswith("-3")
    assert (info.size, info.storage_class) == (11 << 20, "STANDARD_IA")
    assert b"".join(s3_store.stream(info, 0, info.size)) == content


@pytest.mark.parametrize("size", [10, 6 << 20])
def test_the_server_is_given_checksums_to_compare(s3_store: S3Store, file_of: Callable[[bytes], Path], size: int):
    s3_store.put("key", file_of(bytes(size)))
    head = s3_store.client.head_object(Bucket=s3_store.bucket, Key="key", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]


def test_a_listing_goes_on_over_several_pages(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch):
    # The stand-in's page; S3's own has 1,000 keys.
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(10):
        s3_store.client.put_object(Bucket=s3_store.bucket, Key=f"key {number}+", Body=b"x")
    assert [entry.key for entry in s3_store.list()] == [f"key {number}+" for number in range(10)]
