"""What every store has to keep, run against each of them."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ao_workflows.storage import ObjectChanged, ObjectGone, ObjectInfo, StorageFailed, Store
from ao_workflows.storage.interface import STREAM_CHUNK

Put = Callable[[Store, str, bytes], ObjectInfo]

# Three chunks, no two alike, the last one not full.
LARGE = b"".join(bytes([letter]) * STREAM_CHUNK for letter in b"ab") + b"end"

ODD_KEYS = [
    "a+b.zip",
    "a b  c.zip",
    "what?.zip",
    "what?versionId=1",
    "part#1.zip",
    "100%.zip",
    "not%20decoded.zip",
    "a&b=c;d,e:f@g$h!.zip",
    'it\'s "quoted" (here) [there] {so}.zip',
    "back\\slash.zip",
    "~tilde^caret`tick|pipe<less>.zip",
    "བོད་ཡིག/གསུང་འབུམ་.bag.zip",
    "cafe\u0301 and caf\u00e9.zip",
    "😀/𝄞.zip",
    ".hidden/.file",
    "-leading/--dash",
    "a..b/c...zip",
    " leading and trailing ",
]


def test_what_was_put_is_known_and_read_back(store: Store, put: Put):
    before = datetime.now(UTC) - timedelta(seconds=2)
    info = put(store, "Archive0/00/W1.bag.zip", b"content")
    assert (info.key, info.size, info.version_id, info.storage_class) == (
        "Archive0/00/W1.bag.zip",
        7,
        None,
        "STANDARD",
    )
    assert before <= info.modified <= datetime.now(UTC) + timedelta(seconds=2)
    assert info.etag
    assert '"' not in info.etag
    assert store.stat("Archive0/00/W1.bag.zip") == info
    assert b"".join(store.stream(info, 0, 7)) == b"content"


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 10, b"0123456789"), (0, 1, b"0"), (9, 1, b"9"), (3, 4, b"3456"), (5, 0, b""), (10, 0, b""), (0, 0, b"")],
)
def test_a_stream_gives_exactly_the_range(store: Store, put: Put, offset: int, length: int, expected: bytes):
    info = put(store, "digits", b"0123456789")
    assert b"".join(store.stream(info, offset, length)) == expected


def test_a_long_stream_comes_in_order_and_in_chunks_of_at_most_one_mebibyte(store: Store, put: Put):
    info = put(store, "large", LARGE)
    chunks = list(store.stream(info, 1, len(LARGE) - 2))
    assert b"".join(chunks) == LARGE[1:-1]
    assert all(0 < len(chunk) <= 1_048_576 for chunk in chunks)
    assert len(chunks) >= 2


def test_an_empty_object_is_an_object(store: Store, put: Put):
    info = put(store, "empty", b"")
    assert info.size == 0
    assert list(store.stream(info, 0, 0)) == []
    assert [entry.key for entry in store.list()] == ["empty"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_with_odd_characters_names_its_object_and_no_other(store: Store, put: Put, key: str):
    info = put(store, key, b"odd")
    assert store.stat(key) == info
    assert b"".join(store.stream(info, 1, 2)) == b"dd"
    assert [entry.key for entry in store.list()] == [key]
    assert [entry.key for entry in store.list(key)] == [key]
    store.delete(key)
    assert list(store.list()) == []


def test_a_missing_object_is_gone(store: Store, put: Put):
    put(store, "folder/there", b"x")
    for key in ("nowhere", "folder", "folder/", "folder/there/below", "folder/ther", "x" * 1000):
        with pytest.raises(ObjectGone, match="not there"):
            store.stat(key)


def test_a_missing_version_is_gone(store: Store, put: Put):
    put(store, "key", b"x")
    for version in ("7c4b1f2e-0000-4000-8000-000000000000", "no version"):
        with pytest.raises(ObjectGone):
            store.stat("key", version_id=version)


def test_reading_what_was_deleted_says_that_it_is_gone(store: Store, put: Put):
    info = put(store, "key", b"x")
    store.delete("key")
    with pytest.raises(ObjectGone, match="key is not there"):
        list(store.stream(info, 0, 1))


def test_reading_what_was_replaced_by_as_many_other_bytes_says_that_it_changed(store: Store, put: Put):
    info = put(store, "key", b"old")
    put(store, "key", b"new")
    with pytest.raises(ObjectChanged, match="key"):
        list(store.stream(info, 0, 3))


def test_bytes_of_two_contents_are_never_mixed(store: Store, put: Put):
    info = put(store, "key", LARGE)
    read = b""
    try:
        with closing(store.stream(info, 0, len(LARGE))) as stream:
            read += next(stream)
            put(store, "key", LARGE.replace(b"b", b"x"))
            for chunk in stream:
                read += chunk
    except ObjectChanged:
        pass
    else:
        assert len(read) == len(LARGE)
    assert LARGE.startswith(read)


def test_a_put_replaces_the_whole_content(store: Store, put: Put):
    first = put(store, "key", b"a long content")
    second = put(store, "key", b"short")
    assert first.etag != second.etag
    assert (second.size, b"".join(store.stream(second, 0, 5))) == (5, b"short")
    assert [entry.key for entry in store.list()] == ["key"]


def test_a_repeated_put_leaves_the_same_content(store: Store, put: Put):
    put(store, "key", b"same")
    info = put(store, "key", b"same")
    assert b"".join(store.stream(info, 0, 4)) == b"same"


def test_a_put_of_a_missing_file_names_the_file_and_stores_nothing(store: Store, tmp_path: Path):
    with pytest.raises(StorageFailed, match=r"absent\.zip: No such file"):
        store.put("key", tmp_path / "absent.zip")
    assert list(store.list()) == []


def test_a_put_whose_file_cannot_be_read_leaves_the_old_content(store: Store, put: Put, tmp_path: Path):
    info = put(store, "key", b"old")
    with pytest.raises(StorageFailed):
        store.put("key", tmp_path)
    assert store.stat("key") == info
    assert [entry.key for entry in store.list()] == ["key"]


def test_a_delete_can_be_repeated(store: Store, put: Put):
    put(store, "a/b", b"x")
    put(store, "a/c", b"y")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/there")
    assert [entry.key for entry in store.list()] == ["a/c"]


def test_a_listing_is_in_the_order_of_utf8_bytes(store: Store, put: Put):
    # By hand: "-" < "/" < "0"; "Z" < "a"; U+FB00 is EF AC 80 and U+1F600 is F0 9F 98 80 (UTF-16 has them reversed).
    ordered = ["Z", "a-b", "a/b", "a/c/d", "a0", "é", "\ufb00", "😀"]
    for key in sorted(ordered, key=lambda key: key.encode("utf-16")):
        put(store, key, key.encode())
    entries = list(store.list())
    assert [entry.key for entry in entries] == ordered
    assert [entry.size for entry in entries] == [1, 3, 3, 5, 2, 2, 3, 4]


def test_a_prefix_is_the_beginning_of_a_key_and_no_folder(store: Store, put: Put):
    for key in ("W1/a", "W10/a", "W2/a", "other/W1/a"):
        put(store, key, b"x")
    assert [entry.key for entry in store.list("W1")] == ["W1/a", "W10/a"]
    assert [entry.key for entry in store.list("W1/")] == ["W1/a"]
    assert list(store.list("../")) == []
    assert list(store.list("W3")) == []


def test_what_a_listing_says_of_an_object_is_enough_to_read_it(store: Store, put: Put):
    put(store, "key", b"content")
    (info,) = store.list()
    assert info.modified.tzinfo is not None
    assert b"".join(store.stream(info, 0, info.size)) == b"content"


def test_a_store_that_is_missing_as_a_whole_is_a_failure_and_no_missing_object(missing_store: Store, tmp_path: Path):
    # A folder that is not mounted, a bucket name with a typing error: its objects are not gone.
    file = tmp_path / "file"
    file.write_bytes(b"x")
    for call in (
        lambda: missing_store.stat("key"),
        lambda: list(missing_store.list()),
        lambda: missing_store.put("key", file),
        lambda: missing_store.delete("key"),
    ):
        with pytest.raises(StorageFailed) as failure:
            call()
        assert failure.value.retryable
        assert failure.value.action
    assert not (tmp_path / "not-mounted").exists()
