"""The volume manifest: what it holds, and that the same images give the same bytes."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.archive.web import PageImage, volume_manifest


def page(filename: str = "I1KG10001.jpg", **others: object) -> PageImage:
    values = {"format": "JPEG", "width": 1200, "height": 300, "dpi": 300, "size": 200_000} | others
    return PageImage(filename=filename, **values)


def entries(*pages: PageImage) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(gzip.decompress(volume_manifest(pages)))
    return found


def test_each_image_has_its_name_size_in_pixels_and_resolution():
    assert entries(page()) == [{"filename": "I1KG10001.jpg", "width": 1200, "height": 300, "dpi": 300}]


def test_images_stand_in_the_order_of_their_file_names():
    names = ["08860010.jpg", "08860002.tif", "0886-0001.jpg", "08860001.JPG"]
    found = [entry["filename"] for entry in entries(*(page(name, format="TIFF") for name in names))]
    assert found == ["0886-0001.jpg", "08860001.JPG", "08860002.tif", "08860010.jpg"]


@pytest.mark.parametrize(("size", "told"), [(1_000_000, False), (1_000_001, True)])
def test_the_bytes_of_an_image_are_told_when_they_are_more_than_a_million(size: int, told: bool):
    assert entries(page(size=size))[0].get("size") == (size if told else None)


def test_a_resolution_that_the_file_does_not_say_is_left_out():
    assert "dpi" not in entries(page(dpi=None))[0]


@pytest.mark.parametrize(
    ("name", "format_", "compression", "expected"),
    [
        ("a.jpg", "JPEG", None, {}),
        ("a.JPEG", "JPEG", None, {}),
        ("a.tif", "TIFF", "group4", {}),
        ("a.TIFF", "TIFF", "raw", {}),
        ("a.jpg", "TIFF", "group4", {"format": "TIFF", "compression": "group4"}),
        ("a.tif", "JPEG", None, {"format": "JPEG"}),
        ("a", "JPEG", None, {"format": "JPEG"}),
        ("a.png", "PNG", None, {}),
        ("a.jpg", "PNG", None, {"format": "PNG"}),
    ],
)
def test_the_format_is_told_when_the_name_says_another(
    name: str, format_: str, compression: str | None, expected: dict[str, str]
):
    (entry,) = entries(page(name, format=format_, compression=compression))
    assert {key: entry[key] for key in ("format", "compression") if key in entry} == expected


def test_a_name_beyond_ascii_is_itself():
    assert entries(page("\u0f40\u0f0b0001.jpg"))[0]["filename"] == "\u0f40\u0f0b0001.jpg"


@given(st.permutations([page(f"0886{number:04d}.jpg", width=number) for number in range(1, 8)]))
def test_the_same_images_give_the_same_bytes_in_whatever_order_they_come(pages: list[PageImage]):
    assert volume_manifest(pages) == volume_manifest(sorted(pages, key=lambda each: each.width))


def test_the_bytes_do_not_tell_when_they_were_made():
    # The time in a gzip header (RFC 1952, section 2.3.1): four bytes from the fifth on.
    assert volume_manifest([page()])[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
