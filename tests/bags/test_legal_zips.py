"""Zips that are right, however they were made: all of them are taken, byte for byte."""

import os
import shutil
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.bags import SourceReport
from bags.corpus import DESCRIPTOR, UTF8, Item, bag_of, build_zip, descriptor_of, tree, zip_files

Accepted = Callable[..., tuple[Path, SourceReport]]
Built = Callable[..., bytes]

WORK = b"W22084/"
PAGE = WORK + b"images/W22084-0001/00010001.jpg"


def test_a_zip_with_data_descriptors_is_taken(accepted: Accepted):
    texts = [b"one" * 1000, b"two" * 1000, b"three" * 1000, b"four" * 1000]
    forms = [(signature, wide) for signature in (True, False) for wide in (True, False)]
    items = []
    for number, (text, (signature, wide)) in enumerate(zip(texts, forms, strict=True)):
        item = Item(WORK + b"images/%d" % number, text, method=8 * (number % 2), flags=DESCRIPTOR)
        item.descriptor = descriptor_of(text, item.payload(), signature=signature, wide=wide)
        items.append(item)
    scratch, _ = accepted(build_zip(items), "W22084.zip")
    assert [(scratch / f"W22084/images/{number}").read_bytes() for number in range(4)] == texts


def test_local_headers_may_hold_the_real_sizes_beside_a_descriptor(accepted: Accepted):
    text = b"text" * 100
    item = Item(PAGE, text, flags=DESCRIPTOR, descriptor=descriptor_of(text))
    item.local = {"crc": zlib.crc32(text), "packed": 400, "size": 400}
    scratch, _ = accepted(build_zip([item]), "W22084.zip")
    assert (scratch / PAGE.decode()).read_bytes() == text


