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
    "target",
    ["s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/a/../b", "s3://bucket/./b", "~nobody-of-that-name/x"],
)
def test_a_target_that_leads_nowhere_is_told_before_anything_is_sent(settings: Settings, target: str):
    with pytest.raises(UsageError) as caught:
        web_target(settings, target)
    assert repr(target) in caught.value.message
