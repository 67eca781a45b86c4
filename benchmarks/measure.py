"""Running commands against each other: alternating, each in a process of its own, medians of the ratios."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fresh import Place

SAMPLE_SECONDS = 0.05
SETTLE_SECONDS = 45
"""ext4 makes no new file of an inode that was freed a moment ago, and looks for long past many of them."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a job.

    :param command: given a fresh folder, returns the command to run; what prepares the folder is not measured.
    :param environment: the whole environment of the command; that of this process if left out.
    :param check: given that folder after the first run, raises an error if the job was not done.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    environment: Mapping[str, str] | None = None
    check: Callable[[Path], None] = lambda _: None


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


def compare(
    contenders: Sequence[Contender], place: Place, *, rounds: int, keep: bool, again: bool = False
) -> dict[str, list[Run]]:
    """Run every contender once a round, in turn; the first round only warms caches and is not counted.

    :param keep: leave what each has made until all are done: on ext4, creating files where many were just deleted
        costs twice as much. Of a few large files it is removed at once.
    :param again: each contender has one folder for all rounds. It does its job in the first, and what is measured is
        to find it done.
    """
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        if not (again and number):
            place.renew()
        for contender in contenders:
            name = re.sub(r"[^a-z0-9]+", "-", contender.name.lower()).strip("-")
            folder = place.folder / (name if again else f"{name}-{number}")
            folder.mkdir(parents=True, exist_ok=again)
            command = contender.command(folder)
            os.sync()  # nobody pays for what the one before has left to be written
            run = measure(command, folder, contender.environment)
            if number:
                runs[contender.name].append(run)
            else:
                contender.check(folder)
            if not (keep or again):
                shutil.rmtree(folder)
    for folder in place.folder.iterdir():
        shutil.rmtree(folder)
    if keep:
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
    launcher = [sys.executable, "-I", "-S", Path(__file__).with_name("launch.py")]
    done = subprocess.run([*launcher, *command], check=False, capture_output=True, env=environment)
    ended.set()
    watcher.join()
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)
    return Run(**json.loads(done.stdout), disk=peak[0])


def median_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return how many times longer they took than we, by wall clock: the median over rounds, each against its own."""
    return statistics.median(their.wall / our.wall for our, their in zip(ours, theirs, strict=True))
