"""What would be unpacked from a zip, decided from its headers alone."""

from dataclasses import dataclass

from ao_workflows.bags import policy
from ao_workflows.bags.contents import Member, find_contents
from ao_workflows.bags.provenance import Placement, place
from ao_workflows.bags.report import BagRejected, SourceReport
from ao_workflows.bags.zip import ZipLimits, ZipRejected, read_directory
from ao_workflows.errors import Finding
from ao_workflows.storage import Source
from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """One bag or work of the zip, with where its files go."""

    member: Member
    placement: Placement


@dataclass(frozen=True, slots=True)
class UnpackPlan:
    """A zip that may be unpacked, and what will be written.

    :param warnings: what is odd about the zip as a whole.
    """

    source: Source
    members: tuple[PlannedMember, ...]
    warnings: tuple[Finding, ...]

    @property
    def works(self) -> tuple[Rid, ...]:
        """The works that it holds."""
        return tuple(planned.member.rid for planned in self.members)

    @property
    def files(self) -> int:
        """How many files will be written, tag files included."""
        return sum(not entry.is_folder for planned in self.members for entry in planned.member.entries)

    @property
    def bytes(self) -> int:
        """How many bytes these files have together: what has to be free on the disk."""
        return sum(entry.size for planned in self.members for entry in planned.member.entries)


def read_plan(source: Source, *, limits: ZipLimits | None = None) -> UnpackPlan:
    """Read the central directory of ``source`` and decide whether, and what, it may be unpacked.

    :raises BagRejected: with everything that is wrong, if it may not. (Errors of the store pass through.)
    """
    limits = limits or ZipLimits()
    try:
        directory = read_directory(source, limits=limits)
    except ZipRejected as error:
        raise BagRejected(SourceReport(source=source.name, errors=error.findings)) from error
    errors = policy.errors_in(directory, limits)
    contents = find_contents(directory.entries, source.info.key)
    errors.extend(contents.errors)
    members = []
    for member in contents.members:
        placement, problems = place(member)
        errors.extend(problems)
        members.append(PlannedMember(member, placement))
    if errors:
        raise BagRejected(SourceReport(source=source.name, errors=errors.as_tuple(), warnings=contents.warnings))
    return UnpackPlan(source, tuple(members), contents.warnings)
