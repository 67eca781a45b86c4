"""Zips that must be refused: each with its own code, and nothing is written for it."""

import os
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.bags import BagRejected, ZipLimits, read_plan, verify
from ao_workflows.storage import open_local_source
from bags.corpus import DESCRIPTOR, ENCRYPTED, UTF8, Item, bag_of, build_zip, descriptor_of

Refused = Callable[[bytes], set[str]]
Built = Callable[..., bytes]

DATA = b"W22084.bag/data/"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"../evil", "name-traversal"),
        (DATA + b"../../evil", "name-traversal"),
        (DATA + b"a/../b", "name-traversal"),
        (DATA + b"a/..", "name-traversal"),
        (DATA + b"..\\evil", "name-traversal"),
        (b"/etc/evil", "name-absolute"),
        (b"//server/share/evil", "name-absolute"),
        (b"\\\\server\\share\\evil", "name-absolute"),
        (b"C:/evil", "name-absolute"),
        (b"c:evil", "name-absolute"),
        (DATA + b"a\\b", "name-backslash"),
        (DATA + b"a\0b", "name-control-character"),
        (DATA + b"a\nb", "name-control-character"),
        (DATA + b"a\x1b[2Jb", "name-control-character"),
        (DATA + b"a\x7fb", "name-control-character"),
        (DATA + "a\x85b".encode(), "name-control-character"),
        (DATA + b"n" * 256, "name-too-long"),
        (DATA + "\u0f40".encode() * 86, "name-too-long"),
        (DATA + b"/".join([b"n" * 200] * 16), "name-too-long"),
        (DATA + b"/".join([b"n"] * 70), "name-too-deep"),
        (DATA + b"a//b", "name-empty-part"),
        (DATA + b"./a", "name-empty-part"),
        (DATA + b"a/.", "name-empty-part"),
        (b"", "name-empty-part"),
        (b"./", "name-empty-part"),
    ],
)
def test_a_name_that_no_file_may_have_is_refused_with_its_code(name: bytes, code: str, refused: Refused, built: Built):
    assert code in refused(built(Item(name, b"evil", flags=UTF8)))


def test_a_name_that_claims_to_be_utf8_and_is_not_is_refused(refused: Refused, built: Built):
    assert "name-not-utf8" in refused(built(Item(DATA + b"\xff\xfe", b"x", flags=UTF8)))


@pytest.mark.parametrize(
    "mode",
    [
        stat.S_IFLNK | 0o777,
        stat.S_IFCHR | 0o666,
        stat.S_IFBLK | 0o666,
        stat.S_IFIFO | 0o666,
        stat.S_IFSOCK | 0o666,
        0o030644,
    ],
)
def test_links_and_special_files_are_refused(mode: int, refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"link", b"/etc/passwd", mode=mode))) == {"zip-special-file"}


def test_a_folder_by_mode_that_is_a_file_by_name_is_refused(refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"folder", b"", mode=stat.S_IFDIR | 0o755))) == {"zip-special-file"}


def test_a_folder_with_bytes_is_refused(refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"folder/", b"hidden"))) == {"zip-folder-with-data"}


def test_the_same_name_twice_is_refused(refused: Refused, built: Built):
    assert "name-duplicate" in refused(built(Item(DATA + b"images/W22084-0001/00010001.jpg", b"other")))


def test_a_name_that_is_both_file_and_folder_is_refused(refused: Refused, built: Built):
    assert "name-clash" in refused(built(Item(DATA + b"a", b"file"), Item(DATA + b"a/b", b"in a folder")))
    assert "name-clash" in refused(built(Item(DATA + b"a/", b""), Item(DATA + b"a", b"file")))


def test_two_entries_that_share_their_bytes_are_refused(refused: Refused, built: Built):
    assert "zip-entries-overlap" in refused(built(Item(DATA + b"same", b"x", central={"offset": 0})))


def test_an_entry_that_runs_into_the_directory_is_refused(refused: Refused, built: Built):
    assert "zip-entries-overlap" in refused(built(Item(DATA + b"long", b"x", central={"packed": 5000, "size": 5000})))


def test_an_offset_behind_the_end_is_refused(refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"far", b"x", central={"offset": 1 << 30}))) & {"zip-entries-overlap"}


