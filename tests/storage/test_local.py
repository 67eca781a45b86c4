"""What only a store of local files can get wrong: links, special files, names, files that are written to."""

import errno
import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ao_workflows.errors import MustWait
from ao_workflows.storage import LocalStore, ObjectChanged, ObjectGone, ObjectInfo, StorageFailed, Store
from ao_workflows.storage.interface import STREAM_CHUNK
from ao_workflows.storage.local import _failed

Put = Callable[[Store, str, bytes], ObjectInfo]

NO_NAMES = ["", "/", "/etc/passwd", "..", "../secret", "a/../../secret", ".", "./a", "a//b", "a/", "nul\0", "\ud800"]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the root, which nothing may reach through the store."""
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    return path


@pytest.mark.parametrize("key", NO_NAMES)
def test_a_key_that_is_no_name_below_the_root_names_nothing(
    local_store: LocalStore, secret: Path, tmp_path: Path, key: str
):
    with pytest.raises(ObjectGone):
        local_store.stat(key)
    with pytest.raises(StorageFailed, match="cannot be the name of a file"):
        local_store.put(key, secret)
    local_store.delete(key)
    assert list(local_store.list()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "secret"]
    assert secret.read_bytes() == b"secret"


def test_a_symbolic_link_is_no_object(local_store: LocalStore, local_root: Path, secret: Path):
    (local_root / "inside").write_bytes(b"x")
    (local_root / "out").symlink_to(secret)
    (local_root / "in").symlink_to(local_root / "inside")
    (local_root / "loop").symlink_to("loop")
    for key in ("out", "in", "loop"):
        with pytest.raises(ObjectGone):
            local_store.stat(key)
    assert [entry.key for entry in local_store.list()] == ["inside"]


def test_no_link_to_a_folder_is_followed(local_store: LocalStore, local_root: Path, tmp_path: Path, secret: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "there").write_bytes(b"x")
    (local_root / "door").symlink_to(outside, target_is_directory=True)
    with pytest.raises(ObjectGone):
        local_store.stat("door/there")
    with pytest.raises(StorageFailed):
        local_store.put("door/new", secret)
    local_store.delete("door/there")
    assert list(local_store.list()) == []
    assert [path.name for path in outside.iterdir()] == ["there"]


def test_a_file_that_became_a_link_is_not_read(local_store: LocalStore, local_root: Path, put: Put, secret: Path):
    info = put(local_store, "key", b"honest")
    (local_root / "key").unlink()
    (local_root / "key").symlink_to(secret)
    with pytest.raises(ObjectGone):
        list(local_store.stream(info, 0, 6))


def test_a_put_replaces_a_link_and_not_what_it_leads_to(
    local_store: LocalStore, local_root: Path, put: Put, secret: Path
):
    (local_root / "key").symlink_to(secret)
    put(local_store, "key", b"new")
    assert (local_root / "key").read_bytes() == b"new"
    assert not (local_root / "key").is_symlink()
    assert secret.read_bytes() == b"secret"


@pytest.mark.timeout(20)
def test_a_pipe_is_no_object_and_nobody_waits_for_it(local_store: LocalStore, local_root: Path, put: Put):
    info = put(local_store, "key", b"x")
    (local_root / "key").unlink()
    os.mkfifo(local_root / "key")
    with pytest.raises(ObjectGone):
        local_store.stat("key")
    with pytest.raises(ObjectChanged):
        list(local_store.stream(info, 0, 1))
    assert list(local_store.list()) == []


def test_a_root_that_is_a_link_to_a_mount_is_a_root(local_root: Path, tmp_path: Path):
    (local_root / "key").write_bytes(b"x")
    (tmp_path / "Archive0").symlink_to(local_root)
    assert [entry.key for entry in LocalStore(tmp_path / "Archive0").list()] == ["key"]


def test_temporary_files_of_a_put_that_was_killed_are_no_objects(local_store: LocalStore, local_root: Path):
    (local_root / ".put-0123456789abcdef").write_bytes(b"half")
    (local_root / ".put-notes.txt").write_bytes(b"somebody's own")
    assert [entry.key for entry in local_store.list()] == [".put-notes.txt"]
    with pytest.raises(ObjectGone):
        local_store.stat(".put-0123456789abcdef")


def test_a_put_leaves_nothing_beside_the_object(local_store: LocalStore, local_root: Path, put: Put, tmp_path: Path):
    put(local_store, "folder/key", b"x")
    with pytest.raises(StorageFailed):
        local_store.put("folder/other", tmp_path)
    assert os.listdir(local_root / "folder") == ["key"]


def test_a_put_over_a_folder_fails_and_leaves_the_folder(local_store: LocalStore, local_root: Path, put: Put):
    put(local_store, "a/b", b"x")
    for key in ("a", "a/b/c"):
        with pytest.raises(StorageFailed, match=re.escape(f"{local_root}/{key}: ")):
            put(local_store, key, b"y")
    assert [entry.key for entry in local_store.list()] == ["a/b"]
    assert os.listdir(local_root) == ["a"]


@pytest.mark.parametrize("position", [0, STREAM_CHUNK + 1])
def test_a_file_that_is_written_to_while_it_is_read_gives_no_byte_of_the_new_content(
    local_store: LocalStore, local_root: Path, put: Put, position: int
):
    info = put(local_store, "key", bytes(3 * STREAM_CHUNK))
    with closing(local_store.stream(info, 0, info.size)) as stream:
        next(stream)
        with (local_root / "key").open("r+b") as file:
            file.seek(position)
            file.write(b"new")
            file.flush()
            # As a writer some milliseconds later would have done by itself.
            os.utime(file.fileno(), ns=(1, 1))
        with pytest.raises(ObjectChanged, match="changed after it was first seen"):
            next(stream)


def test_a_file_that_is_cut_while_it_is_read_has_changed(local_store: LocalStore, local_root: Path, put: Put):
    info = put(local_store, "key", bytes(2 * STREAM_CHUNK))
    with closing(local_store.stream(info, 0, info.size)) as stream:
        next(stream)
        os.truncate(local_root / "key", STREAM_CHUNK)
        with pytest.raises(ObjectChanged):
            next(stream)


def test_a_file_that_was_only_touched_is_taken_for_another(local_store: LocalStore, local_root: Path, put: Put):
    info = put(local_store, "key", b"x")
    os.utime(local_root / "key", ns=(1, 1))
    with pytest.raises(ObjectChanged):
        list(local_store.stream(info, 0, 1))


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_time_has_changed(
    local_store: LocalStore, local_root: Path, put: Put
):
    info = put(local_store, "key", b"old")
    put(local_store, "other", b"new")
    time = (local_root / "key").stat().st_mtime_ns
    os.utime(local_root / "other", ns=(time, time))
    os.replace(local_root / "other", local_root / "key")
    with pytest.raises(ObjectChanged):
        list(local_store.stream(info, 0, 3))


def test_a_file_that_grew_within_the_same_tick_has_changed(local_store: LocalStore, local_root: Path, put: Put):
    info = put(local_store, "key", b"old")
    time = (local_root / "key").stat().st_mtime_ns
    with (local_root / "key").open("ab") as file:
        file.write(b"er")
    os.utime(local_root / "key", ns=(time, time))
    with pytest.raises(ObjectChanged):
        list(local_store.stream(info, 0, 3))


def test_a_range_beyond_the_end_ends_with_an_error(local_store: LocalStore, put: Put):
    info = put(local_store, "key", b"x")
    with pytest.raises(StorageFailed, match="has no byte 1"):
        list(local_store.stream(info, 0, 2))


def test_a_stream_that_is_closed_early_closes_its_file(local_store: LocalStore, put: Put):
    info = put(local_store, "key", bytes(2 * STREAM_CHUNK))
    before = len(os.listdir("/proc/self/fd"))
    with closing(local_store.stream(info, 0, info.size)) as stream:
        next(stream)
        assert len(os.listdir("/proc/self/fd")) == before + 1
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_that_is_no_utf8_can_be_listed_and_read(local_store: LocalStore, local_root: Path):
    (Path(os.fsdecode(os.fsencode(local_root) + b"/caf\xe9.zip"))).write_bytes(b"latin")
    (info,) = local_store.list()
    assert os.fsencode(info.key) == b"caf\xe9.zip"
    assert b"".join(local_store.stream(info, 0, 5)) == b"latin"


def test_names_that_are_no_utf8_are_listed_in_the_order_of_their_bytes(local_store: LocalStore, local_root: Path):
    # U+D7A3 is ED 9E A3; the lone byte E9 comes before it, although Python's stand-in for it (U+DCE9) comes after.
    for name in (b"\xed\x9e\xa3", b"\xe9"):
        Path(os.fsdecode(os.fsencode(local_root) + b"/" + name)).touch()
    assert [os.fsencode(entry.key) for entry in local_store.list()] == [b"\xe9", b"\xed\x9e\xa3"]


def test_a_name_with_escape_sequences_is_quoted_in_messages(local_store: LocalStore):
    with pytest.raises(ObjectGone) as failure:
        local_store.stat("\x1b[2Jevil\n\u202egnp.exe")
    assert str(failure.value).isprintable()
    assert "evil" in str(failure.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_waited_for(number: int):
    failure = _failed(Path("/mnt/Archive0/key"), OSError(number, os.strerror(number)))
    assert isinstance(failure, MustWait)
    assert failure.code == "waiting-for-disk"
    assert "/mnt/Archive0/key" in failure.waiting_for


def test_a_broken_disk_is_a_failure_that_names_the_path_and_the_cause():
    failure = _failed(Path("/mnt/Archive0/key"), OSError(errno.EIO, os.strerror(errno.EIO)))
    assert isinstance(failure, StorageFailed)
    assert str(failure).startswith("/mnt/Archive0/key: Input/output error.")


def test_a_listing_below_a_prefix_looks_at_no_other_folder_and_behind_no_link(
    local_store: LocalStore, local_root: Path
):
    for key in ("a/b/1", "a/bc/2", "other/3"):
        (local_root / key).parent.mkdir(parents=True, exist_ok=True)
        (local_root / key).touch()
    (local_root / "link").symlink_to(local_root / "a")
    os.mkdir(local_root / "closed", 0)
    walked: list[str] = []
    real_walk = os.walk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "walk", lambda top, **others: walked.append(str(top)) or real_walk(top, **others))
        assert [info.key for info in local_store.list("a/b")] == ["a/b/1", "a/bc/2"]
        assert [info.key for info in local_store.list("a/b/")] == ["a/b/1"]
        for prefix in ("link/b/", "a/../other/", "nowhere/", "a/b/1/", "/a/", "a//b/"):
            assert list(local_store.list(prefix)) == []
    assert walked == [str(local_root / "a"), str(local_root / "a/b")]
