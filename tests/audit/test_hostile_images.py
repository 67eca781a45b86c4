"""Files that are no honest images: each is named, none breaks the audit, fills the memory or keeps it waiting."""

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ao_workflows.audit import run_audit
from ao_workflows.audit.checks.image_integrity import ImageIntegrity
from ao_workflows.audit.images import ImageFacts, look_at
from ao_workflows.audit.images.codestream import comes_in_scans
from ao_workflows.audit.images.gif import frames_of_gif
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup
from fixtures.hostile_images import (
    FORMATS,
    claimed_huge,
    exif_in_a_circle,
    grey,
    length_of,
    looping,
    moving_gif,
    noise,
    pictures,
    png_with,
    tiff_of,
)
from fixtures.images import jpeg

PEAK = """
import re, sys
from pathlib import Path
from ao_workflows.audit.images import look_at

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()
for path in sys.argv[1:]:
    look_at(Path(path), with_pixels=True)
print(peak() - before)
"""


def errors_of(facts: ImageFacts) -> list[int]:
    group = ImageGroup("archive", "W1-1", Path("W1-1"))
    return [error for error, _ in ImageIntegrity().check(facts, group, AuditProperties())]


def errors_in(folder: Path, name: str, content: bytes) -> list[int]:
    (folder / name).write_bytes(content)
    return errors_of(look_at(folder / name, with_pixels=True))


@pytest.mark.parametrize("name", claimed_huge())
def test_a_size_that_is_only_claimed_is_found(name: str, tmp_path: Path):
    assert errors_in(tmp_path, name, claimed_huge()[name]) in ([120], [121], [123])


def test_sizes_that_are_only_claimed_take_no_memory(tmp_path: Path):
    for name, content in claimed_huge().items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run([sys.executable, "-c", PEAK, *tmp_path.iterdir()], check=True, capture_output=True, text=True)
    assert int(done.stdout) << 10 < 100 << 20


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_ends_within_its_first_200_bytes_never_passes(kind: str, tmp_path: Path):
    whole = noise(kind)
    for end in range(min(200, len(whole) - 1)):
        assert set(errors_in(tmp_path, f"cut.{kind}", whole[:end])) & {120, 121, 123}, end


@pytest.mark.parametrize("way", ["itself", "two", "inner directories"])
def test_directories_that_lead_in_a_circle_end(way: str, tmp_path: Path):
    before = time.monotonic()
    assert errors_in(tmp_path, "1.tif", looping(way)) == []
    assert time.monotonic() - before < 2


def test_strips_beyond_the_end_of_the_file_are_found(tmp_path: Path):
    entries = grey(8, 8, strips_at=0)
    start = length_of(entries)
    whole = tiff_of(*grey(8, 8, strips_at=start), rest=bytes(64))
    assert errors_in(tmp_path, "whole.tif", whole) == []
    assert errors_in(tmp_path, "short.tif", whole[:-1]) == [120]
    assert errors_in(tmp_path, "beyond.tif", tiff_of(*grey(8, 8, strips_at=1 << 30), rest=bytes(64))) == [120]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("1.tif", b"", [121]),
        ("1.tif", jpeg("page"), [122]),
        ("1.jpg", b"Page 1 of the register\n" * 50, [121]),
        ("1.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n", [120, 122]),
        ("1.jpg", noise("cmyk.jpg"), []),
        ("1.tif", noise("cmyk.tif"), []),
        ("1.tif", noise("16.tif"), []),
        ("1.jp2", noise("jp2")[:40], [121]),
        ("1.jpg", noise("jpg") + b"what a camera adds" * 99, []),
    ],
)
def test_what_a_file_is_decides_and_not_its_name(name: str, content: bytes, expected: list[int], tmp_path: Path):
    assert errors_in(tmp_path, name, content) == expected


def test_colours_of_16_bits_are_unpacked(tmp_path: Path):
    colours = [(256, 4, 8), (257, 4, 8), (259, 3, 1), (262, 3, 2), (277, 3, 3), (278, 4, 8), (279, 4, 384)]
    length = length_of([*colours, (0, 0, 0), (0, 0, 0)])
    depths = struct.pack("<HHLL", 258, 3, 3, length)
    place = struct.pack("<HHLL", 273, 4, 1, length + 6)
    packed = [*(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in colours), depths, place]
    packed.sort(key=lambda entry: struct.unpack("<H", entry[:2]))
    content = b"II*\0" + struct.pack("<LH", 8, 9) + b"".join(packed) + bytes(4) + struct.pack("<3H", 16, 16, 16)
    assert errors_in(tmp_path, "whole.tif", content + bytes(384)) == []
    assert look_at(tmp_path / "whole.tif").bits == 16
    assert errors_in(tmp_path, "cut.tif", content + bytes(383)) == [120]


def book(pages: int, format_: str) -> bytes:
    first, *others = [Image.effect_noise((20, 20), 50 + number % 100).convert("L") for number in range(pages)]
    content = io.BytesIO()
    options = {"compression": "tiff_lzw"} if format_ == "TIFF" else {}
    first.save(content, format_, save_all=True, append_images=others, **options)
    return content.getvalue()


@pytest.mark.parametrize("pages", [2, 100])
def test_damage_in_the_last_page_is_found(pages: int, tmp_path: Path):
    content = book(pages, "TIFF")
    assert errors_in(tmp_path, "whole.tif", content) == []
    with Image.open(io.BytesIO(content)) as image:
        image.seek(pages - 1)
        (start,) = image.tag_v2[273]
    damaged = content[:start] + bytes(40) + content[start + 40 :]
    assert errors_in(tmp_path, "damaged.tif", damaged) == [120]


