"""``make bench``: bags and archive against what people use now, on this machine."""

import argparse
import compileall
import functools
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ao_workflows.archive.web.volume_manifest import NAME as MANIFEST
from ao_workflows.storage import AwsAccess, AwsKeys
from ao_workflows.units import size_text
from ao_workflows.works import parse_rid, web_images_prefix
from benchmarks import peers
from benchmarks.checks import check_bucket, check_copy, check_manifest
from benchmarks.fresh import Place, fresh_file_system
from benchmarks.images import make_images
from benchmarks.jobs import make_bag, make_inventory
from benchmarks.line import limited_line
from benchmarks.measure import Contender, Run, compare, median_ratio
from benchmarks.works import GROUP, RID, files_of, make_work

S3_PORT = 18_700
MANY = 5_000
"""Files from which on a tree is not deleted between two measurements."""


def ours(job: str, source: Path) -> Contender:
    """Return one of our jobs as a contender."""
    return Contender(f"ao {job}", lambda place: [sys.executable, "-m", "benchmarks.jobs", job, str(source), str(place)])


def main() -> None:
    """Measure, print, and with ``--json`` write the figures for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (one more warms up)")
    parser.add_argument("--big", type=int, default=2000, help="size of the work of large images, in MB")
    parser.add_argument("--small", type=int, default=20_000, help="number of 20 kB files of the work of small images")
    parser.add_argument("--images", type=int, default=300, help="pages of the work that is audited")
    parser.add_argument(
        "--files", type=int, default=20_000, help="20 kB files that are archived; 7 %% as many large ones"
    )
    parser.add_argument("--objects", type=int, default=2000, help="images of 200 kB that are published")
    parser.add_argument("--only", choices=(*JOBS, *AUDITS, *WHOLES), help="one job instead of all")
    parser.add_argument(
        "--fresh", type=int, metavar="GB", help="each round on an ext4 of this size that is made for it; needs root"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    for each in ("src", "benchmarks"):  # an installed program has its bytecode, whatever the environment says here
        compileall.compile_dir(peers.ROOT / each, quiet=1)
    if arguments.only not in AUDITS:
        peers.install()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    figures = {}
    with (
        tempfile.TemporaryDirectory(prefix="ao-bench-", dir=os.environ.get("AO_BENCH_DIR")) as temporary,
        _place(Path(temporary), arguments.fresh) as place,
    ):
        folder = Path(temporary)
        if arguments.only in {None, *AUDITS}:
            make_images(folder / "pages", arguments.images)
            for job in [arguments.only] if arguments.only else AUDITS:
                title = f"{AUDITS[job]}, {arguments.images} web images and as many masters"
                found = _auditors(job, folder / "pages" / RID)
                runs = compare(found, place, rounds=arguments.rounds, keep=False)
                figures[job] = _report(title, runs, images=2 * arguments.images)
        for label, count, size in _sizes(arguments):
            make_work(folder / label, count, size)
            work, bag = folder / label / RID, folder / label / peers.BUCKET / f"{RID}.bag.zip"
            bag.parent.mkdir()
            make_bag(work, bag)
            title = f"{label}: {count} files of {size_text(size)}"
            for job in [arguments.only] if arguments.only else JOBS:
                heading, contenders = f"{JOBS[job]}, {title}", functools.partial(JOB_CONTENDERS[job], work, bag)
                with contenders() as found:
                    runs = compare(found, place, rounds=arguments.rounds, keep=count > MANY)
                figures[f"{job} {label}"] = _report(heading, runs)
        for name, whole in WHOLES.items():
            if arguments.only in {None, name}:
                figures |= whole(folder / name, place, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


@contextmanager
def _place(folder: Path, gigabytes: int | None) -> Iterator[Place]:
    """Yield where to measure: in ``folder``, or on a file system of its own if that is to have some ``gigabytes``."""
    if gigabytes is None:
        yield Place(folder / "runs")
    else:
        with fresh_file_system(folder, gigabytes) as place:
            yield place


def _sizes(arguments: argparse.Namespace) -> list[tuple[str, int, int]]:
    if arguments.only in {*AUDITS, *WHOLES}:
        return []
    return [("big", arguments.big * 2 // 3, 1_500_000), ("small", arguments.small, 20_000)]


JOBS = {
    "unpack": "Bag zip to verified tree",
    "s3": "Object to verified tree (S3 on loopback)",
    "line": "Object to verified tree (S3 on a line of 1 Gbit/s)",
    "create": "Work to bag zip",
}


AUDITS = {
    "headers": "Audit without unpacking images",
    "everything": "Audit with every image unpacked",
}


def _auditors(job: str, work: Path) -> list[Contender]:
    def images(name: str) -> Callable[[Path], list[str]]:
        return lambda _: [sys.executable, "-m", "benchmarks.images", name, str(work)]

    if job == "everything":
        return [Contender("ao audit", images("everything")), Contender("Pillow, load", images("load"))]
    found = [Contender("ao audit", images("headers")), Contender("Pillow, verify", images("verify"))]
    files = [str(path) for path in files_of(work)]
    if shutil.which("identify"):
        found.append(Contender("identify -ping", lambda _: ["identify", "-ping", *files]))
        found.append(Contender("identify", lambda _: ["identify", *files]))
    if shutil.which("exiftool"):
        found.append(Contender("exiftool -validate", lambda _: ["exiftool", "-q", "-validate", *files]))
    return found


@contextmanager
def _unpack(work: Path, bag: Path) -> Iterator[list[Contender]]:
    yield [ours("unpack", bag), *peers.unpackers(bag), *peers.floors(work)]


@contextmanager
def _s3(_work: Path, bag: Path, inside: Sequence[str] = ()) -> Iterator[list[Contender]]:
    with peers.s3_server(bag.parents[1], S3_PORT, inside) as (endpoint, environment):
        address = f"s3://{peers.BUCKET}/{bag.name}"
        ao = Contender(
            "ao bag unpack s3://…",
            lambda place: [*inside, sys.executable, "-m", "ao_workflows", "bag", "unpack", address, str(place)],
            environment,
        )
        yield [ao, *peers.s3_unpackers(endpoint, bag.name, environment, inside)]


@contextmanager
def _line(work: Path, bag: Path) -> Iterator[list[Contender]]:
    with limited_line() as inside, _s3(work, bag, inside) as contenders:
        yield contenders


@contextmanager
def _create(work: Path, _bag: Path) -> Iterator[list[Contender]]:
    def ours_bag(place: Path) -> list[str]:
        return [sys.executable, "-m", "benchmarks.jobs", "bag", str(work), str(place / f"{RID}.bag.zip")]

    def theirs_bag(place: Path) -> list[str]:
        return [f"{peers.BIN}/bdrc-bag", "-b", "-p", "-i", str(work), str(place)]

    yield [Contender("ao bag create", ours_bag), Contender("bdrc-bag, 1 process", theirs_bag)]


JOB_CONTENDERS = {"unpack": _unpack, "s3": _s3, "line": _line, "create": _create}

Figures = dict[str, dict[str, dict[str, float]]]


def _sync(folder: Path, place: Place, arguments: argparse.Namespace) -> Figures:
    """Measure works on their way into the archive: new, current, and on the archive's own file system."""
    figures = {}
    for label, count, size in (
        ("large", arguments.files * 7 // 100, 1_430_000),
        ("small", arguments.files, 20_000),
    ):
        make_work(folder / label, count, size)
        work = folder / label / RID
        make_inventory(work)
        title = f"{label}: {count} files of {size_text(size)}"
        keep = count > MANY
        for job in ("new", "current", "linked"):
            if (label, job) == ("large", "current"):
                continue
            found = _archivers(job, work)
            # What has second names is on one file system with the work.
            where = Place(folder / "runs") if job == "linked" else place
            runs = compare(found, where, rounds=arguments.rounds, keep=keep, again=job == "current")
            figures[f"sync {job} {label}"] = _report(f"{SYNCS[job]}, {title}", runs)
    return figures


SYNCS = {
    "new": "Work into the archive (ours is on the disk when it ends)",
    "current": "Work into the archive that has it",
    "linked": "Work into the archive on the same file system, by links",
}


def _archivers(job: str, work: Path) -> list[Contender]:
    def archiver(proof: str) -> Contender:
        def command(place: Path) -> list[str]:
            for number in range(4):
                (place / f"Archive{number}").mkdir(exist_ok=True)
            return [sys.executable, "-m", "benchmarks.archive", proof, str(work), str(place)]

        return Contender(f"ao sync, {proof}", command, check=functools.partial(check_copy, work))

    if job == "linked":
        return [archiver("linked"), *peers.linkers(work)]
    ours = [archiver("written"), archiver("reread"), *([archiver("unpacked")] if job == "new" else [])]
    return [*ours, *peers.copiers(work, again=job == "current")]


def _web(folder: Path, place: Place, arguments: argparse.Namespace) -> Figures:
    """Measure images on their way into a bucket: new, and current."""
    make_work(folder, arguments.objects, 200_000, {"images": "jpg"})
    work, figures = folder / RID, {}
    make_inventory(work)
    title = f"{arguments.objects} images of {size_text(200_000)}"
    for job, heading in WEBS.items():
        with _publishers(job, work, folder / "served") as found:
            runs = compare(found, place, rounds=arguments.rounds, keep=False, again=job == "current")
        figures[f"web {job}"] = _report(f"{heading}, {title}", runs)
    return figures


WEBS = {
    "new": "Images onto the web (S3 on loopback)",
    "current": "Images onto the web that has them (S3 on loopback)",
}


@contextmanager
def _publishers(job: str, work: Path, served: Path) -> Iterator[list[Contender]]:
    """Yield who sends images to a server that keeps them in ``served``; they stay there until all are done."""
    served.mkdir()
    images, prefix = work / "images" / GROUP, f"{web_images_prefix(parse_rid(RID))}{GROUP}/"
    with peers.s3_server(served, S3_PORT) as (endpoint, environment):
        client = AwsAccess(endpoint, peers.REGION, keys=AwsKeys(*peers.S3_KEYS)).s3()

        def make_bucket(place: Path) -> str:
            if not (served / place.name).is_dir():
                client.create_bucket(Bucket=place.name)
            return place.name

        def check(place: Path) -> None:
            check_bucket(images, served / place.name)
            check_manifest(client, place.name, f"{prefix}{MANIFEST}", images)

        def publisher(name: str, *, is_recorded: bool) -> Contender:
            def command(place: Path) -> list[str]:
                record = [str(place / "web.jsonl")] if is_recorded else []
                return [sys.executable, "-m", "benchmarks.web", str(work), make_bucket(place), *record]

            return Contender(name, command, environment, check)

        found = [publisher("ao publish", is_recorded=True)]
        if job == "current":
            found.append(publisher("ao publish, no record", is_recorded=False))
        yield [
            *found,
            *peers.senders(
                images, prefix, served=served, endpoint=endpoint, environment=environment, make_bucket=make_bucket
            ),
        ]
    shutil.rmtree(served)


WHOLES = {"sync": _sync, "web": _web}
"""What is measured with works of its own."""


def _report(title: str, runs: dict[str, list[Run]], *, images: int = 0) -> dict[str, dict[str, float]]:
    print(title)
    (own, ours_), *_ = runs.items()
    figures = {}
    for name, each in runs.items():
        wall, cpu = (statistics.median(getattr(run, what) for run in each) for what in ("wall", "cpu"))
        memory, disk = (max(getattr(run, what) for run in each) for what in ("memory", "disk"))
        ratio = median_ratio(ours_, each)
        compared = "" if name == own else f"  {ratio:.2f} times our time"
        times = f"{wall:7.2f} s wall {cpu:7.2f} s cpu"
        rate = f" {images / cpu:6,.0f} images per CPU-second" if images else ""
        print(f"  {name:26} {times} {size_text(memory):>9} memory {size_text(disk):>9} disk{rate}{compared}")
        figures[name] = {"wall": wall, "cpu": cpu, "memory": memory, "disk": disk, "ratio": ratio}
        if images:
            figures[name]["images per CPU-second"] = images / cpu
    print()
    return figures


if __name__ == "__main__":
    main()