def test_zip64_is_taken_wherever_it_is_used(accepted: Accepted):
    everything = {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "offset": 0xFFFFFFFF, "disk": 0xFFFF}
    item = Item(
        PAGE,
        b"x" * 10,
        extra=struct.pack("<HHQQ", 1, 16, 10, 10),
        local={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
        central_extra=struct.pack("<HHQQQL", 1, 28, 10, 10, 0, 0),
        central=everything,
    )
    other = Item(WORK + b"images/small", b"y", extra=struct.pack("<HHQQ", 1, 16, 1, 1))
    scratch, _ = accepted(build_zip([item, other], zip64=True), "W22084.zip")
    assert (scratch / PAGE.decode()).read_bytes() == b"x" * 10


def test_a_zip64_end_beside_an_end_that_needs_none_is_taken(accepted: Accepted):
    content = bytearray(build_zip([Item(PAGE, b"x")], zip64=True))
    start, size = (int.from_bytes(content[at : at + 8], "little") for at in (-22 - 20 - 8, -22 - 20 - 16))
    content[-14:-2] = struct.pack("<2H2L", 1, 1, size, start)
    accepted(bytes(content), "W22084.zip")


@pytest.mark.parametrize(
    ("raw", "flags", "extra", "name"),
    [
        (b"caf\x82.jpg", 0, b"", "caf\xe9.jpg"),
        ("caf\xe9.jpg".encode(), UTF8, b"", "caf\xe9.jpg"),
        ("\u0f40\u0f0b.jpg".encode(), 0, b"", "\u0f40\u0f0b.jpg"),
        (b"caf?.jpg", 0, "caf\xe9.jpg", "caf\xe9.jpg"),
    ],
)
def test_names_are_decoded_as_their_maker_meant_them(
    raw: bytes, flags: int, extra: bytes | str, name: str, accepted: Accepted
):
    full = WORK + b"images/" + raw
    if isinstance(extra, str):
        extra = struct.pack("<BL", 1, zlib.crc32(full)) + (WORK + b"images/" + extra.encode())
        extra = struct.pack("<HH", 0x7075, len(extra)) + extra
    scratch, _ = accepted(build_zip([Item(full, b"x", flags=flags, extra=extra)]), "W22084.zip")
    assert [path.name for path in (scratch / "W22084/images").iterdir()] == [name]


def test_a_unicode_name_of_another_name_is_not_used(accepted: Accepted):
    extra = struct.pack("<BL", 1, 12345) + b"W22084/images/other"
    extra = struct.pack("<HH", 0x7075, len(extra)) + extra
    scratch, _ = accepted(build_zip([Item(PAGE, b"x", extra=extra)]), "W22084.zip")
    assert (scratch / PAGE.decode()).is_file()


def test_comments_empty_files_and_padding_are_taken(accepted: Accepted):
    items = [
        Item(PAGE, b"", comment=b"an empty page"),
        Item(WORK + b"images/deflated-nothing", b"", method=8),
        Item(WORK + b"images/padded", b"x", extra=b"\0\0\0"),
        Item(WORK + b"images/set-group/", b"", mode=stat.S_IFDIR | 0o2775),
        Item(WORK + b"images/executable", b"x", mode=stat.S_IFREG | 0o4755),
        Item(WORK + b"images/no-mode", b"x", mode=0),
    ]
    scratch, _ = accepted(build_zip(items, comment=b"made by hand"), "W22084.zip")
    assert (scratch / PAGE.decode()).stat().st_size == 0
    assert (scratch / "W22084/images/set-group").is_dir()


def test_modes_in_the_zip_are_not_applied(accepted: Accepted):
    items = [Item(PAGE, b"x", mode=stat.S_IFREG | 0o6777), Item(WORK + b"images/f/", mode=stat.S_IFDIR | 0o000)]
    old = os.umask(0o022)
    try:
        scratch, _ = accepted(build_zip(items), "W22084.zip")
    finally:
        os.umask(old)
    assert stat.S_IMODE((scratch / PAGE.decode()).stat().st_mode) == 0o644
    assert stat.S_IMODE((scratch / "W22084/images/f").stat().st_mode) == 0o755


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_python_makes_is_taken(method: int, tmp_path: Path, payload: dict[str, bytes], accepted: Accepted):
    made = zip_files(tmp_path / "made.zip", bag_of(payload), "W22084.bag/", method=method)
    scratch, report = accepted(made.read_bytes())
    assert report.valid
    found = tree(scratch / "W22084")
    assert {path: found[path] for path in payload} == payload


def test_what_python_streams_is_taken(tmp_path: Path, payload: dict[str, bytes], accepted: Accepted):
    made = tmp_path / "streamed.zip"
    with made.open("wb") as file:
        file.seekable = lambda: False  # as if it were a pipe: headers cannot be mended later
        with zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in bag_of(payload).items():
                with archive.open(f"W22084.bag/{path}", "w", force_zip64=path.endswith("jpg")) as entry:
                    entry.write(content)
    assert accepted(made.read_bytes())[1].valid


class Unseekable:
    def __init__(self, file: object) -> None:
        self.write, self.flush = file.write, file.flush


@pytest.mark.skipif(not shutil.which("zip"), reason="Info-ZIP is not installed")
@pytest.mark.parametrize("options", ["-qr", "-qr0", "-qrD", "-qr9 -z", "-qr -fz", "-qrX", "stream"])
def test_what_info_zip_makes_is_taken(options: str, tmp_path: Path, payload: dict[str, bytes], accepted: Accepted):
    bag = tmp_path / "W22084.bag"
    for path, content in bag_of(payload).items():
        (bag / path).parent.mkdir(parents=True, exist_ok=True)
        (bag / path).write_bytes(content)
        os.utime(bag / path, (1_600_000_001, 1_600_000_001))
    if options == "stream":
        made = subprocess.run(
            ["zip", "-qr", "-", "W22084.bag"], cwd=tmp_path, check=True, stdout=subprocess.PIPE
        ).stdout
    else:
        command = ["zip", *options.split(), "made.zip", "W22084.bag"]
        subprocess.run(command, cwd=tmp_path, check=True, input=b"a comment\n.\n")
        made = (tmp_path / "made.zip").read_bytes()
    scratch, report = accepted(made)
    assert report.valid
    page = scratch / "W22084/images/W22084-0001/00010001.jpg"
    assert page.read_bytes() == payload["images/W22084-0001/00010001.jpg"]
    assert page.stat().st_mtime in ([1_600_000_000, 1_600_000_002] if "X" in options else [1_600_000_001])


@pytest.mark.skipif(not shutil.which("bsdtar"), reason="bsdtar is not installed")
def test_what_bsdtar_makes_is_taken(tmp_path: Path, payload: dict[str, bytes], accepted: Accepted):
    for path, content in bag_of(payload).items():
        target = tmp_path / "W22084.bag" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    subprocess.run(["bsdtar", "-a", "-cf", "made.zip", "W22084.bag"], cwd=tmp_path, check=True)
    assert accepted((tmp_path / "made.zip").read_bytes())[1].valid


@pytest.mark.parametrize(
    ("extra", "expected_ns"),
    [
        (b"", 1_592_224_240_000_000_000),  # 2020-06-15 12:30:40 UTC, the DOS time
        (struct.pack("<HHBl", 0x5455, 5, 1, 1_500_000_001), 1_500_000_001_000_000_000),
        (struct.pack("<HHBll", 0x5455, 9, 3, 1_500_000_001, 5), 1_500_000_001_000_000_000),
        (struct.pack("<HHBl", 0x5455, 5, 1, -86_400), -86_400_000_000_000),
        (struct.pack("<HHBl", 0x5455, 5, 2, 7), 1_592_224_240_000_000_000),  # another time than that of modification
        (struct.pack("<HHLHHQQQ", 10, 32, 0, 1, 24, 131_444_736_010_000_007, 0, 0), 1_500_000_001_000_000_700),
        (
            struct.pack("<HHBlHHLHHQQQ", 0x5455, 5, 1, 1_500_000_001, 10, 32, 0, 1, 24, 131_444_736_010_000_007, 0, 0),
            1_500_000_001_000_000_700,
        ),
        (
            struct.pack("<HHBlHHLHHQQQ", 0x5455, 5, 1, 1_400_000_000, 10, 32, 0, 1, 24, 131_444_736_010_000_007, 0, 0),
            1_400_000_000_000_000_000,
        ),
    ],
)
def test_the_most_exact_time_is_kept(extra: bytes, expected_ns: int, accepted: Accepted):
    folder = Item(WORK + b"images/", extra=extra, mode=stat.S_IFDIR | 0o755)
    scratch, _ = accepted(build_zip([folder, Item(PAGE, b"x", extra=extra)]), "W22084.zip")
    assert (scratch / PAGE.decode()).stat().st_mtime_ns == expected_ns
    assert (scratch / "W22084/images").stat().st_mtime_ns == expected_ns