@pytest.mark.parametrize(
    ("local", "what"),
    [
        ({"name": b"W22084.bag/data/other"}, "name"),
        ({"method": 8}, "method"),
        ({"crc": 1}, "CRC"),
        ({"size": 3}, "size"),
        ({"packed": 3}, "packed size"),
        ({"flags": UTF8}, "flags"),
        ({"flags": DESCRIPTOR}, "flags"),
        ({"crc": 0}, "CRC"),
    ],
)
def test_headers_that_disagree_are_refused(local: dict[str, int | bytes], what: str, tmp_path: Path, refused: Refused):
    # No longer than the real name, so that only the header disagrees, not the room that it takes.
    name = b"W22084.bag/data/named"
    files = bag_of({"named": b"text"})
    items = [Item(f"W22084.bag/{path}".encode(), content) for path, content in files.items()]
    items[0] = Item(name, b"text", local=local)
    content = build_zip(items)
    assert "zip-headers-disagree" in refused(content)
    with pytest.raises(BagRejected, match=f"disagree about its {what}"):
        raise_for(tmp_path / "refused.zip")


def raise_for(path: Path) -> None:
    raise BagRejected(verify(open_local_source(path)))


def test_no_header_where_the_directory_says_is_refused(refused: Refused, bag_items: list[Item]):
    content = bytearray(build_zip(bag_items))
    content[0:4] = b"PK\x03\x05"
    assert "zip-headers-disagree" in refused(bytes(content))


def test_bytes_before_the_first_entry_are_refused(refused: Refused, built: Built):
    assert refused(built(prefix=b"#!/bin/sh\n")) == {"zip-unaccounted-bytes"}


def test_bytes_between_entries_are_refused(refused: Refused, built: Built):
    codes = refused(built(Item(DATA + b"a", b"x", gap=b"hidden"), Item(DATA + b"b", b"y")))
    assert "zip-unaccounted-bytes" in codes
    assert "zip-unaccounted-bytes" in refused(
        built(Item(DATA + b"a", b"x", gap=bytes(70_000)), Item(DATA + b"b", b"y"))
    )


def test_bytes_between_the_last_entry_and_the_directory_are_refused(refused: Refused, built: Built):
    assert "zip-unaccounted-bytes" in refused(built(before_directory=b"hidden"))


def test_bytes_after_the_directory_are_refused(refused: Refused, built: Built):
    assert refused(built(after_directory=b"hidden")) == {"zip-unaccounted-bytes"}
    assert refused(built(after_directory=b"hidden", zip64=True)) & {"zip-unaccounted-bytes", "zip64-contradiction"}


def test_bytes_after_the_end_are_refused(refused: Refused, built: Built):
    assert refused(built(suffix=b"\n")) == {"zip-unaccounted-bytes"}


def test_two_zips_one_after_the_other_are_refused(refused: Refused, built: Built):
    assert refused(built() + built()) == {"zip-unaccounted-bytes"}


def test_a_second_end_record_in_the_comment_is_refused(refused: Refused, built: Built):
    second = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    assert refused(built(comment=second)) == {"zip-several-ends"}
    assert refused(built(comment=b"PK\x05\x06 and more text than a record has, to be sure")) == {"zip-several-ends"}


@pytest.mark.parametrize("cut", [1, 10, 21, 22, 30, 200])
def test_a_truncated_zip_is_refused(cut: int, refused: Refused, built: Built):
    assert refused(built()[:-cut]) == {"zip-truncated"}


def test_a_cut_comment_is_refused(refused: Refused, built: Built):
    assert refused(built(comment=b"a comment")[:-3]) == {"zip-truncated"}


def test_what_is_no_zip_is_refused(refused: Refused):
    assert refused(b"") == {"not-a-zip"}
    assert refused(b"PK") == {"not-a-zip"}
    assert refused(b"<html>no zip</html>" * 100) == {"not-a-zip"}


def test_a_directory_that_is_no_directory_is_refused(refused: Refused, bag_items: list[Item]):
    content = build_zip(bag_items)
    start = content.index(b"PK\x01\x02")
    assert refused(content[:start] + b"XX" + content[start + 2 :]) == {"zip-directory-damaged"}


@pytest.mark.parametrize("more", [-1, 1, 200])
def test_a_wrong_number_of_entries_is_refused(more: int, refused: Refused, bag_items: list[Item]):
    number = len(bag_items) + more
    assert refused(build_zip(bag_items, end={"here": number, "entries": number})) == {"zip-directory-damaged"}


@pytest.mark.parametrize("end", [{"disk": 1}, {"start_disk": 1}, {"here": 1}])
def test_a_part_of_a_split_zip_is_refused(end: dict[str, int], refused: Refused, built: Built):
    assert refused(built(end=end)) == {"zip-several-disks"}


