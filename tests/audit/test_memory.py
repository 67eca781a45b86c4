"""What an audit takes of the memory: less than 512 MB, whatever images and PDF it looks at together."""

import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from fixtures.hostile_images import tiff_of
from fixtures.images import LONG, SHORT
from fixtures.pdfs import bomb, one_page, packed, picture, scanned, stream

pytestmark = pytest.mark.slow

CODE = """
import re, sys
from pathlib import Path
from ao_workflows.audit import run_audit

report = run_audit(Path(sys.argv[1]), tests=["ImageIntegrity"], jobs=2)
print(*(finding.error for finding in report.findings if finding.path.startswith("archive")))
# Not what getrusage says: that begins with the memory of the process which started this one.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""

SIXTY, HUNDRED = (7500, 8000), (10_000, 10_000)


def page(size: tuple[int, int], mode: str) -> Image.Image:
    paper, ink = {"1": (1, 0), "L": (180, 0)}.get(mode, ((200, 180, 150), (0, 0, 0)))
    image = Image.new(mode, size, paper)
    image.paste(ink, (1000, 1000, 2000, 3000))
    return image


def raw(path: Path) -> None:
    """Write a TIFF that is not packed, whose pixels are a hole on the disk."""
    width, height = SIXTY
    sizes = [(256, LONG, width), (257, LONG, height), (258, SHORT, 8), (259, SHORT, 1), (262, SHORT, 2)]
    strips = [(273, LONG, 4096), (277, SHORT, 3), (278, LONG, height), (279, LONG, width * height * 3)]
    path.write_bytes(tiff_of(*sizes, *strips))
    os.truncate(path, 4096 + width * height * 3)


def lzw(path: Path) -> None:
    page(SIXTY, "RGB").save(path, compression="tiff_lzw")


def lzw_of_one_strip(path: Path, **tags: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TiffImagePlugin, "STRIP_SIZE", 1 << 30)
        page(SIXTY, "RGB").save(path, compression="tiff_lzw", tiffinfo={274: tags.get("orientation", 1)})


def lzw_of_one_strip_to_be_turned(path: Path) -> None:
    lzw_of_one_strip(path, orientation=6)


def group_4(path: Path) -> None:
    page(HUNDRED, "1").save(path, compression="group4")


def jpeg(path: Path) -> None:
    page(HUNDRED, "RGB").save(path, "JPEG")


def progressive(path: Path) -> None:
    page(HUNDRED, "RGB").save(path, "JPEG", progressive=True, subsampling="4:2:0")


def progressive_in_full(path: Path) -> None:
    page(HUNDRED, "RGB").save(path, "JPEG", progressive=True, subsampling="4:4:4")


def jpeg_2000(path: Path) -> None:
    page((4600, 4600), "RGB").save(path, "JPEG2000")


def large_jpeg_2000(path: Path) -> None:
    page((5000, 5000), "RGB").save(path, "JPEG2000")


def large_jpeg_2000_of_tiles(path: Path) -> None:
    page((5000, 5000), "RGB").save(path, "JPEG2000", tile_size=(1024, 1024))


def png(path: Path) -> None:
    Image.new("L", (20_000, 20_000)).save(path, "PNG", compress_level=1)


def moving(path: Path, side: int = 4600) -> None:
    frames = [page((side, side), "L") for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste(number * 100, (0, 0, side, side // 2))  # each but the first lies on a part of the one before
    frames[0].save(path, path.suffix[1:], save_all=True, append_images=frames[1:], disposal=2)


def moving_and_large(path: Path) -> None:
    moving(path, 4700)


DRAWERS: dict[Callable[[Path], None], int | None] = {
    raw: None,
    lzw: None,
    lzw_of_one_strip: None,
    lzw_of_one_strip_to_be_turned: 123,
    group_4: None,
    jpeg: None,
    progressive: None,
    progressive_in_full: 123,
    jpeg_2000: None,
    large_jpeg_2000: 123,
    large_jpeg_2000_of_tiles: None,
    png: None,
    moving: None,
    moving_and_large: 123,
}
"""Who draws a large image, and the error of one that is too large for 512 MB."""


def test_an_audit_of_large_images_takes_less_than_512_mb(tmp_path: Path):
    group = tmp_path / "W22084" / "archive" / "W22084-0886"
    group.mkdir(parents=True)
    suffixes = {"jpeg": "jpg", "progressive": "jpg", "progressive_in_full": "jpg"}
    suffixes |= {"png": "png", "moving": "gif", "moving_and_large": "gif"}
    for number, draw in enumerate(DRAWERS):
        suffix = "jp2" if "2000" in draw.__name__ else suffixes.get(draw.__name__, "tif")
        draw(group / f"{number:04}.{suffix}")
    done = subprocess.run([sys.executable, "-c", CODE, group.parents[1]], check=True, capture_output=True, text=True)
    errors, peak = done.stdout.splitlines()
    assert int(peak) << 10 <= 512 << 20
    assert errors.split() == [str(error) for error in DRAWERS.values() if error]


def pdfs() -> list[tuple[bytes, int | None]]:
    """Return PDF that take much memory, and the error of one for which 512 MB are not enough."""
    wide, high = SIXTY
    colours = picture(zlib.compress(bytes(wide * high * 3), 1), "FlateDecode", SIXTY)
    colours = colours.replace(b"/DeviceGray", b"/DeviceRGB")
    large = packed(page((4000, 4000), "RGB"), "JPEG2000")
    return [
        (scanned(40, size=(2480, 3508), mode="RGB"), None),
        (scanned(40, size=(2480, 3508), mode="1"), None),
        (scanned(1, size=HUNDRED, mode="RGB"), None),
        (one_page(colours), None),
        (one_page(picture(large, "JPXDecode", (4000, 4000))), None),
        (one_page(content=stream(bomb(600 << 20), b"/Filter/FlateDecode")), 123),
        (one_page(picture(zlib.compress(b""), "FlateDecode", (60_000, 60_000))), 123),
    ]


def taken(pid: int) -> int:
    """Return the bytes of memory that a process and those that it started have now."""
    processes = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        processes += map(int, path.read_text().split())
    size = 0
    for process in processes:
        with suppress(OSError):
            size += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return size * os.sysconf("SC_PAGESIZE")


def test_an_audit_of_large_pdfs_takes_less_than_512_mb_with_the_processes_it_starts(tmp_path: Path):
    group = tmp_path / "W22084" / "archive" / "W22084-0886"
    group.mkdir(parents=True)
    for number, (content, _) in enumerate(pdfs() * 2):
        (group / f"{number:04}.pdf").write_bytes(content)
    most = 0
    with subprocess.Popen([sys.executable, "-c", CODE, group.parents[1]], stdout=subprocess.PIPE, text=True) as audit:
        while audit.poll() is None:
            with suppress(OSError):
                most = max(most, taken(audit.pid))
            time.sleep(0.005)
        errors, _ = audit.communicate()[0].splitlines()
    assert 100 << 20 < most <= 512 << 20
    assert errors.split() == [str(error) for _, error in pdfs() * 2 if error]
