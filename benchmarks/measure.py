"""Running commands against each other: alternating, each in a process of its own, medians of the ratios."""

import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05
SETTLE_SECONDS = 45
"""ext4 makes no new file of an inode that was freed a moment ago, and looks for long past many of them."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a job.

    :param command: given a fresh folder, returns the command to run; what prepares the folder is not measured.
    :param environment: the whole environment of the command; that of this process if left out.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    :param wall: seconds; ``cpu``: seconds of processors, user and system together.
    :param memory: bytes of the largest of its processes; ``disk``: bytes more in use on the disk, at most.
    """

    wall: float
    cpu: float
    memory: int
    disk: int


def compare(contenders: Sequence[Contender], folder: Path, *, rounds: int) -> dict[str, list[Run]]:
    """Run every contender once a round, in turn; the first round only warms caches and is not counted."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders:
            # A fresh folder each time: on ext4, creating files where many were just deleted costs twice as much.
            place = folder / f"{contender.name.replace(' ', '-').replace('/', '-')}-{number}"
            place.mkdir(parents=True)
            os.sync()  # nobody pays for what the one before has left to be written
            run = measure(contender.command(place), place, contender.environment)
            if number:
                runs[contender.name].append(run)
    shutil.rmtree(folder)
    time.sleep(SETTLE_SECONDS)
    return runs


def measure(command: Sequence[str], place: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run ``command`` to its end. :raises CalledProcessError: if it fails: a failed run measures nothing."""
    before = shutil.disk_usage(place).used
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], shutil.disk_usage(place).used - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, peak[0])


def median_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return how many times longer they took than we, by wall clock: the median over rounds, each against its own."""
    return statistics.median(their.wall / our.wall for our, their in zip(ours, theirs, strict=True))