def test_an_entry_on_another_disk_is_refused(refused: Refused, built: Built):
    assert "zip-several-disks" in refused(built(Item(DATA + b"a", b"x", central={"disk": 1})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": {"entries": 2, "here": 2}},
        {"end": {"start": 0}},
        {"end64": {"start": 1}},
        {"locator": {"position": 0}},
        {"locator": {"position": 1 << 40}},
        {"locator": {"disks": 2}},
        {"end64": {"entries": 1 << 50, "here": 1 << 50}},
    ],
)
def test_zip64_end_records_that_contradict_are_refused(
    wrong: dict[str, dict[str, int]], refused: Refused, built: Built
):
    assert refused(built(zip64=True, **wrong)) <= {
        "zip64-contradiction",
        "zip-unaccounted-bytes",
        "zip-several-disks",
        "zip-too-many-entries",
    }


def test_bytes_between_the_zip64_end_and_its_locator_are_refused(refused: Refused, built: Built):
    content = built(zip64=True)
    assert refused(content[:-42] + b"hidden" + content[-42:]) == {"zip64-contradiction"}


@pytest.mark.parametrize(
    ("extra", "central"),
    [
        (b"", {"size": 0xFFFFFFFF}),
        (struct.pack("<HHQ", 1, 8, 7), {}),
        (struct.pack("<HHQQQ", 1, 24, 1, 1, 12345), {}),
        (struct.pack("<HHL", 1, 4, 1), {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}),
        (struct.pack("<HHQHHQ", 1, 8, 1, 1, 8, 1), {"size": 0xFFFFFFFF}),
    ],
)
def test_zip64_fields_that_contradict_are_refused(
    extra: bytes, central: dict[str, int], refused: Refused, built: Built
):
    assert "zip64-contradiction" in refused(built(Item(DATA + b"a", b"x", central_extra=extra, central=central)))


def test_an_extra_field_that_does_not_fit_is_refused(refused: Refused, built: Built):
    extra = struct.pack("<HH", 0x5455, 100) + b"x"
    assert "zip-extra-damaged" in refused(built(Item(DATA + b"a", b"x", extra=extra)))


@pytest.mark.parametrize("flag", [ENCRYPTED, 1 << 6, 1 << 13])
def test_encrypted_entries_are_refused(flag: int, refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"a", b"x", flags=flag))) == {"zip-encrypted"}


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 99])
def test_other_methods_are_refused(method: int, refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"a", b"x", method=method))) == {"zip-method-unsupported"}


def test_a_stored_entry_of_two_sizes_is_refused(refused: Refused, built: Built):
    said = {"size": 100}
    assert "zip-size-contradiction" in refused(built(Item(DATA + b"a", b"x", local=said, central=said)))


def test_a_wrong_crc_is_refused(refused: Refused, tmp_path: Path):
    said = {"crc": 0x12345678}
    items = [Item(b"W22084/images/W22084-0001/00010001.jpg", b"page", local=said, central=said)]
    assert refused(build_zip(items)) == {"zip-crc-mismatch"}
    with pytest.raises(BagRejected) as rejected:
        raise_for(tmp_path / "refused.zip")
    (finding,) = rejected.value.findings
    assert finding.path == "W22084/images/W22084-0001/00010001.jpg"
    assert (finding.expected, finding.found) == ("12345678", f"{zlib.crc32(b'page'):08x}")


@pytest.mark.parametrize("declared", [0, 99, 101, 1 << 20])
def test_deflated_data_of_another_size_is_refused(declared: int, refused: Refused):
    said = {"size": declared}
    item = Item(b"W22084/images/W22084-0001/00010001.jpg", os.urandom(100), method=8, local=said, central=said)
    assert refused(build_zip([item])) == {"zip-size-differs"}


def test_more_bytes_than_declared_are_never_unpacked(refused: Refused, tmp_path: Path):
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(bytes(200 << 20)) + bomb.flush()
    item = Item(b"W22084/images/a", b"x" * 1000, method=8, packed=packed)
    assert refused(build_zip([item])) == {"zip-size-differs"}
    passed: list[int] = []
    verify(open_local_source(tmp_path / "refused.zip"), progress=passed.append)
    assert sum(passed) <= 1000


