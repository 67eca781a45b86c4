"""Where a target of the web leads."""

from pathlib import Path

import pytest

from ao_workflows.access import web_target
from ao_workflows.errors import UsageError
from ao_workflows.settings import Settings
from ao_workflows.works import Rid


@pytest.fixture
def settings(tmp_path: Path, aws_environment: dict[str, str]) -> Settings:  # noqa: ARG001  # keys
    return Settings.model_validate({"home": tmp_path / "home"})


@pytest.mark.parametrize(
    ("target", "prefix"),
    [
        ("s3://bucket", ""),
        ("s3://bucket/", ""),
        ("s3://bucket/a", "a/"),
        ("s3://bucket/a/b/", "a/b/"),
        ("s3://bucket//a//", "a/"),
    ],
)
def test_a_prefix_has_a_slash_at_its_end_and_none_before(settings: Settings, target: str, prefix: str):
    assert web_target(settings, target).prefix == prefix
    assert web_target(settings, target).address_of(Rid("W22084")).endswith("/Works/60/W22084/images/")


@pytest.mark.parametrize(
    ("target", "works"),
    [
        ("s3://bucket", "s3://bucket/Works"),
        ("s3://bucket/", "s3://bucket/Works"),
        ("s3://bucket//a/b//", "s3://bucket/a/b/Works"),
        ("/srv/web/", "/srv/web/Works"),
        ("web", "{here}/web/Works"),
    ],
)
def test_another_program_is_told_a_place_that_does_not_depend_on_where_it_is_started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, works: str
):
    monkeypatch.chdir(tmp_path)
    assert web_target(settings, target).works == works.format(here=tmp_path)


@pytest.mark.parametrize(
    "target",
    ["", "s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/a/../b", "s3://bucket/./b", "~nobody-of-that-name/x"],
)
def test_a_target_that_leads_nowhere_is_told_before_anything_is_sent(settings: Settings, target: str):
    with pytest.raises(UsageError) as caught:
        web_target(settings, target)
    assert repr(target) in caught.value.message


@pytest.mark.parametrize("target", ["https://images.example.org/x", "S3://bucket", "file:///srv/web", "gs://bucket"])
def test_an_address_of_another_kind_is_not_taken_for_a_folder(settings: Settings, target: str):
    with pytest.raises(UsageError) as caught:
        web_target(settings, target)
    assert repr(target) in caught.value.message
    assert "s3://bucket/prefix, or as the path of a folder" in caught.value.action
