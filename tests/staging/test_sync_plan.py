"""Where a work goes, and because of what."""

from pathlib import Path

import pytest

from ao_workflows.archive import Access
from ao_workflows.errors import ContentRejected, UsageError
from ao_workflows.settings import Settings
from ao_workflows.staging.sync_plan import SyncPlan, archive_options, plan_sync
from ao_workflows.works.sync_config import AuditOptions, InvalidSyncConfig

WEB = {"target": "s3://images"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "W22084" / "images").mkdir(parents=True)
    return tmp_path / "W22084"


def settings(tmp_path: Path, **tables: dict[str, object]) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "archive": {"root": tmp_path / "mnt"}} | tables)


def says(work: Path, text: str) -> None:
    (work / "config").mkdir(exist_ok=True)
    (work / "config" / "sync.yml").write_text(text)


def targets(plan: SyncPlan) -> tuple[bool, ...]:
    return plan.archive, plan.web, plan.replace_archive, plan.replace_web, plan.update_web


def origins(plan: SyncPlan) -> dict[str, str]:
    return {each.key: each.origin for each in plan.explained}


def test_without_any_file_a_work_goes_into_the_archive_and_onto_the_web(work: Path, tmp_path: Path):
    plan = plan_sync(settings(tmp_path, web=WEB), work)
    assert targets(plan) == (True, True, False, False, True)
    assert set(origins(plan).values()) == {"built in"}


def test_without_a_target_nothing_is_published(work: Path, tmp_path: Path):
    plan = plan_sync(settings(tmp_path), work)
    assert targets(plan) == (True, False, False, False, True)
    assert origins(plan)["web"] == "the settings: [web] has no target"


def test_the_works_own_file_is_taken_whole_over_the_sites(work: Path, tmp_path: Path):
    (tmp_path / "site.yml").write_text("sync: {archive: false, update_web: false}\n")
    house = settings(tmp_path, web=WEB, sync={"config": tmp_path / "site.yml"})
    plan = plan_sync(house, work)
    assert targets(plan) == (False, True, False, False, False)
    assert origins(plan)["archive"] == str(tmp_path / "site.yml")
    assert origins(plan)["web"] == "built in"
    says(work, "sync: {web: false}\n")
    plan = plan_sync(house, work)
    assert targets(plan) == (True, False, False, False, True)
    assert origins(plan)["web"] == "the work's config/sync.yml"
    assert origins(plan)["archive"] == "built in"


