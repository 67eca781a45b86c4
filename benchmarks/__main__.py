"""``make bench``: bags and archive against what people use now, on this machine."""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ao_workflows.units import duration_text, size_text
from benchmarks.jobs import RID, make_bag, make_work
from benchmarks.measure import Contender, Run, compare, median_ratio


def ours(job: str, source: Path) -> Contender:
    """Return one of our jobs as a contender."""
    return Contender(f"ao {job}", lambda place: [sys.executable, "-m", "benchmarks.jobs", job, str(source), str(place)])


def theirs(name: str, command: Callable[[Path], Sequence[str]]) -> Contender:
    """Return another program as a contender."""
    return Contender(name, command)


def main() -> None:
    """Measure, print, and with ``--json`` write the figures for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (one more warms up)")
    parser.add_argument("--big", type=int, default=500, help="size of the work of large images, in MB")
    parser.add_argument("--small", type=int, default=5000, help="number of 20 kB files of the work of small images")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    figures = {}
    with tempfile.TemporaryDirectory(prefix="ao-bench-", dir=os.environ.get("AO_BENCH_DIR")) as name:
        folder = Path(name)
        for label, count, size in (("big", arguments.big // 2, 2_000_000), ("small", arguments.small, 20_000)):
            make_work(folder / label, count, size)
            work, bag = folder / label / RID, folder / label / f"{RID}.bag.zip"
            make_bag(work, bag)
            title = f"{label}: {count} files of {size_text(size)}"
            figures[f"unpack {label}"] = _report(
                f"Bag zip to verified tree, {title}",
                compare([ours("unpack", bag), _zipfile_and_bagit(bag)], folder / "runs", rounds=arguments.rounds),
            )
            figures[f"sync {label}"] = _report(
                f"Work into the archive, {title} (ours reads every byte back, the others do not)",
                compare([ours("sync", work), *_copiers(work)], folder / "runs", rounds=arguments.rounds),
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def _zipfile_and_bagit(bag: Path) -> Contender:
    return theirs(
        "zipfile + bagit.py",
        lambda place: [sys.executable, "-m", "benchmarks.jobs", "zipfile+bagit", str(bag), str(place)],
    )


def _copiers(work: Path) -> list[Contender]:
    copiers = [theirs("cp -a", lambda place: ["cp", "-a", str(work), str(place)])]
    if shutil.which("rsync"):
        copiers.append(theirs("rsync -a", lambda place: ["rsync", "-a", str(work), str(place)]))
    return copiers


def _report(title: str, runs: dict[str, list[Run]]) -> dict[str, dict[str, float]]:
    print(title)
    (own, ours_), *_ = runs.items()
    figures = {}
    for name, each in runs.items():
        wall, cpu = (statistics.median(getattr(run, what) for run in each) for what in ("wall", "cpu"))
        ratio = median_ratio(ours_, each)
        compared = "" if name == own else f"  {ratio:.2f} times our time"
        print(f"  {name:20} {duration_text(wall):>8} wall {duration_text(cpu):>8} cpu{compared}")
        figures[name] = {"wall": wall, "cpu": cpu, "ratio": ratio}
    print()
    return figures


if __name__ == "__main__":
    main()
