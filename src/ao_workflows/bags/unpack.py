"""From a zip to verified works in a folder, in one pass, restartable at any moment."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ao_workflows.bags.bagit import Digests
from ao_workflows.bags.bagit.info import Oxum
from ao_workflows.bags.bagit.writing import AGENT, declaration_text, info_text, manifest_text, version_for
from ao_workflows.bags.delivery import DestinationOccupied, WorkInPlace, WorkInProgress
from ao_workflows.bags.disk import disk_errors, expect_room, names_taken_for_others
from ao_workflows.bags.examine import Examination, Nowhere, Outcome, Progress
from ao_workflows.bags.findings import FindingLog, Findings
from ao_workflows.bags.journal import kept_up
from ao_workflows.bags.partial import Partial, open_partial
from ao_workflows.bags.plan import PlannedMember, UnpackPlan
from ao_workflows.bags.provenance import GENERATED
from ao_workflows.bags.report import BagRejected, SourceReport
from ao_workflows.bags.text import quoted, shown
from ao_workflows.crew import default_jobs
from ao_workflows.errors import Finding
from ao_workflows.flushing import flushed
from ao_workflows.inventory import Inventory
from ao_workflows.works import Rid, colliding_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedWork:
    """A work that is now in its place, every byte of it verified.

    :param inventory: every file in ``path``, the provenance folder's included.
    """

    rid: Rid
    path: Path
    inventory: Inventory

    @property
    def files(self) -> int:
        """How many files it has, those of its provenance included."""
        return len(self.inventory)

    @property
    def bytes(self) -> int:
        """How many bytes its files have together."""
        return self.inventory.bytes

    def as_dict(self) -> dict[str, Any]:
        """The work as the command line prints it in JSON."""
        return {"rid": self.rid, "path": str(self.path), "files": self.files, "bytes": self.bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackResult:
    """The works of a zip, and what was found out about it."""

    report: SourceReport
    works: tuple[UnpackedWork, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as the command line prints it in JSON."""
        return {**self.report.as_dict(), "works": [work.as_dict() for work in self.works]}


def unpack(
    plan: UnpackPlan, destination: Path, *, progress: Progress | None = None, threads: int | None = None
) -> UnpackResult:
    """Unpack a zip: each work is in ``destination/{RID}`` when this returns, verified and on the disk.

    Modification times are kept, permissions are not taken from the zip. The bag's own files go into the work's
    provenance folder (see :mod:`~ao_workflows.bags.provenance`); a plain work gets a manifest there. A work is put
    together in ``destination/.{RID}.partial`` and renamed when all of the zip is valid. Called again after it was
    killed, it reads only what is not there yet; a work that is there already is compared and left as it is.

    :param progress: called with the number of bytes done since its last call; ``plan.bytes`` in all.
    :param threads: how many read, check and write at a time; by default one for each core, from S3 at least four.
    :raises BagRejected: if anything in the zip is wrong; then nothing of it is delivered and nothing is left.
    :raises DestinationOccupied: if something else is at ``destination/{RID}``; it is not touched.
    :raises MustWait: if the disk is full, or another process unpacks the same work to the same place.
    :raises SystemFailed: if the disk fails.

    Both of the last leave what was verified, for the next call, and so do errors of the store, which pass.
    """
    with disk_errors(destination), ExitStack() as stack:
        destination.mkdir(parents=True, exist_ok=True)
        flush = stack.enter_context(flushed(destination))
        partials = [stack.enter_context(open_partial(destination, rid)) for rid in plan.works]
        try:
            targets = [
                _target(plan, planned, partial, destination)
                for planned, partial in zip(plan.members, partials, strict=True)
            ]
            _expect_room(plan, targets, partials, destination)
            jobs = threads or default_jobs(is_local=plan.source.is_local)
            coming = [target for target in targets if isinstance(target, WorkInProgress)]
            with kept_up([(target.journal, target.inventory) for target in coming], destination):
                report = _put_together(plan, targets, partials, progress, jobs)
            flush()
        except (BagRejected, DestinationOccupied):
            for partial in partials:
                partial.remove()
            raise
        for target in targets:
            target.deliver()
        for partial in partials:
            partial.remove()
    works = [
        UnpackedWork(rid=rid, path=target.final, inventory=target.inventory)
        for rid, target in zip(plan.works, targets, strict=True)
    ]
    return UnpackResult(report=report, works=tuple(works))


