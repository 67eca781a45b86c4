from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.images import jpeg, tiff

MakeWork = Callable[..., Path]


@pytest.fixture
def make_work(tmp_path: Path) -> MakeWork:
    """Make a work from the paths of its files, with images in them; a path that ends in "/" is an empty folder."""

    def make(*paths: str, rid: str = "W22084") -> Path:
        work = tmp_path / rid
        work.mkdir(exist_ok=True)
        for path in paths:
            target = work / path
            if path.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes({".jpg": jpeg(path), ".tif": tiff(path)}.get(target.suffix, b""))
        return work

    return make


@pytest.fixture
def good_v1() -> list[str]:
    return [
        "images/W22084-0886/08860001.jpg",
        "images/W22084-0886/08860002.tif",
        "archive/W22084-0886/08860001.tif",
        "archive/W22084-0886/08860002.tif",
    ]


@pytest.fixture
def good_v2() -> list[str]:
    return [
        "W22084-0886/images/08860001.jpg",
        "W22084-0886/images/08860002.tif",
        "W22084-0886/archive/08860001.tif",
        "W22084-0886/archive/08860002.tif",
    ]
