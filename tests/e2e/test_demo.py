"""What `make demo` runs, checked from outside: the report, and every file of every archived work."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ao_workflows.demo.samples import make_samples
from ao_workflows.works import archive_path

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the folder of a demo that has run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    # A setting of whoever runs it must not lead the demo anywhere else.
    environment = {**os.environ, "AO_CATALOG__URL": "sqlite:////nowhere/catalog.db", "AO_ARCHIVE__ROOT": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-m", "ao_workflows.demo", "run", "--folder", str(folder)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=380,
    )
    return folder, done


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory):
    """Return the same samples as the demo drew, with the checksums that were taken before they were packed."""
    return make_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def report(demo) -> dict[str, dict[str, object]]:
    folder, done = demo
    assert done.returncode == 0, done.stdout + done.stderr
    works = json.loads((folder / "report.json").read_text())["works"]
    return {work["rid"]: work for work in works}


def test_every_file_of_every_good_delivery_is_in_its_place_in_the_archive(demo, samples, report):
    compared = 0
    for delivery in (samples.one_work, samples.two_works, samples.dropped):
        for work in delivery.works:
            folder = archive_path(demo[0] / "mnt", work.rid)
            assert report[work.rid]["state"] == "complete"
            assert report[work.rid]["archive_path"] == str(folder)
            for path, checksum in work.checksums.items():
                file = folder / path
                assert hashlib.sha512(file.read_bytes()).hexdigest() == checksum
                assert file.stat().st_mtime == work.modified[path].timestamp()
                compared += 1
    assert compared >= 60


def test_the_damaged_delivery_is_rejected_with_file_and_both_checksums_and_nothing_of_it_is_archived(
    demo, samples, report
):
    damage = samples.damaged.damage
    work = report[damage.rid]
    assert work["state"] == "rejected"
    assert work["reason"]
    assert work["action"]
    (finding,) = work["findings"]
    assert finding["path"] == f"data/{damage.path}"
    assert (finding["expected"], finding["found"]) == (damage.expected, damage.found)
    assert work["archive_path"] == ""
    assert not archive_path(demo[0] / "mnt", damage.rid).exists()


def test_the_report_has_each_work_once_with_its_files_and_bytes(report, samples):
    drawn = [work for delivery in samples.deliveries for work in delivery.works]
    assert sorted(report) == sorted(work.rid for work in drawn)
    for work in drawn:
        row = report[work.rid]
        assert {"rid", "state", "reason", "files", "bytes", "archive_path", "delivery"} <= set(row)
        if row["state"] == "complete":
            assert row["files"] >= len(work.checksums)
            assert row["bytes"] > 0
    assert len({report[work.rid]["delivery"] for work in samples.two_works.works}) == 1


def test_the_queues_are_empty(demo, report):
    assert report
    queues = json.loads((demo[0] / "report.json").read_text())["queues"]
    assert len(queues) == 2
    assert set(queues.values()) == {0}


def test_the_terminal_shows_what_became_of_each_work(demo, samples, report):
    said = demo[1].stdout
    for rid, work in report.items():
        assert rid in said
        assert work["state"] in said
    assert samples.damaged.damage.expected in said
    assert samples.damaged.damage.found in said


def test_nothing_but_the_archive_is_left_behind(demo, report):
    assert report
    folder = demo[0]
    assert list((folder / "scratch").iterdir()) == []
    assert [path.name for path in (folder / "drop").rglob("*") if path.is_file()] == ["W8LS68226.zip"]
    assert (folder / "drop" / "done" / "W8LS68226.zip").is_file()
