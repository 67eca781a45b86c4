"""What stands where it does not belong, and what is not there, in both layouts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.audit import AuditReport, run_audit
from ao_workflows.works import NotAWork

MakeWork = Callable[..., Path]
OF_BOTH = [
    *("NoFoldersInImageGroups", "FileSequence", "ImageIntegrity", "ImagePairing", "ImageConsistency"),
    "BlankOrDuplicatePages",
]
OF_WEB_IMAGES = ["ImageFileNameFormat", "FileSizeTests", "WebImageAttributes", "EXIFImageTest", "EXIFImageThumbnail"]
OF_MASTERS = ["EXIFArchiveTest", "EXIFArchiveThumbnail", "ArchiveFormat"]
ALL = [
    *("NoFilesInFolder", "NoFoldersInImageGroups", "FileSequence"),
    *("ImageIntegrity", "ImageFileNameFormat", "FileSizeTests", "WebImageAttributes"),
    *("EXIFArchiveTest", "EXIFImageTest", "EXIFArchiveThumbnail", "EXIFImageThumbnail"),
    *("ImagePairing", "ImageConsistency", "BlankOrDuplicatePages", "ArchiveFormat", "NameHygiene"),
]
OF_IMAGES = ALL[:-1]


def found(report: AuditReport) -> list[tuple[str, int, str]]:
    return [(finding.test, finding.error, finding.path) for finding in report.findings]


@pytest.mark.parametrize("layout", ["good_v1", "good_v2"])
def test_a_good_work_passes_every_test(make_work: MakeWork, layout: str, request: pytest.FixtureRequest):
    report = run_audit(make_work(*request.getfixturevalue(layout)))
    assert report.as_dict() == {
        "rid": "W22084",
        "outcome": "passed",
        "tests": [{"test": test, "outcome": "passed"} for test in ALL],
        "findings": [],
    }
    assert report.rejection() is None


def test_provenance_and_hidden_files_and_other_known_folders_are_no_fault(make_work: MakeWork, good_v1: list[str]):
    work = make_work(
        *good_v1,
        "W22084.bag/bagit.txt",
        "W22084.bag/manifest-sha512.txt",
        "config/sync.yml",
        "sources/notes.txt",
        ".DS_Store",
        "images/.DS_Store",
        "images/W22084-0886/.hidden/x",
        "images/.cache/",
    )
    assert found(run_audit(work, tests=OF_IMAGES)) == []


@pytest.mark.parametrize("layout", ["good_v1", "good_v2"])
def test_a_file_in_the_root_is_named(make_work: MakeWork, layout: str, request: pytest.FixtureRequest):
    work = make_work(*request.getfixturevalue(layout), "readme.txt")
    (work / "link").symlink_to("images")
    assert found(run_audit(work, tests=["NoFilesInFolder"])) == [
        ("NoFilesInFolder", 102, "link"),
        ("NoFilesInFolder", 102, "readme.txt"),
    ]


@pytest.mark.parametrize(("layout", "group"), [("good_v1", "archive/W22084-0886"), ("good_v2", "W22084-0886/archive")])
def test_each_folder_in_an_image_group_is_named_and_then_the_group(
    make_work: MakeWork, layout: str, group: str, request: pytest.FixtureRequest
):
    work = make_work(*request.getfixturevalue(layout), f"{group}/old/x.tif", f"{group}/new/")
    report = run_audit(work, tests=["NoFoldersInImageGroups"])
    assert found(report) == [
        ("NoFoldersInImageGroups", 103, f"{group}/new"),
        ("NoFoldersInImageGroups", 103, f"{group}/old"),
        ("NoFoldersInImageGroups", 104, group),
    ]
    assert report.findings[-1].message == "The image group 'W22084-0886' in archive holds 2 folders."


@pytest.mark.parametrize("missing", ["images", "archive"])
def test_a_work_without_one_kind_of_image_groups_fails_each_test_that_needs_it(
    make_work: MakeWork, good_v1: list[str], missing: str
):
    work = make_work(*(path for path in good_v1 if not path.startswith(missing)))
    report = run_audit(work)
    need_it = {*OF_BOTH, *(OF_WEB_IMAGES if missing == "images" else OF_MASTERS)}
    assert found(report) == [(test, 101, missing) for test in ALL if test in need_it]
    assert report.outcome == "failed"


def test_an_image_group_that_lacks_its_images_is_a_finding_in_v1(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "archive/W22084-0887/08870001.tif")
    assert found(run_audit(work, tests=["FileSequence"])) == [("FileSequence", 101, "images/W22084-0887")]


def test_an_image_group_that_lacks_its_images_is_a_finding_in_v2(make_work: MakeWork, good_v2: list[str]):
    work = make_work(*good_v2, "W22084-0887/archive/08870001.tif", "W22084-0888/sources/letter.pdf")
    assert found(run_audit(work, tests=["FileSequence"])) == [("FileSequence", 101, "W22084-0887/images")]


@pytest.mark.parametrize("paths", [["images/"], ["images/", "archive/"], ["sources/x.txt"]])
def test_a_work_without_any_image_group_fails_because_nothing_was_checked(make_work: MakeWork, paths: list[str]):
    report = run_audit(make_work(*paths), tests=["FileSequence"])
    assert found(report) == [
        ("FileSequence", 101, "archive"),
        ("FileSequence", 101, "images"),
        ("FileSequence", 100, "."),
    ]
    assert report.outcome == "failed"


def test_a_file_beside_the_image_groups_belongs_to_no_sequence(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "images/0001.jpg", "images/dimensions.json")
    (work / "archive" / "W22084-0887").symlink_to("W22084-0886")
    assert found(run_audit(work, tests=["FileSequence"])) == [
        ("FileSequence", 105, "archive/W22084-0887"),
        ("FileSequence", 105, "images/0001.jpg"),
    ]


def test_an_image_group_of_the_other_layout_is_not_passed_over(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, "W22084-0887/images/08870009.jpg")
    assert found(run_audit(work, tests=["FileSequence"])) == [
        ("WorkLayout", 100, "W22084-0887"),
        ("FileSequence", 106, "W22084-0887"),
    ]


def test_a_symbolic_link_does_not_stand_in_for_images(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*(path for path in good_v1 if path.startswith("archive")))
    (work / "images").symlink_to("archive")
    assert ("FileSequence", 101, "images") in found(run_audit(work))


def test_faults_in_both_kinds_and_several_groups_are_all_found(make_work: MakeWork, good_v2: list[str]):
    work = make_work(
        *good_v2, "W22084-0887/images/08870002.jpg", "W22084-0887/archive/08870001.tif", "W22084-0887/archive/x.tif"
    )
    assert found(run_audit(work, tests=["FileSequence"])) == [
        ("FileSequence", 105, "W22084-0887/images"),
        ("FileSequence", 109, "W22084-0887/images"),
        ("FileSequence", 106, "W22084-0887/images"),
        ("FileSequence", 105, "W22084-0887/archive/x.tif"),
        ("FileSequence", 106, "W22084-0887/archive"),
    ]


def test_a_folder_that_is_no_work_is_refused(tmp_path: Path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(NotAWork):
        run_audit(tmp_path / "holiday")


def test_a_file_is_no_work(tmp_path: Path):
    (tmp_path / "W22084").touch()
    with pytest.raises(NotAWork, match="is a file, not a work"):
        run_audit(tmp_path / "W22084")


def test_the_current_folder_is_audited_under_its_own_name(
    make_work: MakeWork, good_v1: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(make_work(*good_v1))
    assert run_audit(Path()).rid == "W22084"
