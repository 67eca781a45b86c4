"""A work's own ``config/sync.yml``."""

import os
from pathlib import Path

import pytest

from ao_workflows.works.sync_config import InvalidSyncConfig, SyncConfig, SyncTargets, read_sync_config


def write(work: Path, text: str) -> Path:
    (work / "config").mkdir(parents=True, exist_ok=True)
    (work / "config/sync.yml").write_text(text)
    return work


def test_a_work_without_the_file_wants_nothing(tmp_path: Path):
    assert read_sync_config(tmp_path) is None
    (tmp_path / "config").write_text("a file where a folder belongs")
    assert read_sync_config(tmp_path) is None


def test_what_it_leaves_out_is_as_built_in(tmp_path: Path):
    text = "audit:\n  pre: [-T, FileSequence]\nsync: {archive: true, web: false}\n"
    config = read_sync_config(write(tmp_path, text))
    assert config is not None
    assert config.audit.pre == ("-T", "FileSequence")
    assert config.audit.post == ()
    assert config.sync == SyncTargets(archive=True, web=False, replace=False, update_web=True)
    assert read_sync_config(write(tmp_path, "")) == SyncConfig()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("audit: {pre: -T FileSequence}", "Line 1: audit.pre has to be a list."),
        ("sync:\n  web: 'no'\n", "Line 2: sync.web has to be true or false."),
        ("sync:\n  replaced: true\n", "Line 2: there is no key 'sync.replaced' (did you mean replace?)."),
    ],
)
def test_what_is_wrong_in_it_is_the_works_fault(tmp_path: Path, text: str, problem: str):
    with pytest.raises(InvalidSyncConfig) as caught:
        read_sync_config(write(tmp_path, text))
    assert caught.value.message == f"The work's config/sync.yml is wrong. {problem}"
    assert caught.value.code == "sync-config-invalid"


def test_nothing_but_a_file_is_read(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("audit: {}")
    for number, make in enumerate([lambda path: path.symlink_to(secret), os.mkfifo, Path.mkdir]):
        work = tmp_path / f"W{number}"
        (work / "config").mkdir(parents=True)
        make(work / "config/sync.yml")
        with pytest.raises(InvalidSyncConfig, match=r"It is (a link|no regular file)\."):
            read_sync_config(work)
