"""What a command loads: libraries take longer to load than many a command takes to do its work."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("alembic", "boto3", "moto", "obstore", "PIL.Image", "pypdfium2", "rich", "sqlalchemy", "structlog")

PROGRAM = f"""
import sys
from ao_workflows.cli.main import main
try:
    main()
finally:
    print(*sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)
"""


def loaded_by(home: Path, *words: str) -> list[str]:
    """Run ``ao`` with ``words`` and return which of the heavy libraries it has loaded."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "AO_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()[-1].split()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    page = tmp_path / "W22084" / "images" / "W22084-0001" / "00010001.txt"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"a page")
    (tmp_path / "mnt" / "Archive3").mkdir(parents=True)
    return tmp_path / "W22084"


def test_a_sync_into_the_archive_loads_no_library_that_only_others_need(work: Path):
    assert loaded_by(work.parent, "sync", str(work), "--archive", str(work.parent / "mnt")) == []


def test_looking_at_the_catalog_loads_nothing_that_changes_its_tables(tmp_path: Path):
    assert "alembic" in loaded_by(tmp_path, "db", "upgrade")
    assert "alembic" not in loaded_by(tmp_path, "works", "list")
