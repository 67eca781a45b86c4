"""One good image group does not let a work pass that holds others which no test can see."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.audit import AuditProperties, AuditReport, run_audit

MakeWork = Callable[..., Path]


def unseen(report: AuditReport) -> list[str]:
    return [finding.path for finding in report.findings if (finding.test, finding.error) == ("WorkLayout", 100)]


@pytest.mark.parametrize("tests", [["NoFilesInFolder"], ["NoFoldersInImageGroups"], ["FileSequence"], None])
@pytest.mark.parametrize(
    ("layout", "hidden", "where"),
    [
        ("good_v1", "images/.W22084-0887/08870002.jpg", "images/.W22084-0887"),
        ("good_v1", "archive/.cache/deep/08870002.tif", "archive/.cache"),
        ("good_v1", "Images/W22084-0887/08870002.jpg", "Images"),
        ("good_v1", ".images/W22084-0887/08870002.jpg", ".images"),
        ("good_v1", "whatever/a/b.jpg", "whatever"),
        ("good_v1", "W999.bag/manifest-md5.txt", "W999.bag"),
        ("good_v1", "W22084-0887/images/08870002.jpg", "W22084-0887"),
        ("good_v1", "images/W999-0001/00010001.jpg", "images/W999-0001"),
        ("good_v1", "archive/0887/08870001.tif", "archive/0887"),
        ("good_v1", "images/W22084-/0001.jpg", "images/W22084-"),
        ("good_v2", "W22084I2/images/0002.jpg", "W22084I2"),
        ("good_v2", "W999-0001/images/0002.jpg", "W999-0001"),
        ("good_v2", "W22084-0887/Images/08870002.jpg", "W22084-0887"),
        ("good_v2", "W22084-0887/foo/08870002.jpg", "W22084-0887"),
        ("good_v2", ".W22084-0887/images/08870002.jpg", ".W22084-0887"),
        ("good_v2", "W22084-0886/08860003.jpg", "W22084-0886/08860003.jpg"),
        ("good_v2", "W22084-0886/Images/08860003.jpg", "W22084-0886/Images"),
        ("good_v2", "W22084-0886/.images/08860003.jpg", "W22084-0886/.images"),
    ],
)
def test_what_no_test_sees_fails_the_audit_whatever_tests_run(
    make_work: MakeWork,
    layout: str,
    hidden: str,
    where: str,
    tests: list[str] | None,
    request: pytest.FixtureRequest,
):
    work = make_work(*request.getfixturevalue(layout), hidden)
    properties = AuditProperties(errors_as_warning=frozenset(range(101, 120)))
    report = run_audit(work, tests=tests, properties=properties)
    assert unseen(report) == [where]
    assert report.outcome == "failed"


def test_the_finding_says_what_is_there_and_what_was_expected(make_work: MakeWork, good_v2: list[str]):
    report = run_audit(make_work(*good_v2, "W22084-0887/foo/1.jpg"), tests=["FileSequence"])
    (finding,) = report.findings
    assert finding.message == (
        "No test could look at the folder 'W22084-0887', which stands where a folder with a name of archive, backup, "
        "config, eBooks, images, other, sources, sync-inventory, web, or an image group 'W22084-…' that holds one of "
        "archive, eBooks, images, sources is expected."
    )
    assert [(result.test, result.outcome) for result in report.results] == [
        ("WorkLayout", "failed"),
        ("FileSequence", "passed"),
    ]


@pytest.mark.parametrize("layout", ["good_v1", "good_v2"])
def test_all_that_is_known_in_a_work_is_no_fault(make_work: MakeWork, layout: str, request: pytest.FixtureRequest):
    known = ["backup", "web", "other", "sync-inventory", "config", "W22084.bag", "W22084.bag/bag-2"]
    work = make_work(
        *request.getfixturevalue(layout),
        *(f"{folder}/x" for folder in known),
        ".DS_Store",
        ".empty/deeper/",
    )
    report = run_audit(work, tests=["NoFilesInFolder"])
    assert report.findings == ()
    assert "WorkLayout" not in [result.test for result in report.results]


def test_all_that_is_known_in_an_image_group_of_layout_v2_is_no_fault(make_work: MakeWork, good_v2: list[str]):
    group = "W22084-0886"
    work = make_work(
        *good_v2, f"{group}/sources/a.pdf", f"{group}/web/b", f"{group}/.DS_Store", f"{group}/dimensions.json"
    )
    assert run_audit(work, tests=["NoFilesInFolder"]).findings == ()