def test_the_sites_file_in_the_home_folder_is_taken_by_itself(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config" / "bdrc").mkdir(parents=True)
    (tmp_path / ".config" / "bdrc" / "site-sync.yml").write_text("sync: {web: false}\n")
    assert targets(plan_sync(settings(tmp_path, web=WEB), work))[:2] == (True, False)


@pytest.mark.parametrize(
    ("says_", "expected"),
    [
        ("{archive: true, web: true, replace: true}", (True, True)),
        ("{archive: true, web: false, replace: true}", (True, False)),
        ("{archive: false, web: true, replace: true}", (False, True)),
        ("{archive: true, web: true, replace: false}", (False, False)),
    ],
)
def test_replacing_concerns_only_the_targets_that_a_work_goes_to(
    work: Path, tmp_path: Path, says_: str, expected: tuple[bool, bool]
):
    says(work, f"sync: {says_}\n")
    plan = plan_sync(settings(tmp_path, web=WEB, sync={"replace": True}), work)
    assert (plan.replace_archive, plan.replace_web) == expected


def test_a_work_may_replace_nothing_unless_the_site_allows_it(work: Path, tmp_path: Path):
    says(work, "sync: {replace: true}\n")
    plan = plan_sync(settings(tmp_path, web=WEB), work)
    assert (plan.replace_archive, plan.replace_web) == (False, False)
    assert origins(plan)["replace_web"] == "the settings: [sync] replace is false"


def test_the_command_line_is_stronger(work: Path, tmp_path: Path):
    says(work, "sync: {archive: true, web: false, update_web: false}\n")
    plan = plan_sync(settings(tmp_path, web=WEB), work, archive=False, web=True, replace_web=True)
    assert targets(plan) == (False, True, False, True, True)
    assert origins(plan)["replace_web"] == origins(plan)["update_web"] == "the command line"


def test_a_file_that_lets_nothing_be_updated_is_obeyed_although_it_lets_what_is_gone_be_removed(
    work: Path, tmp_path: Path
):
    text = "sync: {replace: true, update_web: false}\n"
    says(work, text)
    plan = plan_sync(settings(tmp_path, web=WEB, sync={"replace": True}), work)
    assert targets(plan) == (True, True, True, True, False)
    assert origins(plan)["update_web"] == "the work's config/sync.yml"
    (work / "config" / "sync.yml").unlink()
    (tmp_path / "site.yml").write_text(text)
    plan = plan_sync(settings(tmp_path, web=WEB, sync={"config": tmp_path / "site.yml"}), work)
    assert targets(plan) == (True, True, True, True, False)
    assert origins(plan)["update_web"] == str(tmp_path / "site.yml")


def test_to_replace_one_target_never_replaces_the_other(work: Path, tmp_path: Path):
    plan = plan_sync(settings(tmp_path, web=WEB), work, replace_archive=True)
    assert (plan.replace_archive, plan.replace_web) == (True, False)
    plan = plan_sync(settings(tmp_path, web=WEB), work, archive=False, web=True, replace_archive=True)
    assert (plan.replace_archive, plan.replace_web) == (False, False)


@pytest.mark.parametrize("text", ["sync: {web: maybe}", "sync: {wbe: true}", "audit: {pre: FileSequence}", "- x"])
def test_a_mistake_names_the_file_and_the_line(work: Path, tmp_path: Path, text: str):
    says(work, text)
    with pytest.raises(ContentRejected, match=r"config/sync.yml is wrong. Line 1") as rejected:
        plan_sync(settings(tmp_path), work)
    assert rejected.value.code == "sync-config-invalid"
    (tmp_path / "site.yml").write_text(text)
    (work / "config" / "sync.yml").unlink()
    with pytest.raises(UsageError, match=r"site.yml is wrong. Line 1") as wrong:
        plan_sync(settings(tmp_path, sync={"config": tmp_path / "site.yml"}), work)
    assert wrong.value.code == "config-invalid"


def test_a_named_file_of_the_site_that_is_not_there_is_an_error(work: Path, tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        plan_sync(settings(tmp_path, sync={"config": tmp_path / "site.yml"}), work)
    assert caught.value.code == "config-missing"


def test_works_that_have_no_say_in_their_audit_still_say_where_they_go(work: Path, tmp_path: Path):
    says(work, "sync: {archive: false}\naudit: {pre: [-TFileSequence]}\n")
    house = settings(tmp_path, audit={"work_options": False})
    plan = plan_sync(house, work)
    assert not plan.archive
    assert plan.audit == AuditOptions()
    says(work, "sync: {archiv: false}\n")
    with pytest.raises(InvalidSyncConfig):
        plan_sync(house, work)


def test_modes_and_group_are_given_as_people_write_them(work: Path, tmp_path: Path):
    archive = {"root": tmp_path, "file_mode": "0640", "folder_mode": "2750", "group": "0", "max_syncs": 7}
    house = settings(tmp_path, archive=archive)
    options = archive_options(house, plan_sync(house, work), link=True, checksum=False)
    assert options.access == Access(file_mode=0o640, folder_mode=0o2750, group=0)
    assert (options.at_once, options.link, options.verify) == (7, True, "reread")


def test_a_group_that_is_not_there_is_told(work: Path, tmp_path: Path):
    house = settings(tmp_path, archive={"root": tmp_path, "group": "no-such-group"})
    with pytest.raises(UsageError, match="no-such-group"):
        archive_options(house, plan_sync(house, work), link=True, checksum=False)
