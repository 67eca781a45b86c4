"""What follows from settings that are left out."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ao_workflows.errors import UsageError
from ao_workflows.settings import (
    ArchiveSettings,
    CatalogSettings,
    ScratchSettings,
    Settings,
    SyncSettings,
    load_settings,
)


def test_catalog_and_scratch_live_in_the_home_folder_unless_they_are_set():
    settings = Settings(home=Path("/srv/ao"))
    assert settings.catalog_url == "sqlite:////srv/ao/catalog.db"
    assert settings.scratch_folder == Path("/srv/ao/scratch")


def test_catalog_and_scratch_are_where_they_are_set():
    settings = Settings(
        catalog=CatalogSettings(url="postgresql+psycopg://ao@db/ao"), scratch=ScratchSettings(folder=Path("/fast"))
    )
    assert settings.catalog_url == "postgresql+psycopg://ao@db/ao"
    assert settings.scratch_folder == Path("/fast")


def test_the_home_folder_is_below_that_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ao")
    assert Settings().catalog_url == "sqlite:////home/ao/.local/share/ao-workflows/catalog.db"
    assert Settings().scratch_folder == Path("/home/ao/.local/share/ao-workflows/scratch")


def test_relative_places_are_below_the_working_folder(place):
    settings = Settings(home=Path("data"), archive=ArchiveSettings(root=Path("mnt")))
    assert settings.catalog_url == f"sqlite:///{place}/data/catalog.db"
    assert settings.scratch_folder == place / "data" / "scratch"
    assert settings.archive_root == place / "mnt"


@pytest.mark.parametrize(
    ("section", "key"),
    [("archive", "root"), ("scratch", "folder"), ("intake", "drop_folder"), ("aws", "credentials_file")],
)
def test_every_place_may_be_below_the_home_folder_of_the_user(config, monkeypatch, section, key):
    monkeypatch.setenv("HOME", "/home/ao")
    config(f'[{section}]\n{key} = "~/there"')
    assert getattr(getattr(load_settings(), section), key) == Path("/home/ao/there")


def test_a_home_folder_that_nobody_has_is_told(config):
    config('home = "~no-such-user/ao"')
    with pytest.raises(UsageError, match="The home folder in ~no-such-user/ao cannot be found"):
        load_settings()


def test_an_archive_that_is_not_set_is_told_when_it_is_needed():
    with pytest.raises(UsageError) as caught:
        _ = Settings().archive_root
    assert caught.value.code == "archive-root-unset"
    assert "AO_ARCHIVE__ROOT" in caught.value.action


def test_settings_cannot_be_changed():
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.home = Path("/elsewhere")


def test_logs_of_the_sites_programs_are_in_the_home_folder_unless_they_are_set():
    assert Settings(home=Path("/srv/ao")).site_logs_folder == Path("/srv/ao")
    assert Settings(sync=SyncSettings(log_folder=Path("/mnt/logs"))).site_logs_folder == Path("/mnt/logs")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_minutes", 0),
        ("timeout_minutes", "inf"),
        ("rejected_exit_codes", [0]),
        ("rejected_exit_codes", [256]),
        ("command", ""),
        ("db_config", "prod"),
        ("pass_environment", ["A=B"]),
    ],
)
def test_what_no_program_of_the_site_could_be_run_by_is_refused(key, value):
    with pytest.raises(ValidationError):
        SyncSettings.model_validate({key: value})