@pytest.mark.parametrize("packed", [b"\xff" * 50, b"", b"\x03\x00trailing"])
def test_data_that_does_not_inflate_is_refused(packed: bytes, refused: Refused):
    item = Item(b"W22084/images/a", b"x" * 60, method=8, packed=packed)
    assert refused(build_zip([item])) <= {"zip-data-damaged", "zip-size-differs"}


def test_packed_data_ends_where_it_says(refused: Refused):
    text = b"page" * 100
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    open_end = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    whole = open_end + packer.flush()
    for packed in (open_end, whole + b"junk", whole + bytes(3 << 20)):
        item = Item(b"W22084/images/a", text, method=8, packed=packed)
        assert refused(build_zip([item])) <= {"zip-size-differs", "zip-data-damaged"}


def test_packed_data_comes_out_in_small_pieces(tmp_path: Path):
    path = tmp_path / "x.zip"
    path.write_bytes(build_zip([Item(b"W22084/images/a", bytes(12 << 20), method=8)]))
    pieces: list[int] = []
    assert verify(open_local_source(path), progress=pieces.append).valid
    assert max(pieces) <= 1 << 20


def test_a_data_descriptor_that_lies_is_refused(refused: Refused, built: Built):
    wrong = b"PK\x07\x08" + struct.pack("<LLL", 1, 1, 1)
    assert "zip-headers-disagree" in refused(built(Item(DATA + b"a", b"x", flags=DESCRIPTOR, descriptor=wrong)))


@pytest.mark.parametrize("descriptor", [b"", b"short", bytes(16), bytes(30), bytes(24)])
def test_a_data_descriptor_that_is_none_is_refused(descriptor: bytes, refused: Refused, built: Built):
    codes = refused(built(Item(DATA + b"a", b"x", flags=DESCRIPTOR, descriptor=descriptor)))
    assert codes & {"zip-unaccounted-bytes", "zip-entries-overlap"}


def test_a_data_descriptor_that_nobody_announced_is_refused(refused: Refused, built: Built):
    codes = refused(built(Item(DATA + b"a", b"x", descriptor=descriptor_of(b"x"))))
    assert "zip-unaccounted-bytes" in codes


def limited(tmp_path: Path, content: bytes, limits: ZipLimits) -> set[str]:
    path = tmp_path / "limited.zip"
    path.write_bytes(content)
    with pytest.raises(BagRejected) as rejected:
        read_plan(open_local_source(path), limits=limits)
    return {finding.code for finding in rejected.value.findings}


def test_limits_are_kept(tmp_path: Path, built: Built):
    content = built(Item(DATA + b"zeros", bytes(1 << 20), method=8))
    assert limited(tmp_path, content, ZipLimits(entries=3)) == {"zip-too-many-entries"}
    assert limited(tmp_path, content, ZipLimits(total_bytes=1000)) == {"zip-too-large"}
    assert limited(tmp_path, content, ZipLimits(file_bytes=1 << 19)) == {"zip-too-large"}
    assert limited(tmp_path, content, ZipLimits(ratio=10, ratio_from=1000)) == {"zip-ratio"}
    assert limited(tmp_path, content, ZipLimits(depth=3)) == {"name-too-deep"}
    assert limited(tmp_path, content, ZipLimits(name_bytes=40)) == {"name-too-long"}


def test_a_bomb_is_refused_by_the_default_limits(refused: Refused, built: Built):
    assert refused(built(Item(DATA + b"zeros", bytes(64 << 20), method=8))) == {"zip-ratio"}


def test_every_problem_is_reported_in_one_run(refused: Refused, built: Built):
    content = built(
        Item(DATA + b"../up", b"x"),
        Item(b"/root", b"x"),
        Item(DATA + b"link", b"x", mode=stat.S_IFLNK | 0o777),
        Item(DATA + b"secret", b"x", flags=ENCRYPTED),
    )
    assert refused(content) >= {
        "name-traversal",
        "name-absolute",
        "zip-special-file",
        "zip-encrypted",
        "zip-stray-content",
    }


def test_control_characters_never_reach_a_message(tmp_path: Path, built: Built):
    path = tmp_path / "x.zip"
    path.write_bytes(built(Item(DATA + b"\x1b[31mred\x07", b"x"), Item("a\u202eb/c".encode(), b"", flags=UTF8)))
    with pytest.raises(BagRejected) as rejected:
        read_plan(open_local_source(path))
    shown = [str(rejected.value), *(text for f in rejected.value.findings for text in (f.message, f.path))]
    assert all(text.isprintable() for text in shown)
    assert any("\\x1b[31mred\\x07" in text for text in shown)
