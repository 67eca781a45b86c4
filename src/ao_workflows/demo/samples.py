"""Sample deliveries: works drawn for the demo and the tests, packed as an archive's works arrive.

Everything follows from a seed, so that the same call gives the same works again. Each work comes with the checksums
that were taken when it was drawn: what later lies in the archive can be held against them.
"""

import errno
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ao_workflows.demo.extras import require_extras
from ao_workflows.errors import MustWait, SystemFailed
from ao_workflows.works import Layout, Rid, glacier_staging_key, group_id, group_on_disk, parse_rid

PHOTOGRAPHED = datetime(2015, 3, 9, 6, 30, tzinfo=UTC)
"""Time of the first master. Each next page is two minutes later, and its derivative thirty days after it."""

BAGGED = datetime(2018, 11, 20, 10, 0, tzinfo=UTC)
"""Time of all folders, and of the tag files of every bag."""

_PAGE_INTERVAL = timedelta(minutes=2)
_DERIVED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SampleWork:
    """One work as it was drawn, before it was bagged.

    :param checksums: SHA-512 in hex of each of its files, by path relative to the work.
    :param modified: modification time (UTC, whole even seconds) of each of its files, by the same paths.
    """

    rid: Rid
    checksums: Mapping[str, str]
    modified: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Damage:
    """The one file of a delivery whose content was changed after bagging.

    :param path: relative to the work; in its bag it lies below ``data/``.
    :param expected: the right SHA-512 in hex, as in the bag's manifest.
    :param found: the SHA-512 in hex of the changed content.
    """

    rid: Rid
    path: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class SampleDelivery:
    """One zip, ready to be delivered.

    :param kind: whether it goes to the bucket (``s3``) or into the drop folder (``drop``).
    :param key: its object key in the bucket, or its file name in the drop folder.
    """

    zip_path: Path
    kind: Literal["s3", "drop"]
    key: str
    works: tuple[SampleWork, ...]
    damage: Damage | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The four deliveries of the demo."""

    one_work: SampleDelivery
    two_works: SampleDelivery
    damaged: SampleDelivery
    dropped: SampleDelivery

    @property
    def deliveries(self) -> tuple[SampleDelivery, ...]:
        """All four, in the order in which they are delivered."""
        return (self.one_work, self.two_works, self.damaged, self.dropped)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a work shall be.

    :param groups: the catalogue ids of its two image groups.
    :param leaves: pages of its first image group, photographed in colour.
    :param pages: pages of its second image group, scanned as black on white.
    :param algorithm: of the manifests of its bag.
    """

    rid: Rid
    leaves: int
    pages: int
    layout: Layout = Layout.V1
    algorithm: str = "sha512"
    groups: tuple[str, str] = ("I0886", "I1KG10195")


_ONE_WORK = _Plan(parse_rid("W1FPL2251"), leaves=12, pages=10)
_TWO_WORKS = (
    _Plan(parse_rid("W22084"), leaves=2, pages=2, groups=("I0891", "I1KG10196")),
    _Plan(parse_rid("W1KG10108"), leaves=2, pages=2, layout=Layout.V2, algorithm="sha256", groups=("I1KG3", "I4012")),
)
_DAMAGED = _Plan(parse_rid("W1NLM4700"), leaves=2, pages=2, groups=("I0902", "I1NLM4703"))
_DROPPED = _Plan(parse_rid("W8LS68226"), leaves=2, pages=2, groups=("I0911", "I8LS68228"))


def make_samples(folder: Path, *, seed: int = 1) -> Samples:
    """Draw the works of the demo and write their four zips into ``folder``, which is made if need be.

    The four are: a bag of one work; one zip of two works in two bags (one in layout V2, with a SHA-256 manifest);
    a bag in which one byte of an image was changed after bagging; and a zip of a work that is in no bag.
    About 16 MB. Zips of an earlier call are replaced.

    :raises UsageError: if the packages of the ``demo`` extra are missing.
    :raises SystemFailed: if the disk fails. :raises MustWait: if it is full.
    """
    return Samples(
        one_work=_deliver(folder, [_ONE_WORK], seed=seed),
        two_works=_deliver(folder, _TWO_WORKS, seed=seed),
        damaged=_deliver(folder, [_DAMAGED], seed=seed, corrupt=True),
        dropped=_deliver(folder, [_DROPPED], seed=seed, bagged=False),
    )


