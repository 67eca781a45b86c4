"""Which images of a work go onto the web, and which cannot."""

import os
from pathlib import Path

import pytest

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
