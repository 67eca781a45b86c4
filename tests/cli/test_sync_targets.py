"""``ao sync`` with several targets, and what it would do; ``ao works changes``."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ao_workflows.archive import sync_work
from ao_workflows.cli import publishing
from ao_workflows.errors import MustWait
from ao_workflows.works import parse_rid
from fixtures.house import write_files
from fixtures.images import jpeg

from .conftest import Ao

PAGE = "images/W22084-0001/00010002.jpg"


@pytest.fixture
def web(place: Path) -> Path:
    (place / "web").mkdir()
    return place / "web"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_work_goes_to_both_targets_and_each_is_told(ao: Ao, work: Path, mounts: Path, web: Path):
    answer = ao("sync", work, "--archive", mounts, "--web", web, "--json")
    assert answer.code == 0
    told = answer.json
    assert (told["rid"], told["added"]) == ("W22084", 6)
    assert told["web"].pop("bytes") > 0
    assert told["web"] == {
        "rid": "W22084",
        "address": f"{web}/Works/60/W22084/images/",
        "sent": 4,
        "unchanged": 0,
        "left": 0,
        "removed": 0,
    }
    assert len(names(web)) == 4
    again = ao("sync", work, "--archive", mounts, "--web", web, "--json").json
    assert (again["unchanged"], again["web"]["unchanged"], again["web"]["sent"]) == (6, 4, 0)


def test_the_work_is_not_synced_by_another_while_its_copy_is_sent(
    ao: Ao, work: Path, mounts: Path, web: Path, monkeypatch: pytest.MonkeyPatch
):
    real, met = publishing.publish, []

    def publish(*arguments: Any, **others: Any) -> Any:
        with pytest.raises(MustWait) as caught:
            sync_work(work, mounts, rid=parse_rid("W22084"))
        met.append(caught.value.code)
        return real(*arguments, **others)

    monkeypatch.setattr(publishing, "publish", publish)
    assert ao("sync", work, "--archive", mounts, "--web", web).code == 0
    assert met == ["waiting-for-sync"]
    assert len(names(web)) == 4


def test_the_web_alone_is_a_target_too_and_the_archive_is_not_touched(ao: Ao, work: Path, mounts: Path, web: Path):
    answer = ao("sync", work, "--web", web, "--json")
    assert (answer.code, answer.json["web"]["sent"]) == (0, 4)
    assert "archive_path" not in answer.json
    assert names(mounts) == set()


def test_published_is_what_the_archive_has(ao: Ao, work: Path, mounts: Path, web: Path):
    ao("sync", work, "--archive", mounts)
    (work / PAGE).unlink()
    assert ao("sync", work, "--archive", mounts, "--web", web, "--json").json["web"]["sent"] == 4


def test_each_target_is_replaced_for_itself(ao: Ao, work: Path, mounts: Path, web: Path):
    ao("sync", work, "--archive", mounts, "--web", web)
    (work / PAGE).unlink()
    answer = ao("sync", work, "--archive", mounts, "--web", web, "--replace-archive", "--json").json
    assert (answer["removed"], answer["web"]["removed"]) == (1, 0)
    answer = ao("sync", work, "--archive", mounts, "--web", web, "--replace-web", "--json").json
    assert (answer["removed"], answer["web"]["removed"]) == (0, 1)


def test_to_replace_where_nothing_goes_is_wrong_usage(ao: Ao, work: Path, mounts: Path, web: Path):
    for target, option in ((("--web", web), "--replace-archive"), (("--archive", mounts), "--replace-web")):
        for more in ((), ("--dry-run",), ("--explain",)):
            answer = ao("sync", work, *target, option, *more)
            assert answer.code == 2
            assert option in answer.err
    assert names(mounts) == names(web) == set()


def test_a_dry_run_tells_the_same_numbers_and_changes_nothing(ao: Ao, work: Path, mounts: Path, web: Path):
    targets = ("--archive", mounts, "--web", web, "--replace-archive", "--replace-web", "--json")
    for change in (lambda: None, (work / PAGE).unlink, lambda: write_files(work, {PAGE: jpeg("new" * 900)})):
        change()
        before = names(mounts), names(web)
        dry = ao("sync", work, "--dry-run", *targets).json
        assert (names(mounts), names(web)) == before
        real = ao("sync", work, *targets).json
        assert dry.pop("dry_run") is True
        assert {"verified", "from_memory"}.isdisjoint(dry)
        for key in ("added", "replaced", "removed", "unchanged", "bytes"):
            assert dry[key] == real[key]
        # What would be published is the work here, and what is published is the archive copy: the same, once replaced.
        assert dry["web"] == real["web"]


def test_a_dry_run_changes_no_time_on_the_mount_however_long_it_takes(
    ao: Ao, work: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, real_access, real_statvfs = threading.Event(), os.access, os.statvfs

    def access(*words: Any, **more: Any) -> bool:
        assert asked.wait(60)
        return real_access(*words, **more)

    def statvfs(path: Path) -> os.statvfs_result:
        if threading.current_thread().name.startswith("asking"):
            asked.set()
        return real_statvfs(path)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(os, "statvfs", statvfs)
    os.utime(mounts / "Archive3", ns=(1, 1))
    assert ao("sync", work, "--archive", mounts, "--dry-run").code == 0
    for thread in threading.enumerate():
        if thread.name.startswith("asking"):
            thread.join(60)
    assert (mounts / "Archive3").stat().st_mtime_ns == 1


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_mount_without_the_marker_is_waited_for_whether_its_archive_is_named_or_not(
    ao: Ao, work: Path, mounts: Path, place: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", str(mounts))
    monkeypatch.setenv("AO_ARCHIVE__MARKER", ".ao-archive")
    (place / "link").symlink_to(mounts)
    for named in ((), ("--archive", mounts), ("--archive", "mnt"), ("--archive", "link")):
        answer = ao("sync", work, *named, *more, "--json")
        assert (answer.code, answer.json["error"]["code"]) == (3, "waiting-for-mount")
        assert "/Archive3: it has no file .ao-archive" in answer.err
    assert names(mounts) == set()
    (mounts / "Archive3" / ".ao-archive").touch()
    assert ao("sync", work, *more).code == 0


def test_the_marker_says_nothing_of_another_archive(ao: Ao, work: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", "/elsewhere")
    monkeypatch.setenv("AO_ARCHIVE__MARKER", ".ao-archive")
    assert ao("sync", work, "--archive", mounts).code == 0


def test_to_explain_is_to_do_nothing(ao: Ao, work: Path, mounts: Path):
    write_files(work, {"config/sync.yml": b"sync: {web: false, replace: true}"})
    answer = ao("sync", work, "--archive", mounts, "--explain", "--json")
    assert {each["key"]: (each["value"], each["origin"]) for each in answer.json["plan"]} == {
        "archive": ("yes", "the command line"),
        "web": ("no", "the command line"),
        "replace_archive": ("no", "the settings: [sync] replace is false"),
        "replace_web": ("no", "the settings: [sync] replace is false"),
        "update_web": ("yes", "built in"),
        "archive path": (f"{mounts}/Archive3/84/W22084", "the command line"),
        "web address": ("not set", "the settings: [web] has no target"),
    }
    assert names(mounts) == set()


def test_where_a_work_would_go_is_explained_and_what_is_not_set(
    ao: Ao, work: Path, mounts: Path, place: Path, monkeypatch: pytest.MonkeyPatch
):
    def places(*words: object) -> list[tuple[str, str]]:
        plan = ao("sync", work, "--explain", "--json", *words).json["plan"]
        return [(each["value"], each["origin"]) for each in plan if each["key"] in {"archive path", "web address"}]

    in_archive, web = f"{mounts}/Archive3/84/W22084", "s3://images/library/Works/60/W22084/images/"
    assert places() == [
        ("not set", "the settings: [archive] has no root"),
        ("not set", "the settings: [web] has no target"),
    ]
    assert places("--web", "web")[1] == ("web/Works/60/W22084/images/", "the command line")
    monkeypatch.setenv("AO_ARCHIVE__ROOT", "mnt")
    monkeypatch.setenv("AO_WEB__TARGET", "s3://images/library/")
    assert places() == [(in_archive, "the settings: [archive] root"), (web, "the settings: [web] target")]
    assert places("--archive", "other") == [
        (f"{place}/other/Archive3/84/W22084", "the command line"),
        ("none", "the command line"),
    ]
    write_files(work, {"config/sync.yml": b"sync: {archive: false}"})
    assert places()[0] == ("none", "the work's config/sync.yml")


def test_a_work_that_goes_nowhere_is_told(ao: Ao, work: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", str(mounts))
    write_files(work, {"config/sync.yml": b"sync: {archive: false}"})
    answer = ao("sync", work)
    assert answer.code == 2
    assert "goes neither into the archive nor onto the web" in answer.err
    assert "--explain" in answer.err


def test_an_image_that_is_none_is_told_by_its_name(ao: Ao, work: Path, web: Path):
    (work / PAGE).write_bytes(b"no image")
    answer = ao("sync", work, "--web", web, "--json")
    assert answer.code == 1
    assert answer.json["error"]["code"] == "web-image-unreadable"
    assert PAGE in answer.err
    assert names(web) == set()


@pytest.mark.parametrize("target", ["s3://", "s3:///x", "nowhere"])
def test_a_target_that_is_none_is_told(ao: Ao, work: Path, target: str):
    answer = ao("sync", work, "--web", target)
    assert answer.code in {2, 3}
    assert target.removesuffix("/x") in answer.err
    assert "Traceback" not in answer.err


def test_an_empty_place_is_wrong_usage_and_nothing_goes_into_the_current_folder(ao: Ao, work: Path, place: Path):
    for number in range(4):
        (place / f"Archive{number}").mkdir()
    before = names(place)
    for words in ((work, "--archive", ""), (work, "--web", ""), (work, "--archive", "", "--web", ""), ("",)):
        answer = ao("sync", *words)
        assert answer.code == 2
        assert "is empty" in answer.err
    assert names(place) == before


@pytest.mark.parametrize(("name", "what"), [("W404", "is not there"), ("W1AC6", "is not a folder")])
@pytest.mark.parametrize("asked", [(), ("--explain",), ("--dry-run",)])
def test_a_work_that_is_no_folder_is_wrong_usage_and_named(
    ao: Ao, mounts: Path, place: Path, name: str, what: str, asked: tuple[str, ...]
):
    (place / "W1AC6").touch()
    answer = ao("sync", name, "--archive", mounts, *asked, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (2, "usage")
    assert answer.json["error"]["message"] == f"'{place / name}' {what}."


@pytest.mark.parametrize("target", ["", "https://images.example.org/x", "S3://bucket"])
def test_a_web_target_that_is_none_is_wrong_usage_in_the_settings_too(
    ao: Ao, work: Path, mounts: Path, place: Path, monkeypatch: pytest.MonkeyPatch, target: str
):
    (place / "ao.toml").write_text(f'archive = {{ root = "{mounts}" }}\nweb = {{ target = "{target}" }}\n')
    before = names(place)
    assert ao("sync", work, "--web", target).code == 2
    monkeypatch.setenv("AO_CONFIG", str(place / "ao.toml"))
    assert ao("sync", work).code == 2
    assert names(place) == before


def test_changes_are_shown_by_group_and_by_file(ao: Ao, work: Path, mounts: Path):
    assert ao("sync", work, "--archive", mounts).code == 0
    assert ao("works", "changes", "W22084").code == 3  # there is no catalog, and nobody asked for one
    ao("db", "upgrade")
    assert ao("works", "changes", "W22084").code == 2
    ao("sync", work, "--archive", mounts)
    (work / PAGE).write_bytes(jpeg("a better scan" * 500))
    ao("sync", work, "--archive", mounts)
    answer = ao("works", "changes", "W22084", "--last", "9", "--json").json
    newest, oldest = answer["changes"]
    assert newest["replaced"] == [PAGE]
    assert newest["groups"] == {"W22084-0001": {"added": 0, "replaced": 1, "removed": 0, "untouched": 5}}
    assert len(oldest["added"]) == 6
    shown = ao("works", "changes", "W22084").out
    assert f"replaced: {PAGE}" in shown
    assert "added: " not in shown


def test_a_copy_elsewhere_is_not_taken_for_the_one_in_the_archive(
    ao: Ao, work: Path, mounts: Path, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", str(mounts))
    (place / "elsewhere" / "Archive3").mkdir(parents=True)
    ao("db", "upgrade")
    assert "not recorded" not in ao("sync", work).err
    (work / PAGE).write_bytes(jpeg("a better scan" * 500))
    answer = ao("sync", work, "--archive", "elsewhere")
    assert answer.code == 0
    assert f"not recorded in the catalog: {place}/elsewhere is not the archive of the settings" in answer.err
    (change,) = ao("works", "changes", "W22084", "--last", "9", "--json").json["changes"]
    assert len(change["added"]) == 6
    assert "not recorded" not in ao("sync", work, "--archive", "mnt").err
    assert ao("works", "changes", "W22084", "--json").json["changes"][0]["replaced"] == [PAGE]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_work_that_was_never_synced_has_no_changes_to_show(ao: Ao, more: tuple[str, ...]):
    ao("db", "upgrade")
    answer = ao("works", "changes", "W404", *more)
    assert answer.code == 2
    assert "No sync of W404 is on record" in answer.err


def test_the_help_says_that_reading_everything_concerns_the_archive_only(ao: Ao):
    assert "For the archive only: read all files" in " ".join(ao("sync", "--help").out.replace("│", " ").split())


def test_a_name_that_is_no_rid_is_told(ao: Ao):
    ao("db", "upgrade")
    assert ao("works", "changes", "no rid").code in {1, 2}
