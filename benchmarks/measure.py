"""Running commands against each other: alternating, each in a process of its own, medians of the ratios."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a job.

    :param command: given a fresh folder, returns the command to run; what prepares the folder is not measured.
    """

    name: str
    command: Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds of wall clock and of processor (user and system)."""

    wall: float
    cpu: float


def compare(contenders: Sequence[Contender], folder: Path, *, rounds: int) -> dict[str, list[Run]]:
    """Run every contender once a round, in turn; the first round only warms caches and is not counted."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders:
            # A fresh folder each time: on ext4, creating files where many were just deleted costs twice as much.
            place = folder / f"{contender.name.replace(' ', '-').replace('/', '-')}-{number}"
            place.mkdir(parents=True)
            run = measure(contender.command(place))
            if number:
                runs[contender.name].append(run)
    shutil.rmtree(folder)
    return runs


def measure(command: Sequence[str]) -> Run:
    """Run ``command`` to its end. :raises CalledProcessError: if it fails: a failed run measures nothing."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read() if process.stderr else b""
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)
    return Run(wall, usage.ru_utime + usage.ru_stime)


def median_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return how many times longer they took than we, by wall clock: the median over rounds, each against its own."""
    return statistics.median(their.wall / our.wall for our, their in zip(ours, theirs, strict=True))
