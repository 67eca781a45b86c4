"""The tests that compare the images of a work with one another; what has to be found is written by hand."""

from pathlib import Path

import pytest

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
    sizes = [(100, 150), (99, 151), (120, 150), (61, 150), (166, 150), (100, 91), (100, 250)]
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
        "'08860003.nef' has not the content of an image; masters are JPEG, JPEG2000, TIFF."
    )


def test_a_master_with_fewer_pixels_than_its_web_image_is_found(audit):
    sizes = [(60, 80), (61, 80), (60, 80)]
    files = group(WEB, [jpeg("x", size=size) for size in sizes]) | group(MASTERS, [MASTER] * 3, "tif")
    report = audit(
        "ArchiveFormat", files | {f"{MASTERS}/cover.tif": MASTER, f"{WEB}/cover.jpg": jpeg("x", size=(9, 999))}
    )
    assert found(report) == [(161, f"{MASTERS}/08860002.tif")]
    assert report.findings[0].message == "'08860002.tif' has 60 by 80 pixels, its web image 61 by 80."