def make_delivery(folder: Path, rid: Rid, *, corrupt: bool = False, pages: int = 6) -> SampleDelivery:
    """Draw one small work, bag it and write its zip into ``folder``; the same RID always gives the same work.

    :param corrupt: change one byte of an image after bagging.
    :param pages: how many pages the work has in all, at least 2: half of them in colour, half of them black on white.
    :raises UsageError: if the packages of the ``demo`` extra are missing.
    :raises SystemFailed: if the disk fails. :raises MustWait: if it is full.
    """
    if pages < 2:  # noqa: PLR2004  # one for each of the two image groups
        raise ValueError(f"a sample work has at least 2 pages, not {pages}")
    return _deliver(folder, [_Plan(rid, leaves=pages // 2, pages=pages - pages // 2)], seed=1, corrupt=corrupt)


def _deliver(
    folder: Path, plans: Sequence[_Plan], *, seed: int, corrupt: bool = False, bagged: bool = True
) -> SampleDelivery:
    """Draw, bag (if asked), damage (if asked) and zip one delivery."""
    require_extras("PIL", "bagit")
    from ao_workflows.demo import packing  # noqa: PLC0415  # loads bagit, which only the demo installs

    first = plans[0].rid
    name = f"{first}.bag.zip" if bagged else f"{first}.zip"
    damage = None
    with _disk_errors_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".drawing-", dir=folder) as scratch:
            root = Path(scratch, "zip")
            works = []
            for plan in plans:
                work_folder = root / (f"{plan.rid}.bag" if bagged else plan.rid)
                modified = _draw_work(work_folder, plan, seed=seed)
                works.append(SampleWork(plan.rid, MappingProxyType(packing.take_checksums(work_folder)), modified))
                if bagged:
                    packing.bag_in_place(work_folder, rid=plan.rid, algorithm=plan.algorithm, bagged=BAGGED)
            if corrupt:
                damage = _damage(root / f"{first}.bag", works[0])
            packing.set_folder_times(root, BAGGED)
            packing.zip_folders(root, Path(scratch, name), folder_entries=bagged)
            zip_path = Path(scratch, name).replace(folder / name)
    return SampleDelivery(
        zip_path=zip_path,
        kind="s3" if bagged else "drop",
        key=glacier_staging_key(first) if bagged else name,
        works=tuple(works),
        damage=damage,
    )


def _draw_work(folder: Path, plan: _Plan, *, seed: int) -> Mapping[str, datetime]:
    """Draw all pages of a work below ``folder`` and return the times that its files have."""
    from ao_workflows.demo.packing import set_time  # noqa: PLC0415  # loads bagit, which only the demo installs
    from ao_workflows.demo.pages import Kind, Volume  # noqa: PLC0415  # loads Pillow, which only the demo installs

    times: dict[str, datetime] = {}
    jobs: list[tuple[Volume, int, Path, Path]] = []
    for catalog_id, kind, count in zip(plan.groups, Kind, (plan.leaves, plan.pages), strict=True):
        group = group_on_disk(plan.rid, catalog_id)
        volume = Volume(kind, seed=f"{seed} {group}")
        folders = [
            folder / group / content if plan.layout is Layout.V2 else folder / content / group
            for content in ("archive", "images")
        ]
        for number in range(1, count + 1):
            names = (f"{group_id(group)}{number:04d}.tif", f"{group_id(group)}{number:04d}{volume.form.suffix}")
            master, derivative = (place / name for place, name in zip(folders, names, strict=True))
            photographed = PHOTOGRAPHED + len(jobs) * _PAGE_INTERVAL
            times[master.relative_to(folder).as_posix()] = photographed
            times[derivative.relative_to(folder).as_posix()] = photographed + _DERIVED_AFTER
            jobs.append((volume, number, master, derivative))
        for place in folders:
            place.mkdir(parents=True)
    # Pillow lets go of the interpreter while it scales and packs, so threads do use the cores.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda job: job[0].save_page(job[1], master=job[2], derivative=job[3]), jobs))
    for path, time in times.items():
        set_time(folder / path, time)
    return MappingProxyType(times)


def _damage(bag: Path, work: SampleWork) -> Damage:
    """Change one byte of the first image for readers of the work in ``bag``, and say what became of it."""
    from ao_workflows.demo.packing import flip_byte, sha512  # noqa: PLC0415  # loads bagit, which only the demo installs

    path = min(path for path in work.checksums if path.startswith("images/"))
    flip_byte(bag / "data" / path)
    return Damage(rid=work.rid, path=path, expected=work.checksums[path], found=sha512(bag / "data" / path))


@contextmanager
def _disk_errors_named(folder: Path) -> Iterator[None]:
    """Turn what the disk reports into an error for the operator."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise MustWait(f"free space in {folder}", action="Free about 100 MB.", code="waiting-for-disk") from error
        raise SystemFailed(
            f"{error.filename or folder}: {error.strerror or error}.",
            action="Check that the folder can be written, then start the demo again.",
            code="disk-failed",
        ) from error
