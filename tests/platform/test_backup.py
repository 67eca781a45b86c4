import tarfile

import pytest

from ao_workflows.errors import UsageError
from ao_workflows.platform.backup import BackupFailed, lay_files, read_backup, write_backup
from ao_workflows.platform.deployment import Deployment

from .conftest import snapshot


@pytest.fixture
def dumps(tmp_path):
    """Give two files in the place of database dumps."""
    paths = {}
    for name in ("airflow.dump", "ao_catalog.dump"):
        paths[name] = tmp_path / name
        paths[name].write_bytes(name.encode() * 1000)
    return paths


@pytest.fixture
def made(deployed, dumps, tmp_path):
    (deployed.root / "dags" / "own").mkdir()
    (deployed.root / "dags" / "own" / "dag.py").write_text("# ours\n")
    return write_backup(deployed, dumps, tmp_path / "backup.tar")


def test_a_backup_is_for_its_owner_only_and_tells_what_it_holds(made):
    assert made.path.stat().st_mode & 0o077 == 0
    again = read_backup(made.path)
    assert again == made
    expected = {"airflow.dump", "ao_catalog.dump", ".env", "secrets/db", "config/ao.toml", "dags/own/dag.py"}
    assert expected <= set(again.members)
    assert not [name for name in again.members if name.startswith(("logs", "archive", "drop", "backups"))]


def test_files_come_back_as_they_were(made, deployed, tmp_path):
    restored = Deployment(tmp_path / "restored")
    lay_files(made, restored)
    there = snapshot(restored.root)
    assert there == {name: content for name, content in snapshot(deployed.root).items() if name in there}
    assert set(there) == set(made.members) - {"airflow.dump", "ao_catalog.dump"}
    assert (restored.secrets / "db").stat().st_mode == (deployed.secrets / "db").stat().st_mode
    assert (restored.secrets / "db").stat().st_uid == (deployed.secrets / "db").stat().st_uid


def test_nothing_is_overwritten(made, deployed):
    with pytest.raises(UsageError) as refused:
        lay_files(made, deployed)
    assert refused.value.code == "destination-occupied"


def test_a_backup_never_replaces_another(made, deployed, dumps):
    before = made.path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        write_backup(deployed, dumps, made.path)
    assert made.path.read_bytes() == before


def test_a_backup_without_a_secret_is_not_made(deployed, dumps, tmp_path):
    (deployed.secrets / "fernet_key").unlink()
    with pytest.raises(BackupFailed, match="lacks secrets/fernet_key"):
        write_backup(deployed, dumps, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


def test_a_secret_behind_a_link_is_in_the_backup_as_a_file(deployed, dumps, tmp_path):
    elsewhere = tmp_path / "aws"
    elsewhere.write_text("[default]\n")
    (deployed.secrets / "aws").unlink()
    (deployed.secrets / "aws").symlink_to(elsewhere)
    restored = Deployment(tmp_path / "restored")
    lay_files(write_backup(deployed, dumps, tmp_path / "backup.tar"), restored)
    assert (restored.secrets / "aws").read_text() == "[default]\n"
    assert not (restored.secrets / "aws").is_symlink()


def test_what_the_operator_laid_over_the_stack_is_in_the_backup(deployed, dumps, tmp_path):
    (deployed.root / "docker-compose.override.yml").write_text("services: {}\n")
    assert "docker-compose.override.yml" in write_backup(deployed, dumps, tmp_path / "backup.tar").members


@pytest.mark.parametrize("place", ["airflow.dump", "secrets/db"])
def test_a_flipped_bit_is_noticed(made, place):
    with tarfile.open(made.path) as archive:
        offset = archive.getmember(place).offset_data
    content = bytearray(made.path.read_bytes())
    content[offset] ^= 1
    made.path.write_bytes(content)
    with pytest.raises(BackupFailed, match=f"{place} has another checksum"):
        read_backup(made.path)


@pytest.mark.parametrize("left", [0, 100, 4096, 0.5, 0.9])
def test_a_backup_that_was_cut_off_is_noticed(made, left):
    content = made.path.read_bytes()
    made.path.write_bytes(content[: int(len(content) * left) if left < 1 else left])
    with pytest.raises((BackupFailed, UsageError)) as refused:
        read_backup(made.path)
    assert str(made.path) in refused.value.message


def test_what_the_manifest_does_not_list_is_refused(made, tmp_path):
    (tmp_path / "evil").write_text("x")
    with tarfile.open(made.path, "a") as archive:
        archive.add(tmp_path / "evil", arcname="config/evil")
    with pytest.raises(BackupFailed, match="which its manifest does not list"):
        read_backup(made.path)


def test_any_other_file_is_told_from_a_backup(tmp_path):
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w"):
        pass
    with pytest.raises(UsageError, match="is no whole backup"):
        read_backup(other)
    with pytest.raises(BackupFailed, match="No such file"):
        read_backup(tmp_path / "missing.tar")


def test_a_failed_backup_leaves_nothing_behind(deployed, dumps, tmp_path):
    target = tmp_path / "backups" / "one.tar"
    target.parent.mkdir()
    dumps["ao_catalog.dump"].unlink()
    with pytest.raises(BackupFailed, match=r"ao_catalog\.dump"):
        write_backup(deployed, dumps, target)
    assert list(target.parent.iterdir()) == []
