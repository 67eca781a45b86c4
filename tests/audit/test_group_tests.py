"""The tests that compare the images of a work with one another; what has to be found is written by hand."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from ao_workflows.audit import parse_properties, run_audit
from ao_workflows.audit.report import AuditReport
from ao_workflows.errors import UsageError
from fixtures.images import jpeg, tiff

WEB, MASTERS = "images/W22084-0886", "archive/W22084-0886"
PAGE, MASTER = jpeg("page"), tiff("page", mode="L", compression="raw")


@pytest.fixture
def audit(tmp_path: Path):
    """Return a function that audits a work of these files by one test."""

    def run(test: str, files: dict[str, bytes], *properties: str) -> AuditReport:
        for path, content in files.items():
            target = tmp_path / "W22084" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return run_audit(tmp_path / "W22084", tests=[test], properties=parse_properties(properties))

    return run


def found(report: AuditReport) -> list[tuple[int, str]]:
    return [(finding.error, finding.path) for finding in report.findings]


def group(folder: str, contents: list[bytes], suffix: str = "jpg") -> dict[str, bytes]:
    return {f"{folder}/0886{number:04d}.{suffix}": content for number, content in enumerate(contents, 1)}


def test_pages_of_the_same_numbers_are_pairs_whatever_their_names_end_in(audit):
    files = group(WEB, [PAGE] * 3) | group(MASTERS, [MASTER] * 3, "tif")
    assert found(audit("ImagePairing", files)) == []


def test_a_page_that_is_there_once_is_found_with_the_file_that_has_no_other(audit):
    files = group(WEB, [PAGE] * 2) | {f"{WEB}/08860004.jpg": PAGE} | group(MASTERS, [MASTER] * 3, "tif")
    report = audit("ImagePairing", files)
    assert found(report) == [(130, f"{MASTERS}/08860003.tif"), (131, f"{WEB}/08860004.jpg")]
    assert report.findings[0].message == "'08860003.tif' has no page 0003 beside it in images."
    assert report.outcome == "warnings"


def test_a_warning_becomes_an_error_where_a_site_says_so(audit):
    files = group(WEB, [PAGE]) | group(MASTERS, [MASTER] * 2, "tif")
    assert audit("ImagePairing", files, "WarningsAsError=131").outcome == "warnings"
    assert audit("ImagePairing", files, "WarningsAsError=131,130").outcome == "failed"
    with pytest.raises(UsageError, match="Error 130 is in ErrorsAsWarning and in WarningsAsError"):
        parse_properties(["WarningsAsError=130", "ErrorsAsWarning=130"])


def test_images_that_were_made_alike_are_consistent(audit):
    sizes = [(100, 150), (99, 151), (120, 150), (61, 150), (166, 150), (100, 91), (100, 249)]
    images = [jpeg("x", size=size) for size in sizes]
    assert found(audit("ImageConsistency", group(WEB, images) | group(MASTERS, [MASTER]))) == []


@pytest.mark.parametrize("size", [(50, 150), (200, 150), (100, 75), (100, 300), (60, 150), (167, 150)])
def test_half_a_page_and_two_pages_in_one_are_found(size: tuple[int, int], audit):
    images = [jpeg("x", size=(100, 150))] * 4 + [jpeg("x", size=size)]
    assert found(audit("ImageConsistency", group(WEB, images) | group(MASTERS, [MASTER]))) == [
        (140, f"{WEB}/08860005.jpg")
    ]


def test_a_stray_greyscale_page_among_colours_is_found(audit):
    images = [jpeg("x", mode="RGB")] * 9 + [jpeg("x", mode="L")]
    report = audit("ImageConsistency", group(WEB, images) | group(MASTERS, [MASTER]))
    assert found(report) == [(141, f"{WEB}/08860010.jpg")]
    assert report.findings[0].message == (
        "'08860010.jpg' has 1 channel of 8 bits; 3 channels of 8 bits are usual in its group."
    )


def test_a_group_of_two_kinds_has_no_rule(audit):
    images = [jpeg("x", mode="RGB")] * 8 + [jpeg("x", mode="L")] * 2
    assert found(audit("ImageConsistency", group(WEB, images) | group(MASTERS, [MASTER]))) == []


def test_a_few_images_make_no_rule(audit):
    images = [jpeg("x", size=(100, 150))] * 3 + [jpeg("x", size=(10, 10), mode="RGB")]
    assert found(audit("ImageConsistency", group(WEB, images) | group(MASTERS, [MASTER]))) == []


def test_masters_are_of_three_formats(audit):
    masters = {f"{MASTERS}/08860001.tif": MASTER, f"{MASTERS}/08860002.jpg": PAGE, f"{MASTERS}/08860003.nef": b"raw"}
    report = audit("ArchiveFormat", masters)
    assert found(report) == [(160, f"{MASTERS}/08860003.nef")]
    assert report.findings[0].message == (
        "'08860003.nef' has not the content of an image or a PDF; masters are JPEG, JPEG2000, TIFF."
    )


def test_a_master_with_fewer_pixels_than_its_web_image_is_found(audit):
    sizes = [(60, 80), (61, 80), (60, 80)]
    files = group(WEB, [jpeg("x", size=size) for size in sizes]) | group(MASTERS, [MASTER] * 3, "tif")
    report = audit(
        "ArchiveFormat", files | {f"{MASTERS}/cover.tif": MASTER, f"{WEB}/cover.jpg": jpeg("x", size=(9, 999))}
    )
    assert found(report) == [(161, f"{MASTERS}/08860002.tif")]
    assert report.findings[0].message == "'08860002.tif' has 60 by 80 pixels, its web image 61 by 80."


def text_page(*, lines: int, mode: str = "L", size: tuple[int, int] = (1600, 2000), paper: int = 230) -> Image.Image:
    """Return a page with so many short lines of strokes on it, as thick as print at 300 dots per inch."""
    page = Image.new("L", size, paper)
    for line in range(lines):
        for stroke in range(40):
            left, top = size[0] // 3 + stroke * 12, size[1] // 3 + line * 60
            page.paste(30, (left, top, left + 4, top + 30))
    return page.convert(mode)


def with_dust_and_edges(page: Image.Image) -> Image.Image:
    width, height = page.size
    page.paste(0, (0, 0, width // 30, height))
    for place in range(5):
        page.paste(
            0,
            (
                width // 2 + 40 * place,
                height // 2 + 31 * place,
                width // 2 + 40 * place + 3,
                height // 2 + 31 * place + 3,
            ),
        )
    return page


def shaded(page: Image.Image) -> Image.Image:
    """Return the page as under a lamp at one side, on grainy paper."""
    lamp = Image.linear_gradient("L").resize(page.size).point(lambda level: 20 - level // 6)
    return ImageChops.subtract(
        page, ImageChops.add(lamp, Image.effect_noise(page.size, 6).point(lambda x: abs(x - 128)))
    )


def packed(page: Image.Image, format_: str, **options: object) -> bytes:
    content = io.BytesIO()
    page.save(content, format_, **options)
    return content.getvalue()


BLANK = {
    "jpeg": packed(text_page(lines=0), "JPEG"),
    "colour": packed(text_page(lines=0, mode="RGB"), "JPEG"),
    "bilevel": packed(text_page(lines=0, mode="1", paper=255), "TIFF", compression="group4"),
    "black": packed(text_page(lines=0, paper=5), "JPEG"),
    "dust": packed(with_dust_and_edges(text_page(lines=0)), "JPEG"),
    "lamp": packed(shaded(text_page(lines=0)), "JPEG"),
    "deep": packed(Image.new("I;16", (300, 400), 40_000), "TIFF"),
}
WRITTEN = {
    "jpeg": packed(text_page(lines=1), "JPEG"),
    "colour": packed(text_page(lines=1, mode="RGB"), "JPEG"),
    "bilevel": packed(text_page(lines=1, mode="1", paper=255), "TIFF", compression="group4"),
    "lamp": packed(shaded(text_page(lines=1)), "JPEG"),
    "large": packed(text_page(lines=2, size=(4000, 6000)), "JPEG"),
}


@pytest.mark.parametrize("kind", BLANK)
def test_a_blank_web_image_is_found(audit, kind: str):
    report = audit("BlankOrDuplicatePages", group(WEB, [PAGE, BLANK[kind]]) | group(MASTERS, [MASTER], "tif"))
    assert found(report) == [(150, f"{WEB}/08860002.jpg")]
    assert report.outcome == "warnings"


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_page_with_a_line_of_text_is_not_blank(audit, kind: str):
    assert found(audit("BlankOrDuplicatePages", group(WEB, [WRITTEN[kind]]) | group(MASTERS, [MASTER], "tif"))) == []


def test_how_much_a_blank_page_may_show_can_be_set(audit):
    # Two lines of 800 by 6 pixels each, of 2,000 by 3,000: 0.0016 of it, and 0.00198 of what is within its edges.
    page = Image.new("L", (2000, 3000), 220)
    for line in range(2):
        page.paste(0, (600, 1000 + 500 * line, 1400, 1006 + 500 * line))
    files = group(WEB, [packed(page, "PNG")], "png") | group(MASTERS, [MASTER], "tif")
    assert found(audit("BlankOrDuplicatePages", files, "BlankPageInk=0.0019")) == []
    assert found(audit("BlankOrDuplicatePages", files, "BlankPageInk=0.002")) == [(150, f"{WEB}/08860001.png")]


def test_from_where_on_an_image_is_an_outlier_can_be_set(audit):
    masters = [tiff(f"page {number}", size=(60, 80)) for number in range(4)] + [tiff("narrow", size=(50, 80))]
    files = group(MASTERS, masters, "tif") | group(WEB, [PAGE])
    assert found(audit("ImageConsistency", files)) == []
    assert found(audit("ImageConsistency", files, "SizeOutlierRatio=0.84")) == [(140, f"{MASTERS}/08860005.tif")]


def test_how_many_images_make_a_rule_can_be_set(audit):
    web = [jpeg(f"page {number}") for number in range(4)] + [jpeg("colour", mode="RGB")]
    files = group(WEB, web) | group(MASTERS, [MASTER], "tif")
    assert found(audit("ImageConsistency", files, "MajorityShare=0.81")) == []
    assert found(audit("ImageConsistency", files, "MajorityShare=0.8")) == [(141, f"{WEB}/08860005.jpg")]


def test_a_page_that_is_there_twice_is_found_in_whatever_group_of_its_kind(audit):
    other = "images/W22084-0887"
    files = group(WEB, [PAGE, jpeg("other"), PAGE]) | {f"{other}/08870001.jpg": PAGE} | group(MASTERS, [MASTER], "tif")
    report = audit("BlankOrDuplicatePages", files | {"archive/W22084-0887/08870001.tif": tiff("x")})
    assert found(report) == [(151, f"{WEB}/08860003.jpg"), (151, f"{other}/08870001.jpg")]
    assert report.findings[0].message == f"'08860003.jpg' is the same file as '{WEB}/08860001.jpg'."
    assert report.outcome == "warnings"


def test_a_master_that_is_its_own_web_image_is_no_duplicate(audit):
    assert found(audit("BlankOrDuplicatePages", group(WEB, [PAGE]) | group(MASTERS, [PAGE]))) == []


@pytest.mark.parametrize("place", [0, 100_000, 199_999])
def test_files_of_one_size_that_differ_in_a_byte_are_no_duplicates(audit, place: int):
    one = bytearray(PAGE + bytes(200_000 - len(PAGE)))
    other = one.copy()
    other[place] ^= 1
    files = group(WEB, [bytes(one), bytes(other), PAGE[:9], PAGE[1:10], b"", b""]) | group(MASTERS, [MASTER], "tif")
    assert [error for error, _ in found(audit("BlankOrDuplicatePages", files)) if error == 151] == []
