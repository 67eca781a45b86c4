"""The images of a group: each is looked at once, in the order of names, however many are handed over together."""

from pathlib import Path

import pytest

from ao_workflows.audit.images import Gallery
from fixtures.images import jpeg, tiff


@pytest.fixture
def group(tmp_path: Path) -> Path:
    for number in range(70):
        (tmp_path / f"0886{number:04}.jpg").write_bytes(jpeg() if number % 2 else tiff())
    return tmp_path


@pytest.mark.parametrize("with_pixels", [False, True])
@pytest.mark.parametrize("jobs", [1, 2])
def test_all_images_of_a_group_are_looked_at_in_the_order_of_their_names(group: Path, jobs: int, with_pixels: bool):
    done: list[int] = []
    found = Gallery(with_pixels=with_pixels, jobs=jobs, progress=done.append).images_of(group)
    assert [image.name for image in found] == [f"0886{number:04}.jpg" for number in range(70)]
    assert [image.format for image in found] == ["TIFF", "JPEG"] * 35
    assert done == [len(tiff()), len(jpeg())] * 35


def test_a_group_is_looked_at_once(group: Path):
    gallery = Gallery()
    before = gallery.images_of(group)
    (group / "08860000.jpg").unlink()
    assert gallery.images_of(group) is before


def test_an_image_that_the_disk_does_not_give_is_an_error_of_the_disk(group: Path, monkeypatch: pytest.MonkeyPatch):
    (group / "08860069.jpg").unlink()
    names = [f"0886{number:04}.jpg" for number in range(70)]
    monkeypatch.setattr("ao_workflows.audit.images.gallery.image_names", lambda _: names)
    with pytest.raises(FileNotFoundError):
        Gallery(jobs=2).images_of(group)
