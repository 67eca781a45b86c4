"""An S3 store against a server that breaks: real HTTP, real sockets, every fault on command."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from ao_workflows.storage import AwsAccess, ObjectChanged, ObjectGone, ObjectInfo, S3Store, StorageFailed
from fixtures.aws import ACCESS_KEY_ID, IDENTITY, REGION, SECRET_ACCESS_KEY, MakeBucket
from fixtures.faults import Fault, FaultyProxy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MIB = 1 << 20
CONTENT = b"".join(number.to_bytes(4, "big") for number in range(3 * MIB // 4))
"""3 MiB in which no four bytes at a place divisible by four come twice."""


@pytest.fixture(scope="module")
def client(faulty_server: FaultyProxy) -> "S3Client":
    """Make the client as the program does, with its timeouts and retries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        return AwsAccess(endpoint_url=faulty_server.url, region=REGION).s3()


@pytest.fixture
def store(client: "S3Client", make_bucket: MakeBucket) -> S3Store:
    return S3Store(client, make_bucket(), part_size=5 * MIB)


@pytest.fixture
def info(store: S3Store, s3: "S3Client") -> ObjectInfo:
    s3.put_object(Bucket=store.bucket, Key="key", Body=CONTENT)
    return S3Store(s3, store.bucket).stat("key")


def read(store: S3Store, info: ObjectInfo) -> bytes:
    return b"".join(store.stream(info, 0, info.size))


def read_until(expected: type[Exception], store: S3Store, info: ObjectInfo) -> tuple[bytes, Exception]:
    """Read to the error that is expected; what came before it, and the error."""
    got = b""
    stream = store.stream(info, 0, info.size)
    while True:
        try:
            got += next(stream)
        except expected as error:
            return got, error


def begin(asked: str) -> int:
    """The first byte of a ``Range``."""
    return int(asked.removeprefix("bytes=").partition("-")[0])


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_connection_goes_on_with_the_next_byte(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, reset: bool
):
    faulty_s3.fail("GET", Fault(cut_after=1_500_000, reset=reset))
    assert read(store, info) == CONTENT
    first, second = faulty_s3.ranges()
    assert first == "bytes=0-3145727"
    assert second.endswith("-3145727")
    assert 0 <= begin(second) <= 1_500_000


