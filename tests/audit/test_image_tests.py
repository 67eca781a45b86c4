"""The tests that look into images: each rule with its borders; what has to be found is written by hand."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.audit import parse_properties, run_audit
from fixtures.images import exif, jpeg, tiff

PAGE = jpeg("a page")
GOOD = {"images/W22084-0886/08860001.jpg": PAGE, "archive/W22084-0886/08860001.tif": tiff("a page")}
WEB, MASTER = "images/W22084-0886/08860002", "archive/W22084-0886/08860002"


@pytest.fixture
def found(tmp_path: Path):
    """Return a function that audits a good work with more files in it by one test: error numbers and paths."""

    def audit(test: str, files: dict[str, bytes], *properties: str) -> list[tuple[int, str]]:
        for path, content in {**GOOD, **files}.items():
            target = tmp_path / "W22084" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        report = run_audit(tmp_path / "W22084", tests=[test], properties=parse_properties(properties))
        return [(finding.error, finding.path) for finding in report.findings]

    return audit


def saved(format_: str, mode: str = "L", **options: object) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (20, 30), 1).save(content, format_, **options)
    return content.getvalue()


def pages(*subfile_types: int) -> bytes:
    """Return a TIFF with a directory for each of these values of the tag NewSubfileType, in one file."""
    content = io.BytesIO()
    first, *others = [Image.new("L", (20, 30)) for _ in subfile_types]
    for image, kind in zip([first, *others], subfile_types, strict=True):
        image.encoderinfo = {"tiffinfo": {254: kind}}
    first.save(content, "TIFF", save_all=True, append_images=others, tiffinfo={254: subfile_types[0]})
    return content.getvalue()


def circle() -> bytes:
    """Return a TIFF whose one directory says that it itself is the next."""
    entries = [(256, 4, 1), (257, 4, 1), (258, 3, 8), (262, 3, 1), (273, 4, 8), (278, 4, 1), (279, 4, 1)]
    packed = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", len(entries)) + packed + struct.pack("<L", 8)


@pytest.mark.parametrize("name", ["I1KG20003.jpg", "I1KG2-0003.jpg", "i1kg2_0003.JPG", "I1KG20003.tiff"])
def test_a_name_of_the_group_and_four_digits_is_right(name: str, tmp_path: Path):
    (tmp_path / "W1KG1" / "images" / "W1KG1-I1KG2").mkdir(parents=True)
    (tmp_path / "W1KG1" / "images" / "W1KG1-I1KG2" / name).write_bytes(PAGE)
    assert run_audit(tmp_path / "W1KG1", tests=["ImageFileNameFormat"]).outcome == "passed"


@pytest.mark.parametrize(
    "name",
    [
        "W1KG1-I1KG2_0003.jpg",
        "I1KG2003.jpg",
        "I1KG200003.jpg",
        "I1KG2--0003.jpg",
        "I1KG20003",
        "I1KG20003.old.jpg",
        "I1KG2\u0f20\u0f21\u0f22\u0f23.jpg",
        "I1KG20003.jpg\n",
        "I1KG30003.jpg",
    ],
)
def test_every_other_name_is_found(name: str, tmp_path: Path):
    (tmp_path / "W1KG1" / "images" / "W1KG1-I1KG2").mkdir(parents=True)
    (tmp_path / "W1KG1" / "images" / "W1KG1-I1KG2" / name).write_bytes(PAGE)
    report = run_audit(tmp_path / "W1KG1", tests=["ImageFileNameFormat"])
    assert [(finding.error, finding.path) for finding in report.findings] == [(119, f"images/W1KG1-I1KG2/{name}")]


def test_characters_that_mean_something_in_patterns_are_names_like_others(tmp_path: Path):
    folder = tmp_path / "W1" / "images" / "W1-a.b+c"
    folder.mkdir(parents=True)
    (folder / "a.b+c0001.jpg").write_bytes(PAGE)
    (folder / "axb+c0002.jpg").write_bytes(PAGE)
    report = run_audit(tmp_path / "W1", tests=["ImageFileNameFormat"])
    assert [finding.path for finding in report.findings] == ["images/W1-a.b+c/axb+c0002.jpg"]


def test_a_web_image_may_be_as_large_as_is_allowed_and_no_larger(found):
    exact, larger = PAGE.ljust(3 * 1024, b"\0"), PAGE.ljust(3 * 1024 + 1, b"\0")
    assert found("FileSizeTests", {f"{WEB}.jpg": exact}, "MaximumImageFileSize=3K") == []
    assert found("FileSizeTests", {f"{WEB}.jpg": larger}, "MaximumImageFileSize=3k") == [(112, f"{WEB}.jpg")]
    assert found("FileSizeTests", {f"{MASTER}.tif": bytes(500_000)}, "MaximumImageFileSize=4M") == []


def test_without_a_setting_400_kibibytes_are_allowed(found):
    assert found("FileSizeTests", {f"{WEB}.jpg": PAGE.ljust(400 * 1024, b"\0")}) == []
    assert found("FileSizeTests", {f"{WEB}.jpg": PAGE.ljust(400 * 1024 + 1, b"\0")}) == [(112, f"{WEB}.jpg")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a JPEG", jpeg("x", mode="RGB")),
        ("a JPEG for print", saved("JPEG", "CMYK")),
        ("a JPEG by another name", jpeg("x")),
        ("Group 4", tiff("x")),
        ("a grey TIFF", tiff("x", mode="L", compression="raw")),
        ("a TIFF of 16 bits", saved("TIFF", "I;16")),
    ],
)
def test_jpeg_and_tiff_are_web_images(name: str, content: bytes, found):
    del name
    assert found("WebImageAttributes", {f"{WEB}.tif": content}) == []


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (110, b""),
        (110, b"text"),
        (110, PAGE[:3]),
        (110, saved("PNG")),
        (110, saved("GIF")),
        (110, saved("JPEG2000")),
        (110, b"%PDF-1.4\n"),
        (110, b"II*\0" + struct.pack("<L", 1 << 31)),
        (111, tiff("x", compression="tiff_lzw")),
        (111, tiff("x", compression="raw")),
        (111, tiff("x", compression="group3")),
    ],
)
def test_other_content_is_found_whatever_its_name(error: int, content: bytes, found):
    assert found("WebImageAttributes", {f"{WEB}.jpg": content}) == [(error, f"{WEB}.jpg")]
    assert found("WebImageAttributes", {f"{WEB}.jpg": PAGE, f"{MASTER}.jpg": content}) == []


@pytest.mark.parametrize(
    "content",
    [PAGE, jpeg("0", exif=exif(0)), jpeg("1", exif=exif(1)), tiff("1", orientation=1), saved("PNG"), circle()],
)
def test_an_image_that_no_viewer_turns_is_right(content: bytes, found):
    assert found("EXIFImageTest", {f"{WEB}.jpg": content}) == []
    assert found("EXIFArchiveTest", {f"{MASTER}.jpg": content}) == []


@pytest.mark.parametrize(
    "content",
    [
        *(jpeg(str(value), exif=exif(value)) for value in (2, 3, 4, 5, 6, 7, 8, 9, 65535)),
        tiff("6", orientation=6),
        jpeg("garbage", exif=b"Exif\0\0neither II nor MM"),
        b"text",
        b"",
    ],
)
def test_an_image_that_may_be_turned_or_cannot_be_read_is_found_in_its_kind_of_group(content: bytes, found):
    assert found("EXIFImageTest", {f"{WEB}.jpg": content}) == [(116, f"{WEB}.jpg")]
    assert found("EXIFArchiveTest", {f"{MASTER}.jpg": content}) == [(115, f"{MASTER}.jpg")]
    assert found("EXIFArchiveTest", {f"{MASTER}.jpg": PAGE}) == []


@pytest.mark.parametrize("content", [PAGE, jpeg("1", exif=exif(1)), tiff("1"), pages(0, 2), saved("PNG"), circle()])
def test_an_image_without_a_thumbnail_is_right(content: bytes, found):
    assert found("EXIFImageThumbnail", {f"{WEB}.jpg": content}) == []
    assert found("EXIFArchiveThumbnail", {f"{MASTER}.jpg": content}) == []


@pytest.mark.parametrize(
    "content",
    [
        jpeg("thumbnail", exif=exif(thumbnail=jpeg("small", size=(8, 8)))),
        jpeg("turned, too", exif=exif(6, thumbnail=b"not even an image")),
        pages(0, 1),
        pages(0, 0, 1),
        b"text",
        jpeg("garbage", exif=b"Exif\0\0neither II nor MM"),
    ],
)
def test_a_thumbnail_is_found_and_so_is_an_image_that_cannot_be_looked_into(content: bytes, found):
    assert found("EXIFImageThumbnail", {f"{WEB}.jpg": content}) == [(118, f"{WEB}.jpg")]
    assert found("EXIFArchiveThumbnail", {f"{MASTER}.jpg": content}) == [(117, f"{MASTER}.jpg")]


def test_images_that_claim_to_be_enormous_are_looked_at_without_unpacking_them(found):
    claimed = bytearray(saved("PNG"))
    claimed[16:24] = struct.pack(">LL", 2**30, 2**30)
    assert found("WebImageAttributes", {f"{WEB}.jpg": bytes(claimed)}) == [(110, f"{WEB}.jpg")]


def test_hidden_files_and_json_are_no_images(found):
    others = {f"{WEB}.json": b"{}", "images/W22084-0886/.DS_Store": b"litter"}
    for test in ("ImageFileNameFormat", "WebImageAttributes", "EXIFImageTest", "EXIFImageThumbnail"):
        assert found(test, others) == []


def test_each_image_is_opened_once_for_all_tests(found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found("NoFilesInFolder", {f"{WEB}.jpg": jpeg("another"), f"{MASTER}.tif": tiff("x")})
    opened: list[str] = []
    real = Image.open

    def counted(file: io.BufferedReader, **options: object) -> Image.Image:
        opened.append(file.name)
        return real(file, **options)

    monkeypatch.setattr(Image, "open", counted)
    assert run_audit(tmp_path / "W22084").outcome == "passed"
    assert len(opened) == len(set(opened)) == 4
