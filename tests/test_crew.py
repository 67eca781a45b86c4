"""Threads at one list of jobs, and a pass by several of them: the same as by one, only sooner."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from ao_workflows.bags import BagRejected, DestinationOccupied, read_plan, unpack, verify
from ao_workflows.crew import batches, in_order
from ao_workflows.storage import open_local_source
from bags.corpus import bag_of, tree, zip_files


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_the_order_of_the_jobs(threads):
    found = list(in_order(lambda number: number * number, range(50), threads=threads, stop=threading.Event()))
    assert found == [number * number for number in range(50)]


def test_small_jobs_are_handed_over_together_and_large_ones_alone():
    sizes = [1] * 40 + [5_000_000, 3_000_000, 3_000_000, 1]
    found = list(batches(sizes, size=lambda size: size))
    assert [len(batch) for batch in found] == [32, 9, 2, 1]
    assert [size for batch in found for size in batch] == sizes


def test_jobs_are_worked_on_at_the_same_time():
    both = threading.Barrier(2, timeout=30)
    assert list(in_order(lambda _: both.wait() >= 0, range(4), threads=2, stop=threading.Event())) == [True] * 4


def test_the_first_error_stops_the_rest():
    stop, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("bad")
        if number > 1:
            stop.wait(30)
        return number

    results = in_order(work, range(1000), threads=3, stop=stop)
    assert next(results) == 0
    with pytest.raises(ValueError, match="bad"):
        list(results)
    assert stop.is_set()
    assert len(begun) < 10


def test_an_error_is_not_waited_for_until_the_turn_of_its_job_comes():
    stop = threading.Event()

    def work(number: int) -> int:
        if number == 2:
            raise ValueError("bad")
        assert stop.wait(30), "nobody stopped it"
        raise RuntimeError("stopped")

    with pytest.raises(ValueError, match="bad"):
        list(in_order(work, range(1000), threads=3, stop=stop))


def test_an_interruption_is_not_replaced_by_what_a_job_met_before():
    stop, failed = threading.Event(), threading.Event()

    def work(number: int) -> int:
        if number == 1:
            failed.set()
            raise OSError("the disk")
        assert failed.wait(30)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(work, range(2), threads=2, stop=stop))


def test_what_is_there_already_is_not_read_to_its_end_when_another_file_fails(tmp_path):
    pages = {"archive/W22084-0001/00010001.tif": bytes(150 << 20), "images/W22084-0001/00010001.jpg": bytes(1 << 20)}
    zipped = zip_files(tmp_path / "W22084.bag.zip", bag_of(pages), "W22084.bag/")
    plan = read_plan(open_local_source(zipped))
    unpack(plan, tmp_path)
    (tmp_path / "W22084" / "images" / "W22084-0001" / "00010001.jpg").write_bytes(bytes([1]) * (1 << 20))
    read = []
    with pytest.raises(DestinationOccupied, match="other content"):
        unpack(plan, tmp_path, threads=2, progress=read.append)
    assert sum(read) < 150 << 20


def test_closing_early_stops_the_rest():
    stop, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            stop.wait(30)
        return number

    results = in_order(work, range(1000), threads=2, stop=stop)
    assert next(results) == 0
    results.close()
    assert stop.is_set()
    assert len(begun) < 10


def many_pages() -> dict[str, bytes]:
    """Return files enough for several batches, of sizes around what is read at once."""
    pages = {f"images/W22084-0001/0001{number:04d}.jpg": os.urandom(number % 3000) for number in range(1200)}
    sizes = ((1 << 20) - 1, 1 << 20, (16 << 20) - 1, 16 << 20, (16 << 20) + 1)
    return pages | {f"archive/W22084-0001/0001{size}.tif": os.urandom(size) for size in sizes}


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    pages = many_pages()
    folder = tmp_path_factory.mktemp("large")
    return zip_files(folder / "W22084.bag.zip", bag_of(pages, tag_manifests=["sha512"]), "W22084.bag/"), pages


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_pass_by_several_threads_makes_the_same_as_by_one(large, tmp_path, threads):
    zipped, pages = large
    done = []
    plan = read_plan(open_local_source(zipped))
    result = unpack(plan, tmp_path, threads=threads, progress=done.append)
    assert sum(done) == plan.bytes
    content = tree(tmp_path / "W22084")
    assert {path: content[path] for path in pages} == pages
    inventory = {record.path: record.sha512 for record in result.works[0].inventory}
    files = {path: data for path, data in content.items() if data is not None}
    assert {path: hashlib.sha512(data).hexdigest() for path, data in files.items()} == inventory
    assert sorted(path.name for path in tmp_path.iterdir()) == ["W22084"]


def test_every_problem_is_reported_in_the_same_order_whoever_finds_it_first(large, tmp_path):
    zipped, _ = large
    content = bytearray(zipped.read_bytes())
    for number in (3, 700, 1100):
        content[content.index(b"0001%04d.jpg" % number) + 60] ^= 1
    broken = tmp_path / "W22084.bag.zip"
    broken.write_bytes(content)
    reports = [verify(open_local_source(broken), threads=threads) for threads in (1, 4, 4)]
    found = [[(error.code, error.path) for error in report.bags[0].errors] for report in reports]
    assert found[0] == found[1] == found[2]
    assert len({path for _, path in found[0]}) == 3
    with pytest.raises(BagRejected):
        unpack(read_plan(open_local_source(broken)), tmp_path / "scratch", threads=4)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_an_error_in_one_thread_stops_the_others_in_the_middle_of_their_files(large, tmp_path):
    zipped, _ = large
    done = []

    def fail_at_last(count: int) -> None:
        done.append(count)
        if len(done) == 20:
            raise KeyboardInterrupt

    plan = read_plan(open_local_source(zipped))
    with pytest.raises(KeyboardInterrupt):
        unpack(plan, tmp_path, threads=4, progress=fail_at_last)
    assert sum(done) < plan.bytes // 2
    assert not (tmp_path / "W22084").exists()
    assert list((tmp_path / ".W22084.partial").glob("incoming.*")) == []
    assert unpack(plan, tmp_path, threads=4).works[0].path == tmp_path / "W22084"