@pytest.mark.parametrize("share", [0.4, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize(("name", "format_"), [("1.jpg", "MPO"), ("1.png", "PNG"), ("1.gif", "GIF"), ("1.tif", "TIFF")])
def test_a_file_that_is_cut_off_after_its_first_picture_is_found(name: str, format_: str, share: float, tmp_path: Path):
    content = pictures(format_)
    assert errors_in(tmp_path, name, content) == []
    assert errors_in(tmp_path, name, content[: int(len(content) * share)]) == [120]


@pytest.mark.parametrize("without", [b"fcTL", b"fdAT"], ids=["all of it", "its samples"])
def test_a_picture_less_than_the_file_says_is_found(without: bytes, tmp_path: Path):
    content = pictures("PNG")
    fewer = content[: content.rindex(without) - 4] + content[content.rindex(b"IEND") - 4 :]
    assert errors_in(tmp_path, "1.png", fewer) == [120]


def test_each_picture_of_a_file_says_itself_whether_it_comes_in_scans():
    content = bytearray(pictures("MPO", "RGB"))
    with Image.open(io.BytesIO(content)) as image:
        image.seek(1)
        content[content.index(b"\xff\xda", image.tile[0].offset) + 4] = 1  # samples in its first scan, of three
    with Image.open(io.BytesIO(content)) as image:
        assert not comes_in_scans(image)
        image.seek(1)
        assert comes_in_scans(image)
        image.seek(2)
        assert not comes_in_scans(image)


def test_a_moving_picture_of_thousands_of_frames_is_looked_through_in_bounded_time(tmp_path: Path):
    content = book(3000, "GIF")
    before = time.process_time()
    assert errors_in(tmp_path, "1.gif", content) == []
    assert errors_in(tmp_path, "2.gif", content[:-200]) == [120]
    assert time.process_time() - before < 10


def test_a_moving_picture_of_endless_work_is_found_and_not_finished(tmp_path: Path):
    content = bytearray(book(3000, "GIF"))
    content[6:10] = struct.pack("<HH", 8000, 8000)
    before = time.process_time()
    assert errors_in(tmp_path, "1.gif", bytes(content)) == [120]
    assert time.process_time() - before < 1


@settings(max_examples=300, deadline=5000)
@given(data=st.data())
def test_no_frame_is_larger_or_later_than_what_was_counted_before(data: st.DataObject):
    note = data.draw(st.sampled_from([b"", b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", b"!\xfe\0", b"!\xf9\4\x0d\5\0\0\0"]))
    content = bytearray(moving_gif((24, 32), (30, 40), before=note))
    marks = [place for place, byte in enumerate(content) if byte in b"!,;"]
    near = st.builds(lambda mark, by: min(mark + by, len(content) - 1), st.sampled_from(marks), st.integers(0, 16))
    values = st.one_of(st.sampled_from(b"!,;\0\1\xf9\xfe\xff"), st.integers(0, 255))
    for place, byte in data.draw(st.lists(st.tuples(near, values), min_size=1, max_size=4)):
        content[place] = byte
    width, height, frames = frames_of_gif(io.BytesIO(content), 100)
    if width * height > 4 << 20:
        return  # Pillow would take gigabytes for some
    seen = []
    # Pillow comes to its end, in whatever way.
    with suppress(Exception), Image.open(io.BytesIO(content), formats=("GIF",)) as image:
        for frame in range(200):
            image.seek(frame)
            seen.append(image.size)
    assert len(seen) <= frames
    assert all(size[0] <= width and size[1] <= height for size in seen)


@pytest.mark.parametrize(
    ("chunk", "head", "tail"),
    [(b"zTXt", b"note\0\0", b""), (b"iTXt", b"note\0\1\0\0\0", b""), (b"iCCP", b"profile\0\0", b"")],
)
def test_text_that_swells_takes_no_memory_and_is_found(chunk: bytes, head: bytes, tail: bytes, tmp_path: Path):
    path = tmp_path / "1.png"
    path.write_bytes(png_with(chunk, head + zlib.compress(bytes(400 << 20), 1) + tail))
    done = subprocess.run([sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True)
    assert int(done.stdout) << 10 < 60 << 20
    assert errors_of(look_at(path, with_pixels=True)) == [121]


def test_exif_data_in_a_circle_end(tmp_path: Path):
    (tmp_path / "1.jpg").write_bytes(jpeg("page", exif=exif_in_a_circle()))
    before = time.monotonic()
    facts = look_at(tmp_path / "1.jpg", with_pixels=True)
    assert errors_of(facts) == []
    assert time.monotonic() - before < 2


def test_devices_and_pipes_are_named_and_never_opened(make_work, good_v1: list[str]):
    work = make_work(*good_v1)
    group = work / "archive" / "W22084-0886"
    (group / "08860003.tif").symlink_to("/dev/zero")
    os.mkfifo(group / "08860004.tif")
    report = run_audit(work, jobs=2)
    named = {finding.path for finding in report.findings if (finding.test, finding.error) == ("FileSequence", 105)}
    assert {f"archive/W22084-0886/0886000{number}.tif" for number in (3, 4)} <= named
    assert not any(finding.error == 121 for finding in report.findings)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_break_nothing(kind: str, tmp_path: Path, data: st.DataObject):
    content = bytearray(noise(kind))
    places = st.one_of(st.integers(0, min(200, len(content) - 1)), st.integers(0, len(content) - 1))
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)):
        content[place] = byte
    path = tmp_path / f"1.{kind}"
    path.write_bytes(content)
    assert look_at(path, with_pixels=True).size == len(content)
