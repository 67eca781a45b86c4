"""Which images of a work go onto the web, and which cannot."""

import os
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.staging.volumes import WebImageUnreadable, volumes_of
from fixtures.house import work_files, write_files
from fixtures.images import jpeg


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return write_files(tmp_path / "W22084", work_files("W22084"))


@pytest.mark.parametrize("name", ["a\nb.jpg", "a\x01.jpg", os.fsdecode(b"a\xff.jpg")])
def test_a_name_that_no_reader_can_be_told_is_refused_with_the_work(work: Path, name: str):
    path = f"images/W22084-0001/{name}"
    (work / path).write_bytes(jpeg("x"))
    with pytest.raises(WebImageUnreadable) as caught:
        volumes_of(work, {})
    assert [finding.path for finding in caught.value.findings] == [path]
    assert repr(path) in caught.value.message
    assert caught.value.message.isprintable()


def test_names_in_any_writing_are_welcome(work: Path):
    (work / "images" / "W22084-0001" / "\u0f40\u0f0b\xe9 +%.jpg").write_bytes(jpeg("x"))
    (volume,) = volumes_of(work, {})
    assert len(volume.files) == 4


def test_a_group_that_is_litter_by_its_folders_name_is_left_out_as_in_the_archive(work: Path):
    for name in ("~old", ".hidden"):
        write_files(work / "images" / name, {"x.jpg": jpeg("x")})
    assert [volume.name for volume in volumes_of(work, {})] == ["W22084-0001"]


@pytest.mark.parametrize(("dpi", "told"), [(None, None), ((300, 300), 300)])
def test_the_resolution_of_a_tiff_is_told_only_if_the_file_says_it(
    work: Path, dpi: tuple[int, int] | None, told: object
):
    options = {} if dpi is None else {"dpi": dpi}
    page = work / "images" / "W22084-0001" / "00010009.tif"
    Image.new("1", (50, 40)).save(page, compression="group4", **options)
    (volume,) = volumes_of(work, {})
    assert [file.image.dpi for file in volume.files if file.path == page] == [told]


def test_the_size_of_a_tiff_with_a_thumbnail_is_that_of_the_page(work: Path):
    page = work / "images" / "W22084-0001" / "00010009.tif"
    small = Image.new("L", (60, 80))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.new("L", (600, 800)).save(page, save_all=True, append_images=[small])
    (volume,) = volumes_of(work, {})
    assert [(file.image.width, file.image.height) for file in volume.files if file.path == page] == [(600, 800)]
