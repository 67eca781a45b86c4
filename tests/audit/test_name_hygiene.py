"""Names and files that make trouble on the next disk; what has to be found is written by hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.audit import run_audit

MakeWork = Callable[..., Path]


def found(work: Path) -> list[tuple[int, str]]:
    findings = run_audit(work, tests=["NameHygiene"]).findings
    return [(finding.error, finding.path) for finding in findings if finding.test == "NameHygiene"]


def add(work: Path, *names: str, content: bytes = b"content") -> None:
    for name in names:
        path = os.fsencode(work) + b"/" + os.fsencode(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


@pytest.mark.parametrize("layout", ["good_v1", "good_v2"])
def test_ordinary_names_are_no_fault(make_work: MakeWork, layout: str, request: pytest.FixtureRequest):
    work = make_work(*request.getfixturevalue(layout))
    add(work, "sources/a (1) བོད་ཡིག, draft_2.txt", "sources/.hidden", "sources/DS_Store", "sources/~x", "sources/é.txt")
    assert found(work) == []


@pytest.mark.parametrize(
    "name", [".DS_Store", "images/Thumbs.db", "images/W22084-0886/._08860001.jpg", "sources/desktop.ini"]
)
def test_what_an_operating_system_left_is_found_in_every_folder(make_work: MakeWork, good_v1: list[str], name: str):
    work = make_work(*good_v1)
    add(work, name)
    assert found(work) == [(170, name)]


def test_a_folder_that_an_operating_system_left_is_named_once(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1)
    add(work, "__MACOSX/some/file", "__MACOSX/another")
    assert found(work) == [(170, "__MACOSX")]


def test_an_empty_file_is_found_wherever_it_is(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1)
    add(work, "sources/notes.txt", "eBooks/book.pdf", content=b"")
    add(work, "eBooks/one-byte", content=b"1")
    assert found(work) == [(171, "eBooks/book.pdf"), (171, "sources/notes.txt")]


def test_names_that_differ_by_case_or_accents_only_are_found(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1)
    add(
        work, "sources/Page.txt", "sources/page.txt", "other/page.txt", "sources/\u00e9", "sources/e\u0301", "Sources/a"
    )
    assert found(work) == [(172, "sources"), (172, "sources/page.txt"), (172, "sources/\u00e9")]


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "a\x7fb",
        "a\\b",
        "a:b",
        "a?b",
        'a"b',
        "a*b",
        "a|b",
        "<a>",
        "a.",
        "a ",
        " a",
        "a\u202eb",
        "a\u200bb",
        "\udcff",
    ],
)
def test_names_that_some_system_cannot_keep_are_found(make_work: MakeWork, good_v1: list[str], name: str):
    work = make_work(*good_v1)
    add(work, f"sources/{name}")
    assert found(work) == [(173, f"sources/{name}")]


def test_all_of_it_only_warns(make_work: MakeWork, good_v1: list[str]):
    work = make_work(*good_v1, ".DS_Store")
    add(work, "sources/a?b", "sources/B", "sources/b")
    report = run_audit(work, tests=["NameHygiene"])
    assert report.outcome == "warnings"
    assert sorted({finding.error for finding in report.findings}) == [170, 171, 172, 173]
