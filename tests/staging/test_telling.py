"""How a long stage gets on is told in the log."""

import threading
from collections.abc import Callable
from typing import Any

import structlog.testing

from ao_workflows.staging.telling import told


def lines_until(enough: Callable[[list[Any]], bool], work: Callable[[Callable[[int], None]], None]) -> list[Any]:
    """Return what is logged while ``work`` is repeated, until that is enough."""
    pause = threading.Event()
    with (
        structlog.testing.capture_logs() as lines,
        told("archiving", 1_000_000, place="/mnt/Archive3", every=0.02) as count,
    ):
        for _ in range(500):
            work(count)
            if enough(lines):
                break
            pause.wait(0.01)
    return list(lines)


def test_what_is_done_is_told_with_rate_and_time_left():
    lines = lines_until(lambda lines: any(line["log_level"] == "info" for line in lines), lambda count: count(1000))
    line = next(line for line in lines if line["log_level"] == "info")
    assert line["event"] == "archiving"
    assert line["done"].endswith(" of 1 MB")
    assert line["rate"].endswith("B/s")
    assert isinstance(line["seconds_left"], int)


def test_a_time_in_which_nothing_is_done_is_a_warning_that_names_the_place():
    lines = lines_until(lambda lines: len(lines) >= 2, lambda count: count(0))
    assert [line["log_level"] for line in lines[:2]] == ["warning", "warning"]
    assert [(line["event"], line["what"], line["seconds"]) for line in lines[:2]] == [
        ("nothing moves", "archiving", 0.02),
        ("nothing moves", "archiving", 0.04),
    ]
    assert lines[0]["place"] == "/mnt/Archive3"


def test_a_stage_that_is_soon_over_says_nothing():
    with structlog.testing.capture_logs() as lines, told("archiving", 10, place="/mnt/Archive3") as count:
        count(10)
    assert lines == []
