"""An object that is written while its bytes are made: all of it appears, or nothing."""

import hashlib
import os

import pytest

from ao_workflows.storage import AwsAccess, ObjectExists, ObjectGone, S3Store, StorageFailed
from fixtures.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from fixtures.faults import Fault

PART = 5 << 20


@pytest.fixture
def store(s3_store) -> S3Store:
    """Give a bucket, with parts as small as S3 takes them."""
    return s3_store


@pytest.fixture
def faulty_store(faulty_s3, s3_store, monkeypatch) -> S3Store:
    """Give the same bucket, by way of a proxy that fails when it is told to, with the program's own client."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    client = AwsAccess(endpoint_url=faulty_s3.url, region=REGION).s3()
    return S3Store(client, s3_store.bucket, part_size=PART)


def uploads(store) -> list[str]:
    found = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    return [upload["Key"] for upload in found]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 7])
def test_what_was_written_is_the_object(store, size):
    content = os.urandom(size)
    with store.new_object("a/W22084.bag.zip") as file:
        for start in range(0, size, 700_001):
            assert file.write(content[start : start + 700_001]) == len(content[start : start + 700_001])
        with pytest.raises(ObjectGone):
            store.stat("a/W22084.bag.zip")
    info = store.stat("a/W22084.bag.zip")
    stored = hashlib.sha512(b"".join(store.stream(info, 0, info.size))).hexdigest()
    assert (info.size, stored) == (size, hashlib.sha512(content).hexdigest())
    assert uploads(store) == []


def test_the_server_knows_the_checksum_of_every_part(store):
    with store.new_object("key") as file:
        file.write(os.urandom(2 * PART + 1))
    head = store.client.head_object(Bucket=store.bucket, Key="key", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"].partition("-")[2] in {"", "3"}
    assert len(head["ChecksumSHA256"].partition("-")[0]) == 44


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_what_fails_in_the_middle_leaves_nothing(store, size):
    def fail() -> None:
        with store.new_object("key") as file:
            file.write(bytes(size))
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fail()
    with pytest.raises(ObjectGone):
        store.stat("key")
    assert uploads(store) == []


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_what_is_there_is_never_replaced(store, size):
    with store.new_object("key") as file:
        file.write(b"first")
    with pytest.raises(ObjectExists), store.new_object("key") as file:
        file.write(bytes(size))
    assert store.stat("key").size == 5


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_what_came_to_be_there_meanwhile_is_not_replaced(store, size):
    def come_second() -> None:
        with store.new_object("key") as file:
            file.write(bytes(size))
            store.client.put_object(Bucket=store.bucket, Key="key", Body=b"another's")

    with pytest.raises(ObjectExists) as refused:
        come_second()
    assert refused.value.code == "target-exists"
    assert store.stat("key").size == 9
    assert uploads(store) == []


def test_a_part_that_is_refused_is_told_and_nothing_is_left(store, faulty_s3, faulty_store):
    denied = Fault(status=403, body=b"<Error><Code>AccessDenied</Code><Message>No</Message></Error>")
    faulty_s3.fail("PUT", *[denied] * 20)
    with pytest.raises(StorageFailed) as failed, faulty_store.new_object("key") as file:
        file.write(os.urandom(5 * PART))
    assert failed.value.code == "access-denied"
    assert uploads(store) == []


def test_a_part_that_fails_for_a_moment_is_sent_again(store, faulty_s3, faulty_store):
    content = os.urandom(3 * PART)
    faulty_s3.fail("PUT", Fault(status=503), Fault(status=500))
    with faulty_store.new_object("key") as file:
        file.write(content)
    info = store.stat("key")
    assert b"".join(store.stream(info, 0, info.size)) == content


def test_a_missing_bucket_is_told(s3):
    with pytest.raises(StorageFailed) as failed, S3Store(s3, "no-such-bucket").new_object("key"):
        pass
    assert failed.value.code == "bucket-missing"
