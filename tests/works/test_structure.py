import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.errors import SystemFailed
from ao_workflows.works import ImageGroup, Layout, NotAWork, detect_layout, read_structure

names = st.sampled_from(
    ["images", "archive", "sources", "eBooks", "backup", "config", "W1-I1", "W1-0886", "W1.bag", "x"]
)
folders = st.dictionaries(names, st.sets(names, max_size=3), max_size=6)


@pytest.mark.parametrize(
    ("folders", "layout"),
    [
        ({"images": []}, Layout.V1),
        ({"archive": ["W1-0886"]}, Layout.V1),
        ({"sources": []}, Layout.V1),
        ({"eBooks": []}, Layout.V1),
        ({"W1-0886": ["images"]}, Layout.V2),
        ({"W1-0886": ["archive", "notes"], "config": []}, Layout.V2),
        ({"W1-0886": [], "W1-0887": ["sources"]}, Layout.V2),
        # A folder that has both is one to be told of by the audit; its content folders say V1.
        ({"W1-0886": ["images"], "images": ["W1-0886"]}, Layout.V1),
        ({}, None),
        ({"backup": [], "config": [], "web": [], "other": [], "sync-inventory": []}, None),
        ({"W1-0886": []}, None),
        ({"W1-0886": ["scans"]}, None),
        # Without a dash it is no image group, and a work within a work is none.
        ({"W1": ["images"]}, None),
        ({"Images": [], "ARCHIVE": [], "ebooks": []}, None),
    ],
)
def test_the_layout_is_told_by_the_names_of_folders(folders: dict[str, list[str]], layout: Layout | None):
    assert detect_layout(folders) is layout


@given(folders, st.randoms())
def test_the_layout_does_not_depend_on_the_order_of_folders(folders: dict[str, set[str]], chance: random.Random):
    shuffled = list(folders.items())
    chance.shuffle(shuffled)
    assert detect_layout(dict(shuffled)) is detect_layout(folders)


@given(folders, st.sampled_from(["images", "archive", "sources", "eBooks"]))
def test_a_content_folder_makes_any_folder_a_work_of_layout_v1(folders: dict[str, set[str]], content: str):
    assert detect_layout(folders | {content: set()}) is Layout.V1


@given(folders)
def test_other_folders_change_nothing(folders: dict[str, set[str]]):
    others: dict[str, set[str]] = {"W1.bag": {"images"}, "lost": set(), "W2-0001": {"lost"}}
    assert detect_layout(others | folders) is detect_layout(folders | others)
    assert detect_layout({name: inner for name, inner in folders.items() if name not in others}) is detect_layout(
        {name: inner for name, inner in folders.items() if name not in others} | others
    )


def make(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return root


def test_a_work_in_layout_v1_has_its_groups_below_what_they_hold(tmp_path: Path):
    work = make(
        tmp_path / "W1", "images/W1-0887", "images/W1-0886", "archive/W1-0886", "sources/W1-0886", "W1.bag", "config"
    )
    (work / "images" / "loose.jpg").touch()
    structure = read_structure(work)
    assert (structure.root, structure.layout) == (work, Layout.V1)
    assert structure.groups_of("images") == (
        ImageGroup("W1-0886", "images", work / "images" / "W1-0886"),
        ImageGroup("W1-0887", "images", work / "images" / "W1-0887"),
    )
    assert structure.groups_of("archive") == (ImageGroup("W1-0886", "archive", work / "archive" / "W1-0886"),)
    assert len(structure.groups) == 3


def test_a_work_in_layout_v2_has_what_they_hold_below_its_groups(tmp_path: Path):
    work = make(tmp_path / "W1", "W1-0887/images", "W1-0886/images", "W1-0886/archive", "W1-0888/sources", "config")
    structure = read_structure(work)
    assert structure.layout is Layout.V2
    assert [group.path for group in structure.groups_of("images")] == [
        work / "W1-0886" / "images",
        work / "W1-0887" / "images",
    ]
    assert structure.groups_of("archive") == (ImageGroup("W1-0886", "archive", work / "W1-0886" / "archive"),)
    assert len(structure.groups) == 3


def test_links_files_and_hidden_folders_are_no_part_of_the_layout(tmp_path: Path):
    work = make(tmp_path / "W1", "images/W1-0886", "images/.cache")
    elsewhere = make(tmp_path / "elsewhere", "W1-0999")
    (work / "archive").symlink_to(elsewhere, target_is_directory=True)
    (work / "images" / "W1-0887").symlink_to(elsewhere, target_is_directory=True)
    (work / "images" / "W1-0888").touch()
    assert [group.name for group in read_structure(work).groups] == ["W1-0886"]


def test_a_folder_that_is_no_work_is_rejected_with_what_was_found(tmp_path: Path):
    folder = make(tmp_path / "W1", "scans", "notes")
    with pytest.raises(NotAWork, match=r"'W1' is not a work: .*images.* Found: 'notes', 'scans'") as rejection:
        read_structure(folder)
    assert rejection.value.code == "not-a-work"
    assert rejection.value.action


def test_an_empty_folder_is_no_work(tmp_path: Path):
    with pytest.raises(NotAWork, match="Found: no folders"):
        read_structure(tmp_path)


def test_hostile_folder_names_are_quoted_in_the_message(tmp_path: Path):
    folder = make(tmp_path / "W1", "\x1b[2Jscans\n")
    with pytest.raises(NotAWork) as rejection:
        read_structure(folder)
    assert str(rejection.value).isprintable()


def test_a_work_that_cannot_be_listed_is_a_failure_of_the_system(tmp_path: Path):
    with pytest.raises(SystemFailed, match="W1': No such file or directory") as failure:
        read_structure(tmp_path / "W1")
    assert failure.value.retryable
    assert failure.value.action
