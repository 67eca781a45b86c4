"""ImageIntegrity: whole images of every type pass, and whatever is cut off, damaged or no image is found."""

import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.audit import AuditUnreadable, run_audit
from ao_workflows.audit.report import AuditReport
from fixtures.images import jpeg, tiff

FORMATS = {
    "jpg": ("JPEG", "RGB", {}),
    "progressive.jpg": ("JPEG", "RGB", {"progressive": True}),
    "cmyk.jpg": ("JPEG", "CMYK", {}),
    "raw.tif": ("TIFF", "RGB", {}),
    "lzw.tif": ("TIFF", "L", {"compression": "tiff_lzw"}),
    "deflate.tif": ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": ("TIFF", "RGB", {"compression": "jpeg"}),
    "g4.tif": ("TIFF", "1", {"compression": "group4"}),
    "16.tif": ("TIFF", "I;16", {}),
    "png": ("PNG", "RGB", {}),
    "gif": ("GIF", "P", {}),
    "jp2": ("JPEG2000", "RGB", {}),
}


def noise(mode: str, size: tuple[int, int] = (120, 160)) -> Image.Image:
    """Return an image that no compression makes small, the same each time."""
    pixels = size[0] * size[1] * (2 if mode == "I;16" else 3)
    raw = random.Random(1).randbytes(pixels)  # noqa: S311  # the same each time
    if mode == "I;16":
        return Image.frombytes(mode, size, raw)
    return Image.frombytes("RGB", size, raw).convert(mode)


def drawn(kind: str) -> bytes:
    format_, mode, options = FORMATS[kind]
    content = io.BytesIO()
    noise(mode).save(content, format_, **options)
    return content.getvalue()


@pytest.fixture
def audit(tmp_path: Path):
    """Return a function that audits a work whose masters have these names and contents."""

    def run(files: dict[str, bytes]) -> AuditReport:
        for folder, contents in (("archive", files), ("images", {"08860001.jpg": jpeg("page")})):
            place = tmp_path / "W22084" / folder / "W22084-0886"
            place.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                (place / name).write_bytes(content)
        return run_audit(tmp_path / "W22084", tests=["ImageIntegrity"], jobs=2)

    return run


def found(report: AuditReport) -> list[tuple[int, str]]:
    return [(finding.error, finding.path.rpartition("/")[2]) for finding in report.findings]


def test_whole_images_of_every_type_pass(audit):
    report = audit({f"08860001.{kind}": drawn(kind) for kind in FORMATS})
    assert report.findings == ()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_images_that_are_cut_off_are_found(share: float, audit):
    whole = {f"08860001.{kind}": drawn(kind) for kind in FORMATS}
    report = audit({name: content[: int(len(content) * share)] for name, content in whole.items()})
    assert {name for error, name in found(report) if error in {120, 121}} == set(whole)


def test_what_is_wrong_is_told_in_the_decoders_words(audit):
    content = drawn("raw.tif")
    (finding,) = audit({"08860001.tif": content[: len(content) // 2]}).findings
    assert finding.message.startswith("'08860001.tif' cannot be unpacked completely: image file is truncated")


def test_a_second_page_that_is_cut_off_is_found(audit):
    content = io.BytesIO()
    noise("L").save(content, "TIFF", save_all=True, append_images=[noise("L", (300, 300))])
    assert found(audit({"08860001.tif": content.getvalue()})) == []
    assert found(audit({"08860001.tif": content.getvalue()[:-5000]})) == [(120, "08860001.tif")]


def test_what_is_no_image_is_not_passed_over(audit):
    files = {"08860001.tif": b"", "08860002.nef": b"raw data", "08860003.pdf": b"Page 1\n"}
    assert found(audit(files)) == [(121, name) for name in files]


def test_a_name_that_says_another_type_is_a_warning(audit):
    report = audit({"08860001.tif": jpeg("x"), "08860002.JPG": jpeg("x"), "08860003.jpeg": tiff("x")})
    assert found(report) == [(122, "08860001.tif"), (122, "08860003.jpeg")]
    assert report.outcome == "warnings"


def test_an_image_that_would_take_too_much_memory_is_told_and_not_tried(audit):
    content = io.BytesIO()
    Image.new("L", (8, 8)).save(content, "PNG")
    claimed = bytearray(content.getvalue())
    claimed[16:24] = struct.pack(">LL", 21_000, 21_000)
    claimed[29:33] = struct.pack(">L", zlib.crc32(claimed[12:29]))
    report = audit({"08860001.png": bytes(claimed)})
    assert found(report) == [(123, "08860001.png")]
    assert "21,000 by 21,000 pixels" in report.findings[0].message


def test_a_large_jpeg_takes_little_memory_and_is_looked_through(audit):
    content = io.BytesIO()
    Image.new("RGB", (9000, 9000)).save(content, "JPEG")
    assert found(audit({"08860001.jpg": content.getvalue()})) == []
    assert found(audit({"08860001.jpg": content.getvalue()[:-200]})) == [(120, "08860001.jpg")]


def test_a_machine_without_memory_is_no_fault_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for kind in ("images", "archive"):
        (tmp_path / f"W22084/{kind}/W22084-0886").mkdir(parents=True)
        (tmp_path / f"W22084/{kind}/W22084-0886/08860001.jpg").write_bytes(jpeg("x"))

    def starved(_: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", starved)
    with pytest.raises(AuditUnreadable, match=r"'08860001\.jpg'.*Cannot allocate memory"):
        run_audit(tmp_path / "W22084", tests=["ImageIntegrity"])