def test_what_came_before_an_orderly_close_is_not_asked_for_again(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    faulty_s3.fail("GET", Fault(cut_after=1_500_000))
    assert read(store, info) == CONTENT
    # A read takes 256 KiB at once, and one that fails may be lost.
    assert 1_500_000 - 262_144 < begin(faulty_s3.ranges()[1]) <= 1_500_000


def test_a_range_in_the_middle_goes_on_within_its_borders(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    faulty_s3.fail("GET", Fault(cut_after=600_000), Fault(cut_after=0))
    assert b"".join(store.stream(info, 1000, 2_000_000)) == CONTENT[1000:2_001_000]
    first, second, third = faulty_s3.ranges()
    assert first == "bytes=1000-2000999"
    assert 1000 < begin(second) <= 601_000
    assert second.endswith("-2000999")
    assert third == second


def test_a_stalled_connection_is_dropped_and_goes_on(faulty_s3: FaultyProxy, store: S3Store, info: ObjectInfo):
    # AwsAccess waits for a minute; a test should not.
    client = boto3.client("s3", endpoint_url=faulty_s3.url, config=Config(read_timeout=0.3), **IDENTITY)
    faulty_s3.fail("GET", Fault(stall_after=700_000))
    assert read(S3Store(client, store.bucket), info) == CONTENT
    assert faulty_s3.ranges() == ["bytes=0-3145727", f"bytes={2 * 262_144}-3145727"]


def test_connections_that_bring_little_are_given_up_after_five(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    faulty_s3.fail("GET", *[Fault(cut_after=300_000)] * 6)
    got, failure = read_until(StorageFailed, store, info)
    assert "broke off 5 times" in str(failure)
    assert "check the network" in str(failure)
    assert len(faulty_s3.ranges()) == 5
    assert CONTENT.startswith(got)
    assert 5 * 262_144 <= len(got) <= 1_500_000
    assert f" {len(CONTENT) - len(got)} bytes before the end" in str(failure)


def test_a_connection_that_brought_a_good_piece_begins_the_count_anew(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    nothing, a_good_piece = Fault(cut_after=0), Fault(cut_after=MIB + 1)
    faulty_s3.fail("GET", nothing, nothing, a_good_piece, nothing, nothing, nothing)
    assert read(store, info) == CONTENT
    assert len(faulty_s3.ranges()) == 7


def test_a_busy_server_is_asked_again(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    faulty_s3.fail("GET", Fault(status=503))
    faulty_s3.fail("HEAD", Fault(status=503))
    faulty_s3.fail("PUT", Fault(status=500))
    assert store.stat("key") == info
    assert read(store, info) == CONTENT
    assert faulty_s3.ranges() == ["bytes=0-3145727"] * 2


def test_a_busy_server_in_the_middle_of_an_object_is_asked_again(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    faulty_s3.fail("GET", Fault(cut_after=MIB + 1), Fault(status=503))
    assert read(store, info) == CONTENT
    first, second, third = faulty_s3.ranges()
    assert (first, third) == ("bytes=0-3145727", second)


def test_a_server_that_ignores_ranges_is_not_believed(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    faulty_s3.fail("GET", Fault(ask=""))
    with pytest.raises(StorageFailed, match="asked for bytes 5-14/3145728, the server sent no range"):
        list(store.stream(info, 5, 10))


@pytest.mark.parametrize("sent", ["bytes=0-9", "bytes=6-15", "bytes=5-13", "bytes=5-15"])
def test_a_server_that_sends_another_range_is_not_believed(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, sent: str
):
    faulty_s3.fail("GET", Fault(ask=sent))
    with pytest.raises(StorageFailed, match=re.escape(f"{sent.replace('=', ' ')}/3145728")):
        list(store.stream(info, 5, 10))


def test_a_range_of_an_object_of_another_size_is_not_believed(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    faulty_s3.fail("GET", Fault(headers={"Content-Range": "bytes 5-14/3145729"}))
    with pytest.raises(StorageFailed, match="3145729"):
        list(store.stream(info, 5, 10))


@pytest.mark.parametrize("body", [b"", b"short", b"much too long"])
def test_a_body_that_is_not_as_long_as_its_range_is_not_believed(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, body: bytes
):
    faulty_s3.fail("GET", Fault(body=body))
    with pytest.raises(StorageFailed, match=f"{len(body)} bytes"):
        list(store.stream(info, 5, 10))


def test_a_server_that_ignores_the_condition_is_found_out_by_the_etag(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    faulty_s3.fail("GET", Fault(headers={"ETag": '"0123456789abcdef0123456789abcdef"'}))
    with pytest.raises(ObjectChanged):
        list(store.stream(info, 0, 10))


def test_an_object_that_is_replaced_during_a_drop_has_changed(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, s3: "S3Client"
):
    def replace() -> None:
        s3.put_object(Bucket=store.bucket, Key="key", Body=bytes(len(CONTENT)))

    faulty_s3.fail("GET", Fault(cut_after=MIB), Fault(before=replace))
    got, failure = read_until(ObjectChanged, store, info)
    assert "key was replaced" in str(failure)
    assert CONTENT.startswith(got)


def test_an_object_that_is_deleted_during_a_drop_is_gone(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, s3: "S3Client"
):
    delete = Fault(before=lambda: s3.delete_object(Bucket=store.bucket, Key="key"))
    faulty_s3.fail("GET", Fault(cut_after=MIB), delete)
    with pytest.raises(ObjectGone):
        read(store, info)


def test_a_stream_that_is_closed_early_hangs_up(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    kept: list[object] = []
    # With a reference to it, the connection does not end by being forgotten.
    store.client.meta.events.register("after-call.s3.GetObject", lambda parsed, **_: kept.append(parsed), "keep")
    endless = Fault(stall_after=2 * MIB)
    faulty_s3.fail("GET", endless)
    with closing(store.stream(info, 0, info.size)) as stream:
        assert CONTENT.startswith(next(stream))
        assert not endless.hung_up.is_set()
    store.client.meta.events.unregister("after-call.s3.GetObject", unique_id="keep")
    assert len(kept) == 1
    assert endless.hung_up.wait(5)


def test_every_request_for_a_range_names_the_content_that_is_meant(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    faulty_s3.fail("GET", Fault(cut_after=MIB))
    read(store, info)
    assert [request.headers["if-match"] for request in faulty_s3.requests] == [f'"{info.etag}"'] * 2


def test_a_refusal_that_has_nothing_to_do_with_the_version_does_not_make_the_version_gone(
    store: S3Store, faulty_s3: FaultyProxy
):
    # An expired session token is answered like that, too. (botocore then asks the bucket for its region, too.)
    faulty_s3.fail("HEAD", *[Fault(status=400)] * 8)
    with pytest.raises(StorageFailed, match="400"):
        store.stat("key", version_id="some-version")


def test_the_version_null_is_no_version(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    faulty_s3.fail("HEAD", Fault(headers={"x-amz-version-id": "null"}))
    assert store.stat("key") == info


def test_ranges_that_are_read_to_their_end_share_one_connection(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy
):
    for offset in range(0, 1000, 100):
        list(store.stream(info, offset, 100))
    assert len({request.connection for request in faulty_s3.requests}) == 1


def test_a_stream_that_is_never_read_asks_for_nothing(store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy):
    store.stream(info, 0, info.size).close()
    list(store.stream(info, 7, 0))
    assert faulty_s3.ranges() == []


def test_a_put_is_repeated_with_the_whole_file(
    store: S3Store, faulty_s3: FaultyProxy, s3: "S3Client", file_of: Callable[[bytes], Path]
):
    faulty_s3.fail("PUT", Fault(status=503))
    store.put("new", file_of(b"content"))
    assert [request.method for request in faulty_s3.requests] == ["PUT", "PUT", "HEAD"]
    assert s3.get_object(Bucket=store.bucket, Key="new")["Body"].read() == b"content"


@pytest.mark.parametrize("size", [100, 6 * MIB])
def test_a_put_that_keeps_failing_fails_and_leaves_the_old_content(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, file_of: Callable[[bytes], Path], size: int
):
    denied = Fault(status=403, body=b"<Error><Code>AccessDenied</Code><Message>No</Message></Error>")
    faulty_s3.fail("PUT", *[denied] * 20)
    with pytest.raises(StorageFailed, match="access denied") as failure:
        store.put("key", file_of(bytes(size)))
    assert failure.value.code == "access-denied"
    assert store.stat("key") == info


def test_a_server_that_is_no_s3_is_a_failure(
    store: S3Store, info: ObjectInfo, faulty_s3: FaultyProxy, file_of: Callable[[bytes], Path]
):
    page = Fault(status=200, body=b"<html><body>Please log in to the hotel's network<br></body></html>")
    for method in ("HEAD", "GET", "POST", "PUT"):
        faulty_s3.fail(method, *[page] * 20)
    for call in (
        lambda: store.stat("key"),
        lambda: list(store.list()),
        lambda: list(store.stream(info, 0, 10)),
        lambda: store.put("new", file_of(b"x")),
        lambda: store.put("new", file_of(bytes(6 * MIB))),
    ):
        with pytest.raises(StorageFailed) as failure:
            call()
        assert failure.value.action


def test_a_server_that_is_not_there_is_a_failure():
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1}), **IDENTITY
    )
    with pytest.raises(StorageFailed, match="s3://bucket/key: Could not connect") as failure:
        S3Store(client, "bucket").stat("key")
    assert failure.value.retryable
