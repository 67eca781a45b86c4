from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.demo.pages import Kind, Volume

Draw = Callable[..., tuple[Path, Path]]


@pytest.fixture
def draw(tmp_path: Path):
    def save(kind: Kind, number: int, *, seed: str = "seed") -> tuple[Path, Path]:
        volume = Volume(kind, seed=seed)
        master = tmp_path / f"{seed}-{kind}-{number}-master.tif"
        derivative = tmp_path / f"{seed}-{kind}-{number}{volume.form.suffix}"
        volume.save_page(number, master=master, derivative=derivative)
        return master, derivative

    return save


def test_a_pecha_is_a_long_colour_leaf_with_a_smaller_jpeg(draw: Draw):
    master, derivative = draw(Kind.PECHA, 1)
    with Image.open(master) as large, Image.open(derivative) as small:
        assert (large.format, large.mode, large.size) == ("TIFF", "RGB", (1680, 400))
        assert large.info["compression"] == "tiff_adobe_deflate"
        assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (1260, 300))
        assert small.info["dpi"] == (225, 225)


def test_a_pecha_has_black_and_red_ink_on_light_paper_on_a_dark_table(draw: Draw):
    _, derivative = draw(Kind.PECHA, 1)
    with Image.open(derivative) as image:
        colours = [colour for _, colour in image.getcolors(1 << 24)]
        corner = image.getpixel((1, 1))
    assert max(corner) < 60
    assert any(max(colour) < 75 for colour in colours)
    assert any(red > 110 and green < 70 for red, green, _ in colours)
    assert any(min(colour) > 150 for colour in colours)


def test_a_book_page_is_a_colour_master_and_a_group_4_tiff_that_names_its_resolution(draw: Draw):
    master, derivative = draw(Kind.BOOK, 1)
    with Image.open(master) as large, Image.open(derivative) as small:
        assert (large.format, large.mode, large.size) == ("TIFF", "RGB", (800, 1120))
        assert (small.format, small.mode, small.size) == ("TIFF", "1", (640, 896))
        assert small.info["compression"] == "group4"
        assert small.info["dpi"] == (240, 240)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_page_has_as_much_ink_as_a_written_page(draw: Draw, kind: Kind):
    master, _ = draw(kind, 3)
    with Image.open(master) as image:
        grey = image.convert("L")
    dark = sum(grey.histogram()[:90]) / (grey.width * grey.height)
    assert 0.03 < dark < 0.35


@pytest.mark.parametrize("kind", list(Kind))
def test_the_same_seed_and_number_give_the_same_bytes(draw: Draw, kind: Kind):
    first = [path.read_bytes() for path in draw(kind, 2)]
    assert [path.read_bytes() for path in draw(kind, 2)] == first


@pytest.mark.parametrize("kind", list(Kind))
def test_another_number_or_seed_gives_another_page(draw: Draw, kind: Kind):
    masters = [draw(kind, 1)[0], draw(kind, 2)[0], draw(kind, 1, seed="other")[0]]
    assert len({path.read_bytes() for path in masters}) == 3
