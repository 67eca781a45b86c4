"""Work on a mount goes on as long as the mount answers, and is left when it does not."""

import _thread
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing

from ao_workflows.answering import Progress, is_work_left, while_answering
from ao_workflows.errors import MustWait

PATIENCE = 0.3


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every mount is silent, as one whose server is gone, until the event is set."""
    answer, real_statvfs = threading.Event(), os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: answer.wait(60) and real_statvfs(path))
    yield answer
    answer.set()
    wait_until(lambda: not is_work_left())


def wait_until(it_is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not it_is_so():
        assert time.monotonic() < until, "it does not become so"
        time.sleep(0.01)


def test_work_returns_what_it_returns_and_its_progress_is_told(tmp_path: Path):
    seen: list[int] = []

    def work(progress: Progress) -> str:
        for size in (3, 0, 4):
            progress(size)
        return "done"

    assert while_answering(tmp_path, work, progress=seen.append) == "done"
    assert seen == [3, 4]


def test_an_error_of_the_work_comes_through_with_where_it_was_raised(tmp_path: Path):
    error = ValueError("bad")

    def broken(_: Progress) -> None:
        raise error

    with pytest.raises(ValueError, match="bad") as raised:
        while_answering(tmp_path, broken)
    assert raised.value is error
    assert "broken" in [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_an_interruption_met_by_the_work_comes_through_too(tmp_path: Path):
    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        while_answering(tmp_path, interrupted)


def test_a_mount_that_answers_slowly_is_not_left_however_long_nothing_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, real_statvfs = [], os.statvfs

    def slow(path: Path) -> os.statvfs_result:
        asked.append(path)
        time.sleep(0.2)
        return real_statvfs(path)

    monkeypatch.setattr(os, "statvfs", slow)
    # On a busy machine a question may take longer by itself: the patience has room for that.
    assert while_answering(tmp_path, lambda _: time.sleep(3) or "done", patience=1.5) == "done"
    assert len(asked) >= 3


def test_what_a_mount_answers_with_an_error_is_an_answer(tmp_path: Path):
    gone = tmp_path / "gone"
    assert while_answering(gone, lambda _: time.sleep(3 * PATIENCE) or "done", patience=PATIENCE, touched="x") == "done"


def test_a_silent_mount_is_left_and_named_with_the_time_since_when(tmp_path: Path, silence: threading.Event):
    stuck, went_on = threading.Event(), []

    def work(progress: Progress) -> None:
        stuck.wait(60)
        progress(1)
        went_on.append("it goes on")

    began = time.monotonic()
    with structlog.testing.capture_logs() as lines, pytest.raises(MustWait) as caught:
        while_answering(tmp_path, work, patience=PATIENCE)
    assert PATIENCE < time.monotonic() - began < 10
    assert caught.value.code == "waiting-for-mount"
    assert f"the archive mount {str(tmp_path)!r} to answer: it has not since 20" in caught.value.waiting_for
    assert caught.value.waiting_for.endswith(" UTC")
    assert [line["event"] for line in lines] == ["work left, because its mount does not answer"]
    assert is_work_left()
    stuck.set()
    wait_until(lambda: not is_work_left())
    assert went_on == []
    silence.set()


def test_a_mount_that_is_still_silent_holds_nobody_up_a_second_time(tmp_path: Path, silence: threading.Event):
    ended = threading.Event()
    with pytest.raises(MustWait) as first:
        while_answering(tmp_path, lambda _: ended.wait(60), patience=PATIENCE)
    threads = threading.active_count()
    with pytest.raises(MustWait) as second:
        while_answering(tmp_path, lambda _: pytest.fail("nobody begins work there"), patience=PATIENCE)
    assert second.value.waiting_for == first.value.waiting_for
    assert threading.active_count() == threads
    assert while_answering(tmp_path / "another", lambda _: "done", patience=PATIENCE) == "done"
    ended.set()
    silence.set()
    wait_until(lambda: not is_work_left() and threading.active_count() < threads)
    assert while_answering(tmp_path, lambda _: "done", patience=PATIENCE) == "done"


def test_what_is_mounted_anew_is_asked_anew(tmp_path: Path, silence: threading.Event, monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()
    with pytest.raises(MustWait):
        while_answering(tmp_path, lambda _: ended.wait(60), patience=PATIENCE)
    monkeypatch.setattr("ao_workflows.answering._mounts", lambda: b"another list")
    assert while_answering(tmp_path, lambda _: "done", patience=PATIENCE) == "done"
    ended.set()
    silence.set()


def test_an_interruption_stops_the_work_and_waits_until_it_has_ended(tmp_path: Path):
    ended = []

    def work(progress: Progress) -> None:
        _thread.interrupt_main()
        try:
            while True:
                progress(1)
                time.sleep(0.01)
        finally:
            time.sleep(0.2)  # what it has to put away
            ended.append("it has ended")

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        while_answering(tmp_path, work)
    assert ended == ["it has ended"]
    assert not is_work_left()


def test_an_interruption_on_a_silent_mount_is_not_kept_waiting(tmp_path: Path, silence: threading.Event):
    stuck = threading.Event()

    def work(_: Progress) -> None:
        _thread.interrupt_main()
        stuck.wait(60)

    with pytest.raises(KeyboardInterrupt):
        while_answering(tmp_path, work, patience=PATIENCE)
    assert is_work_left()
    stuck.set()
    silence.set()
