"""ImageIntegrity outside of the image groups: images and PDF are looked at wherever they stand in a work."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.audit import AuditReport, run_audit
from fixtures.images import jpeg, tiff
from fixtures.pdfs import one_page, scanned

MakeWork = Callable[..., Path]

CUT = {
    "pdf": scanned()[:-100],
    "PDF": one_page()[:-30],
    "jpg": jpeg("cut", size=(600, 800))[:-200],
    "jpeg": jpeg("cut", size=(600, 800))[:-200],
    "tif": tiff("cut", mode="L", compression="raw")[:-9],
}


@pytest.fixture(params=["good_v1", "good_v2"])
def work(request: pytest.FixtureRequest, make_work: MakeWork) -> Path:
    return make_work(*request.getfixturevalue(request.param))


def in_layout(work: Path, place: str) -> str:
    """Return where a place is: layout V2 has the folders for content in the image groups."""
    below = not (work / "images").is_dir() and place.startswith(("sources/", "eBooks/"))
    return f"W22084-0886/{place}" if below else place


def put(work: Path, place: str, content: bytes) -> Path:
    path = work / in_layout(work, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(work: Path) -> list[tuple[int, str]]:
    return [(finding.error, finding.path) for finding in audited(work).findings if finding.test == "ImageIntegrity"]


def audited(work: Path) -> AuditReport:
    return run_audit(work, tests=["ImageIntegrity"], jobs=2)


@pytest.mark.parametrize("folder", ["sources", "eBooks", "other", "backup", "web", "config", "sources/deep/er", "."])
@pytest.mark.parametrize("suffix", CUT)
def test_what_is_damaged_is_found_in_every_folder(work: Path, folder: str, suffix: str):
    place = (Path(folder) / f"a.{suffix}").as_posix()
    place = put(work, place, CUT[suffix]).relative_to(work).as_posix()
    errors = {(error, path) for error, path in found(work)}
    assert errors & {(120, place), (121, place)}
    assert {path for _, path in errors} == {place}


@pytest.mark.parametrize("folder", ["sources", "eBooks", "web", "other"])
def test_what_is_damaged_is_found_beside_the_images_of_a_group(make_work: MakeWork, good_v2: list[str], folder: str):
    work = make_work(*good_v2)
    put(work, f"W22084-0886/{folder}/a.pdf", CUT["pdf"])
    assert found(work) == [(120, f"W22084-0886/{folder}/a.pdf")]


def test_what_is_damaged_is_found_beside_the_groups(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1)
    put(work, "images/a.jpg", CUT["jpg"])
    assert found(work) == [(120, "images/a.jpg")]


def test_what_is_whole_passes(work: Path):
    for place, content in {"eBooks/a.pdf": scanned(3), "sources/b.tif": tiff("b"), "other/c.JPG": jpeg("c")}.items():
        put(work, place, content)
    assert audited(work).findings == ()


def test_what_the_name_says_wrongly_is_told_with_its_place(work: Path):
    put(work, "sources/a.jpg", scanned())
    put(work, "sources/b.pdf", b"No PDF.")
    put(work, "sources/c.png", b"")
    expected = [(122, "sources/a.jpg"), (121, "sources/b.pdf"), (121, "sources/c.png")]
    assert found(work) == [(error, in_layout(work, place)) for error, place in expected]


@pytest.mark.parametrize(
    "place",
    [
        "sources/.a.pdf",
        "sources/.cache/a.pdf",
        "W22084.bag/a.pdf",
        "W22084.bag/bag-2/a.jpg",
        "sources/a.txt",
        "sources/pdf",
        "sources/a.pdf.txt",
        "sources/a.nef",
        "sources/a.CR2",
        "sources/a.dng",
        "sources/a.arw",
    ],
)
def test_hidden_files_other_names_raw_formats_and_the_bag_are_left_alone(work: Path, place: str):
    put(work, place, b"Neither an image nor a PDF.")
    assert found(work) == []


def test_a_folder_that_is_named_like_a_bag_further_down_is_looked_into(work: Path):
    put(work, "sources/W22084.bag/a.pdf", CUT["pdf"])
    assert found(work) == [(120, in_layout(work, "sources/W22084.bag/a.pdf"))]


def test_links_are_not_followed(work: Path, tmp_path: Path):
    put(tmp_path, "outside/a.pdf", CUT["pdf"])
    sources = put(work, "sources/b.txt", b"b").parent
    (sources / "a.pdf").symlink_to(tmp_path / "outside" / "a.pdf")
    (sources / "folder").symlink_to(tmp_path / "outside")
    assert found(work) == []


def test_what_stands_in_a_group_is_told_once(work: Path):
    group = next(path for path in work.rglob("08860001.tif")).parent
    (group / "08860001.tif").write_bytes(CUT["pdf"])
    place = (group / "08860001.tif").relative_to(work).as_posix()
    assert found(work) == [(120, place), (122, place)]


@pytest.mark.parametrize("tests", [["ImageIntegrity"], ["WebImageAttributes"], None])
def test_progress_ends_with_all_bytes_that_were_to_be_looked_at(work: Path, tests: list[str] | None):
    put(work, "sources/a.pdf", scanned(2))
    put(work, "eBooks/b.jpg", jpeg("b"))
    told: list[int] = []
    done: list[int] = []

    def begin(total: int) -> Callable[[int], None]:
        told.append(total)
        return done.append

    run_audit(work, tests=tests, progress=begin, jobs=2)
    everywhere = [path.stat().st_size for path in work.rglob("*.*")]
    in_groups = [path.stat().st_size for path in work.rglob("0886*.*")]
    if tests == ["WebImageAttributes"]:
        assert told == [sum(in_groups)]
    else:
        assert sorted(done) == sorted(everywhere)
        assert told == [sum(everywhere)]