def _put_together(
    plan: UnpackPlan,
    targets: list[WorkInProgress | WorkInPlace],
    partials: list[Partial],
    progress: Progress | None,
    threads: int,
) -> SourceReport:
    """Have all works complete in their partial folders, before the first of them gets its name."""
    collisions = FindingLog()
    for planned, partial in zip(plan.members, partials, strict=True):
        collisions.extend(_lost_on_this_disk(planned, partial))
    report = _examine(plan, targets, collisions, progress, threads)
    if not report.valid:
        raise BagRejected(report)
    for target in targets:
        target.finish()
    return report


def _expect_room(
    plan: UnpackPlan, targets: list[WorkInProgress | WorkInPlace], partials: list[Partial], destination: Path
) -> None:
    """Find out before anything is written whether the disk is large enough."""
    coming = [
        (planned.member, partial)
        for planned, target, partial in zip(plan.members, targets, partials, strict=True)
        if isinstance(target, WorkInProgress)
    ]
    sizes = (entry.size for member, _ in coming for entry in member.entries)
    expect_room(destination, sizes, there=(size for _, partial in coming for size in partial.sizes()))


def _target(
    plan: UnpackPlan, planned: PlannedMember, partial: Partial, destination: Path
) -> WorkInProgress | WorkInPlace:
    final = destination / planned.member.rid
    if final.is_symlink() or final.exists():
        return WorkInPlace(planned, final)
    return WorkInProgress(partial, partial.begin(plan.source), planned, final)


def _examine(
    plan: UnpackPlan,
    targets: list[WorkInProgress | WorkInPlace],
    collisions: FindingLog,
    progress: Progress | None,
    threads: int,
) -> SourceReport:
    outcomes: list[Outcome] = []
    for planned, target in zip(plan.members, targets, strict=True):
        fine = not collisions and all(outcome.valid for outcome in outcomes)
        used = target if fine else Nowhere()
        outcome = Examination(plan.source, planned.member, used, progress, threads=threads).run()
        if fine and outcome.valid and not planned.member.is_bag:
            _add_manifest(planned, target)
        outcomes.append(outcome)
    return source_report(plan, outcomes, collisions.as_tuple())


def source_report(plan: UnpackPlan, outcomes: list[Outcome], errors: Iterable[Finding]) -> SourceReport:
    """Put together what was found in the members of a zip."""
    found = Findings()
    found.errors.extend(errors)
    found.warnings.extend(plan.warnings)
    for outcome in outcomes:
        found.errors.extend(outcome.errors)
        found.warnings.extend(outcome.warnings)
    return SourceReport(
        source=plan.source.name,
        bags=tuple(outcome.bag for outcome in outcomes if outcome.bag is not None),
        errors=found.errors.as_tuple(),
        warnings=found.warnings.as_tuple(),
    )


def _lost_on_this_disk(planned: PlannedMember, partial: Partial) -> Iterator[Finding]:
    """Yield an error for each file that the destination's file system would put in another one's place."""
    files = [
        planned.placement.of(planned.member.path_of(entry)) for entry in planned.member.entries if not entry.is_folder
    ]
    for group in colliding_groups(files):
        for lost in names_taken_for_others(partial.path, group):
            message = f"{quoted(lost)} would replace a file of nearly the same name on the destination's file system."
            yield Finding(code="names-are-one-here", path=shown(lost), message=message)


def _add_manifest(planned: PlannedMember, target: WorkInProgress | WorkInPlace) -> None:
    """Give a plain work the files that a bag would have brought, so that it can be verified from now on.

    They hold nothing that changes from one call to the next: a restart has to make the very same.
    """
    files = target.inventory
    version = version_for(files.paths)
    oxum = Oxum(files.bytes, len(files))
    info = {
        "BDRC-RID": planned.member.rid,
        "Bag-Software-Agent": AGENT,
        "Internal-Sender-Description": "Delivered without a bag; this manifest was made when the zip was unpacked.",
    }
    contents = [
        declaration_text(version),
        info_text(info, oxum),
        manifest_text([(f"data/{record.path}", record.sha512) for record in files], version),
    ]
    tags = []
    for name, content in zip(GENERATED, contents, strict=False):
        digests = Digests()
        digests.update(content)
        tags.append((name, digests.sha512.hex()))
    contents.append(manifest_text(tags, version))
    for name, content in zip(GENERATED, contents, strict=True):
        target.add(f"{planned.placement.provenance}/{name}", content)
