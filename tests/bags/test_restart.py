"""Killed at any moment and called again: the same end, and nothing is read twice that was verified."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ao_workflows.bags import BagRejected, read_plan, unpack
from ao_workflows.storage import open_local_source
from bags.corpus import Item, bag_of, build_zip, counted_source, tree, zip_files
from fixtures import killed_at_call

DRIVER = killed_at_call.__file__
PAGES = {f"images/W22084-0001/0001000{number}.jpg": os.urandom(2000) for number in range(4)}
OTHER = {"archive/W1AC6-0001/00010001.tif": os.urandom(1000)}


def two_bags() -> bytes:
    one = bag_of(PAGES, info="BDRC-RID: W22084\n", tag_manifests=["sha512"])
    two = bag_of(OTHER)
    items = [Item(f"W22084.bag/{path}".encode(), content) for path, content in one.items()]
    items += [Item(f"W1AC6.bag/{path}".encode(), content) for path, content in two.items()]
    items.append(Item(b"W1AC6.bag/data/empty/", mode=0o40755))
    return build_zip(items)


def run_driver(zipped: Path, scratch: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, DRIVER, "unpack", zipped, scratch, str(kill_at)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_killed_at_any_moment_it_ends_the_same(tmp_path: Path):
    zipped = tmp_path / "two.zip"
    zipped.write_bytes(two_bags())
    counted = run_driver(zipped, tmp_path / "whole", 0)
    calls = int(counted.stdout)
    expected = tree(tmp_path / "whole")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "whole").rglob("*.jpg")}
    assert calls > 60
    # About every tenth call; of the last ones, which give the works their names, each that is not only cleaning up.
    for kill_at in [*range(1, calls - 24, 10), *range(calls - 24, calls + 1, 2)]:
        scratch = tmp_path / f"killed-{kill_at}"
        killed = run_driver(zipped, scratch, kill_at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        for rid in ("W22084", "W1AC6"):
            if (scratch / rid).exists():
                assert {path.relative_to(scratch / rid).as_posix() for path in (scratch / rid).rglob("*")} == {
                    path.removeprefix(f"{rid}/") for path in expected if path.startswith(f"{rid}/")
                }
        assert unpack(read_plan(open_local_source(zipped)), scratch).report.valid
        assert tree(scratch) == expected
        assert {path.name: path.stat().st_mtime_ns for path in scratch.rglob("*.jpg")} == times


class Enough(Exception):
    """Stands in for a kill where the test has to go on."""


def enough(_: int) -> None:
    raise Enough


@pytest.fixture
def half(tmp_path: Path) -> tuple[Path, Path, int]:
    """A zip that was unpacked by half: where it is, where to, and how many bytes of it were verified."""
    payload = {f"images/W22084-0001/0001000{number}.jpg": os.urandom(300_000) for number in range(8)}
    zipped = tmp_path / "half.zip"
    files = bag_of(payload)
    zipped.write_bytes(build_zip([Item(f"W22084.bag/{path}".encode(), content) for path, content in files.items()]))
    scratch = tmp_path / "scratch"
    done = [0]

    def stop(size: int) -> None:
        done[0] += size
        if done[0] > 1_300_000:
            raise Enough

    with pytest.raises(Enough):
        unpack(read_plan(open_local_source(zipped)), scratch, progress=stop)
    verified = sum(path.stat().st_size for path in (scratch / ".W22084.partial/content").rglob("*") if path.is_file())
    assert verified >= 1_000_000
    return zipped, scratch, verified


def test_only_the_rest_is_read(half: tuple[Path, Path, int]):
    zipped, scratch, verified = half
    source, store = counted_source(zipped)
    plan = read_plan(source)
    store.served = 0
    assert unpack(plan, scratch).report.valid
    # Beside the rest: bagit.txt, and the headers of what is read.
    assert store.served <= plan.bytes - verified + 2000


def test_what_was_damaged_meanwhile_is_read_again(half: tuple[Path, Path, int]):
    zipped, scratch, _ = half
    kept = sorted((scratch / ".W22084.partial/content/images").rglob("*.jpg"))
    content = kept[0].read_bytes()
    kept[0].write_bytes(bytes(len(content)))
    kept[1].write_bytes(b"short")
    result = unpack(read_plan(open_local_source(zipped)), scratch)
    assert result.report.valid
    (work,) = result.works
    assert (
        hashlib.sha512((work.path / "images/W22084-0001/00010000.jpg").read_bytes()).digest()
        == hashlib.sha512(content).digest()
    )


def test_a_plain_work_that_was_damaged_meanwhile_is_read_again(tmp_path: Path):
    pages = {f"images/{number}": os.urandom(100_000) for number in range(4)}
    zipped = zip_files(tmp_path / "W22084.zip", pages, "W22084/")
    scratch = tmp_path / "scratch"
    with pytest.raises(Enough):
        unpack(read_plan(open_local_source(zipped)), scratch, progress=enough)
    (scratch / ".W22084.partial/content/images").mkdir()
    (scratch / ".W22084.partial/content/images/0").write_bytes(bytes(100_000))
    result = unpack(read_plan(open_local_source(zipped)), scratch)
    assert {path: tree(result.works[0].path)[path] for path in pages} == pages


def test_nothing_is_kept_of_another_object(half: tuple[Path, Path, int]):
    zipped, scratch, _ = half
    other = bag_of({"images/W22084-0001/00010000.jpg": b"another"})
    zipped.write_bytes(build_zip([Item(f"W22084.bag/{path}".encode(), content) for path, content in other.items()]))
    result = unpack(read_plan(open_local_source(zipped)), scratch)
    assert [path for path in tree(scratch / "W22084") if path.endswith(".jpg")] == ["images/W22084-0001/00010000.jpg"]
    assert result.works[0].files == 3
    assert [path.name for path in scratch.iterdir()] == ["W22084"]


def test_a_bag_found_bad_after_a_restart_leaves_nothing(half: tuple[Path, Path, int]):
    zipped, scratch, _ = half
    content = bytearray(zipped.read_bytes())
    page = content.index(b"00010007.jpg") + 100
    content[page] ^= 0xFF
    state = zipped.stat()
    zipped.write_bytes(content)
    os.utime(zipped, ns=(state.st_mtime_ns, state.st_mtime_ns))  # the same file to all appearances
    with pytest.raises(BagRejected):
        unpack(read_plan(open_local_source(zipped)), scratch)
    assert list(scratch.iterdir()) == []
